#include "cli/command.h"

#include <string.h>

static const struct {
    const char *name;
    int (*function)(int count, char *const *arguments);
} commands[] = {
    {"proxy-config", command_proxy_config},
    {"run", command_run},         {"check", command_check}, {"dump", command_dump}, {"analyze", command_analyze}, {"version", command_version},
    {"explain", command_explain}, {"diff", command_diff},
    {"--version", command_version}, {"help", command_help},   {"--help", command_help}, {"-h", command_help},
};

int command_main(int argument_count, char *const *arguments) {
    if (argument_count < 2) {
        fprintf(stderr, "fairlead: no command; see fairlead --help\n");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(arguments[1], commands[i].name) == 0)
            return commands[i].function(argument_count - 2, arguments + 2);
    fprintf(stderr, "fairlead: unknown command %.80s; see fairlead --help\n", arguments[1]);
    return EXIT_USAGE;
}

enum command_start command_start(enum options_command command, const char *name, const char *purpose, int count,
                                 char *const *arguments, struct arena *arena, struct options *ret_options) {
    struct options_error error;
    struct options options;
    if (!options_parse(command, count, arguments, arena, &options, &error)) {
        (void)command_mistake(name, error.text);
        return COMMAND_MISTAKE;
    }
    if (options.help) {
        const char *operands = command == OPTIONS_PROXY_CONFIG ? "listeners|routes|clusters|endpoints|secrets"
                               : command == OPTIONS_EXPLAIN    ? "-f PATH... REQUEST"
                               : command == OPTIONS_DIFF       ? "OLD NEW"
                                                               : "-f PATH...";
        printf("usage: fairlead %s %s [option...]\n%s\n\n", name, operands, purpose);
        options_print_help(command, stdout);
        return COMMAND_HELP_SHOWN;
    }
    log_set_level(options.log_level);
    *ret_options = options;
    return COMMAND_GO;
}

int command_mistake(const char *name, const char *text) {
    fprintf(stderr, "fairlead %s: %s; see fairlead %s --help\n", name, text, name);
    return EXIT_USAGE;
}

enum diagnostic_severity command_severity(const struct options *options) {
    switch (options->log_level) {
    case LOG_DEBUG:
    case LOG_INFO: return DIAGNOSTIC_INFO;
    case LOG_WARNING: return DIAGNOSTIC_WARNING;
    case LOG_ERROR: return DIAGNOSTIC_ERROR;
    }
    return DIAGNOSTIC_INFO;
}
