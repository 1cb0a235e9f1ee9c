#include "cli/command.h"

int command_version(int count, char *const *arguments) {
    (void)count;
    (void)arguments;
    printf("fairlead %s\n", FAIRLEAD_VERSION);
    return 0;
}
