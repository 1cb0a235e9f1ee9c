/* The request target in its four forms (RFC 9112 section 3.2). For the http1 files of this folder. */
#ifndef FAIRLEAD_WIRE_HTTP1_TARGET_H
#define FAIRLEAD_WIRE_HTTP1_TARGET_H

#include "base/compiler.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

/* What a target says by itself. Empty authority: the form has none, Host decides. */
struct http1_target {
    struct span scheme, authority, path;
};

/* `text` may be edited (the scheme is lower-cased in place); "?query" without a path is printed anew in `arena`. */
MUST_USE enum http1_fault http1_target_parse(struct arena *arena, enum http_method method, char *text, size_t size,
                                             struct http1_target *ret_target);

#endif
