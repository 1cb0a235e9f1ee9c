/* What becomes of a request on its route, and where it goes. */
#include <stdlib.h>

#include "base/assert.h"
#include "explain/tell.h"
#include "proxy/rewrite.h"

/* --- The route's action --- */

/* The dump's own words, so that nothing that a route does is left out here. */
static void tell_lines(const struct telling *telling, enum story_section section, uint32_t id, struct span text, size_t skip) {
    struct span line;
    for (size_t i = 0; span_split(&text, '\n', &line); i++) {
        line = span_trim(line);
        if (i >= skip && line.size > 0)
            story_add(telling->story, section, STORY_PLAIN, id, "%.*s", SPAN_ARGUMENTS(line));
    }
}

static void tell_client(const struct telling *telling, const struct route *route) {
    struct span element = message_head_value(telling->verdict->request, HEADER_X_FORWARDED_CLIENT_CERT);
    if (telling->verdict->kind == VERDICT_FORWARD && element.size > 0)
        story_add(telling->story, STORY_ACTION, STORY_PLAIN, route->id, "the upstream is told x-forwarded-client-cert: %.*s",
                  SPAN_ARGUMENTS(element));
}

static void tell_edits(const struct telling *telling, const struct route *route) {
    struct message_head copy;
    if (telling->verdict->kind != VERDICT_FORWARD || route->rewrite == NULL)
        return;
    message_head_copy(telling->verdict->request, telling->arena, &copy);
    rewrite_apply(route->rewrite, &copy, false);
    story_add(telling->story, STORY_ACTION, STORY_PLAIN, route->id, "the upstream is asked for %.*s of host %.*s", SPAN_ARGUMENTS(copy.path),
              SPAN_ARGUMENTS(copy.authority));
}

void tell_action(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    const struct route *route = verdict->decision.route;
    char *text = NULL;
    size_t size = 0;
    if (route == NULL)
        return;
    FILE *output = open_memstream(&text, &size);
    /* Destinations and rewrites are told below, unless the former have headers of their own. */
    bool whole = route->action != ROUTE_FORWARD;
    for (size_t i = 0; i < route->destinations.count; i++)
        whole |= route->destinations.items[i].headers != NULL;
    (whole ? snapshot_dump_action : snapshot_dump_treatment)(route, output);
    fclose(output);
    tell_lines(telling, STORY_ACTION, route->id, span_make(text, size), 0);
    free(text);
    tell_edits(telling, route);
    tell_client(telling, route);
    if (verdict->is_preflight)
        story_add(telling->story, STORY_ACTION, STORY_CHOSEN, route->id, "corsPolicy answers this preflight; it does not reach the upstream");
    if (verdict->is_fault)
        story_add(telling->story, STORY_ACTION, STORY_CHOSEN, route->id, "fault.abort answers every request");
    if (verdict->kind == VERDICT_ANSWERED && verdict->reply.location.size > 0)
        story_add(telling->story, STORY_ACTION, STORY_PLAIN, route->id, "location: %.*s", SPAN_ARGUMENTS(verdict->reply.location));
}

/* --- Clusters --- */

struct span tell_cluster_fault(const struct telling *telling, const struct weighted_cluster *destination) {
    const struct cluster *cluster = destination->cluster;
    if (cluster == NULL)
        return SPAN_LITERAL("there is no such cluster");
    if (cluster->refusal.size > 0)
        return cluster->refusal;
    const struct cluster *known = verdict_endpoints(cluster, telling->endpoints);
    if (known == NULL && telling->endpoints == NULL)
        return SPAN_EMPTY;
    if (known == NULL)
        return SPAN_LITERAL("DNS gave no address for it");
    return known->endpoint_count == 0 ? SPAN_LITERAL("it has no usable endpoint") : SPAN_EMPTY;
}

const char *tell_absence(enum endpoint_absence reason) {
    switch (reason) {
    case ENDPOINT_NOT_READY: return "is not ready";
    case ENDPOINT_POD_GONE: return "is stale: its Pod is not in the input";
    case ENDPOINT_NOT_IN_SUBSET: return "has not the labels of the subset";
    case ENDPOINT_WANTS_MUTUAL_TLS: return "takes nothing but mutual TLS, and the gateway has no identity in the mesh";
    }
    UNREACHABLE();
}

