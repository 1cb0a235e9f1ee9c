#include "proxy/connection.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/socket.h"
#include "proxy/client_identity.h"
#include "proxy/forward.h"
#include "proxy/handshake_log.h"
#include "tls/identity.h"

#define PHASE(name) (1u << CONNECTION_##name)

static const unsigned connection_next_phases[CONNECTION_PHASE_COUNT] = {
    [CONNECTION_ACCEPTED] = PHASE(SNIFF) | PHASE(HTTP) | PHASE(TUNNEL) | PHASE(CLOSING),
    [CONNECTION_SNIFF] = PHASE(HANDSHAKE) | PHASE(HTTP) | PHASE(TUNNEL) | PHASE(CLOSING),
    [CONNECTION_HANDSHAKE] = PHASE(HTTP) | PHASE(TUNNEL) | PHASE(CLOSING),
    [CONNECTION_HTTP] = PHASE(CLOSING),
    [CONNECTION_TUNNEL] = PHASE(CLOSING),
    [CONNECTION_CLOSING] = 0,
};

void connection_change_phase(struct connection *connection, enum connection_phase phase) {
    ASSERT(connection->tag == CONNECTION_TAG);
    ASSERT(connection_next_phases[connection->phase] & (1u << phase));
    if (connection->phase == CONNECTION_SNIFF)
        sniff_deinit(connection_sniff(connection));
    if (phase == CONNECTION_SNIFF)
        newcomers_add(&connection->context->newcomers, &connection->newcomer);
    else if (phase != CONNECTION_HANDSHAKE)
        newcomers_remove(&connection->context->newcomers, &connection->newcomer);
    connection->phase = phase;
}

static void newcomer_run(struct newcomer *newcomer) {
    struct connection *connection = CONTAINER_OF(newcomer, struct connection, newcomer);
    if (connection->phase == CONNECTION_SNIFF)
        sniff_readable(connection);
    else if (connection->phase == CONNECTION_HANDSHAKE)
        handshake_readable(connection);
}

static void newcomer_evict(struct newcomer *newcomer) {
    struct connection *connection = CONTAINER_OF(newcomer, struct connection, newcomer);
    connection_close(connection, CLOSE_REASON_HANDSHAKE_EVICTED, true);
}

void connection_newcomer_readable(struct transport *transport) {
    struct connection *connection = transport->owner;
    /* What a peer said before it went is lost after this. */
    if (transport->broken)
        newcomer_run(&connection->newcomer);
    else
        newcomers_queue(&connection->context->newcomers, &connection->newcomer);
}

struct sniff *connection_sniff(struct connection *connection) {
    ASSERT(connection->tag == CONNECTION_TAG && connection->phase == CONNECTION_SNIFF);
    return &connection->of_phase.sniff;
}

static struct http_connection **connection_http(struct connection *connection) {
    ASSERT(connection->tag == CONNECTION_TAG && connection->phase == CONNECTION_HTTP);
    return &connection->of_phase.http;
}

static struct forward **connection_forward(struct connection *connection) {
    ASSERT(connection->tag == CONNECTION_TAG && connection->phase == CONNECTION_TUNNEL);
    return &connection->of_phase.forward;
}

bool listener_key_make(struct span bind, uint16_t port, struct listener_key *ret_key) {
    if (bind.size > CONNECTION_BIND_MAX)
        return false;
    *ret_key = (struct listener_key){.port = port, .bind_size = (uint8_t)bind.size};
    if (bind.size > 0)
        memcpy(ret_key->bind, bind.data, bind.size);
    return true;
}

const struct listener *listener_key_find(const struct listener_key *key, const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener *listener = snapshot->listeners[i];
        if (listener->port == key->port && span_equal(listener->bind, span_make(key->bind, key->bind_size)))
            return listener;
    }
    return NULL;
}

struct network_address downstream_local(const struct downstream_facts *facts, const struct transport *transport) {
    return facts->local.size != 0 ? facts->local : transport_local_address(transport);
}

bool connection_may_warn(struct connection *connection) {
    struct proxy_context *context = connection->context;
    if (context->now_ns < context->next_warning_ns)
        return false;
    context->next_warning_ns = context->now_ns + SECONDS(1);
    return true;
}

static void connection_free(struct connection *connection) {
    struct proxy_context *context = connection->context;
    free(connection->server_name);
    tls_identity_unpin(connection->facts.shown_identity);
    client_identity_destroy(connection->facts.client);
    connection->tag = 0;
    counter_subtract(&context->counters.connections_active, 1);
    pool_release(&context->connections, connection);
}

/* Twice in the grave: first everything that hangs on the connection goes, and buries in turn what belongs to it; then its own memory. */
static void connection_exhume(struct grave *grave) {
    struct connection *connection = CONTAINER_OF(grave, struct connection, grave);
    if (connection->torn_down) {
        connection_free(connection);
        return;
    }
    connection->torn_down = true;
    transport_deinit(&connection->transport);
    context_bury(connection->context, grave);
}

