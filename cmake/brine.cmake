# What every target of the project shares.

add_library(brine_options INTERFACE)
target_compile_options(brine_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wno-missing-field-initializers -fno-omit-frame-pointer)
target_include_directories(brine_options INTERFACE ${CMAKE_SOURCE_DIR})
if(BRINE_CRASH_POINTS)
  target_compile_definitions(brine_options INTERFACE BRINE_CRASH_POINTS)
endif()
if(BRINE_SANITIZE STREQUAL "address")
  target_compile_options(brine_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(brine_options INTERFACE -fsanitize=address,undefined)
elseif(BRINE_SANITIZE STREQUAL "thread")
  target_compile_options(brine_options INTERFACE -fsanitize=thread)
  target_link_options(brine_options INTERFACE -fsanitize=thread)
endif()

find_program(BRINE_MOLD mold)
if(BRINE_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(brine_options INTERFACE -fuse-ld=mold)
endif()
find_program(BRINE_CCACHE ccache)
if(BRINE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BRINE_CCACHE})
endif()

# brine_library(name SOURCES a.cc ... PUBLIC target ... PRIVATE target ...): the library of one folder, brine::name.
function(brine_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(brine_${name} STATIC ${ARG_SOURCES})
  add_library(brine::${name} ALIAS brine_${name})
  target_link_libraries(brine_${name} PUBLIC brine_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# brine_program(name SOURCES a.cc ... PRIVATE target ...): one executable.
function(brine_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PRIVATE" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE brine_options ${ARG_PRIVATE})
endfunction()

# brine_test(name SOURCES a_test.cc ... PRIVATE target ...): one GoogleTest program, run by ctest with label "unit".
function(brine_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PRIVATE" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE brine_options ${ARG_PRIVATE} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

# brine_fuzz(name SOURCES a_fuzz.cc PRIVATE target ...): a decoder under random input. With BRINE_FUZZERS it is a libFuzzer program;
# otherwise tests/fuzz/driver.cc runs it over its corpus and a bounded number of mutations, as a test with label "fuzz".
function(brine_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PRIVATE" ${ARGN})
  if(BRINE_FUZZERS)
    add_executable(${name} ${ARG_SOURCES})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/driver.cc)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
  target_link_libraries(${name} PRIVATE brine_options ${ARG_PRIVATE})
endfunction()
