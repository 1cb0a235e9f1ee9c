# The program: main() alone, over every floor.

if(EXISTS "${CMAKE_SOURCE_DIR}/src/cli/main.c")
    add_executable(fairlead src/cli/main.c)
    target_compile_definitions(fairlead PRIVATE FAIRLEAD_VERSION="${PROJECT_VERSION}")
    target_link_libraries(fairlead PRIVATE fairlead_cli)
    if(fairlead_lto)
        target_compile_options(fairlead PRIVATE -flto=auto)
        target_link_options(fairlead PRIVATE -flto=auto)
    endif()
    if(NOT FAIRLEAD_FUZZ)
        # What make run shows a newcomer, each command run and its answer compared.
        add_test(NAME demo COMMAND /usr/bin/python3 "${CMAKE_SOURCE_DIR}/scripts/run-demo" --check
            --binary "$<TARGET_FILE:fairlead>" --folder "${CMAKE_BINARY_DIR}/demo")
        set_tests_properties(demo PROPERTIES LABELS demo TIMEOUT 180)
    endif()
    include(GNUInstallDirs)
    install(TARGETS fairlead RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(FILES LICENSE NOTICE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
    # What is linked statically is handed on, so its licence goes with it.
    install(FILES build/deps/aws-lc-install/LICENSE RENAME LICENSE.aws-lc DESTINATION "${CMAKE_INSTALL_DOCDIR}" OPTIONAL)
endif()
