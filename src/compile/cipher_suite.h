/* Which names of a cipherSuites list count. */
#ifndef FAIRLEAD_COMPILE_CIPHER_SUITE_H
#define FAIRLEAD_COMPILE_CIPHER_SUITE_H

#include <stdbool.h>

#include "base/span.h"

/* Istio's FilterCipherSuites: one of 15 names, "ALL", or an expression such as "[A|B]", "-X", "+X" (it starts with neither letter nor digit).
 * Of the names, those that the TLS library lacks do not count either. */
bool cipher_suite_is_usable(struct span name);

#endif