static void tell_absent(const struct telling *telling, const struct cluster *cluster) {
    for (size_t i = 0; i < cluster->absent_count; i++) {
        const struct absent_endpoint *endpoint = &cluster->absent[i];
        story_add(telling->story, STORY_UPSTREAM, STORY_REJECTED, endpoint->id, "endpoint %.*s %s", SPAN_ARGUMENTS(endpoint->address),
                  tell_absence(endpoint->reason));
    }
}

/* As many as a person reads. */
#define ENDPOINTS_TOLD_MAX 50

static void tell_endpoints(const struct telling *telling, const struct cluster *cluster) {
    const struct cluster *known = verdict_endpoints(cluster, telling->endpoints);
    struct story *story = telling->story;
    for (size_t i = 0; known != NULL && i < known->endpoint_count && i < ENDPOINTS_TOLD_MAX; i++)
        story_add(story, STORY_UPSTREAM, STORY_CHOSEN, cluster->id, "endpoint %.*s is usable", SPAN_ARGUMENTS(known->endpoints[i].address_text));
    if (known != NULL && known->endpoint_count > ENDPOINTS_TOLD_MAX)
        story_add(story, STORY_UPSTREAM, STORY_CHOSEN, cluster->id, "and %zu more", known->endpoint_count - ENDPOINTS_TOLD_MAX);
    if (known == NULL && telling->endpoints == NULL)
        story_add(story, STORY_UPSTREAM, STORY_PLAIN, cluster->id, "DNS tells the endpoints while the gateway runs");
    tell_absent(telling, cluster);
}

/* The DestinationRule, and what of it has no effect. */
static void tell_policy(const struct telling *telling, uint32_t id) {
    const struct background *background = telling->snapshot->background;
    struct span rule = snapshot_origin(telling->snapshot, id).object;
    story_add(telling->story, STORY_UPSTREAM, STORY_PLAIN, id, "this DestinationRule applies");
    for (size_t i = 0; i < background->remark_count; i++) {
        const struct background_remark *remark = &background->remarks[i];
        if (remark->severity > 0 && span_equal(snapshot_origin(telling->snapshot, remark->id).object, rule))
            story_add(telling->story, STORY_UPSTREAM, STORY_CONCERN, remark->id, "%.*s", SPAN_ARGUMENTS(remark->message));
    }
}

static void tell_cluster(const struct telling *telling, const struct cluster *cluster) {
    struct story *story = telling->story;
    struct span timeout = tell_duration(telling->arena, cluster->connect_timeout_ns);
    story_add(story, STORY_UPSTREAM, STORY_PLAIN, cluster->id, "%.*s to %.*s, port %u, TLS: %.*s, connect timeout: %.*s",
              SPAN_ARGUMENTS(cluster_protocol_name(cluster->protocol)), SPAN_ARGUMENTS(cluster->host), cluster->port,
              SPAN_ARGUMENTS(cluster->tls == NULL ? SPAN_LITERAL("none") : cluster->tls->description), SPAN_ARGUMENTS(timeout));
    if (cluster->policy_id != 0)
        tell_policy(telling, cluster->policy_id);
    tell_endpoints(telling, cluster);
}

void tell_upstream(const struct telling *telling) {
    const struct destinations *destinations = telling->verdict->destinations;
    struct story *story = telling->story;
    bool carries_requests = telling->verdict->chain != NULL && filter_chain_is_http(telling->verdict->chain);
    for (size_t i = 0; destinations != NULL && i < destinations->count; i++) {
        const struct weighted_cluster *item = &destinations->items[i];
        struct span fault = tell_cluster_fault(telling, item);
        unsigned percent = destinations->count == 1 || destinations->weight_total == 0 ? 100 : (unsigned)(item->weight * 100ULL / destinations->weight_total);
        story_add(story, STORY_UPSTREAM, fault.size > 0 ? STORY_REJECTED : STORY_CHOSEN, item->id, "%.*s, %u %% of the %s%s%.*s",
                  SPAN_ARGUMENTS(item->cluster_name), percent, carries_requests ? "requests" : "connections", fault.size > 0 ? ": " : "", SPAN_ARGUMENTS(fault));
        if (item->cluster != NULL)
            tell_cluster(telling, item->cluster);
    }
}
