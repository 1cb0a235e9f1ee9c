# The program: main() alone, over every floor.

if(EXISTS "${CMAKE_SOURCE_DIR}/src/cli/main.c")
    add_executable(fairlead src/cli/main.c)
    target_compile_definitions(fairlead PRIVATE FAIRLEAD_VERSION="${PROJECT_VERSION}")
    target_link_libraries(fairlead PRIVATE fairlead_cli)
    if(fairlead_lto)
        target_compile_options(fairlead PRIVATE -flto=auto)
        target_link_options(fairlead PRIVATE -flto=auto)
    endif()
    include(GNUInstallDirs)
    install(TARGETS fairlead RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(FILES LICENSE NOTICE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
    # What is linked statically is handed on, so its licence goes with it.
    install(FILES build/deps/aws-lc-install/LICENSE RENAME LICENSE.aws-lc DESTINATION "${CMAKE_INSTALL_DOCDIR}" OPTIONAL)
endif()
