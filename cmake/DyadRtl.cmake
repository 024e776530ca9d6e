# Verilated RTL. dyad_verilate(LIBRARY TOP module SOURCES a.sv … [PARAMETERS Depth=8 …] [TRACE] [OPTIMIZE -O3]): a static library with the class
# V<LIBRARY> (header V<LIBRARY>.h), so that a module can stand in a program with several sets of parameters. Sources are relative to rtl/.
# TRACE adds FST waves. All but a CORE are linked to dyad_cosim, whose checks run modules by themselves. Assertions are compiled in; a failing one throws (hwsim/cosim/src/verilated_runtime.cpp).
set(DYAD_WITH_RTL AUTO CACHE STRING "Build the Verilated RTL: ON, OFF or AUTO (when Verilator is found)")
set_property(CACHE DYAD_WITH_RTL PROPERTY STRINGS AUTO ON OFF)

set(DYAD_RTL_FOUND OFF)
if(NOT DYAD_WITH_RTL STREQUAL "OFF")
  find_program(DYAD_VERILATOR verilator)
  find_path(DYAD_VERILATOR_INCLUDE verilated.h PATHS /usr/share/verilator/include /usr/local/share/verilator/include $ENV{VERILATOR_ROOT}/include
    NO_DEFAULT_PATH)
  if(DYAD_VERILATOR AND DYAD_VERILATOR_INCLUDE)
    set(DYAD_RTL_FOUND ON)
  elseif(DYAD_WITH_RTL STREQUAL "ON")
    message(FATAL_ERROR "DYAD_WITH_RTL is ON but Verilator 5 was not found (Debian: verilator)")
  endif()
endif()
message(STATUS "RTL (Verilator): ${DYAD_RTL_FOUND}")

set(DYAD_RTL_DIR ${PROJECT_SOURCE_DIR}/rtl)

function(dyad_verilate library)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TRACE;CORE" "TOP;OPTIMIZE" "SOURCES;PARAMETERS;DEPENDS")
  if(NOT arg_OPTIMIZE)
    set(arg_OPTIMIZE -O2)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${library}.verilated)
  set(prefix V${library})
  list(TRANSFORM arg_PARAMETERS PREPEND -G)
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${DYAD_RTL_DIR} NORMALIZE)
    list(APPEND sources ${source})
  endforeach()
  set(trace)
  if(arg_TRACE)
    set(trace --trace-fst)
  endif()
  file(GLOB waivers CONFIGURE_DEPENDS ${DYAD_RTL_DIR}/lint/*.vlt ${DYAD_RTL_DIR}/verilator/*.vlt)
  file(GLOB included CONFIGURE_DEPENDS ${DYAD_RTL_DIR}/*.svh)
  add_custom_command(
    OUTPUT ${folder}/${prefix}__all.cpp ${folder}/${prefix}.h
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DPREFIX=${prefix} -DCLEAN=ON -P ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake
    COMMAND ${DYAD_VERILATOR} --cc -Wall --assert -O3 --x-assign fast --x-initial fast ${trace} --top-module ${arg_TOP}
            --prefix ${prefix} --Mdir ${folder} -I${DYAD_RTL_DIR} ${arg_PARAMETERS} ${waivers} ${sources}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DPREFIX=${prefix} -P ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake
    DEPENDS ${sources} ${included} ${waivers} ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake ${arg_DEPENDS}
    COMMENT "Verilating ${library}" VERBATIM)
  add_library(${library} STATIC ${folder}/${prefix}__all.cpp ${folder}/${prefix}.h)
  target_include_directories(${library} SYSTEM PUBLIC ${folder})
  target_link_libraries(${library} PUBLIC dyad_verilated_runtime)
  target_compile_options(${library} PRIVATE ${arg_OPTIMIZE} -w)
  if(NOT arg_CORE)
    set_property(GLOBAL APPEND PROPERTY DYAD_VERILATED_MODULES ${library})
  endif()
endfunction()
