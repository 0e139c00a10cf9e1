# SPDX-License-Identifier: Apache-2.0
# cmake -DDIR=<folder> -DPREFIX=<class> -P collect_verilated.cmake: writes fast.cpp (what runs every cycle) and slow.cpp
# (construction, tracing set-up), which include the files that Verilator wrote this time. Its list of them is the .mk file.
file(READ ${DIR}/${PREFIX}_classes.mk lines)
string(REPLACE "\\" "" lines "${lines}") # a backslash before the list's separator would hide it
string(REPLACE "\n" ";" lines "${lines}")
set(part "")
foreach(part IN ITEMS fast slow)
  set(text_${part} "// SPDX-License-Identifier: Apache-2.0\n// Written by scripts/cmake/collect_verilated.cmake.\n")
endforeach()
set(part "")
foreach(line IN LISTS lines)
  if(line MATCHES "^VM_(CLASSES|SUPPORT)_(FAST|SLOW) ")
    string(TOLOWER ${CMAKE_MATCH_2} part)
  elseif(line MATCHES "^VM_")
    set(part "")
  elseif(part AND line MATCHES "^[ \t]+([A-Za-z0-9_]+)")
    string(APPEND text_${part} "#include \"${CMAKE_MATCH_1}.cpp\"\n")
  endif()
endforeach()
foreach(part IN ITEMS fast slow)
  file(WRITE ${DIR}/${part}.cpp "${text_${part}}")
endforeach()
