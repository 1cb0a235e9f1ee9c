/* The access log's format: meshConfig.accessLogFormat compiled to a list of items. Pure: no request is seen here. */
#ifndef FAIRLEAD_SNAPSHOT_ACCESS_LOG_FORMAT_H
#define FAIRLEAD_SNAPSHOT_ACCESS_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"

/* X(Envoy's name, what may follow in parentheses): operators about certificates and sessions of TLS. Those of a certificate's validity take a
 * format of strftime as START_TIME does. */
#define ACCESS_LOG_TLS_OPERATORS(X)                 \
    X(DOWNSTREAM_TLS_SESSION_ID, NONE)              \
    X(DOWNSTREAM_TLS_GROUP, NONE)                   \
    X(DOWNSTREAM_PEER_SUBJECT, NONE)                \
    X(DOWNSTREAM_PEER_ISSUER, NONE)                 \
    X(DOWNSTREAM_PEER_SERIAL, NONE)                 \
    X(DOWNSTREAM_PEER_URI_SAN, NONE)                \
    X(DOWNSTREAM_PEER_DNS_SAN, NONE)                \
    X(DOWNSTREAM_PEER_IP_SAN, NONE)                 \
    X(DOWNSTREAM_PEER_EMAIL_SAN, NONE)              \
    X(DOWNSTREAM_PEER_OTHERNAME_SAN, NONE)          \
    X(DOWNSTREAM_PEER_FINGERPRINT_1, NONE)          \
    X(DOWNSTREAM_PEER_FINGERPRINT_256, NONE)        \
    X(DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1, NONE)   \
    X(DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256, NONE) \
    X(DOWNSTREAM_PEER_CHAIN_SERIALS, NONE)          \
    X(DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256, NONE) \
    X(DOWNSTREAM_PEER_ISSUER_SERIAL, NONE)          \
    X(DOWNSTREAM_PEER_CERT, NONE)                   \
    X(DOWNSTREAM_PEER_CERT_V_START, OPTIONAL)       \
    X(DOWNSTREAM_PEER_CERT_V_END, OPTIONAL)         \
    X(DOWNSTREAM_LOCAL_SUBJECT, NONE)               \
    X(DOWNSTREAM_LOCAL_URI_SAN, NONE)               \
    X(DOWNSTREAM_LOCAL_DNS_SAN, NONE)               \
    X(DOWNSTREAM_LOCAL_IP_SAN, NONE)                \
    X(DOWNSTREAM_LOCAL_EMAIL_SAN, NONE)             \
    X(DOWNSTREAM_LOCAL_OTHERNAME_SAN, NONE)         \
    X(UPSTREAM_TLS_VERSION, NONE)                   \
    X(UPSTREAM_TLS_CIPHER, NONE)                    \
    X(UPSTREAM_TLS_SESSION_ID, NONE)                \
    X(UPSTREAM_TLS_GROUP, NONE)                     \
    X(UPSTREAM_SERVER_NAME, NONE)                   \
    X(UPSTREAM_PEER_SUBJECT, NONE)                  \
    X(UPSTREAM_PEER_ISSUER, NONE)                   \
    X(UPSTREAM_PEER_SERIAL, NONE)                   \
    X(UPSTREAM_PEER_URI_SAN, NONE)                  \
    X(UPSTREAM_PEER_DNS_SAN, NONE)                  \
    X(UPSTREAM_PEER_IP_SAN, NONE)                   \
    X(UPSTREAM_PEER_FINGERPRINT_1, NONE)            \
    X(UPSTREAM_PEER_FINGERPRINT_256, NONE)          \
    X(UPSTREAM_PEER_CERT, NONE)                     \
    X(UPSTREAM_PEER_CERT_V_START, OPTIONAL)         \
    X(UPSTREAM_PEER_CERT_V_END, OPTIONAL)           \
    X(UPSTREAM_LOCAL_SUBJECT, NONE)                 \
    X(UPSTREAM_LOCAL_URI_SAN, NONE)                 \
    X(UPSTREAM_LOCAL_DNS_SAN, NONE)                 \
    X(UPSTREAM_LOCAL_IP_SAN, NONE)

