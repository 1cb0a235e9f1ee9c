/* Mirrors of a route: copies of its requests to further clusters. A mirror lives by itself: it holds neither the exchange nor the snapshot,
 * nothing of it reaches the client, and what it gets back is read and dropped. One thread. */
#ifndef FAIRLEAD_PROXY_MIRROR_H
#define FAIRLEAD_PROXY_MIRROR_H

#include "base/buffer.h"
#include "base/list.h"
#include "proxy/context.h"
#include "snapshot/route.h"

struct mirror_pool; /* a worker's mirrors and their connections */

struct mirror_pool *mirror_pool_create(struct proxy_context *context);
/* Ends what is under way. */
void mirror_pool_destroy(struct mirror_pool *pool);

/* Draws for each mirror of the route and begins those that fall. The head is copied as it goes to the upstream, `body` is what came of the
 * content already. The mirrors collect in the list `ret_mirrors` until mirrors_end; past a ceiling of base/limits.h they are given up.
 * `timeout_ns` is the route's, 0 for none. */
void mirrors_begin(struct mirror_pool *pool, const struct route *route, const struct message_head *request,
                   const struct gateway_settings *settings, uint64_t timeout_ns, const struct buffer *body, struct list *ret_mirrors);
/* The next bytes of the content, for all in the list. */
void mirrors_body(struct list *mirrors, struct span bytes);
/* The request is whole: they go out. The list is empty then. */
void mirrors_end(struct list *mirrors);
/* It never will be. */
void mirrors_abandon(struct list *mirrors);

#endif
