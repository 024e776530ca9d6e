# dyad_mutants(module [INSIDE top] [CHECK name] [HEADER file.hpp] [CASES n] [LIMIT n] [SUBMODULES b.sv …] [SETS "name|A=1 B=2|<Model>(options)" …]
# [CORNERS "A=1 B=1" …]): the mutants of rtl/module.sv
# (rtl/mutation/mutate.py) Verilated once for each set of parameters and linked into rtl_mutants, where check_<CHECK> runs on them. INSIDE: a module
# around it, which is what the check drives; SUBMODULES holds every other file then. A mutant is killed when any set kills it. The last part of a set
# is the rest of the call of check_<CHECK>, or a whole call. CORNERS: parameters that are not simulated, with which a mutant must elaborate, too.
set(DYAD_MUTATION_DIR ${DYAD_RTL_DIR}/mutation)
set(DYAD_MUTANTS SAMPLE CACHE STRING "Modules whose mutants are built: ALL, SAMPLE (a few small ones, for ./dev test), OFF, or a list of modules")
set_property(CACHE DYAD_MUTANTS PROPERTY STRINGS ALL SAMPLE OFF)
# Those that build in seconds and whose mutants simulation kills; the survivors of others go to the solvers.
set(DYAD_MUTANTS_OF_SAMPLE stream_skid apot_pe core_program tile_memory mma_lane saturating_shift bit_serial_dpu)
set(DYAD_MUTANTS_BUILT ${DYAD_MUTANTS})
if(DYAD_MUTANTS STREQUAL SAMPLE)
  set(DYAD_MUTANTS_BUILT ${DYAD_MUTANTS_OF_SAMPLE})
endif()
find_program(DYAD_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)

