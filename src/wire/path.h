/* The path of a request target: split off its query, made normal. */
#ifndef FAIRLEAD_WIRE_PATH_H
#define FAIRLEAD_WIRE_PATH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"

/* "/a?b" -> "/a". */
struct span path_without_query(struct span path);
/* Istio's pathNormalization BASE (Envoy's normalize_path): RFC 3986 section 6.2.2 without case: dot segments removed (also spelled %2e),
 * percent-encoded unreserved characters decoded, backslashes turned to slashes; the query is left alone. A path that is normal already is
 * returned in place. "*" and the empty path are normal. False: it holds %00, or does not start with a slash. */
MUST_USE bool path_normalize(struct arena *arena, struct span path, struct span *ret_path);

#endif
