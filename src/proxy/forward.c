#include "proxy/forward.h"

#include <stdlib.h>

#include "base/memory.h"
#include "os/socket.h"
#include "proxy/access_log.h"
#include "proxy/client_identity.h"
#include "proxy/connect.h"
#include "proxy/destination_counters.h"
#include "proxy/tls_facts.h"
#include "proxy/tunnel.h"
#include "tls/client_policy.h"
#include "tls/session.h"
#include "wire/response_flag.h"

#define TLS_FACTS_BLOCK_BYTES 4096

struct forward {
    struct proxy_context *context;
    struct transport *downstream;
    const struct downstream_facts *facts;
    struct span cluster_name, host; /* heap copies */
    struct connect connect;
    struct tls_client_policy *policy; /* NULL: plaintext */
    struct span server_name;          /* a heap copy */
    struct timer handshake;           /* the deadline of the upstream's */
    uint64_t connect_timeout_ns;
    struct transport upstream;
    struct tunnel *tunnel; /* NULL until connected */
    struct ready_link refused;
    uint32_t flags; /* of wire/response_flag.h */
    struct span failure_reason, termination_details;
    char *failure_text; /* heap; what failure_reason may point to */
    uint64_t received_bytes, sent_bytes;
    struct destination_slot *counters; /* pinned; NULL: there is no destination */
    bool logged;
    struct grave grave;
    void *owner;
    void (*closed)(void *owner);
};

static void forward_count(struct forward *forward) {
    struct outcome outcome = {.response_flags = forward->flags, .protocol = COUNTED_TCP, .grpc_status = -1};
    if (forward->counters != NULL)
        destination_slot_count_outcome(forward->counters, &outcome);
}

static void forward_log(struct forward *forward) {
    struct proxy_context *context = forward->context;
    if (forward->logged)
        return;
    forward->logged = true;
    if (forward->tunnel != NULL) {
        forward->received_bytes = tunnel_received_bytes(forward->tunnel);
        forward->sent_bytes = tunnel_sent_bytes(forward->tunnel);
    }
    forward_count(forward);
    const struct access_log_format *format = context->current->snapshot->access_log;
    if (format == NULL)
        return;
    const struct downstream_facts *facts = forward->facts;
    struct access_log_record record = {
        .start_wall_ns = context_wall_ns(context, facts->start_ns),
        .start_ns = facts->start_ns,
        .end_ns = context->now_ns,
        .response_flags = forward->flags,
        .connection_termination_details = forward->termination_details,
        .upstream_transport_failure_reason = forward->failure_reason,
        .bytes_received = forward->received_bytes,
        .bytes_sent = forward->sent_bytes,
        .upstream_host = forward->host,
        .upstream_cluster = forward->cluster_name,
        .upstream_local = transport_local_address(&forward->upstream),
        .downstream_local = downstream_local(facts, forward->downstream),
        .downstream_remote = facts->remote,
        .downstream_direct_remote = facts->remote,
        .requested_server_name = facts->server_name,
        .tls_version = facts->tls_version,
        .tls_cipher = facts->tls_cipher,
        .connection_id = facts->connection_id,
        .downstream_session = facts->session,
        .downstream_identity = facts->shown_identity,
        .downstream_peer = facts->client == NULL ? NULL : &facts->client->peer,
    };
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, TLS_FACTS_BLOCK_BYTES);
    if (context->current->snapshot->settings.names_upstream_tls && forward->upstream.tls != NULL)
        record.upstream_tls = tls_facts_note(&arena, forward->upstream.tls);
    access_log_write(context->access_log, format, &record);
}

static void forward_finish(struct forward *forward) {
    forward_log(forward);
    forward->closed(forward->owner);
}

static void forward_refused(struct ready_link *link) {
    forward_finish(CONTAINER_OF(link, struct forward, refused));
}

static void forward_refuse(struct forward *forward, uint32_t flags, struct span details) {
    forward->flags |= flags;
    forward->termination_details = details;
    context_make_ready(forward->context, &forward->refused);
}

static struct span forward_copy(struct span text) {
    char *copy = memory_allocate(text.size + 1);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return span_make(copy, text.size);
}

