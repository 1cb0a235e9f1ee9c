/* The commands of the program, one file each. Each gets what follows its name and returns the exit code: 0, 1 for a fault of the input or of
 * the machine, 2 for a mistake on the command line; analyze has istioctl's. */
#ifndef FAIRLEAD_CLI_COMMAND_H
#define FAIRLEAD_CLI_COMMAND_H

#include "cli/options.h"

#define EXIT_USAGE 2

int command_run(int count, char *const *arguments);
int command_check(int count, char *const *arguments);
int command_dump(int count, char *const *arguments);
int command_proxy_config(int count, char *const *arguments);
int command_analyze(int count, char *const *arguments);
int command_diff(int count, char *const *arguments);
int command_explain(int count, char *const *arguments);
int command_version(int count, char *const *arguments);
int command_help(int count, char *const *arguments);

/* The program: the first argument is a command, or --help or --version. */
int command_main(int argument_count, char *const *arguments);

enum command_start { COMMAND_GO, COMMAND_HELP_SHOWN, COMMAND_MISTAKE };

/* Parses the options of a command that reads a configuration, sets the log level, and speaks if there is a mistake or a wish for help. */
MUST_USE enum command_start command_start(enum options_command command, const char *name, const char *purpose, int count,
                                          char *const *arguments, struct arena *arena, struct options *ret_options);
/* Says what is wrong with the command line, and gives the exit code. */
int command_mistake(const char *name, const char *text);
/* The least severity of diagnostics that goes with a log level. */
enum diagnostic_severity command_severity(const struct options *options);

#endif
