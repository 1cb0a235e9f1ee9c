#include "proxy/access_log_tls.h"

#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "proxy/tls_facts.h"
#include "tls/identity.h"
#include "tls/session.h"

static struct access_log_item_value text_value(struct span text) {
    return (struct access_log_item_value){.kind = text.size == 0 ? ACCESS_LOG_VALUE_ABSENT : ACCESS_LOG_VALUE_WORD, .text = text};
}

/* --- Into the scratch: what does not fit is cut --- */

static size_t append(char *scratch, size_t size, struct span text) {
    text = span_first(text, ACCESS_LOG_SCRATCH_BYTES - size);
    if (text.size > 0)
        memcpy(scratch + size, text.data, text.size);
    return size + text.size;
}

static struct access_log_item_value list(const struct span *names, size_t count, char *scratch) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size = append(scratch, i == 0 ? 0 : append(scratch, size, SPAN_LITERAL(",")), names[i]);
    return text_value(span_make(scratch, size));
}

static struct access_log_item_value hex(struct span bytes, char *scratch) {
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    for (size_t i = 0; i < bytes.size && size + 2 <= ACCESS_LOG_SCRATCH_BYTES; i++) {
        scratch[size++] = digits[(unsigned char)bytes.data[i] >> 4];
        scratch[size++] = digits[bytes.data[i] & 15];
    }
    return text_value(span_make(scratch, size));
}

enum name_kind { NAME_URI, NAME_DNS, NAME_ADDRESS };

static struct access_log_item_value own_names(const struct tls_identity *own, enum name_kind kind, char *scratch) {
    size_t size = 0;
    size_t count = own == NULL ? 0 : kind == NAME_URI ? tls_identity_uri_count(own) : tls_identity_name_count(own);
    for (size_t i = 0; i < count; i++) {
        if (kind != NAME_URI && tls_identity_name_is_address(own, i) != (kind == NAME_ADDRESS))
            continue;
        if (size > 0)
            size = append(scratch, size, SPAN_LITERAL(","));
        size = append(scratch, size, kind == NAME_URI ? tls_identity_uri(own, i) : tls_identity_name(own, i));
    }
    return text_value(span_make(scratch, size));
}

static struct access_log_item_value own_alternatives(const struct tls_identity *own, enum tls_alternative kind, char *scratch) {
    return text_value(span_make(scratch, own == NULL ? 0 : tls_identity_print_alternatives(own, kind, scratch, ACCESS_LOG_SCRATCH_BYTES)));
}

static struct access_log_item_value own_subject(const struct tls_identity *own) {
    return own == NULL ? text_value(SPAN_EMPTY) : text_value(tls_identity_subject(own));
}

static const struct tls_peer nobody;

static const struct tls_peer *downstream_peer(const struct access_log_record *record) {
    return record->downstream_peer == NULL ? &nobody : record->downstream_peer;
}

static const struct tls_facts nothing;

static const struct tls_facts *upstream(const struct access_log_record *record) {
    return record->upstream_tls == NULL ? &nothing : record->upstream_tls;
}

/* A date of the peer's certificate. */
static struct access_log_item_value date(const struct access_log_item *item, const struct tls_peer *peer, int64_t seconds, char *scratch) {
    if (peer->fingerprint_256.size == 0 || seconds < 0)
        return text_value(SPAN_EMPTY);
    return access_log_time(item->argument, (uint64_t)seconds * NANOSECONDS_PER_SECOND, scratch);
}

static struct access_log_item_value client_alternatives(const struct access_log_record *record, enum tls_alternative kind, char *scratch) {
    const struct tls_session *session = record->downstream_session;
    return text_value(span_make(scratch, session == NULL ? 0 : tls_peer_print_alternatives(session, kind, scratch, ACCESS_LOG_SCRATCH_BYTES)));
}

static struct access_log_item_value client_chain(const struct access_log_record *record, enum tls_chain_field field, char *scratch) {
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 2 * ACCESS_LOG_SCRATCH_BYTES);
    if (record->downstream_session == NULL)
        return text_value(SPAN_EMPTY);
    return text_value(span_make(scratch, append(scratch, 0, tls_peer_print_chain(record->downstream_session, field, &arena))));
}

static struct access_log_item_value client_group(const struct access_log_record *record) {
    return text_value(record->downstream_session == NULL ? SPAN_EMPTY : tls_session_group(record->downstream_session));
}

