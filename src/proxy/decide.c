#include "proxy/decide.h"

static bool arrived_secure(const struct message_head *request) {
    return span_equal_ignore_case(message_head_value(request, HEADER_X_FORWARDED_PROTO), SPAN_LITERAL("https"));
}

static void decide_destination(const struct route *route, uint64_t draw, struct decision *decision) {
    decision->destination = destinations_pick(&route->destinations, draw);
    const struct cluster *cluster = decision->destination == NULL ? NULL : decision->destination->cluster;
    if (cluster == NULL) {
        decision->kind = DECISION_NO_CLUSTER;
    } else if (cluster->refusal.size > 0) {
        decision->kind = DECISION_REFUSED;
        decision->refusal = cluster->refusal;
    } else {
        decision->kind = cluster_takes_requests(cluster) ? DECISION_FORWARD : DECISION_NO_ENDPOINT;
    }
}

static void decide_action(const struct route *route, uint64_t draw, struct decision *decision) {
    switch (route->action) {
    case ROUTE_FORWARD: decide_destination(route, draw, decision); break;
    case ROUTE_REDIRECT: decision->kind = DECISION_REDIRECT; break;
    case ROUTE_DIRECT_RESPONSE: decision->kind = DECISION_DIRECT_RESPONSE; break;
    case ROUTE_REFUSE:
        decision->kind = DECISION_REFUSED;
        decision->refusal = route->refusal;
        break;
    }
}

void decide(const struct route_table *routes, const struct message_head *request, uint64_t draw, struct decision *ret_decision) {
    const struct route_finder *finder = route_table_find(routes, request->host);
    *ret_decision = (struct decision){.kind = DECISION_NO_ROUTE};
    if (finder == NULL)
        return;
    ret_decision->virtual_host = finder->host;
    if (finder->require_tls && !arrived_secure(request)) {
        ret_decision->kind = DECISION_REDIRECT_TLS;
        return;
    }
    struct route_found found = route_finder_match(finder, request);
    ret_decision->route = found.route;
    ret_decision->destination = found.destination;
    if (found.destination != NULL)
        ret_decision->kind = DECISION_FORWARD;
    else if (found.route != NULL)
        decide_action(found.route, draw, ret_decision);
}

struct span decide_tls_location(struct arena *arena, const struct message_head *request) {
    return arena_print(arena, "https://%.*s%.*s", SPAN_ARGUMENTS(request->authority), SPAN_ARGUMENTS(request->path));
}
