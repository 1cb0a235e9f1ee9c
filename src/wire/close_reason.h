/* Why a connection or a stream ended: exactly one reason each, from one table that also yields the log word, the flag and the counter. */
#ifndef FAIRLEAD_WIRE_CLOSE_REASON_H
#define FAIRLEAD_WIRE_CLOSE_REASON_H

#include <stdint.h>

#include "base/span.h"
#include "wire/response_flag.h"

/* X(name, word for logs and response_code_details, response flag, counter name). Words have no spaces (Envoy's details never do). */
#define CLOSE_REASON_TABLE(X)                                                                                                       \
    X(NONE, "", NONE, "")                                                                                                           \
    /* In order. */                                                                                                                 \
    X(COMPLETE, "complete", NONE, "closed_complete")                                                                                \
    X(DOWNSTREAM_ENDED, "downstream_ended", NONE, "closed_downstream_ended")                                                        \
    X(CONNECTION_CLOSE_ASKED, "connection_close", NONE, "closed_connection_close")                                                  \
    X(DRAINED, "drained", NONE, "closed_drained")                                                                                   \
    X(SHUT_DOWN, "shut_down", NONE, "closed_shut_down")                                                                             \
    X(CONFIGURATION_GONE, "configuration_gone", NONE, "closed_configuration_gone")                                                  \
    X(IDLE_TIMEOUT, "idle_timeout", NONE, "closed_idle_timeout")                                                                    \
    /* Before a protocol was chosen. */                                                                                             \
    X(NO_FILTER_CHAIN, "filter_chain_not_found", NO_ROUTE, "closed_no_filter_chain")                                                \
    X(NOT_TLS, "not_tls", NONE, "closed_not_tls")                                                                                   \
    X(CLIENT_HELLO_INVALID, "client_hello_invalid", NONE, "closed_client_hello_invalid")                                            \
    X(CLIENT_HELLO_TOO_LARGE, "client_hello_too_large", NONE, "closed_client_hello_too_large")                                      \
    X(CLIENT_HELLO_TIMEOUT, "client_hello_timeout", NONE, "closed_client_hello_timeout")                                            \
    X(HANDSHAKE_FAILED, "handshake_failed", NONE, "closed_handshake_failed")                                                        \
    X(HANDSHAKE_NO_CERTIFICATE, "no_certificate", NONE, "closed_handshake_no_certificate")                                          \
    X(HANDSHAKE_NO_COMMON_VERSION, "no_common_version", NONE, "closed_handshake_no_common_version")                                 \
    X(HANDSHAKE_NO_SHARED_CIPHER, "no_shared_cipher", NONE, "closed_handshake_no_shared_cipher")                                    \
    X(HANDSHAKE_UNKNOWN_CA, "unknown_ca", NONE, "closed_handshake_unknown_ca")                                                      \
    X(HANDSHAKE_BAD_CERTIFICATE, "bad_certificate", NONE, "closed_handshake_bad_certificate")                                       \
    X(CLIENT_CERTIFICATE_MISSING, "client_certificate_missing", NONE, "closed_client_certificate_missing")                          \
    X(CLIENT_CERTIFICATE_UNKNOWN_CA, "client_certificate_unknown_ca", NONE, "closed_client_certificate_unknown_ca")                 \
    X(CLIENT_CERTIFICATE_EXPIRED, "client_certificate_expired", NONE, "closed_client_certificate_expired")                          \
    X(CLIENT_CERTIFICATE_REVOKED, "client_certificate_revoked", NONE, "closed_client_certificate_revoked")                          \
    X(CLIENT_CERTIFICATE_NOT_ALLOWED, "client_certificate_not_allowed", NONE, "closed_client_certificate_not_allowed")              \
    X(CLIENT_CERTIFICATE_REFUSED, "client_certificate_refused", NONE, "closed_client_certificate_refused")                          \
    X(HANDSHAKE_CLIENT_CLOSED, "client_closed", NONE, "closed_handshake_client_closed")                                             \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout", NONE, "closed_handshake_timeout")                                                     \
    X(HANDSHAKE_EVICTED, "handshake_evicted", OVERLOAD_MANAGER, "closed_handshake_evicted")                                         \
    X(SERVER_NAME_CHANGED, "server_name_changed", NONE, "closed_server_name_changed")                                               \
    X(TLS_FAILED, "tls_failed", NONE, "closed_tls_failed")                                                                          \
    /* The client's side. */                                                                                                        \
    X(DOWNSTREAM_CLOSED, "downstream_remote_disconnect", DOWNSTREAM_CONNECTION_TERMINATION, "closed_downstream_closed")             \
    X(DOWNSTREAM_RESET, "downstream_remote_reset", DOWNSTREAM_CONNECTION_TERMINATION, "closed_downstream_reset")                    \
    X(DOWNSTREAM_PROTOCOL_ERROR, "http1.codec_error", DOWNSTREAM_PROTOCOL_ERROR, "closed_downstream_protocol_error")                \
    X(DOWNSTREAM_BODY_TRUNCATED, "downstream_remote_disconnect", DOWNSTREAM_CONNECTION_TERMINATION, "closed_downstream_truncated")  \
    X(REQUEST_HEAD_TIMEOUT, "request_header_timeout", DOWNSTREAM_PROTOCOL_ERROR, "closed_request_head_timeout")                     \
    X(STREAM_IDLE_TIMEOUT, "stream_idle_timeout", STREAM_IDLE_TIMEOUT, "closed_stream_idle_timeout")                                \
    /* HTTP/2 towards the client: one stream, then whole connections. */                                                             \
    X(HTTP2_STREAM_RESET, "http2.remote_reset", DOWNSTREAM_REMOTE_RESET, "closed_http2_stream_reset")                                 \
    X(HTTP2_MESSAGE_INVALID, "http2.violation.of.messaging.rule", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_message_invalid")        \
    X(HTTP2_STREAM_STALLED, "http2.stream_stalled", STREAM_IDLE_TIMEOUT, "closed_http2_stream_stalled")                             \
    X(HTTP2_PROTOCOL_ERROR, "http2.codec_error", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_protocol_error")                          \
    X(HTTP2_RAPID_RESET, "http2.too_many_premature_resets", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_rapid_reset")                  \
    X(HTTP2_CONTINUATION_FLOOD, "http2.continuation_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_continuation_flood")    \
    X(HTTP2_SETTINGS_FLOOD, "http2.inbound_settings_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_settings_flood")        \
    X(HTTP2_PING_FLOOD, "http2.inbound_ping_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_ping_flood")                    \
    X(HTTP2_EMPTY_FRAMES_FLOOD, "http2.inbound_empty_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_empty_frames_flood")   \
    X(HTTP2_WINDOW_FLOOD, "http2.inbound_window_update_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_window_flood")       \
    X(HTTP2_PRIORITY_FLOOD, "http2.inbound_priority_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_priority_flood")        \
    X(HTTP2_OUTBOUND_FLOOD, "http2.outbound_frames_flood", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_outbound_flood")                \
    X(HTTP2_HEADER_BOMB, "http2.header_bomb", DOWNSTREAM_PROTOCOL_ERROR, "closed_http2_header_bomb")                                \
    X(HTTP2_STREAMS_EXHAUSTED, "http2.stream_ids_exhausted", NONE, "closed_http2_streams_exhausted")                                \
    /* Routing. */                                                                                                                  \
    X(NO_ROUTE, "route_not_found", NO_ROUTE, "closed_no_route")                                                                     \
    X(NO_CLUSTER, "cluster_not_found", NO_CLUSTER, "closed_no_cluster")                                                             \
    X(NO_HEALTHY_UPSTREAM, "no_healthy_upstream", NO_HEALTHY_UPSTREAM, "closed_no_healthy_upstream")                                \
    X(UPSTREAM_OVERFLOW, "overflow", UPSTREAM_OVERFLOW, "closed_upstream_overflow")                                                 \
    /* The upstream's side. */                                                                                                      \
    X(UPSTREAM_CONNECT_FAILED, "connection_failure", UPSTREAM_CONNECTION_FAILURE, "closed_upstream_connect_failed")                 \
    X(UPSTREAM_CONNECT_TIMEOUT, "connection_timeout", UPSTREAM_CONNECTION_FAILURE, "closed_upstream_connect_timeout")               \
    X(UPSTREAM_CLOSED, "connection_termination", UPSTREAM_CONNECTION_TERMINATION, "closed_upstream_closed")                         \
    X(UPSTREAM_RESET, "remote_reset", UPSTREAM_REMOTE_RESET, "closed_upstream_reset")                                               \
    X(UPSTREAM_REFUSED, "remote_refused_stream_reset", UPSTREAM_REMOTE_RESET, "closed_upstream_refused")                               \
    X(UPSTREAM_PROTOCOL_ERROR, "protocol_error", UPSTREAM_PROTOCOL_ERROR, "closed_upstream_protocol_error")                         \
    X(UPSTREAM_RESPONSE_TIMEOUT, "response_timeout", UPSTREAM_REQUEST_TIMEOUT, "closed_upstream_response_timeout")                  \
    X(UPSTREAM_PER_TRY_TIMEOUT, "upstream_per_try_timeout", UPSTREAM_REQUEST_TIMEOUT, "closed_upstream_per_try_timeout")            \
    X(UPSTREAM_SURPLUS_BYTES, "surplus_bytes", NONE, "closed_upstream_surplus_bytes")                                               \
    /* Ours. */                                                                                                                     \
    X(LOCAL_RESET, "local_reset", LOCAL_RESET, "closed_local_reset")                                                                \
    X(EARLY_ANSWER, "early_answer", NONE, "closed_early_answer")                                                                    \
    X(MEMORY_CEILING, "memory_ceiling", OVERLOAD_MANAGER, "closed_memory_ceiling")

enum close_reason {
#define CLOSE_REASON_MEMBER(name, word, flag, counter) CLOSE_REASON_##name,
    CLOSE_REASON_TABLE(CLOSE_REASON_MEMBER)
#undef CLOSE_REASON_MEMBER
        CLOSE_REASON_COUNT
};

/* The word for logs; never NULL, never with spaces. */
struct span close_reason_word(enum close_reason reason);
/* A bit of wire/response_flag.h, or 0. */
uint32_t close_reason_flag(enum close_reason reason);
struct span close_reason_counter(enum close_reason reason);

#endif
