/* An index over the routes of one virtual host that keeps the order of the first match: whatever the number of exact and prefix routes, a
 * request's path is hashed once and only routes that share its hash are asked. Routes that no hash can find (regular expressions, no path)
 * are asked in turn. Lives in the snapshot's arena; immutable after its creation, any thread may read. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_INDEX_H
#define FAIRLEAD_SNAPSHOT_ROUTE_INDEX_H

#include "base/arena.h"
#include "snapshot/route_match.h"

struct route;
struct route_index;

/* Over routes[0..count), which must stay where they are. */
struct route_index *route_index_create(struct arena *arena, const struct route *routes, size_t count);
/* The first route whose predicate holds, as a walk over all of them would find it; NULL when none. route_match_holds is the only judge. */
const struct route *route_index_find(const struct route_index *index, const struct request_view *request);

#endif
