# Share arithmetic under valgrind: as this build compiles it, and without optimisation. Not with sanitizers, which valgrind
# cannot run.
if(NOT CEREMONY_SANITIZE)
  set(shares ${CMAKE_CURRENT_LIST_DIR}/../../ceremony/shares)
  foreach(build ct_shares ct_shares_O0)
    add_executable(${build} ${CMAKE_CURRENT_LIST_DIR}/ct_shares.cpp ${shares}/arithmetic.cpp ${shares}/wordlist.cpp ${shares}/bech32.cpp)
    target_link_libraries(${build} PRIVATE ground)
    add_test(NAME ${build} COMMAND valgrind -q --error-exitcode=1 $<TARGET_FILE:${build}>)
    add_test(NAME ${build}_sees_a_leak COMMAND valgrind -q --error-exitcode=1 $<TARGET_FILE:${build}> leak)
    set_tests_properties(${build}_sees_a_leak PROPERTIES PASS_REGULAR_EXPRESSION "depends on uninitialised value")
    set_tests_properties(${build} ${build}_sees_a_leak PROPERTIES LABELS release)
  endforeach()
  target_compile_options(ct_shares_O0 PRIVATE -O0 -U_FORTIFY_SOURCE)
endif()
