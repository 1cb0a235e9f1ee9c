/* What a few routes ask of a path, side by side: a walk over the hints touches two cache lines where one over the routes touches dozens. A hint
 * only says which routes need not be asked; route_match_holds is the judge. In the snapshot's arena, immutable. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_HINT_H
#define FAIRLEAD_SNAPSHOT_ROUTE_HINT_H

#include <stdint.h>

#include "base/arena.h"
#include "snapshot/route_match.h"

struct route;

struct route_hint {
    uint64_t tail; /* the last bytes of the text, up to 8 */
    uint32_t size; /* of the text */
    uint32_t kind; /* enum path_match; PATH_MATCH_ANY: the route must be asked whatever the path */
};

/* One for each of routes[0..count). */
struct route_hint *route_hints_create(struct arena *arena, const struct route *routes, size_t count);
/* The first route whose predicate holds; NULL when none. */
const struct route *route_hints_find(const struct route_hint *hints, const struct route *routes, size_t count,
                                     const struct request_view *request);

#endif
