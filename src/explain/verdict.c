#include "explain/verdict.h"

#include "base/assert.h"
#include "proxy/client_identity.h"
#include "proxy/coalesce.h"
#include "proxy/cors.h"
#include "proxy/fault.h"
#include "proxy/handshake_log.h"
#include "proxy/request_rules.h"
#include "tls/client_demand.h"
#include "tls/peer.h"
#include "wire/authority.h"
#include "wire/close_reason.h"
#include "wire/http1_head.h"
#include "wire/response_flag.h"

#define MILLION 1000000

static void close_for(struct verdict *verdict, enum verdict_kind kind, enum close_reason reason) {
    verdict->kind = kind;
    verdict->flags = close_reason_flag(reason);
    verdict->details = close_reason_word(reason);
}

/* A client reaches the gateway by a port of its Service; a port that no Service has is a container's. */
static void find_port(const struct snapshot *snapshot, uint16_t port, struct verdict *verdict) {
    const struct background *background = snapshot->background;
    verdict->port = port;
    for (size_t i = 0; background != NULL && i < background->port_count; i++) {
        if (background->ports[i].service_port != port)
            continue;
        verdict->service_port = &background->ports[i];
        verdict->port = background->ports[i].target_port;
        return;
    }
}

/* Of several addresses on one port the one that takes all, else the first. */
static const struct listener *find_listener(const struct snapshot *snapshot, uint16_t port) {
    const struct listener *found = NULL;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener *listener = snapshot->listeners[i];
        if (listener->port == port && (found == NULL || listener->bind.size == 0))
            found = listener;
    }
    return found;
}

const struct cluster *verdict_endpoints(const struct cluster *cluster, const struct endpoint_table *endpoints) {
    return cluster->name_count == 0 ? cluster : endpoint_table_find(endpoints, cluster->name);
}

/* --- Bytes --- */

static bool cluster_is_usable(const struct cluster *cluster, const struct endpoint_table *endpoints) {
    const struct cluster *known = verdict_endpoints(cluster, endpoints);
    return cluster->refusal.size == 0 && (known == NULL ? cluster->name_count > 0 && endpoints == NULL : known->endpoint_count > 0);
}

static void find_tunnel(struct verdict *verdict, const struct endpoint_table *endpoints) {
    verdict->destinations = &verdict->chain->destinations;
    verdict->destination = destinations_pick(verdict->destinations, 0);
    verdict->kind = VERDICT_TUNNEL_CLOSED;
    if (verdict->destination == NULL || verdict->destination->cluster == NULL) {
        verdict->flags = RESPONSE_FLAG_NO_CLUSTER;
    } else if (!cluster_is_usable(verdict->destination->cluster, endpoints)) {
        verdict->flags = RESPONSE_FLAG_NO_HEALTHY_UPSTREAM;
        if (verdict->destination->cluster->refusal.size > 0)
            verdict->details = SPAN_LITERAL("unsupported_policy");
    } else {
        verdict->kind = VERDICT_TUNNEL;
    }
}

/* --- HTTP --- */

static void answer(struct verdict *verdict, struct local_reply reply) {
    verdict->kind = VERDICT_ANSWERED;
    verdict->reply = reply;
    verdict->flags = reply.flags;
    verdict->details = reply.details;
}

/* Of CONNECT the host with its port, and no path (RFC 9112 3.2.3). */
static struct span target_of(const struct explain_request *request, struct arena *arena) {
    struct authority parts;
    if (!span_equal(request->method, SPAN_LITERAL("CONNECT")))
        return request->path;
    if (authority_parse(request->authority, &parts) && parts.port_number > 0)
        return request->authority;
    return arena_print(arena, "%.*s:%u", SPAN_ARGUMENTS(request->authority), request->port);
}

