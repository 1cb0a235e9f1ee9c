/* HTTPRoute's redirect, directResponse, rewrite, headers, timeout and retries -> the action of a route. */
#ifndef FAIRLEAD_COMPILE_ROUTE_ACTION_H
#define FAIRLEAD_COMPILE_ROUTE_ACTION_H

#include "base/compiler.h"
#include "compile/compiler.h"
#include "resource/virtual_service.h"
#include "snapshot/route.h"

/* Fills `route`, whose match and destinations are already there; `server` is the one it is reached through. False, after diagnostics at
 * their places: something cannot be done as it is written. */
MUST_USE bool route_action_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_route *written,
                                   const struct merged_server *server, struct route *route);
/* fault; NULL: it never happens. */
const struct fault_action *fault_action_compile(struct compiler *compiler, const struct http_fault *written);
/* corsPolicy. False, after a diagnostic: an origin's regular expression is not usable. */
MUST_USE bool cors_policy_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_cors *written,
                                  const struct cors_policy **ret_policy);
/* mirror and mirrors; those of a share of 0 are left out. */
void mirror_actions_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_mirrors *written,
                            const struct merged_server *server, struct route *route);
/* The headers of one of several destinations; NULL when it has none. */
MUST_USE bool header_action_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_headers *const *written,
                                    size_t count, const struct header_action **ret_action);

#endif
