/* rewrite of a route, applied to a request. */
#ifndef FAIRLEAD_PROXY_REWRITE_H
#define FAIRLEAD_PROXY_REWRITE_H

#include "snapshot/route_action.h"
#include "wire/message.h"

/* The path, its query included, after the rewrite; it starts with a slash. "*" stays. In the arena, or `path` itself. */
struct span path_rewrite_apply(const struct path_rewrite *rewrite, struct arena *arena, struct span path);
/* Path and authority of the request; x-envoy-original-path gets the former path when `keeps_original`. */
void rewrite_apply(const struct rewrite_action *rewrite, struct message_head *head, bool keeps_original);
/* The text comes from the configuration, where it was found to be a valid authority. Empty: nothing. */
void rewrite_authority(struct message_head *head, struct span authority);

#endif