/* The upstream's TLS failed; what the library says of it, if anything. */
static void forward_note_error(struct forward *forward) {
    struct span error = forward->upstream.tls == NULL ? SPAN_EMPTY : tls_session_error(forward->upstream.tls);
    if (error.size == 0)
        return;
    forward->failure_text = memory_allocate(error.size);
    for (size_t i = 0; i < error.size; i++)
        forward->failure_text[i] = error.data[i] == ' ' ? '_' : error.data[i];
    forward->failure_reason = span_make(forward->failure_text, error.size);
}

static void forward_tunnel_closed(void *owner, enum tunnel_end end) {
    struct forward *forward = owner;
    switch (end) {
    case TUNNEL_END_DOWNSTREAM_BROKEN:
        forward->flags |= RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION;
        break;
    case TUNNEL_END_IDLE:
        forward->termination_details = SPAN_LITERAL("idle_timeout");
        break;
    case TUNNEL_END_UPSTREAM_BROKEN:
        /* TLS 1.3: only now the upstream tells that it does not take the gateway's certificate. */
        forward_note_error(forward);
        break;
    case TUNNEL_END_NONE:
    case TUNNEL_END_ORDERLY:
        break;
    }
    forward_finish(forward);
}

static void forward_begin_tunnel(struct forward *forward) {
    forward->tunnel = tunnel_create(forward->context, forward->downstream, &forward->upstream, forward, forward_tunnel_closed);
    if (forward->counters != NULL)
        tunnel_count(forward->tunnel, &forward->counters->tcp_received_bytes, &forward->counters->tcp_sent_bytes);
}

static void forward_fail_handshake(struct forward *forward) {
    forward->failure_reason = SPAN_LITERAL("TLS_error:_the_peer_closed_the_connection_during_the_handshake");
    forward_note_error(forward);
    timer_cancel(&forward->context->timers, &forward->handshake);
    counter_add(&forward->context->counters.upstream_connect_failures, 1);
    forward->flags |= RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE | RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT;
    forward_finish(forward);
}

static void forward_go_on(struct transport *transport) {
    struct forward *forward = transport->owner;
    switch (transport_handshake(transport, SPAN_EMPTY)) {
    case TRANSPORT_OK:
        timer_cancel(&forward->context->timers, &forward->handshake);
        forward_begin_tunnel(forward);
        return;
    case TRANSPORT_WAIT: return;
    case TRANSPORT_ENDED:
    case TRANSPORT_BROKEN: forward_fail_handshake(forward); return;
    }
}

static void forward_upstream_failed(struct transport *transport) {
    forward_fail_handshake(transport->owner);
}

static void forward_handshake_expired(struct timer *timer) {
    struct forward *forward = CONTAINER_OF(timer, struct forward, handshake);
    counter_add(&forward->context->counters.upstream_connect_failures, 1);
    forward->flags |= RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE | RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT;
    forward_finish(forward);
}

static void forward_begin_tls(struct forward *forward) {
    struct transport *upstream = &forward->upstream;
    upstream->owner = forward;
    upstream->readable = forward_go_on;
    upstream->failed = forward_upstream_failed;
    if (forward->connect_timeout_ns > 0)
        timer_set(&forward->context->timers, &forward->handshake, forward->context->now_ns, forward->connect_timeout_ns);
    transport_start_tls(upstream, tls_session_create_client(forward->policy, forward->server_name, TLS_CARRIES_BYTES));
    forward_go_on(upstream);
}

static void forward_connected(struct connect *connect, enum connect_outcome outcome) {
    struct forward *forward = CONTAINER_OF(connect, struct forward, connect);
    /* Envoy's tcp_proxy: max_connect_attempts 1, so the first failure is also the last. */
    forward->failure_reason = connect_reason(connect);
    if (outcome != CONNECT_DONE) {
        counter_add(&forward->context->counters.upstream_connect_failures, 1);
        forward->flags |= RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE | RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT;
        forward_finish(forward);
        return;
    }
    connect_take(connect, &forward->upstream);
    counter_add(&forward->context->counters.upstream_connections, 1);
    if (forward->policy != NULL)
        forward_begin_tls(forward);
    else
        forward_begin_tunnel(forward);
}

