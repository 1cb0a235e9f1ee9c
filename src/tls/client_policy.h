/* How the gateway speaks TLS to upstreams: whom it trusts, which names it wants to see, and who it is. Immutable once made; counted references,
 * any thread may pin and unpin. Source: Istio's ClientTLSSettings and the Envoy settings it makes of them. */
#ifndef FAIRLEAD_TLS_CLIENT_POLICY_H
#define FAIRLEAD_TLS_CLIENT_POLICY_H

#include "tls/hash.h"
#include "tls/identity.h"
#include "tls/trust.h"

struct tls_client_policy;

/* What a session is for. */
enum tls_carried {
    TLS_CARRIES_BYTES,
    TLS_CARRIES_HTTP1,
    TLS_CARRIES_HTTP2,
    TLS_CARRIES_COUNT
};

struct tls_client_policy_options {
    struct tls_trust *trust;       /* the authorities, and whom they revoked; NULL: the system's, or those of the file that SSL_CERT_FILE in the
                                      environment names */
    struct tls_identity *identity; /* shown when it is asked for; NULL: none */
    /* One of these must be in the server's certificate: DNS names (a wildcard there covers one label), IP addresses, URIs. None: the name
     * that the session asks for, if it has one. */
    const struct span *subject_alt_names;
    size_t subject_alt_name_count;
    bool skips_verification;
    /* For TLS 1.2, and key exchange groups, as the library lists them: "A:B". Empty: ECDHE with AES-GCM or ChaCha20-Poly1305; the library's groups. */
    struct span cipher_suites;
    struct span curves;
    bool is_mesh; /* Istio's mutual TLS: without names only the chain counts */
    /* What ALPN offers (RFC 7301), by what is carried: names separated by commas, the best first; empty: no ALPN. The choice of the server is not
     * looked at, for the peer knows the protocol in advance (as in Envoy with an explicit protocol). */
    struct span protocols[TLS_CARRIES_COUNT];
};

/* On true the caller holds one reference. False: ret_error says why. */
MUST_USE bool tls_client_policy_create(const struct tls_client_policy_options *options, struct tls_identity_error *ret_error,
                                       struct tls_client_policy **ret_policy);
struct tls_client_policy *tls_client_policy_pin(struct tls_client_policy *policy);
/* NULL is harmless. */
void tls_client_policy_unpin(struct tls_client_policy *policy);
/* The hash of the policy that would be made of them. */
void tls_client_policy_hash_options(const struct tls_client_policy_options *options, uint8_t ret_hash[TLS_SHA256_SIZE]);
/* What it shows when it is asked; NULL: nothing. Borrowed. */
struct tls_identity *tls_client_policy_identity(const struct tls_client_policy *policy);
/* Equal where identity, trust and wanted names are: connections may be shared. TLS_SHA256_SIZE bytes. */
const uint8_t *tls_client_policy_hash(const struct tls_client_policy *policy);

#endif
