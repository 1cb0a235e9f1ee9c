#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_fail(const char *expression, const char *file, int line) {
    fprintf(stderr, "fairlead: %s:%d: expected %s\n", file, line, expression);
    abort();
}
