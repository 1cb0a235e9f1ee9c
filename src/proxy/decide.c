#include "proxy/decide.h"

static bool arrived_secure(const struct message_head *request) {
    return span_equal_ignore_case(message_head_value(request, HEADER_X_FORWARDED_PROTO), SPAN_LITERAL("https"));
}

static void decide_destination(const struct route *route, uint64_t draw, struct decision *decision) {
    decision->destination = destinations_pick(&route->destinations, draw);
    if (decision->destination == NULL || decision->destination->cluster == NULL) {
        decision->kind = DECISION_NO_CLUSTER;
        return;
    }
    const struct cluster *cluster = decision->destination->cluster;
    if (cluster->refusal.size > 0) {
        decision->kind = DECISION_REFUSED;
        decision->refusal = cluster->refusal;
    } else if (cluster->endpoint_count == 0 && cluster->name_count == 0) {
        decision->kind = DECISION_NO_ENDPOINT;
    } else {
        decision->kind = DECISION_FORWARD;
    }
}

void decide(const struct route_table *routes, const struct message_head *request, uint64_t draw, struct decision *ret_decision) {
    struct decision decision = {.kind = DECISION_NO_ROUTE};
    decision.virtual_host = route_table_find(routes, request->host);
    if (decision.virtual_host != NULL && decision.virtual_host->require_tls && !arrived_secure(request))
        decision.kind = DECISION_REDIRECT_TLS;
    else if (decision.virtual_host != NULL)
        decision.route = virtual_host_match(decision.virtual_host, request);
    if (decision.route != NULL) {
        switch (decision.route->action) {
        case ROUTE_FORWARD: decide_destination(decision.route, draw, &decision); break;
        case ROUTE_REDIRECT: decision.kind = DECISION_REDIRECT; break;
        case ROUTE_DIRECT_RESPONSE: decision.kind = DECISION_DIRECT_RESPONSE; break;
        case ROUTE_REFUSE:
            decision.kind = DECISION_REFUSED;
            decision.refusal = decision.route->refusal;
            break;
        }
    }
    *ret_decision = decision;
}

struct span decide_tls_location(struct arena *arena, const struct message_head *request) {
    return arena_print(arena, "https://%.*s%.*s", SPAN_ARGUMENTS(request->authority), SPAN_ARGUMENTS(request->path));
}
