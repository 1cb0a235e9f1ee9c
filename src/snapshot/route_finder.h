/* How the route of a request is found in a virtual host: all that is read for it, and nothing else, side by side, and the finders of a route table one
 * behind the other, so that those of thousands of hosts stay in a core's cache. Routes that ask for an exact path or a prefix and nothing else are
 * decided from here; route_match_holds judges the others. Made when a snapshot is sealed; immutable, any thread may read. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_FINDER_H
#define FAIRLEAD_SNAPSHOT_ROUTE_FINDER_H

#include "base/arena.h"
#include "snapshot/cluster.h"
#include "snapshot/route_match.h"
#include "snapshot/route_text.h"

struct route;
struct route_index;
struct virtual_host;

struct route_finder {
    const struct virtual_host *host;
    const struct route *routes;                    /* its */
    const struct weighted_cluster *destinations;   /* its */
    const struct route_index *index;               /* NULL: `texts` says it */
    uint32_t domain_size;
    uint16_t condition_count;
    uint8_t route_count; /* 0 with an index */
    bool require_tls;    /* its */
    struct route_text texts[]; /* of the routes; then their conditions, the domain, the texts, and what texts the conditions have */
};

struct route_found {
    const struct route *route; /* NULL: none */
    /* The route's only one, which takes requests: then that is what becomes of the request. NULL: the route itself says it. */
    const struct weighted_cluster *destination;
};

/* Bytes of the finder of this virtual host; a multiple of its alignment. */
size_t route_finder_size(const struct virtual_host *host);
/* `finder` is so large, and zero. The host and its routes must stay where they are; what an index takes comes out of the arena. */
void route_finder_init(struct route_finder *finder, struct arena *arena, const struct virtual_host *host);
/* The host's domain, where the finder has it at hand. */
struct span route_finder_domain(const struct route_finder *finder);
/* The first route whose predicate holds, as a walk over all of them would find it. May allocate in the request's arena. */
struct route_found route_finder_match(const struct route_finder *finder, const struct message_head *request);

#endif
