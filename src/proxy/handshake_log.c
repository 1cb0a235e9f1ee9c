#include "proxy/handshake_log.h"

#include "base/assert.h"
#include "proxy/access_log.h"
#include "tls/session.h"

void handshake_log(const struct connection *connection, enum close_reason reason) {
    ASSERT(connection->phase == CONNECTION_SNIFF || connection->phase == CONNECTION_HANDSHAKE);
    const struct proxy_context *context = connection->context;
    const struct downstream_facts *facts = &connection->facts;
    const struct tls_session *session = connection->transport.tls;
    const struct snapshot *snapshot = context->current == NULL ? NULL : context->current->snapshot;
    if (!connection->has_received || snapshot == NULL || snapshot->access_log == NULL)
        return;
    struct access_log_record record = {
        .start_wall_ns = context_wall_ns(context, facts->start_ns),
        .start_ns = facts->start_ns,
        .end_ns = context->now_ns,
        .response_flags = close_reason_flag(reason),
        .downstream_local = downstream_local(facts, &connection->transport),
        .downstream_remote = facts->remote,
        .downstream_direct_remote = facts->remote,
        .requested_server_name = facts->server_name,
        .connection_id = facts->connection_id,
    };
    if (reason == CLOSE_REASON_NO_FILTER_CHAIN)
        record.response_code_details = close_reason_word(reason);
    else
        record.connection_termination_details = close_reason_word(reason);
    if (session != NULL)
        record.downstream_transport_failure_reason = tls_session_error(session);
    access_log_write(context->access_log, snapshot->access_log, &record);
}

enum close_reason handshake_close_reason(enum tls_failure failure) {
    switch (failure) {
    case TLS_FAILURE_OTHER:
        return CLOSE_REASON_HANDSHAKE_FAILED;
    case TLS_FAILURE_NO_COMMON_VERSION:
        return CLOSE_REASON_HANDSHAKE_NO_COMMON_VERSION;
    case TLS_FAILURE_NO_SHARED_CIPHER:
        return CLOSE_REASON_HANDSHAKE_NO_SHARED_CIPHER;
    case TLS_FAILURE_UNKNOWN_CA:
        return CLOSE_REASON_HANDSHAKE_UNKNOWN_CA;
    case TLS_FAILURE_BAD_CERTIFICATE:
        return CLOSE_REASON_HANDSHAKE_BAD_CERTIFICATE;
    case TLS_FAILURE_CLIENT_CERTIFICATE_MISSING:
        return CLOSE_REASON_CLIENT_CERTIFICATE_MISSING;
    case TLS_FAILURE_CLIENT_CERTIFICATE_UNKNOWN_CA:
        return CLOSE_REASON_CLIENT_CERTIFICATE_UNKNOWN_CA;
    case TLS_FAILURE_CLIENT_CERTIFICATE_EXPIRED:
        return CLOSE_REASON_CLIENT_CERTIFICATE_EXPIRED;
    case TLS_FAILURE_CLIENT_CERTIFICATE_REVOKED:
        return CLOSE_REASON_CLIENT_CERTIFICATE_REVOKED;
    case TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED:
        return CLOSE_REASON_CLIENT_CERTIFICATE_NOT_ALLOWED;
    case TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED:
        return CLOSE_REASON_CLIENT_CERTIFICATE_REFUSED;
    }
    UNREACHABLE();
}
