/* Headline, cause, way out, notes: what a person reads first. */
#include "base/assert.h"
#include "explain/cause.h"
#include "tls/identity.h"
#include "wire/response_flag.h"

static struct span flags_text(struct arena *arena, uint32_t flags) {
    char text[RESPONSE_FLAGS_TEXT_MAX];
    size_t size = response_flags_print(flags, text);
    return arena_copy(arena, span_make(text, size));
}

static void set_headline(const struct telling *telling, struct span what) {
    struct span title = explain_request_title(telling->arena, telling->request);
    telling->story->headline = arena_print(telling->arena, "%.*s: %.*s", SPAN_ARGUMENTS(title), SPAN_ARGUMENTS(what));
}

static struct span closed_text(const struct telling *telling, const char *what) {
    const struct verdict *verdict = telling->verdict;
    struct span flags = flags_text(telling->arena, verdict->flags);
    return arena_print(telling->arena, "%s (flags %.*s%s%.*s)", what, SPAN_ARGUMENTS(flags), verdict->details.size > 0 ? ", " : "",
                       SPAN_ARGUMENTS(verdict->details));
}

static struct span what_text(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    struct arena *arena = telling->arena;
    struct span flags = flags_text(arena, verdict->flags);
    switch (verdict->kind) {
    case VERDICT_NO_LISTENER: return SPAN_LITERAL("connection refused, nothing listens there");
    case VERDICT_NO_CHAIN: return closed_text(telling, "connection closed, no filter chain takes it");
    case VERDICT_CHAIN_REFUSED: return closed_text(telling, "connection closed, the server is not served");
    case VERDICT_NO_CERTIFICATE: return closed_text(telling, "connection closed at the start of the handshake");
    case VERDICT_CLIENT_REFUSED: return closed_text(telling, "connection closed in the handshake, for the client's certificate");
    case VERDICT_NOT_TLS: return closed_text(telling, "connection closed, TLS was expected");
    case VERDICT_NOT_PLAINTEXT: return closed_text(telling, "connection closed, the handshake fails");
    case VERDICT_TUNNEL_CLOSED: return closed_text(telling, "connection closed, there is nowhere for it to go");
    case VERDICT_TUNNEL:
        return arena_print(arena, "passed on to %.*s", SPAN_ARGUMENTS(verdict->destination->cluster_name));
    case VERDICT_ANSWERED:
        return arena_print(arena, "%d by the gateway itself (flags %.*s, %.*s)", verdict->reply.status, SPAN_ARGUMENTS(flags),
                           SPAN_ARGUMENTS(verdict->details));
    case VERDICT_FORWARD:
        if (verdict->destination == NULL)
            return SPAN_LITERAL("accepted, HTTP is expected");
        return arena_print(arena, "forwarded to %.*s%s", SPAN_ARGUMENTS(verdict->destination->cluster_name),
                           verdict->destinations->count > 1 ? " and others" : "");
    }
    UNREACHABLE();
}

/* --- Answers --- */

static void cause_no_route(const struct telling *telling) {
    const struct virtual_host *host = telling->verdict->decision.virtual_host;
    struct story *story = telling->story;
    struct request_view view = request_view_of(telling->verdict->request);
    const struct route *nearest = NULL;
    struct match_trace trace, best = {NULL, SPAN_EMPTY, false};
    if (host == NULL) {
        cause_no_host(telling);
        return;
    }
    for (size_t i = 0; i < host->route_count; i++) {
        if (route_match_holds(&host->routes[i].match, &view, &trace) || (nearest != NULL && (trace.condition == NULL || best.condition != NULL)))
            continue;
        nearest = &host->routes[i];
        best = trace;
    }
    if (nearest == NULL) {
        story_set_cause(story, 0, "virtual host \"%.*s\" has no route", SPAN_ARGUMENTS(host->domain));
        return;
    }
    struct span why = tell_match_failure(telling->arena, &nearest->match, &best);
    story_set_cause(story, nearest->id, "none of the %zu route%s of \"%.*s\" matches; of this one %.*s", host->route_count,
                    host->route_count == 1 ? "" : "s", SPAN_ARGUMENTS(host->domain), SPAN_ARGUMENTS(why));
    story_set_way_out(story, nearest->id, "add a route that matches, or one without a match behind the others");
}