static void connection_exhume_http(struct grave *grave) {
    struct connection *connection = CONTAINER_OF(grave, struct connection, grave);
    http_connection_destroy(connection->of_phase.http);
    grave->free_owner = connection_exhume;
    connection_exhume(grave);
}

static void connection_exhume_forward(struct grave *grave) {
    struct connection *connection = CONTAINER_OF(grave, struct connection, grave);
    forward_destroy(connection->of_phase.forward);
    grave->free_owner = connection_exhume;
    connection_exhume(grave);
}

static void connection_unpin(struct connection *connection) {
    if (connection->pinned != NULL)
        context_unpin(connection->context, connection->pinned);
    connection->pinned = NULL;
}

/* It ends before it was anything. */
static void connection_count_closed(const struct connection *connection, enum close_reason reason) {
    counter_add(&connection->context->counters.connections_closed[reason], 1);
    handshake_log(connection, reason);
}

void connection_close(struct connection *connection, enum close_reason reason, bool reset) {
    struct proxy_context *context = connection->context;
    enum connection_phase phase = connection->phase;
    if (phase == CONNECTION_CLOSING)
        return;
    if (phase == CONNECTION_SNIFF || phase == CONNECTION_HANDSHAKE)
        connection_count_closed(connection, reason);
    connection_change_phase(connection, CONNECTION_CLOSING);
    connection->close_reason = reason;
    if (reset)
        transport_set_reset(&connection->transport);
    timer_cancel(&context->timers, &connection->deadline);
    list_remove(&connection->live);
    connection_unpin(connection);
    connection->grave.free_owner = phase == CONNECTION_HTTP     ? connection_exhume_http
                                   : phase == CONNECTION_TUNNEL ? connection_exhume_forward
                                                                : connection_exhume;
    context_bury(context, &connection->grave);
}

void connection_refuse_hello(struct connection *connection, enum close_reason reason, bool reset) {
    /* RFC 8446 sections 5.1 and 6: an alert of level fatal, before any key. */
    const char record[] = {21, 3, 3, 0, 2, 2, (char)connection->alert};
    bool told = connection->alert != 0 && transport_write(&connection->transport, span_make(record, sizeof(record)));
    connection_close(connection, reason, reset && !told);
}

static void http_phase_closed(void *owner) {
    connection_close(owner, CLOSE_REASON_COMPLETE, false);
}

/* Finds the chain again by the stored SNI under the pinned snapshot: rule 9 of the data plane. None when it is gone or is no longer what the
 * connection was opened for; a changed client-certificate policy shows in the session id context. */
static void connection_match_again(struct connection *connection, const struct snapshot *snapshot) {
    struct downstream_facts *facts = &connection->facts;
    if (snapshot->generation == connection->matched_generation)
        return;
    const struct listener *listener = listener_key_find(&connection->listener_key, snapshot);
    const struct filter_chain *chain = listener == NULL ? NULL : listener_match(listener, facts->server_name);
    bool fits = chain != NULL && chain->kind == connection->kind && chain->refusal.size == 0 &&
                memcmp(chain->session_id_context, connection->session_id_context, SESSION_ID_CONTEXT_BYTES) == 0;
    facts->listener = listener;
    facts->chain = fits ? chain : NULL;
    facts->chain_changed = !fits && chain != NULL && chain->kind == connection->kind && chain->refusal.size == 0;
    connection->matched_generation = snapshot->generation;
}

static struct pinned_snapshot *http_phase_begin(void *owner, const struct filter_chain **ret_chain) {
    struct connection *connection = owner;
    struct pinned_snapshot *pinned = context_pin_current(connection->context);
    connection_match_again(connection, pinned->snapshot);
    *ret_chain = connection->facts.chain;
    return pinned;
}

static void http_phase_readable(struct transport *transport) {
    struct connection *connection = transport->owner;
    if (connection->phase == CONNECTION_HTTP)
        http_connection_readable(*connection_http(connection));
}

static void http_phase_drained(struct transport *transport) {
    struct connection *connection = transport->owner;
    if (connection->phase == CONNECTION_HTTP)
        http_connection_drained(*connection_http(connection));
}

static void http_phase_failed(struct transport *transport) {
    struct connection *connection = transport->owner;
    if (connection->phase == CONNECTION_HTTP)
        http_connection_failed(*connection_http(connection));
}

static void connection_begin_http(struct connection *connection) {
    struct proxy_context *context = connection->context;
    struct transport *transport = &connection->transport;
    connection_change_phase(connection, CONNECTION_HTTP);
    transport->owner = connection;
    transport->readable = http_phase_readable;
    transport->drained = http_phase_drained;
    transport->failed = http_phase_failed;
    *connection_http(connection) =
        http_connection_create(context, transport, &connection->facts, connection, http_phase_closed, http_phase_begin);
    if (transport->may_read || transport->unread.size > 0)
        http_connection_readable(*connection_http(connection));
}

