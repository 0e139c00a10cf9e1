# SPDX-License-Identifier: Apache-2.0
# Compiler settings, ccache and the libraries of the system.

if(SYSTOLE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SYSTOLE_CCACHE_PROGRAM ccache)
  if(SYSTOLE_CCACHE_PROGRAM)
    # Paths below the build folder are hashed relative to it, so that several build folders share their objects.
    set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_BINARY_DIR} CCACHE_NOHASHDIR=1 ${SYSTOLE_CCACHE_PROGRAM})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
  endif()
endif()

# Results must not depend on whether the CPU has a fused multiply-add.
add_compile_options(-ffp-contract=off)
if(SYSTOLE_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native SYSTOLE_HAS_MARCH_NATIVE)
  if(SYSTOLE_HAS_MARCH_NATIVE)
    add_compile_options(-march=native)
  endif()
endif()
if(SYSTOLE_SANITIZE)
  add_compile_options(-fsanitize=${SYSTOLE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SYSTOLE_SANITIZE})
endif()

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(ZLIB)

# Debian's SystemC comes without a CMake package.
find_path(SYSTEMC_INCLUDE_DIR systemc.h HINTS ENV SYSTEMC_HOME PATH_SUFFIXES include)
find_library(SYSTEMC_LIBRARY systemc HINTS ENV SYSTEMC_HOME PATH_SUFFIXES lib lib64 lib-linux64)
if(SYSTEMC_INCLUDE_DIR AND SYSTEMC_LIBRARY)
  add_library(SystemC::systemc UNKNOWN IMPORTED)
  set_target_properties(SystemC::systemc PROPERTIES IMPORTED_LOCATION ${SYSTEMC_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${SYSTEMC_INCLUDE_DIR} INTERFACE_LINK_LIBRARIES Threads::Threads)
else()
  message(FATAL_ERROR "SystemC was not found: install libsystemc-dev, or set SYSTEMC_HOME")
endif()

#[[ The warnings for code of this project (generated code is compiled without).
  systole_warnings(<target>…) ]]
function(systole_warnings)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${SYSTOLE_WERROR}>:-Werror>)
  endforeach()
endfunction()
