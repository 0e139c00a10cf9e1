# SPDX-License-Identifier: Apache-2.0
# Verilated RTL as static libraries.

find_program(VERILATOR verilator REQUIRED)
if(NOT SYSTOLE_VERILATOR_INCLUDE)
  execute_process(COMMAND ${VERILATOR} --getenv VERILATOR_ROOT OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(SYSTOLE_VERILATOR_INCLUDE ${root}/include CACHE PATH "Folder of verilated.h")
endif()

# The run-time library is the same for all models; the FST writer adds to it.
set(generated_code_options -w -faligned-new)
add_library(systole_verilated STATIC ${SYSTOLE_VERILATOR_INCLUDE}/verilated.cpp
  ${SYSTOLE_VERILATOR_INCLUDE}/verilated_threads.cpp)
target_include_directories(systole_verilated SYSTEM PUBLIC ${SYSTOLE_VERILATOR_INCLUDE} ${SYSTOLE_VERILATOR_INCLUDE}/vltstd)
target_compile_definitions(systole_verilated PUBLIC VM_COVERAGE=$<BOOL:${SYSTOLE_COVERAGE}> VM_SC=0)
target_compile_options(systole_verilated PRIVATE ${generated_code_options})
target_link_libraries(systole_verilated PUBLIC Threads::Threads atomic)
add_library(systole_verilated_fst STATIC EXCLUDE_FROM_ALL ${SYSTOLE_VERILATOR_INCLUDE}/verilated_fst_c.cpp)
target_compile_definitions(systole_verilated_fst PUBLIC VM_TRACE=1 VM_TRACE_FST=1)
target_compile_options(systole_verilated_fst PRIVATE ${generated_code_options})
target_link_libraries(systole_verilated_fst PUBLIC systole_verilated ZLIB::ZLIB)

# Models whose bits are watched, too (toggle coverage), which takes the compiler long: the smallest machine with all types, and the boards'
# modules in one size.
set(SYSTOLE_COVERAGE_TOGGLE "^systole_(v4x4|dut_(link_32|uart_[rt]x_8_1|axi_mem_32|axi_mux_slices|array_bench_2x4|board_bench))$")
set(SYSTOLE_COVERS "")  # sources that bind themselves to the machine's top
if(SYSTOLE_COVERAGE)
  set(SYSTOLE_COVERS tb/cover/systole_cover.sv tb/cover/systole_crosses.sv)
  add_library(systole_coverage_points STATIC ${PROJECT_SOURCE_DIR}/tb/cover/coverage_points.cpp)
  target_include_directories(systole_coverage_points PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(systole_coverage_points PUBLIC systole_verilated)
  systole_warnings(systole_coverage_points)
endif()

#[[ A static library of a Verilated module, with its headers (`#include "<PREFIX>.h"`) and the run-time library.
  systole_verilate(<target> TOP <module> PREFIX <class> SOURCES <files…>
    [PARAMS Rows=4 …]     parameters of the top
    [FLAGS …]             further options of verilator
    [OPT -O1]             C++ optimisation of the evaluation (default SYSTOLE_VERILATED_OPT)
    [TRACE]               with FST tracing
    [X_UNIQUE]            what is not reset starts with random bits (VerilatedContext::randReset(2), randSeed)
    [ASSERT])             with the assertions of the source

The source files are given in the order of their packages; relative names are seen from the root of the project. The
library is built only when something needs it. ]]
function(systole_verilate target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TRACE;X_UNIQUE;ASSERT" "TOP;PREFIX;OPT" "SOURCES;PARAMS;FLAGS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_TOP OR NOT arg_PREFIX OR NOT arg_SOURCES)
    message(FATAL_ERROR "systole_verilate(${target}): TOP, PREFIX and SOURCES are needed; not understood: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_OPT)
    set(arg_OPT ${SYSTOLE_VERILATED_OPT})
  endif()
  set(sources)
  foreach(file IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    list(APPEND sources ${file})
  endforeach()
  set(flags --cc -O3 --unroll-count 1 --no-timing -Wno-fatal --top-module ${arg_TOP} --prefix ${arg_PREFIX})
  set(collect_options)
  if(SYSTOLE_COVERAGE)
    set(arg_OPT -O1)
    # Verilator 5.006 splits and reorders processes as if their counters read nothing: a branch on a temporary (a function's argument, say)
    # would be counted by the value of the cycle before.
    list(APPEND flags --coverage-line --coverage-user -fno-split -fno-reorder)
    list(APPEND collect_options -DCOVERAGE=1)
    set(arg_X_UNIQUE FALSE)  # a random start would count as a change, and as the situation that it looks like
    if(target MATCHES "${SYSTOLE_COVERAGE_TOGGLE}")
      # Vectors of more bits are bundles whose parts are watched where they are used.
      list(APPEND flags --coverage-toggle --coverage-max-width 64)
    endif()
  endif()
  if(arg_X_UNIQUE)
    # What the RTL must not rely on is random or wrong: first states, and what a RAM gives for the word being written.
    list(APPEND flags --x-assign unique --x-initial unique +define+SYSTOLE_POISON_COLLISIONS)
  else()
    list(APPEND flags --x-assign fast --x-initial fast)
  endif()
  if(arg_ASSERT)
    list(APPEND flags --assert)
  else()
    list(APPEND flags --noassert)
  endif()
  if(arg_TRACE)
    # The compiler takes more than linear time for a function that holds all signals of a large array: 32x32 100 s, in pieces 12 s.
    list(APPEND flags --trace-fst --trace-structs --output-split-ctrace 500)
  endif()
  foreach(param IN LISTS arg_PARAMS)
    list(APPEND flags -G${param})
  endforeach()
  file(GLOB waivers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/rtl/*.vlt ${PROJECT_SOURCE_DIR}/scripts/lint/*.vlt)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}.verilated)
  # The number of generated files is not known beforehand: two files include them all. The headers are named so that whatever includes
  # them is compiled anew, in the same run, when they change.
  add_custom_command(OUTPUT ${dir}/fast.cpp ${dir}/slow.cpp
    BYPRODUCTS ${dir}/${arg_PREFIX}.h ${dir}/${arg_PREFIX}___024root.h
    COMMAND ${VERILATOR} ${flags} ${arg_FLAGS} --Mdir ${dir} ${waivers} ${sources}
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DPREFIX=${arg_PREFIX} ${collect_options}
      -P ${PROJECT_SOURCE_DIR}/scripts/cmake/collect_verilated.cmake
    DEPENDS ${sources} ${waivers} ${PROJECT_SOURCE_DIR}/scripts/cmake/collect_verilated.cmake
    COMMENT "Verilating ${arg_TOP} (${target})" VERBATIM)
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${dir}/fast.cpp ${dir}/slow.cpp)
  # A custom command's outputs need no dyndep scan; the headers appear together with them.
  set_source_files_properties(${dir}/fast.cpp PROPERTIES COMPILE_OPTIONS ${arg_OPT})
  set_source_files_properties(${dir}/slow.cpp PROPERTIES COMPILE_OPTIONS -O0)
  target_include_directories(${target} SYSTEM PUBLIC ${dir})
  target_compile_options(${target} PRIVATE ${generated_code_options})
  target_link_libraries(${target} PUBLIC systole_verilated)
  if(SYSTOLE_COVERAGE)
    target_compile_options(${target} PRIVATE -include ${PROJECT_SOURCE_DIR}/tb/cover/coverage_points.hpp)
    target_link_libraries(${target} PUBLIC systole_coverage_points)
  endif()
  if(arg_TRACE)
    target_compile_definitions(${target} PRIVATE VM_TRACE=1 VM_TRACE_FST=1)
    target_link_libraries(${target} PUBLIC systole_verilated_fst)
  else()
    target_compile_definitions(${target} PRIVATE VM_TRACE=0)
  endif()
endfunction()
