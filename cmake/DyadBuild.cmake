# Compiler settings of our own targets, and the helpers every folder's CMakeLists.txt uses.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(DYAD_CCACHE ccache)
if(DYAD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DYAD_CCACHE})
endif()

# Warnings are errors where we develop and test (CMAKE_COMPILE_WARNING_AS_ERROR: the presets but release, ./dev build and ./dev test);
# who only builds the program is not stopped by a warning of another compiler. -ffp-contract=off: a fused multiply-add would change the
# float32 arithmetic that the quantizers reproduce bit for bit (docs/base/dyadic.md).
add_library(dyad_options INTERFACE)
target_compile_options(dyad_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -ffp-contract=off)
# GCC 12 at -O3 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
target_compile_options(dyad_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_compile_definitions(dyad_options INTERFACE DYAD_VERSION="${PROJECT_VERSION}")

# dyad_library(NAME SOURCES a.cpp … [PUBLIC lib …] [PRIVATE lib …]): a static library whose public
# headers are under include/ of the current folder, so an include against the arrows of DESIGN does not compile.
function(dyad_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC include PRIVATE src)
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE dyad_options ${arg_PRIVATE})
endfunction()

# dyad_embed(TARGET SYMBOL FILE): the bytes of FILE become `std::string_view dyad::embedded::SYMBOL()` inside TARGET,
# declared by whoever uses it.
function(dyad_embed target symbol file)
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
#include <string_view>
asm(".section .rodata\n"
    "dyad_embedded_@symbol@_begin:\n.incbin \"@file@\"\n"
    "dyad_embedded_@symbol@_end:\n.byte 0\n.previous\n");
extern const char begin_of_file[] asm("dyad_embedded_@symbol@_begin");
extern const char end_of_file[] asm("dyad_embedded_@symbol@_end");
namespace dyad::embedded {
std::string_view @symbol@() { return {begin_of_file, static_cast<std::size_t>(end_of_file - begin_of_file)}; }
}  // namespace dyad::embedded
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${source})
endfunction()