enum access_log_operator {
    ACCESS_LOG_LITERAL, /* text of the format itself */
    ACCESS_LOG_START_TIME, /* argument: strftime with %s %3f %6f %9f, empty: ISO 8601 UTC with milliseconds */
    ACCESS_LOG_REQUEST_HEADER, /* REQ(name?other):max */
    ACCESS_LOG_REQUEST_HEADER_WITHOUT_QUERY,
    ACCESS_LOG_RESPONSE_HEADER,
    ACCESS_LOG_RESPONSE_TRAILER,
    ACCESS_LOG_PROTOCOL,
    ACCESS_LOG_RESPONSE_CODE,
    ACCESS_LOG_RESPONSE_CODE_DETAILS,
    ACCESS_LOG_RESPONSE_FLAGS,
    ACCESS_LOG_CONNECTION_TERMINATION_DETAILS,
    ACCESS_LOG_UPSTREAM_TRANSPORT_FAILURE_REASON,
    ACCESS_LOG_BYTES_RECEIVED,
    ACCESS_LOG_BYTES_SENT,
    ACCESS_LOG_DURATION,
    ACCESS_LOG_REQUEST_DURATION,
    ACCESS_LOG_RESPONSE_DURATION,
    ACCESS_LOG_RESPONSE_TX_DURATION,
    ACCESS_LOG_UPSTREAM_HOST,
    ACCESS_LOG_UPSTREAM_REMOTE_ADDRESS,
    ACCESS_LOG_UPSTREAM_CLUSTER,
    ACCESS_LOG_UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT,
    ACCESS_LOG_UPSTREAM_REMOTE_PORT,
    ACCESS_LOG_UPSTREAM_LOCAL_ADDRESS,
    ACCESS_LOG_UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT,
    ACCESS_LOG_UPSTREAM_LOCAL_PORT,
    ACCESS_LOG_UPSTREAM_REQUEST_ATTEMPT_COUNT,
    ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS,
    ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT,
    ACCESS_LOG_DOWNSTREAM_LOCAL_PORT,
    ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS,
    ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT,
    ACCESS_LOG_DOWNSTREAM_REMOTE_PORT,
    ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_PORT,
    ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS,
    ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT,
    ACCESS_LOG_REQUESTED_SERVER_NAME,
    ACCESS_LOG_ROUTE_NAME,
    ACCESS_LOG_COALESCED,
    ACCESS_LOG_UPSTREAM_PROTOCOL,
    ACCESS_LOG_GRPC_STATUS, /* argument: CAMEL_STRING, SNAKE_STRING or NUMBER */
    ACCESS_LOG_GRPC_STATUS_NUMBER,
    ACCESS_LOG_DOWNSTREAM_TLS_VERSION,
    ACCESS_LOG_DOWNSTREAM_TLS_CIPHER,
    ACCESS_LOG_DOWNSTREAM_TRANSPORT_FAILURE_REASON,
    ACCESS_LOG_CONNECTION_ID,
    ACCESS_LOG_HOSTNAME,
    ACCESS_LOG_ENVIRONMENT, /* resolved when the format is compiled: argument holds the value */
#define ACCESS_LOG_TLS_MEMBER(name, parameters) ACCESS_LOG_##name,
    ACCESS_LOG_TLS_OPERATORS(ACCESS_LOG_TLS_MEMBER)
#undef ACCESS_LOG_TLS_MEMBER
    ACCESS_LOG_ABSENT,      /* an operator of a filter that Fairlead does not have: always "-" or null */
};

struct access_log_item {
    enum access_log_operator operator_;
    struct span argument;    /* literal text; header name (lower-case, ":path" for pseudo fields); time format */
    struct span alternative; /* the second header name, or empty */
    size_t size_max;         /* of the value in bytes, 0: no limit */
};

/* A value: items printed one after the other. A single operator item keeps its JSON type (number, string or null). */
struct access_log_value {
    struct access_log_item *items;
    size_t item_count;
};

struct access_log_field; /* one key of a JSON object: a value or a nested object */

struct access_log_format {
    bool json;
    struct access_log_value text;    /* of TEXT, its final newline included */
    struct access_log_field *fields; /* of JSON, sorted by key at each level */
    size_t field_count;
};

struct access_log_field {
    struct span key_json; /* already quoted and escaped, with its colon: "\"method\":" */
    struct access_log_value value;
    struct access_log_field *fields; /* nested object when field_count > 0 */
    size_t field_count;
};

/* Whether it asks about the TLS of the upstream's connection, which is looked at only then. */
bool access_log_value_names_upstream_tls(const struct access_log_value *value);
bool access_log_format_names_upstream_tls(const struct access_log_format *format);

/* The text of a mistake, for a diagnostic; the default format serves instead. */
struct access_log_format_error {
    char text[256];
};

/* Istio's default TEXT line and default JSON object (24 keys). */
const struct access_log_format *access_log_format_default(struct arena *arena, bool json);
/* TEXT: a format string; a newline is appended if it has none. Everything is allocated in `arena`; `format` may go afterwards. */
MUST_USE bool access_log_format_parse_text(struct arena *arena, struct span format, const struct access_log_format **ret_format,
                                           struct access_log_format_error *ret_error);
/* One value of a JSON format ("%DURATION%ms"). */
MUST_USE bool access_log_value_parse(struct arena *arena, struct span format, struct access_log_value *ret_value,
                                     struct access_log_format_error *ret_error);
/* Sorts the fields of every level and wraps them as a format. The JSON text itself is read by the compiler, which owns a document reader. */
const struct access_log_format *access_log_format_of_fields(struct arena *arena, struct access_log_field *fields, size_t field_count);
/* "\"key\":" with JSON escaping. */
struct span access_log_key_json(struct arena *arena, struct span key);

#endif