static void cause_remark(const struct telling *telling, uint32_t id, const char *otherwise) {
    const struct background_remark *remark = tell_remark_at(telling->snapshot, id);
    if (remark == NULL) {
        story_set_cause(telling->story, id, "%s", otherwise);
        return;
    }
    story_set_cause(telling->story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->message));
    if (remark->hint.size > 0)
        story_set_way_out(telling->story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
}

static void cause_no_endpoint(const struct telling *telling, const struct cluster *cluster) {
    struct story *story = telling->story;
    if (cluster->absent_count > 0)
        story_set_cause(story, cluster->absent[0].id, "no endpoint of %.*s is usable: %.*s %s%s", SPAN_ARGUMENTS(cluster->name),
                        SPAN_ARGUMENTS(cluster->absent[0].address), tell_absence(cluster->absent[0].reason),
                        cluster->absent_count > 1 ? "; the others are not usable either" : "");
    else if (cluster->name_count > 0)
        story_set_cause(story, cluster->id, "DNS gives no address for %.*s", SPAN_ARGUMENTS(cluster->names[0].host));
    cause_remark(telling, cluster->policy_id != 0 && tell_remark_at(telling->snapshot, cluster->id) == NULL ? cluster->policy_id : cluster->id,
                 "the cluster has no endpoint");
}

static void cause_misdirected(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    struct story *story = telling->story;
    const char *why = "its certificate is not the one that the connection showed";
    if (span_equal(verdict->details, SPAN_LITERAL("misdirected_request{not_terminated_here}")))
        why = "its TLS is not ended here";
    else if (span_equal(verdict->details, SPAN_LITERAL("misdirected_request{other_client_policy}")))
        why = "it asks something else of a client's certificate";
    story_set_cause(story, verdict->owner->id, "\"%.*s\" belongs to %.*s, and the connection is for \"%.*s\": %s", SPAN_ARGUMENTS(verdict->request->host),
                    SPAN_ARGUMENTS(verdict->owner->name), SPAN_ARGUMENTS(telling->request->sni), why);
    story_set_way_out(story, 0, "nothing: browsers open a connection of its own for it; other clients must");
}

static void cause_route(const struct telling *telling) {
    const struct decision *decision = &telling->verdict->decision;
    const struct virtual_host *host = decision->virtual_host;
    if (decision->route == NULL)
        return;
    struct span match = tell_match(telling->arena, &decision->route->match);
    story_set_cause(telling->story, decision->route->id, "route %zu of %zu for host \"%.*s\" is the first that matches: %.*s",
                    (size_t)(decision->route - host->routes) + 1, host->route_count, SPAN_ARGUMENTS(host->domain), SPAN_ARGUMENTS(match));
}

static void cause_refused(const struct telling *telling) {
    const struct decision *decision = &telling->verdict->decision;
    bool by_cluster = decision->destination != NULL && decision->destination->cluster != NULL;
    uint32_t id = by_cluster ? decision->destination->cluster->policy_id : decision->route->id;
    size_t colon;
    /* "Kind namespace/name: it is invalid": why it is was said when it was read. */
    struct span title = span_find_byte(decision->refusal, ':', &colon) ? span_first(decision->refusal, colon) : SPAN_EMPTY;
    const struct background_remark *remark = tell_remark_of(telling->snapshot, title);
    if (remark != NULL) {
        story_set_cause(telling->story, remark->id, "it is refused rather than served without what the configuration asks for: %.*s: %.*s",
                        SPAN_ARGUMENTS(title), SPAN_ARGUMENTS(remark->message));
        story_set_way_out(telling->story, remark->id, "%.*s%sserve without it by --allow-unsupported", SPAN_ARGUMENTS(remark->hint),
                          remark->hint.size > 0 ? ", or " : "");
        return;
    }
    story_set_cause(telling->story, id, "it is refused rather than served without what the configuration asks for: %.*s",
                    SPAN_ARGUMENTS(decision->refusal));
    story_set_way_out(telling->story, id, "take it out, or serve without it by --allow-unsupported");
}