function(dyad_mutants module)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "INSIDE;CHECK;HEADER;CASES;LIMIT" "SUBMODULES;SETS;CORNERS")
  set_property(GLOBAL APPEND PROPERTY DYAD_MUTATED_MODULES ${module})
  if(NOT DYAD_MUTANTS STREQUAL ALL AND NOT module IN_LIST DYAD_MUTANTS_BUILT)
    return()
  endif()
  foreach(default IN ITEMS CASES:5000 LIMIT:40)
    string(REGEX MATCH "([A-Z]+):(.+)" unused ${default})
    if(NOT arg_${CMAKE_MATCH_1})
      set(arg_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
    endif()
  endforeach()
  if(NOT arg_CHECK)
    set(arg_CHECK ${module})
    if(arg_INSIDE)
      set(arg_CHECK ${arg_INSIDE})
    endif()
  endif()
  if(NOT arg_HEADER)
    set(arg_HEADER ${arg_CHECK}_check.hpp)
  endif()
  if(NOT arg_SETS)
    set(arg_SETS "default||<Model>(options)")
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${module})
  set(source ${DYAD_RTL_DIR}/${module}.sv)
  list(TRANSFORM arg_SUBMODULES PREPEND ${DYAD_RTL_DIR}/)
  file(GLOB waivers CONFIGURE_DEPENDS ${DYAD_RTL_DIR}/lint/*.vlt ${DYAD_RTL_DIR}/verilator/*.vlt)

  set(words)
  foreach(submodule IN LISTS arg_SUBMODULES)
    list(APPEND words --submodule ${submodule})
  endforeach()
  set(top ${module}_mutants)
  if(arg_INSIDE)
    set(top ${arg_INSIDE})
    list(APPEND words --inside ${arg_INSIDE})
  endif()
  foreach(entry IN LISTS arg_SETS)
    string(REGEX MATCH "^([^|]*)[|]([^|]*)[|](.*)$" unused "${entry}")
    list(APPEND words "--parameters=${CMAKE_MATCH_2}")
  endforeach()
  foreach(parameters IN LISTS arg_CORNERS)
    list(APPEND words "--parameters=${parameters}")
  endforeach()
  add_custom_command(
    OUTPUT ${folder}/${module}_mutants.sv ${folder}/mutants.json
    COMMAND ${DYAD_PYTHON} -B ${DYAD_MUTATION_DIR}/mutate.py ${source} -o ${folder} --limit ${arg_LIMIT} --verilator ${DYAD_VERILATOR} ${words}
    DEPENDS ${source} ${arg_SUBMODULES} ${DYAD_MUTATION_DIR}/mutate.py ${DYAD_MUTATION_DIR}/operators.py
            ${DYAD_MUTATION_DIR}/verilog_source.py
    COMMENT "Mutating ${module}" VERBATIM)
  dyad_embed(rtl_mutants mutants_${module} ${folder}/mutants.json)
  set(list ${folder}/list.cpp)
  file(CONFIGURE OUTPUT ${list} @ONLY CONTENT [[
#include "mutants.hpp"
namespace dyad::embedded { std::string_view mutants_@module@(); }
static const dyad::tools::RegisterModule registered{"@module@", dyad::embedded::mutants_@module@};
]])
  target_sources(rtl_mutants PRIVATE ${list})

  foreach(entry IN LISTS arg_SETS)
    string(REGEX MATCH "^([^|]*)[|]([^|]*)[|](.*)$" unused "${entry}")
    set(set ${CMAKE_MATCH_1})
    set(call "${CMAKE_MATCH_3}")
    string(REPLACE " " ";" parameters "${CMAKE_MATCH_2}")
    list(TRANSFORM parameters PREPEND -G)
    if(call MATCHES "^<")
      set(call "check_${arg_CHECK}${call}")
    endif()
    set(prefix V${module}_${set}_mutants)
    set(verilated ${folder}/${set})
    add_custom_command(
      OUTPUT ${verilated}/${prefix}__all.cpp ${verilated}/${prefix}.h
      COMMAND ${CMAKE_COMMAND} -DFOLDER=${verilated} -DPREFIX=${prefix} -DCLEAN=ON -P ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake
      COMMAND ${DYAD_VERILATOR} --cc -Wno-fatal -Wno-lint -Wno-style --assert -O3 --x-assign unique --x-initial unique
              --top-module ${top} --prefix ${prefix} --Mdir ${verilated} -I${DYAD_RTL_DIR} ${parameters} ${waivers}
              ${arg_SUBMODULES} ${folder}/${module}_mutants.sv
      COMMAND ${CMAKE_COMMAND} -DFOLDER=${verilated} -DPREFIX=${prefix} -P ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake
      DEPENDS ${folder}/${module}_mutants.sv ${arg_SUBMODULES} ${waivers} ${PROJECT_SOURCE_DIR}/cmake/JoinVerilated.cmake
      COMMENT "Verilating the mutants of ${module} (${set})" VERBATIM)
    set(run ${verilated}/run.cpp)
    file(CONFIGURE OUTPUT ${run} @ONLY CONTENT [[
#include <@prefix@.h>
#include "checks/@arg_HEADER@"
#include "mutants.hpp"
static const dyad::tools::RegisterSet registered{"@module@", "@set@", @arg_CASES@, [](const dyad::cosim::CheckOptions& options) {
  using namespace dyad;
  using Model = @prefix@;
  return cosim::@call@;
}};
]])
    # Object libraries: only these files see the folder of their model, and the model is compiled without our warnings.
    add_library(${module}_${set}_mutants OBJECT ${verilated}/${prefix}__all.cpp ${run})
    set_source_files_properties(${verilated}/${prefix}__all.cpp PROPERTIES COMPILE_OPTIONS "-O1;-w")
    set_source_files_properties(${run} PROPERTIES COMPILE_OPTIONS "-O1" OBJECT_DEPENDS ${verilated}/${prefix}.h)
    target_include_directories(${module}_${set}_mutants SYSTEM PRIVATE ${verilated})
    target_include_directories(${module}_${set}_mutants PRIVATE ${PROJECT_SOURCE_DIR}/hwsim/cosim/src ${PROJECT_SOURCE_DIR}/tools/mutants)
    target_link_libraries(${module}_${set}_mutants PRIVATE dyad_cosim_reference dyad_options)
    target_link_libraries(rtl_mutants PRIVATE ${module}_${set}_mutants)
  endforeach()
endfunction()