/* Through the parser that reads clients' requests. */
static bool parse_request(const struct explain_request *request, struct arena *arena, struct verdict *verdict) {
    struct span target = target_of(request, arena);
    struct span text = arena_print(arena, "%.*s %.*s HTTP/1.1\r\n%s%.*s\r\n", SPAN_ARGUMENTS(request->method), SPAN_ARGUMENTS(target),
                                   "Host: ", SPAN_ARGUMENTS(request->authority));
    for (size_t i = 0; i < request->header_count; i++)
        text = arena_print(arena, "%.*s%.*s: %.*s\r\n", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(request->headers[i].name),
                           SPAN_ARGUMENTS(request->headers[i].value));
    text = arena_print(arena, "%.*s\r\n", SPAN_ARGUMENTS(text));
    struct http1_scan scan = {.offset = 0};
    struct http1_framing framing;
    struct message_head *head = arena_new(arena, struct message_head);
    size_t size;
    enum http1_fault fault = HTTP1_FAULT_NONE;
    enum http1_scan_status status = http1_scan(&scan, text, HTTP1_SECTION_REQUEST, &size, &fault);
    if (status == HTTP1_SCAN_COMPLETE)
        fault = http1_request_parse(arena, span_first(text, size), scan.line_count, head, &framing);
    if (fault != HTTP1_FAULT_NONE) {
        answer(verdict, local_reply_of_fault(fault));
        return false;
    }
    if (request->http2)
        head->version = HTTP_2;
    verdict->request = head;
    return true;
}

/* Whom the handshake has verified; only a server that demands a certificate is shown one. */
static void set_client(const struct explain_request *request, const struct filter_chain *chain, struct arena *arena, struct request_origin *origin) {
    struct tls_peer peer;
    if (chain->client_demand == NULL || request->client_certificate_pem.size == 0 ||
        !tls_peer_describe_pem(request->client_certificate_pem, arena, &peer))
        return;
    origin->has_client_certificate = true;
    origin->client_certificate = client_identity_print_for(arena, &peer, chain->identity);
}

static bool apply_rules(const struct snapshot *snapshot, const struct explain_request *request, struct arena *arena, struct verdict *verdict) {
    struct random random;
    struct network_address client;
    struct request_origin origin = {.peer = request->from, .tls = verdict->chain->kind == FILTER_CHAIN_HTTPS};
    origin.local.port = verdict->port;
    if (origin.tls)
        set_client(request, verdict->chain, arena, &origin);
    random_init(&random);
    enum request_verdict rules = request_rules_apply(verdict->request, &origin, &snapshot->settings, &random, &client);
    if (rules == REQUEST_ROUTE)
        return true;
    answer(verdict, local_reply_of_verdict(rules));
    return false;
}

/* As exchange_after_delay, without its draws. */
static void find_forward(const struct endpoint_table *endpoints, struct verdict *verdict) {
    const struct route *route = verdict->decision.route;
    const struct cors_grant *grant = NULL;
    const struct weighted_cluster *destination = verdict->decision.destination;
    if (route->fault != NULL && route->fault->abort_status != 0 && route->fault->abort_share >= MILLION) {
        verdict->is_fault = true;
        answer(verdict, fault_reply(route->fault));
    } else if (cors_decide(route->cors, verdict->request, &grant) == CORS_PREFLIGHT) {
        verdict->is_preflight = true;
        answer(verdict, cors_preflight_reply(route->cors, verdict->request, grant));
    } else if (verdict->decision.kind != DECISION_FORWARD) {
        answer(verdict, local_reply_of_decision(&verdict->decision, verdict->request));
    } else if (!cluster_is_usable(destination->cluster, endpoints)) {
        verdict->decision.kind = DECISION_NO_ENDPOINT;
        answer(verdict, local_reply_of_decision(&verdict->decision, verdict->request));
    } else {
        verdict->kind = VERDICT_FORWARD;
    }
}

static void find_http(const struct snapshot *snapshot, const struct endpoint_table *endpoints, const struct explain_request *request,
                      struct arena *arena, struct verdict *verdict) {
    const struct filter_chain *chain = verdict->chain;
    if (!parse_request(request, arena, verdict) || !apply_rules(snapshot, request, arena, verdict))
        return;
    decide(chain->routes, verdict->request, 0, &verdict->decision);
    verdict->routed = true;
    if (verdict->decision.virtual_host == NULL && chain->kind == FILTER_CHAIN_HTTPS && chain->identity != NULL) {
        coalesce_route(&snapshot->settings, verdict->listener, chain, chain->identity, verdict->request, 0, &verdict->decision);
        if (verdict->decision.coalesced || verdict->decision.kind == DECISION_MISDIRECTED)
            verdict->owner = listener_match(verdict->listener, verdict->request->host);
    }
    const struct route *route = verdict->decision.route;
    if (route != NULL && route->action == ROUTE_FORWARD) {
        verdict->destinations = &route->destinations;
        verdict->destination = verdict->decision.destination;
        find_forward(endpoints, verdict);
    } else {
        answer(verdict, local_reply_of_decision(&verdict->decision, verdict->request));
    }
}

