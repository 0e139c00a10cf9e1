# SPDX-License-Identifier: Apache-2.0

# Of the tests with SYSTOLE_COVERAGE: benches of one module, and the smallest machine with floating point, without, and with parity.
set(SYSTOLE_COVERAGE_TESTS
  "^(system_(4x4(_int8)?|parity)|(array_bench|axi_mem|axi_mux|board|buffers|check|compute|control|epilogue|fifo|hazard|link|load|parity_ram|registers|store|uart))_test$")

#[[ A GoogleTest binary, each of whose tests runs as a process of its own (SystemC elaborates once a process).
  systole_test(<name> LABEL unit|block|system|lint SOURCES <files…> [LIBS <libraries…>] [TIMEOUT <seconds>]) ]]
function(systole_test name)
  if(SYSTOLE_COVERAGE AND NOT name MATCHES "${SYSTOLE_COVERAGE_TESTS}")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "SOURCES;LIBS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES OR NOT arg_LABEL)
    message(FATAL_ERROR "systole_test(${name}): LABEL and SOURCES are needed; not understood: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(SYSTOLE_COVERAGE)
    math(EXPR arg_TIMEOUT "6 * ${arg_TIMEOUT}")  # models that count are slow
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest GTest::gtest_main)
  systole_warnings(${name})
  if(SYSTOLE_COVERAGE)
    set_property(GLOBAL APPEND PROPERTY SYSTOLE_COVERAGE_PROGRAMS ${name})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
