#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxy/client_identity.h"
#include "proxy/connection.h"
#include "proxy/handshake_log.h"
#include "tls/identity.h"
#include "tls/session.h"

static void handshake_fail(struct connection *connection, enum close_reason reason) {
    connection_close(connection, reason, false);
}

/* Before the session exists: a reset, so that the peer sees no end of TLS that was never begun. */
static void handshake_refuse(struct connection *connection, enum close_reason reason) {
    connection_close(connection, reason, true);
}

static void handshake_complete(struct connection *connection) {
    struct transport *transport = &connection->transport;
    const struct tls_session *session = transport->tls;
    /* Rule 5 of the data plane: the chain was chosen by the sniffed name and is never switched. */
    if (!tls_session_server_name_matches(session, connection->facts.server_name)) {
        if (connection_may_warn(connection))
            log_warning("connection closed: its TLS session names another server than its first ClientHello did");
        handshake_fail(connection, CLOSE_REASON_SERVER_NAME_CHANGED);
        return;
    }
    struct proxy_counters *counters = &connection->context->counters;
    counter_add(&counters->handshakes, 1);
    if (tls_session_was_resumed(session))
        counter_add(&counters->handshakes_resumed, 1);
    connection->facts.tls = true;
    connection->facts.session = session;
    connection->facts.shown_identity = tls_identity_pin(tls_session_own_identity(session));
    connection->facts.client = client_identity_create(session, connection->facts.shown_identity);
    connection->facts.alpn = tls_session_alpn(session);
    connection->facts.tls_version = tls_session_version(session);
    connection->facts.tls_cipher = tls_session_cipher(session);
    connection_established(connection);
}

static void handshake_go_on(struct connection *connection, struct span bytes) {
    ASSERT(connection->phase == CONNECTION_HANDSHAKE);
    switch (transport_handshake(&connection->transport, bytes)) {
    case TRANSPORT_OK:
        handshake_complete(connection);
        return;
    case TRANSPORT_WAIT:
        return;
    case TRANSPORT_ENDED:
    case TRANSPORT_BROKEN: {
        struct span error = tls_session_error(connection->transport.tls);
        log_debug("handshake failed: %.*s", SPAN_ARGUMENTS(error));
        /* Without an error of TLS it was the peer who left. */
        handshake_fail(connection, error.size == 0 ? CLOSE_REASON_HANDSHAKE_CLIENT_CLOSED
                                                   : handshake_close_reason(tls_session_failure(connection->transport.tls)));
        return;
    }
    }
    UNREACHABLE();
}

void handshake_readable(struct connection *connection) {
    /* A hello may be replayed; who answers ours is there. */
    newcomers_prove(&connection->context->newcomers, &connection->newcomer);
    handshake_go_on(connection, SPAN_EMPTY);
}

static void handshake_failed(struct transport *transport) {
    handshake_fail(transport->owner, CLOSE_REASON_HANDSHAKE_CLIENT_CLOSED);
}

static void handshake_expired(struct timer *timer) {
    handshake_fail(CONTAINER_OF(timer, struct connection, deadline), CLOSE_REASON_HANDSHAKE_TIMEOUT);
}

/* What keeps a chain from shaking hands; true when something did and the connection is closed. */
static bool handshake_is_refused(struct connection *connection) {
    const struct filter_chain *chain = connection->facts.chain;
    if (connection->transport.hung_up) {
        /* It waited for its turn too long for its peer, and a handshake is dear. */
        handshake_fail(connection, CLOSE_REASON_HANDSHAKE_CLIENT_CLOSED);
        return true;
    }
    if (!filter_chain_can_shake_hands(chain)) {
        /* As Envoy: closed at the handshake's start, before any ServerHello. */
        if (connection_may_warn(connection))
            log_warning("connection closed: %.*s has no usable certificate%s (credentialName %.*s)", SPAN_ARGUMENTS(chain->name),
                        chain->lacks_trust ? " of an authority for its clients" : "", SPAN_ARGUMENTS(chain->credential_name));
        handshake_refuse(connection, CLOSE_REASON_HANDSHAKE_NO_CERTIFICATE);
        return true;
    }
    if (connection->hello_size > TLS_TERMINATED_HELLO_BYTES_MAX) {
        if (connection_may_warn(connection))
            log_warning("connection closed: a ClientHello of %u bytes for %.*s, whose limit is %d", connection->hello_size,
                        SPAN_ARGUMENTS(chain->name), TLS_TERMINATED_HELLO_BYTES_MAX);
        handshake_refuse(connection, CLOSE_REASON_CLIENT_HELLO_TOO_LARGE);
        return true;
    }
    return false;
}

void handshake_begin(struct connection *connection, struct span bytes) {
    struct proxy_context *context = connection->context;
    struct transport *transport = &connection->transport;
    connection_change_phase(connection, CONNECTION_HANDSHAKE);
    if (handshake_is_refused(connection))
        return;
    const struct filter_chain *chain = connection->facts.chain;
    timer_init(&connection->deadline, handshake_expired);
    timer_set(&context->timers, &connection->deadline, context->now_ns, DEADLINE_HANDSHAKE_NS);
    transport->readable = connection_newcomer_readable;
    transport->drained = NULL;
    transport->failed = handshake_failed;
    transport_start_tls(transport, tls_session_create_server(&(struct tls_server_options){.policy = chain->tls_policy,
                                                                                        .identity = chain->identity,
                                                                                        .second_identity = chain->second_identity,
                                                                                        .demand = chain->client_demand,
                                                                                        .session_id_context = chain->session_id_context}));
    handshake_go_on(connection, bytes);
}
