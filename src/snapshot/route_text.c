#include "snapshot/route_text.h"

#include "snapshot/route.h"

/* Case is left to the judge. */
static bool is_comparable(const struct route_match *match) {
    bool has_text = match->path_match == PATH_MATCH_EXACT || match->path_match == PATH_MATCH_PREFIX;
    return (match->path_match == PATH_MATCH_ANY || (has_text && !match->ignore_case)) && match->path.size <= UINT16_MAX &&
           match->condition_count <= ROUTE_TEXT_CONDITIONS_MAX;
}

struct route_text route_text_of(const struct route *route, const struct weighted_cluster *destination) {
    const struct route_match *match = &route->match;
    struct route_text text = {.size = 0};
    unsigned properties = 0;
    bool has_single = route->action == ROUTE_FORWARD && route->destinations.count == 1 && route->destinations.items == destination;
    if (is_comparable(match)) {
        text.size = match->path_match == PATH_MATCH_ANY ? 0 : (uint16_t)match->path.size;
        properties = ROUTE_TEXT_COMPARED | (unsigned)match->condition_count * ROUTE_TEXT_CONDITION;
        properties |= match->path_match == PATH_MATCH_EXACT ? ROUTE_TEXT_EXACT : 0;
    }
    if (has_single && cluster_takes_requests(destination->cluster))
        properties |= ROUTE_TEXT_FORWARDS;
    text.properties = (uint16_t)properties;
    return text;
}
