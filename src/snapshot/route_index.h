/* An index over the routes of one virtual host that keeps the order of the first match: whatever the number of exact and prefix routes, a
 * request's path is hashed once and only routes that share its hash are compared. Routes that no hash can find (regular expressions, no path)
 * are asked in turn. Lives in the snapshot's arena; immutable after its creation, any thread may read. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_INDEX_H
#define FAIRLEAD_SNAPSHOT_ROUTE_INDEX_H

#include "base/arena.h"
#include "snapshot/route_finder.h"

struct route_index;

/* Over the host's routes, which must stay where they are. */
struct route_index *route_index_create(struct arena *arena, const struct virtual_host *host);
/* The first route whose predicate holds, as a walk over all of them would find it. What texts cannot say, route_match_holds does. */
struct route_found route_index_find(const struct route_index *index, const struct request_view *request);

#endif
