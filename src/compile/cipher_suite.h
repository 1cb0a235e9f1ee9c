/* Which names of cipherSuites and ecdhCurves count. */
#ifndef FAIRLEAD_COMPILE_CIPHER_SUITE_H
#define FAIRLEAD_COMPILE_CIPHER_SUITE_H

#include <stdbool.h>

#include "compile/array.h"
#include "resource/object.h"

struct compiler;

/* Istio's FilterCipherSuites: one of 15 names, "ALL", or an expression such as "[A|B]", "-X", "+X" (it starts with neither letter nor digit).
 * Of the names, those that the TLS library lacks do not count either. */
bool cipher_suite_is_usable(struct span name);
/* Those of `written` that are usable, each once; the others are left out with a warning about `meta`, as Istio does (NULL: without one). `what` names
 * one. */
void tls_names_filter(struct compiler *compiler, const struct object_meta *meta, const struct located_list *written,
                      bool (*is_usable)(struct span), const char *what, struct span_list *ret_names);

#endif
