#include "cli/command.h"
#include "server/configuration.h"

static int dump(const struct options *options) {
    struct compile_options compile_options = options_compile(options);
    struct configuration configuration;
    struct configuration_load load;
    configuration_init(&configuration, options->paths, options->path_count, &compile_options);
    configuration_load(&configuration, true, NULL, &load);
    diagnostic_list_print(&load.diagnostics, command_severity(options), stderr);
    bool printed = load.snapshot != NULL;
    if (printed)
        snapshot_dump(load.snapshot, stdout);
    configuration_load_deinit(&load);
    configuration_deinit(&configuration);
    return printed && fflush(stdout) == 0 ? 0 : 1;
}

int command_dump(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start start = command_start(OPTIONS_DUMP, "dump",
                                             "Prints the compiled configuration as stable text to standard output, what is to be said of it to\n"
                                             "standard error. Exit code 1: there is nothing to serve.",
                                             count, arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_USAGE : start == COMMAND_HELP_SHOWN ? 0 : dump(&options);
    arena_deinit(&arena);
    return code;
}
