# The objects compiled for special instruction sets must not define weak symbols: the linker could keep such a copy of an
# inline function for everybody, and other processors would stop on an illegal instruction.
# Usage: cmake -DNM=nm -DOBJECTS=a.o;b.o -P simd_symbols.cmake
set(checked 0)
foreach(object IN LISTS OBJECTS)
  if(NOT object MATCHES "simd_(avx2|avx512vnni)")
    continue()
  endif()
  math(EXPR checked "${checked} + 1")
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(symbols MATCHES "\n[0-9a-f]+ [WVu] [^\n]*")
    message(FATAL_ERROR "${object} defines a weak symbol: ${CMAKE_MATCH_0}")
  endif()
endforeach()
if(checked EQUAL 0)
  message(FATAL_ERROR "there was nothing to check")
endif()
message(STATUS "${checked} objects hold no weak symbols")
