/* HTTPMatchRequest -> the predicate of a route. */
#ifndef FAIRLEAD_COMPILE_ROUTE_MATCH_H
#define FAIRLEAD_COMPILE_ROUTE_MATCH_H

#include "base/compiler.h"
#include "compile/compiler.h"
#include "resource/virtual_service.h"
#include "snapshot/route_match.h"

/* The predicate of a route without matches: prefix "/". */
#define ROUTE_MATCH_EVERYTHING ((struct route_match){.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/")})

/* False, after a diagnostic at its place: it cannot be evaluated, so the route must be left out. `meta` is the VirtualService's. */
MUST_USE bool route_match_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_match *match,
                                  struct route_match *ret_match);

/* What becomes of the route, for the diagnostic, when an expression of its match or of its action is not usable. */
#define ROUTE_IS_LEFT_OUT "the route is left out"
#define ROUTE_ANSWERS_503 "requests are answered 503"

/* StringMatch; an empty one matches everything. False, after a diagnostic: its regular expression is not usable. */
MUST_USE bool text_match_compile(struct compiler *compiler, const struct object_meta *meta, const struct string_match *written,
                                 const char *consequence, struct text_match *ret_text);

/* The program of a pattern, made once a snapshot and freed with it. NULL, after a diagnostic at `position`, when it is no usable RE2. */
const struct regex *regex_compile(struct compiler *compiler, const struct object_meta *meta, struct span pattern,
                                  struct position position, const char *consequence);

#endif