static void cause_destination(const struct telling *telling, const struct weighted_cluster *destination) {
    if (destination == NULL)
        story_set_cause(telling->story, telling->verdict->chain->id, "the route has no destination");
    else if (destination->cluster == NULL)
        cause_remark(telling, destination->id, "its destination does not exist");
    else if (destination->cluster->refusal.size > 0)
        story_set_cause(telling->story, destination->cluster->policy_id, "%.*s", SPAN_ARGUMENTS(destination->cluster->refusal));
    else
        cause_no_endpoint(telling, destination->cluster);
}

static void cause_answered(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    if (verdict->is_fault || verdict->is_preflight) {
        cause_route(telling);
        return;
    }
    if (verdict->request == NULL || verdict->decision.kind == DECISION_FORWARD) {
        story_set_cause(telling->story, 0, "the request itself is refused before any route is looked at");
        return;
    }
    switch (verdict->decision.kind) {
    case DECISION_NO_ROUTE: cause_no_route(telling); break;
    case DECISION_NO_CLUSTER:
    case DECISION_NO_ENDPOINT: cause_destination(telling, verdict->decision.destination); break;
    case DECISION_REFUSED: cause_refused(telling); break;
    case DECISION_MISDIRECTED: cause_misdirected(telling); break;
    case DECISION_REDIRECT_TLS:
        story_set_cause(telling->story, verdict->chain->id, "httpsRedirect of a server for host \"%.*s\"",
                        SPAN_ARGUMENTS(verdict->decision.virtual_host->domain));
        break;
    case DECISION_REDIRECT:
    case DECISION_DIRECT_RESPONSE:
    case DECISION_FORWARD: cause_route(telling); break;
    }
}

/* --- Notes --- */

static bool is_more_specific(const struct route_match *match, const struct route_match *than) {
    if (match->path_match == PATH_MATCH_EXACT)
        return than->path_match != PATH_MATCH_EXACT;
    return match->path_match == PATH_MATCH_PREFIX && than->path_match == PATH_MATCH_PREFIX && match->path.size > than->path.size;
}

/* The first match counts, whatever comes behind it. */
static void note_order(const struct telling *telling) {
    const struct decision *decision = &telling->verdict->decision;
    if (decision->route == NULL)
        return;
    struct request_view view = request_view_of(telling->verdict->request);
    const struct virtual_host *host = decision->virtual_host;
    for (const struct route *route = decision->route + 1; route < host->routes + host->route_count; route++) {
        struct span match = tell_match(telling->arena, &route->match);
        if (!is_more_specific(&route->match, &decision->route->match) || !route_match_holds(&route->match, &view, NULL))
            continue;
        story_note(telling->story, route->id, "route %zu is more specific and would match, too, but comes later, and the first match counts: %.*s",
                   (size_t)(route - host->routes) + 1, SPAN_ARGUMENTS(match));
        return;
    }
}

static void note_protocol(const struct telling *telling) {
    const struct weighted_cluster *destination = telling->verdict->destination;
    const struct cluster *cluster = destination == NULL ? NULL : destination->cluster;
    if (telling->verdict->kind != VERDICT_FORWARD || cluster == NULL || !cluster->protocol_is_assumed || cluster->protocol != CLUSTER_HTTP1)
        return;
    bool grpc = span_starts_with(message_head_value(telling->verdict->request, HEADER_CONTENT_TYPE), SPAN_LITERAL("application/grpc"));
    story_note(telling->story, cluster->id, "the port's name \"%.*s\" says no protocol, so HTTP/1.1 is spoken to the upstream%s; write %s, or appProtocol",
               SPAN_ARGUMENTS(cluster->port_name), grpc ? ", which gRPC cannot be carried by" : "",
               grpc ? "grpc-..." : "http-... or grpc-...");
}