/* While connecting, nothing is read from the client, so only its failure can be seen. */
static void forward_downstream_failed(struct transport *transport) {
    struct forward *forward = transport->owner;
    forward->flags |= RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION;
    connect_cancel(&forward->connect);
    list_remove(&forward->refused.link);
    forward_finish(forward);
}

static void forward_start(struct forward *forward, const struct destinations *destinations) {
    struct proxy_context *context = forward->context;
    const struct weighted_cluster *destination = destinations_pick(destinations, random_next(&context->random));
    if (destination == NULL) {
        forward_refuse(forward, RESPONSE_FLAG_NO_CLUSTER, SPAN_EMPTY);
        return;
    }
    forward->cluster_name = forward_copy(destination->cluster_name);
    const struct cluster *cluster = destination->cluster;
    if (cluster == NULL) {
        forward_refuse(forward, RESPONSE_FLAG_NO_CLUSTER, SPAN_EMPTY);
        return;
    }
    forward->counters = destination_slot_of(cluster->counters, context->worker_index);
    if (forward->counters != NULL) {
        destination_slot_pin(forward->counters);
        counter_add(&forward->counters->tcp_opened, 1);
    }
    if (cluster->refusal.size > 0) {
        /* Fails closed: rule 17. */
        forward_refuse(forward, RESPONSE_FLAG_NO_HEALTHY_UPSTREAM, SPAN_LITERAL("unsupported_policy"));
        return;
    }
    const struct endpoint *endpoint = context_pick_endpoint(context, cluster, NULL, 0);
    if (endpoint == NULL) {
        forward_refuse(forward, RESPONSE_FLAG_NO_HEALTHY_UPSTREAM, SPAN_EMPTY);
        return;
    }
    forward->host = forward_copy(endpoint->address_text);
    const struct cluster_tls *tls = cluster_tls_of(cluster, endpoint);
    if (tls != NULL) {
        /* There is no request whose host could be asked for. */
        forward->policy = tls_client_policy_pin(tls->policy);
        forward->server_name = forward_copy(tls->server_name);
    }
    forward->connect_timeout_ns = cluster->connect_timeout_ns;
    connect_start(&forward->connect, &endpoint->address, cluster->connect_timeout_ns);
}

static void forward_free(struct grave *grave) {
    struct forward *forward = CONTAINER_OF(grave, struct forward, grave);
    free((void *)(uintptr_t)forward->cluster_name.data);
    free((void *)(uintptr_t)forward->host.data);
    free((void *)(uintptr_t)forward->server_name.data);
    free(forward->failure_text);
    if (forward->counters != NULL)
        destination_slot_unpin(forward->counters);
    tls_client_policy_unpin(forward->policy);
    free(forward);
}

struct forward *forward_create(struct proxy_context *context, struct transport *downstream, const struct downstream_facts *facts,
                               const struct destinations *destinations, void *owner, void (*closed)(void *owner)) {
    struct forward *forward = memory_allocate_zeroed(1, sizeof(*forward));
    forward->context = context;
    forward->downstream = downstream;
    forward->facts = facts;
    forward->owner = owner;
    forward->closed = closed;
    forward->upstream.source.descriptor = -1;
    forward->refused.function = forward_refused;
    forward->grave.free_owner = forward_free;
    list_init(&forward->refused.link);
    list_init(&forward->grave.link);
    connect_init(&forward->connect, context, forward_connected);
    timer_init(&forward->handshake, forward_handshake_expired);
    downstream->owner = forward;
    downstream->readable = NULL;
    downstream->drained = NULL;
    downstream->failed = forward_downstream_failed;
    transport_pause(downstream);
    forward_start(forward, destinations);
    return forward;
}

void forward_destroy(struct forward *forward) {
    forward_log(forward);
    timer_cancel(&forward->context->timers, &forward->handshake);
    connect_cancel(&forward->connect);
    list_remove(&forward->refused.link);
    if (forward->tunnel != NULL)
        tunnel_destroy(forward->tunnel);
    forward->tunnel = NULL;
    transport_deinit(&forward->upstream);
    context_bury(forward->context, &forward->grave);
}
