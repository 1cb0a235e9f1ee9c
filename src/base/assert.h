/* Assertions that stay on in release. They state what our own code guarantees, never what a peer or a user sent. */
#ifndef FAIRLEAD_BASE_ASSERT_H
#define FAIRLEAD_BASE_ASSERT_H

#include "base/compiler.h"

/* Prints the broken expectation with its place to standard error and aborts. */
NO_RETURN void assert_fail(const char *expression, const char *file, int line);

#define ASSERT(expression) ((expression) ? (void)0 : assert_fail(#expression, __FILE__, __LINE__))
#define UNREACHABLE() assert_fail("unreachable", __FILE__, __LINE__)

#endif
