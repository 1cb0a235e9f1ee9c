# The rules of the house as tests. Each check is also run over a bad sample of its own, so that it is known to be able
# to fail.

find_program(FAIRLEAD_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
foreach(fence floors sizes)
    add_test(NAME fence/${fence} COMMAND "${FAIRLEAD_PYTHON}" "${CMAKE_SOURCE_DIR}/scripts/check-${fence}")
    add_test(NAME fence/${fence}-can-fail
        COMMAND "${FAIRLEAD_PYTHON}" "${CMAKE_SOURCE_DIR}/scripts/check-${fence}" --self-test)
    set_tests_properties(fence/${fence} fence/${fence}-can-fail PROPERTIES LABELS fence TIMEOUT 60)
endforeach()
