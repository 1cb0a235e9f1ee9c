#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "proxy/connection.h"

void sniff_deinit(struct sniff *sniff) {
    client_hello_reader_deinit(&sniff->reader);
    free(sniff->bytes);
    sniff->bytes = NULL;
}

static void sniff_keep(struct sniff *sniff, struct span bytes) {
    size_t wanted = sniff->size + bytes.size;
    if (wanted > sniff->capacity) {
        size_t capacity = sniff->capacity == 0 ? 2048 : (size_t)sniff->capacity * 2;
        if (capacity < wanted)
            capacity = wanted;
        sniff->bytes = memory_resize(sniff->bytes, capacity);
        sniff->capacity = (uint32_t)capacity;
    }
    memcpy(sniff->bytes + sniff->size, bytes.data, bytes.size);
    sniff->size = (uint32_t)wanted;
}

static void sniff_remember_name(struct connection *connection, struct span name) {
    if (name.size == 0)
        return;
    connection->server_name = memory_allocate(name.size);
    memcpy(connection->server_name, name.data, name.size);
    connection->facts.server_name = span_make(connection->server_name, name.size);
}

bool alpn_is_of_mesh(struct span protocol) {
    static const struct span protocols[] = {
        {"istio", 5}, {"istio-peer-exchange", 19}, {"istio-http/1.0", 14}, {"istio-http/1.1", 14}, {"istio-h2", 8}};
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
        if (span_equal(protocol, protocols[i]))
            return true;
    return false;
}

static bool hello_offers_mesh(const struct client_hello *hello) {
    struct span rest = hello->alpn_wire;
    struct span offered;
    while (client_hello_alpn_next(&rest, &offered))
        if (alpn_is_of_mesh(offered))
            return true;
    return false;
}

/* `bytes` are those of the last reading; what came before is in the sniff. */
static void sniff_decide(struct connection *connection, struct span bytes, const struct client_hello *hello) {
    struct sniff *sniff = connection_sniff(connection);
    char *kept CLEANUP(memory_free_pointer) = NULL;
    if (sniff->size > 0) {
        sniff_keep(sniff, bytes);
        bytes = span_make(sniff->bytes, sniff->size);
        kept = sniff->bytes; /* outlives the phase that ends below */
        sniff->bytes = NULL;
    }
    timer_cancel(&connection->context->timers, &connection->deadline);
    if (connection->pinned == NULL)
        connection->pinned = context_pin_current(connection->context);
    const struct listener *listener = listener_key_find(&connection->listener_key, connection->pinned->snapshot);
    const struct filter_chain *chain = listener == NULL ? NULL : listener_match(listener, connection->facts.server_name);
    connection->facts.listener = listener;
    /* No other chain is looked for, as in Envoy: the name has chosen. */
    if (chain == NULL || (chain->wants_mesh_protocol && (hello == NULL || !hello_offers_mesh(hello))))
        connection_refuse_hello(connection, CLOSE_REASON_NO_FILTER_CHAIN, true);
    else
        connection_matched(connection, chain, bytes, hello != NULL);
}

/* True while more is needed. */
static bool sniff_feed(struct connection *connection, struct span bytes) {
    struct sniff *sniff = connection_sniff(connection);
    struct client_hello hello;
    switch (client_hello_feed(&sniff->reader, bytes, &hello)) {
    case CLIENT_HELLO_INCOMPLETE:
        sniff_keep(sniff, bytes);
        return true;
    case CLIENT_HELLO_COMPLETE:
        sniff_remember_name(connection, hello.server_name);
        connection->hello_size = (uint32_t)hello.size;
        sniff_decide(connection, bytes, &hello);
        return false;
    case CLIENT_HELLO_NOT_TLS:
    case CLIENT_HELLO_INVALID:
        /* As Envoy's TLS inspector: what is no hello is no TLS, and has no server name. Nobody but us can tell the peer what was wrong with it. */
        connection->alert = client_hello_alert(&sniff->reader, sniff->size > 0 ? span_make(sniff->bytes, sniff->size) : bytes);
        sniff_decide(connection, bytes, NULL);
        return false;
    case CLIENT_HELLO_TOO_LARGE:
        if (connection_may_warn(connection))
            log_warning("connection closed: its ClientHello is larger than %d bytes", TLS_CLIENT_HELLO_BYTES_MAX);
        connection_close(connection, CLOSE_REASON_CLIENT_HELLO_TOO_LARGE, true);
        return false;
    }
    UNREACHABLE();
}

/* A peer that went before its hello was whole; `silent_reason` is of one that had not begun it. */
static void sniff_lost(struct connection *connection, enum close_reason silent_reason) {
    connection_close(connection, connection->has_received ? CLOSE_REASON_HANDSHAKE_CLIENT_CLOSED : silent_reason, false);
}

void sniff_readable(struct connection *connection) {
    struct transport *transport = &connection->transport;
    while (connection->phase == CONNECTION_SNIFF) {
        struct span bytes;
        switch (transport_read(transport, &bytes)) {
        case TRANSPORT_OK:
            connection->has_received = true;
            if (!sniff_feed(connection, bytes))
                return;
            break;
        case TRANSPORT_WAIT:
            return;
        case TRANSPORT_ENDED:
            sniff_lost(connection, CLOSE_REASON_DOWNSTREAM_ENDED);
            return;
        case TRANSPORT_BROKEN:
            sniff_lost(connection, CLOSE_REASON_DOWNSTREAM_RESET);
            return;
        }
    }
}

static void sniff_failed(struct transport *transport) {
    sniff_lost(transport->owner, CLOSE_REASON_DOWNSTREAM_RESET);
}

static void sniff_expired(struct timer *timer) {
    struct connection *connection = CONTAINER_OF(timer, struct connection, deadline);
    connection_close(connection, CLOSE_REASON_CLIENT_HELLO_TIMEOUT, false);
}

void sniff_begin(struct connection *connection) {
    struct proxy_context *context = connection->context;
    struct sniff *sniff = connection_sniff(connection);
    *sniff = (struct sniff){.size = 0};
    client_hello_reader_init(&sniff->reader);
    timer_init(&connection->deadline, sniff_expired);
    timer_set(&context->timers, &connection->deadline, context->now_ns, DEADLINE_CLIENT_HELLO_NS);
    connection->transport.readable = connection_newcomer_readable;
    connection->transport.drained = NULL;
    connection->transport.failed = sniff_failed;
}