static void forward_phase_closed(void *owner) {
    connection_close(owner, CLOSE_REASON_COMPLETE, false);
}

static void connection_begin_tunnel(struct connection *connection) {
    struct proxy_context *context = connection->context;
    if (connection->pinned == NULL)
        connection->pinned = context_pin_current(context);
    connection_match_again(connection, connection->pinned->snapshot);
    if (connection->facts.chain == NULL) {
        connection_close(connection, CLOSE_REASON_CONFIGURATION_GONE, false);
        return;
    }
    connection_change_phase(connection, CONNECTION_TUNNEL);
    *connection_forward(connection) = forward_create(context, &connection->transport, &connection->facts,
                                                     &connection->facts.chain->destinations, connection, forward_phase_closed);
    connection_unpin(connection);
}

void connection_established(struct connection *connection) {
    timer_cancel(&connection->context->timers, &connection->deadline);
    if (connection->kind == FILTER_CHAIN_HTTP || connection->kind == FILTER_CHAIN_HTTPS)
        connection_begin_http(connection);
    else
        connection_begin_tunnel(connection);
}

void connection_matched(struct connection *connection, const struct filter_chain *chain, struct span bytes, bool is_tls) {
    connection->facts.chain = chain;
    connection->kind = chain->kind;
    connection->matched_generation = connection->pinned->snapshot->generation;
    memcpy(connection->session_id_context, chain->session_id_context, SESSION_ID_CONTEXT_BYTES);
    if (chain->refusal.size > 0) {
        if (connection_may_warn(connection))
            log_warning("connection closed: %.*s asks for what is not supported: %.*s", SPAN_ARGUMENTS(chain->name),
                        SPAN_ARGUMENTS(chain->refusal));
        connection_close(connection, CLOSE_REASON_HANDSHAKE_FAILED, true);
    } else if (!filter_chain_terminates_tls(chain)) {
        transport_unread(&connection->transport, bytes);
        connection_established(connection);
    } else if (is_tls) {
        handshake_begin(connection, bytes);
    } else {
        connection_refuse_hello(connection, CLOSE_REASON_NOT_TLS, false);
    }
    connection_unpin(connection);
}

static void connection_ignore(struct transport *transport) {
    (void)transport;
}

static void connection_begin(struct connection *connection, const struct listener *listener, bool retiring) {
    if (listener->inspects_tls) {
        connection_change_phase(connection, CONNECTION_SNIFF);
        if (retiring)
            connection->pinned = context_pin_current(connection->context);
        sniff_begin(connection);
        return;
    }
    const struct filter_chain *chain = listener_match(listener, SPAN_EMPTY);
    if (chain == NULL) {
        /* Nothing was read, so nothing is logged. */
        connection_close(connection, CLOSE_REASON_NO_FILTER_CHAIN, true);
        return;
    }
    connection->pinned = context_pin_current(connection->context);
    connection_matched(connection, chain, SPAN_EMPTY, false);
}

void connection_accept(struct proxy_context *context, int descriptor, const struct network_address *peer, const struct listener_key *key,
                       bool retiring) {
    const struct listener *listener = context->current == NULL ? NULL : listener_key_find(key, context->current->snapshot);
    struct connection *connection = listener == NULL ? NULL : pool_take(&context->connections);
    if (connection == NULL) {
        socket_set_reset(descriptor);
        socket_close(descriptor);
        return;
    }
    *connection = (struct connection){.tag = CONNECTION_TAG, .phase = CONNECTION_ACCEPTED, .context = context, .listener_key = *key};
    counter_add(&context->counters.connections_accepted, 1);
    counter_add(&context->counters.connections_active, 1);
    list_push_back(&context->live_connections, &connection->live);
    list_init(&connection->grave.link);
    newcomer_init(&connection->newcomer, newcomer_run, newcomer_evict);
    timer_init(&connection->deadline, NULL);
    if (transport_init(&connection->transport, context, descriptor) < 0) {
        socket_close(descriptor);
        connection_close(connection, CLOSE_REASON_MEMORY_CEILING, false);
        return;
    }
    connection->transport.owner = connection;
    connection->transport.readable = connection_ignore;
    bool logs = context->current->snapshot->access_log != NULL;
    connection->facts = (struct downstream_facts){
        .local = logs ? transport_local_address(&connection->transport) : (struct network_address){.port = key->port},
        .remote = *peer,
        .connection_id = ++context->next_connection_id,
        .start_ns = context->now_ns,
        .listener = listener,
    };
    connection_begin(connection, listener, retiring);
}

void connection_drain(struct connection *connection) {
    if (connection->phase == CONNECTION_HTTP)
        http_connection_drain(*connection_http(connection));
}
