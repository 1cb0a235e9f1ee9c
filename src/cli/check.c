#include "cli/command.h"
#include "server/configuration.h"

static void print_summary(const struct configuration_load *load) {
    size_t errors = load->diagnostics.counts[DIAGNOSTIC_ERROR], warnings = load->diagnostics.counts[DIAGNOSTIC_WARNING];
    printf("fairlead check: %zu file%s", load->sources.file_count, load->sources.file_count == 1 ? "" : "s");
    if (load->snapshot != NULL)
        printf(", %zu listener%s, %zu route table%s, %zu cluster%s", load->snapshot->listener_count,
               load->snapshot->listener_count == 1 ? "" : "s", load->snapshot->route_table_count,
               load->snapshot->route_table_count == 1 ? "" : "s", load->snapshot->cluster_count,
               load->snapshot->cluster_count == 1 ? "" : "s");
    printf(": %zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

static int check(const struct options *options) {
    struct compile_options compile_options = options_compile(options);
    struct configuration configuration;
    struct configuration_load load;
    configuration_init(&configuration, options->paths, options->path_count, &compile_options);
    configuration_load(&configuration, true, NULL, &load);
    diagnostic_list_print(&load.diagnostics, command_severity(options), stdout);
    print_summary(&load);
    bool clean = load.snapshot != NULL && load.diagnostics.counts[DIAGNOSTIC_ERROR] == 0;
    configuration_load_deinit(&load);
    configuration_deinit(&configuration);
    return clean && fflush(stdout) == 0 ? 0 : 1;
}

int command_check(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start start = command_start(OPTIONS_CHECK, "check",
                                             "Compiles the configuration and prints all that is to be said of it. Exit code 0: no errors; 1: errors.",
                                             count, arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_USAGE : start == COMMAND_HELP_SHOWN ? 0 : check(&options);
    arena_deinit(&arena);
    return code;
}
