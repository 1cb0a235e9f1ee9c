/* How a server speaks TLS: versions, ciphers, groups, ALPN, tickets. One policy serves any number of names: chain and
 * key are given to each session (rule: a certificate is not a context). Immutable once made; counted references, any
 * thread may pin and unpin; a session holds one, so a policy may be let go while its sessions live. */
#ifndef FAIRLEAD_TLS_SERVER_POLICY_H
#define FAIRLEAD_TLS_SERVER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "tls/hash.h"
#include "tls/tickets.h"

struct tls_server_policy;

enum tls_version {
    TLS_VERSION_UNSET, /* the default: at least 1.2, at most 1.3 */
    TLS_VERSION_1_0,
    TLS_VERSION_1_1,
    TLS_VERSION_1_2,
    TLS_VERSION_1_3,
};

/* A zeroed struct asks for the defaults of Istio and Envoy, without ALPN and without tickets. Spans are only read
 * during create. */
struct tls_server_policy_options {
    enum tls_version min_version; /* Gateway tls.minProtocolVersion */
    enum tls_version max_version; /* Gateway tls.maxProtocolVersion */
    /* For TLS 1.2 and below, in order of preference: OpenSSL names or BoringSSL expressions such as "[A|B]" (Gateway
     * tls.cipherSuites). None: Envoy's list. The suites of TLS 1.3 are fixed. */
    const struct span *cipher_suites;
    size_t cipher_suite_count;
    /* In order of preference (meshConfig tlsDefaults.ecdhCurves). None: X25519MLKEM768, X25519, P-256. */
    const struct span *curves;
    size_t curve_count;
    /* In order of the server's preference, e.g. "h2", "http/1.1". A client that shares none gets no ALPN answer and
     * goes on, as with Envoy (where RFC 7301 section 3.2 would end the handshake). */
    const struct span *alpn_protocols;
    size_t alpn_protocol_count;
    /* Borrowed, must outlive the policy and its sessions. NULL: no tickets, no resumption. */
    struct tls_tickets *tickets;
    /* Resumption skips verification, so a ticket is good only where this hash (of server, mode, trust, CRL, SANs) is
     * the same. */
    uint8_t session_id_context[TLS_SHA256_SIZE];
};

enum tls_server_policy_status {
    TLS_SERVER_POLICY_OK,
    TLS_SERVER_POLICY_BAD_VERSIONS, /* the lowest is above the highest */
    TLS_SERVER_POLICY_BAD_CIPHERS,  /* an unknown name, or nothing is left */
    TLS_SERVER_POLICY_BAD_CURVES,   /* an unknown name, or nothing is left */
    TLS_SERVER_POLICY_BAD_ALPN,     /* an empty name, one over 255 bytes, or too many */
};

/* On OK the caller holds one reference; otherwise nothing is written. */
MUST_USE enum tls_server_policy_status tls_server_policy_create(const struct tls_server_policy_options *options,
                                                                struct tls_server_policy **ret_policy);
struct tls_server_policy *tls_server_policy_pin(struct tls_server_policy *policy);
/* NULL is harmless. */
void tls_server_policy_unpin(struct tls_server_policy *policy);

/* Whether the library knows the name, for diagnostics before a policy is made. A cipher is one of TLS 1.2 or below. */
bool tls_cipher_suite_is_known(struct span name);
bool tls_curve_is_known(struct span name);

#endif