/* A server that lost the name to another: who asks may have meant it. */
static void note_dropped_server(const struct telling *telling) {
    const struct background *background = telling->snapshot->background;
    struct span name = explain_request_has_tls(telling->request) ? telling->request->sni : telling->request->host;
    for (size_t i = 0; i < background->gateway_count; i++) {
        for (size_t s = 0; s < background->gateways[i].server_count; s++) {
            const struct background_server *server = &background->gateways[i].servers[s];
            if (server->state != BACKGROUND_SERVER_DROPPED || server->port != telling->verdict->port || !cause_server_has(server, name))
                continue;
            const struct background_remark *remark = cause_remark_about(telling, 203, server->title);
            story_note(telling->story, server->id, "%.*s", SPAN_ARGUMENTS(remark == NULL ? server->title : remark->message));
            return;
        }
    }
}

static void note_port(const struct telling *telling) {
    const struct background *background = telling->snapshot->background;
    const struct verdict *verdict = telling->verdict;
    if (verdict->service_port == NULL && background->port_count > 0 && verdict->listener != NULL)
        story_note(telling->story, background->ports[0].id, "the gateway's Service has no port %u: clients reach it at the pod alone",
                   telling->request->port);
}

static void set_cause(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    switch (verdict->kind) {
    case VERDICT_NO_LISTENER: cause_no_listener(telling); break;
    case VERDICT_NO_CHAIN: cause_no_chain(telling); break;
    case VERDICT_NO_CERTIFICATE: cause_no_certificate(telling); break;
    case VERDICT_NOT_PLAINTEXT: cause_not_plaintext(telling); break;
    case VERDICT_CHAIN_REFUSED:
        story_set_cause(telling->story, verdict->chain->id, "%.*s: %.*s", SPAN_ARGUMENTS(verdict->chain->name), SPAN_ARGUMENTS(verdict->chain->refusal));
        break;
    case VERDICT_CLIENT_REFUSED:
        story_set_cause(telling->story, verdict->chain->id, "%.*s demands a certificate of its clients, and %s", SPAN_ARGUMENTS(verdict->chain->name),
                        verdict->client_error.text);
        story_set_way_out(telling->story, 0, "show a certificate that the server trusts: --client-cert FILE here, --cert with curl");
        break;
    case VERDICT_NOT_TLS:
        story_set_cause(telling->story, verdict->chain->id, "%.*s speaks TLS, and the client speaks plaintext", SPAN_ARGUMENTS(verdict->chain->name));
        story_set_way_out(telling->story, 0, "ask by https://");
        break;
    case VERDICT_TUNNEL_CLOSED: cause_destination(telling, verdict->destination); break;
    case VERDICT_TUNNEL:
        story_set_cause(telling->story, verdict->chain->id, "%.*s leads there", SPAN_ARGUMENTS(verdict->chain->name));
        break;
    case VERDICT_ANSWERED: cause_answered(telling); break;
    case VERDICT_FORWARD: cause_route(telling); break;
    }
}

/* Who keeps Secrets elsewhere wants to know of the routes all the same. */
static void note_routes_behind(const struct telling *telling) {
    if (telling->verdict->kind != VERDICT_NO_CERTIFICATE || !telling->snapshot->background->lacks_secrets)
        return;
    struct explain_request request = *telling->request;
    struct verdict verdict;
    struct story story;
    request.certificate_is_assumed = true;
    verdict_find(telling->snapshot, telling->endpoints, &request, telling->arena, &verdict);
    story_init(&story, telling->arena, telling->snapshot);
    struct telling behind = {&story, telling->snapshot, telling->endpoints, &request, &verdict, telling->arena};
    set_cause(&behind);
    struct span what = what_text(&behind);
    story_note(telling->story, story.cause_id, "the input holds no Secret at all; with the certificate it would be %.*s: %.*s", SPAN_ARGUMENTS(what),
               SPAN_ARGUMENTS(story.cause));
}

void tell_cause(const struct telling *telling) {
    set_headline(telling, what_text(telling));
    set_cause(telling);
    note_routes_behind(telling);
    note_order(telling);
    if (telling->story->cause_id == 0 || telling->verdict->kind == VERDICT_FORWARD || telling->verdict->kind == VERDICT_ANSWERED)
        note_dropped_server(telling);
    note_protocol(telling);
    note_port(telling);
}
