# dyad_add_test(FOLDER NAME [LIBS lib …] [TIMEOUT seconds] [LABELS label …]): builds tests/unit/FOLDER/NAME_test.cpp against
# dyad_FOLDER and adds the ctest `unit/FOLDER/NAME`. A program that ran no test fails; one that skipped all of them counts as skipped.
find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)

set(DYAD_DATA "" CACHE PATH "Folder of the test data; empty: $DYAD_DATA or ../shared/data beside the source")

add_library(dyad_test_support STATIC ${CMAKE_SOURCE_DIR}/tests/main.cpp ${CMAKE_SOURCE_DIR}/tests/support/test_data.cpp)
target_include_directories(dyad_test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_compile_definitions(dyad_test_support PRIVATE DYAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(dyad_test_support PUBLIC GTest::gtest GTest::gmock rapidcheck dyad_base dyad_options)

function(dyad_add_test folder name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "LIBS;LABELS")
  set(target ${folder}_${name}_test)
  add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/${name}_test.cpp)
  target_link_libraries(${target} PRIVATE dyad_test_support ${arg_LIBS})
  if(TARGET dyad_${folder})
    target_link_libraries(${target} PRIVATE dyad_${folder})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_test(NAME unit/${folder}/${name} COMMAND ${target})
  set_tests_properties(unit/${folder}/${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 LABELS "unit;${folder};${arg_LABELS}")
endfunction()