/* --- The connection --- */

static void find_chain(const struct explain_request *request, struct verdict *verdict) {
    bool tls = explain_request_has_tls(request);
    enum tls_failure failure;
    verdict->chain = listener_match(verdict->listener, tls && verdict->listener->inspects_tls ? request->sni : SPAN_EMPTY);
    const struct filter_chain *chain = verdict->chain;
    /* As sniff_decide. */
    if (chain == NULL || (chain->wants_mesh_protocol && !(tls && request->mesh)))
        close_for(verdict, VERDICT_NO_CHAIN, CLOSE_REASON_NO_FILTER_CHAIN);
    else if (chain->refusal.size > 0)
        close_for(verdict, VERDICT_CHAIN_REFUSED, CLOSE_REASON_HANDSHAKE_FAILED);
    else if (filter_chain_terminates_tls(chain) && !tls)
        close_for(verdict, VERDICT_NOT_TLS, CLOSE_REASON_NOT_TLS);
    else if (filter_chain_terminates_tls(chain) && !filter_chain_can_shake_hands(chain) && !request->certificate_is_assumed)
        close_for(verdict, VERDICT_NO_CERTIFICATE, CLOSE_REASON_HANDSHAKE_NO_CERTIFICATE);
    else if (filter_chain_terminates_tls(chain) && chain->client_demand != NULL && !request->client_is_trusted &&
             !tls_client_demand_judge(chain->client_demand, request->client_certificate_pem, &failure, &verdict->client_error))
        close_for(verdict, VERDICT_CLIENT_REFUSED, handshake_close_reason(failure));
    else if (chain->kind == FILTER_CHAIN_HTTP && tls)
        close_for(verdict, VERDICT_NOT_PLAINTEXT, CLOSE_REASON_DOWNSTREAM_PROTOCOL_ERROR);
    else
        verdict->kind = VERDICT_FORWARD; /* so far */
}

void verdict_find(const struct snapshot *snapshot, const struct endpoint_table *endpoints, const struct explain_request *request,
                  struct arena *arena, struct verdict *ret_verdict) {
    struct verdict verdict = {.kind = VERDICT_NO_LISTENER};
    find_port(snapshot, request->port, &verdict);
    verdict.listener = find_listener(snapshot, verdict.port);
    if (verdict.listener != NULL)
        find_chain(request, &verdict);
    if (verdict.kind == VERDICT_FORWARD && filter_chain_is_http(verdict.chain) && explain_request_has_http(request))
        find_http(snapshot, endpoints, request, arena, &verdict);
    else if (verdict.kind == VERDICT_FORWARD && !filter_chain_is_http(verdict.chain))
        find_tunnel(&verdict, endpoints);
    *ret_verdict = verdict;
}

int verdict_status(const struct verdict *verdict) {
    return verdict->kind == VERDICT_ANSWERED ? verdict->reply.status : 0;
}

const char *verdict_word(const struct verdict *verdict) {
    switch (verdict->kind) {
    case VERDICT_NO_LISTENER: return "refused";
    case VERDICT_NO_CHAIN:
    case VERDICT_CHAIN_REFUSED:
    case VERDICT_NO_CERTIFICATE:
    case VERDICT_CLIENT_REFUSED:
    case VERDICT_NOT_TLS:
    case VERDICT_NOT_PLAINTEXT:
    case VERDICT_TUNNEL_CLOSED: return "closed";
    case VERDICT_TUNNEL: return "tunnel";
    case VERDICT_ANSWERED: return "answer";
    case VERDICT_FORWARD: return "forward";
    }
    UNREACHABLE();
}