struct access_log_item_value access_log_tls_value(const struct access_log_item *item, const struct access_log_record *record,
                                                  char scratch[ACCESS_LOG_SCRATCH_BYTES]) {
    const struct tls_peer *down = downstream_peer(record);
    const struct tls_peer *up = &upstream(record)->peer;
    switch (item->operator_) {
    case ACCESS_LOG_DOWNSTREAM_TLS_SESSION_ID:
        return hex(record->downstream_session == NULL ? SPAN_EMPTY : tls_session_id(record->downstream_session), scratch);
    case ACCESS_LOG_DOWNSTREAM_TLS_GROUP: return client_group(record);
    case ACCESS_LOG_DOWNSTREAM_PEER_SUBJECT: return text_value(down->subject);
    case ACCESS_LOG_DOWNSTREAM_PEER_ISSUER: return text_value(down->issuer);
    case ACCESS_LOG_DOWNSTREAM_PEER_SERIAL: return text_value(down->serial);
    case ACCESS_LOG_DOWNSTREAM_PEER_URI_SAN: return list(down->uris, down->uri_count, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_DNS_SAN: return list(down->dns_names, down->dns_name_count, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_IP_SAN: return list(down->addresses, down->address_count, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_EMAIL_SAN: return client_alternatives(record, TLS_ALTERNATIVE_EMAIL, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_OTHERNAME_SAN: return client_alternatives(record, TLS_ALTERNATIVE_OTHER, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: return client_chain(record, TLS_CHAIN_FINGERPRINTS_1, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: return client_chain(record, TLS_CHAIN_FINGERPRINTS_256, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_CHAIN_SERIALS: return client_chain(record, TLS_CHAIN_SERIALS, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: return text_value(down->issuer_fingerprint_256);
    case ACCESS_LOG_DOWNSTREAM_PEER_ISSUER_SERIAL: return text_value(down->issuer_serial);
    case ACCESS_LOG_DOWNSTREAM_PEER_FINGERPRINT_1: return text_value(down->fingerprint_1);
    case ACCESS_LOG_DOWNSTREAM_PEER_FINGERPRINT_256: return text_value(down->fingerprint_256);
    case ACCESS_LOG_DOWNSTREAM_PEER_CERT: return text_value(down->certificate);
    case ACCESS_LOG_DOWNSTREAM_PEER_CERT_V_START: return date(item, down, down->not_before_s, scratch);
    case ACCESS_LOG_DOWNSTREAM_PEER_CERT_V_END: return date(item, down, down->not_after_s, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_SUBJECT: return own_subject(record->downstream_identity);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_URI_SAN: return own_names(record->downstream_identity, NAME_URI, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_DNS_SAN: return own_names(record->downstream_identity, NAME_DNS, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_IP_SAN: return own_names(record->downstream_identity, NAME_ADDRESS, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_EMAIL_SAN: return own_alternatives(record->downstream_identity, TLS_ALTERNATIVE_EMAIL, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_OTHERNAME_SAN: return own_alternatives(record->downstream_identity, TLS_ALTERNATIVE_OTHER, scratch);
    case ACCESS_LOG_UPSTREAM_TLS_VERSION: return text_value(upstream(record)->version);
    case ACCESS_LOG_UPSTREAM_TLS_CIPHER: return text_value(upstream(record)->cipher);
    case ACCESS_LOG_UPSTREAM_TLS_SESSION_ID: return hex(upstream(record)->session_id, scratch);
    case ACCESS_LOG_UPSTREAM_TLS_GROUP: return text_value(upstream(record)->group);
    case ACCESS_LOG_UPSTREAM_SERVER_NAME: return text_value(upstream(record)->server_name);
    case ACCESS_LOG_UPSTREAM_PEER_SUBJECT: return text_value(up->subject);
    case ACCESS_LOG_UPSTREAM_PEER_ISSUER: return text_value(up->issuer);
    case ACCESS_LOG_UPSTREAM_PEER_SERIAL: return text_value(up->serial);
    case ACCESS_LOG_UPSTREAM_PEER_URI_SAN: return list(up->uris, up->uri_count, scratch);
    case ACCESS_LOG_UPSTREAM_PEER_DNS_SAN: return list(up->dns_names, up->dns_name_count, scratch);
    case ACCESS_LOG_UPSTREAM_PEER_IP_SAN: return list(up->addresses, up->address_count, scratch);
    case ACCESS_LOG_UPSTREAM_PEER_FINGERPRINT_1: return text_value(up->fingerprint_1);
    case ACCESS_LOG_UPSTREAM_PEER_FINGERPRINT_256: return text_value(up->fingerprint_256);
    case ACCESS_LOG_UPSTREAM_PEER_CERT: return text_value(up->certificate);
    case ACCESS_LOG_UPSTREAM_PEER_CERT_V_START: return date(item, up, up->not_before_s, scratch);
    case ACCESS_LOG_UPSTREAM_PEER_CERT_V_END: return date(item, up, up->not_after_s, scratch);
    case ACCESS_LOG_UPSTREAM_LOCAL_SUBJECT: return own_subject(upstream(record)->own);
    case ACCESS_LOG_UPSTREAM_LOCAL_URI_SAN: return own_names(upstream(record)->own, NAME_URI, scratch);
    case ACCESS_LOG_UPSTREAM_LOCAL_DNS_SAN: return own_names(upstream(record)->own, NAME_DNS, scratch);
    case ACCESS_LOG_UPSTREAM_LOCAL_IP_SAN: return own_names(upstream(record)->own, NAME_ADDRESS, scratch);
    default: UNREACHABLE();
    }
}
