/* An identity is a certificate chain with its private key, checked and ready to be shown in a handshake (Istio: what a
 * Gateway's credentialName refers to). Immutable once made; counted references, any thread may pin and unpin. The key
 * is wiped when the last reference goes; nothing here prints it. Equal issuers of several identities are stored
 * once: the process keeps one pool of them. */
#ifndef FAIRLEAD_TLS_IDENTITY_H
#define FAIRLEAD_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "tls/hash.h"

struct tls_identity;

enum tls_identity_status {
    TLS_IDENTITY_OK,
    TLS_IDENTITY_BAD_CERTIFICATE, /* no certificate in the PEM, or one that does not parse */
    TLS_IDENTITY_CHAIN_TOO_LONG,  /* more than TLS_CHAIN_CERTIFICATES_MAX certificates */
    TLS_IDENTITY_BAD_KEY,         /* no private key in the PEM, or one that does not parse */
    TLS_IDENTITY_KEY_ENCRYPTED,   /* the key needs a passphrase, which no field of Istio gives */
    TLS_IDENTITY_KEY_MISMATCH,    /* the key is not that of the first certificate */
    TLS_IDENTITY_KEY_UNSUPPORTED, /* not RSA of 2048 bits or more (Envoy's floor), nor ECDSA P-256, P-384 or P-521 */
};

/* One sentence for a person, without the file's contents. */
struct tls_identity_error {
    char text[256];
};

/* `cert_chain_pem` holds the leaf first, then its issuers (RFC 8446 section 4.4.2); text around the PEM blocks is
 * ignored. Both spans are only read during the call. On OK the caller holds one reference. Otherwise only ret_error is
 * written. */
MUST_USE enum tls_identity_status tls_identity_create(struct span cert_chain_pem, struct span key_pem,
                                                      struct tls_identity_error *ret_error,
                                                      struct tls_identity **ret_identity);
/* With an OCSP response (RFC 6960, DER) of the leaf that is shown with it (RFC 6066 section 8); empty: none. A response
 * that is not usable does not fail: see tls_identity_staple_state. */
MUST_USE enum tls_identity_status tls_identity_create_stapled(struct span cert_chain_pem, struct span key_pem,
                                                              struct span staple, struct tls_identity_error *ret_error,
                                                              struct tls_identity **ret_identity);
struct tls_identity *tls_identity_pin(struct tls_identity *identity);
/* NULL is harmless. */
void tls_identity_unpin(struct tls_identity *identity);

/* What the leaf says; all spans live as long as the identity. */
/* The subjectAltName's DNS names (as written) and IP addresses (as text), in the certificate's order. */
size_t tls_identity_name_count(const struct tls_identity *identity);
struct span tls_identity_name(const struct tls_identity *identity, size_t index);
bool tls_identity_name_is_address(const struct tls_identity *identity, size_t index);
/* RFC 2253 form, e.g. "CN=example.com,O=Example". */
struct span tls_identity_subject(const struct tls_identity *identity);
struct span tls_identity_issuer(const struct tls_identity *identity);
/* Lower-case hex without separators. */
struct span tls_identity_serial(const struct tls_identity *identity);
/* Seconds since the epoch of UTC. An expired certificate is served all the same (as Istio does); the caller warns. */
int64_t tls_identity_not_before(const struct tls_identity *identity);
int64_t tls_identity_not_after(const struct tls_identity *identity);
/* "ECDSA P-256", "RSA 2048". */
struct span tls_identity_key_type(const struct tls_identity *identity);
bool tls_identity_is_ecdsa(const struct tls_identity *identity); /* else RSA */
size_t tls_identity_chain_size(const struct tls_identity *identity);
/* SHA-256 of the leaf's DER encoding. */
const uint8_t *tls_identity_fingerprint(const struct tls_identity *identity);

/* True when the leaf is for `host`: a name equal without regard to case, or a wildcard that stands for exactly the
 * leftmost label (RFC 6125 section 6.4.3). `host` may be an IP address, or itself a wildcard, which only an equal
 * wildcard covers. The subject's common name does not count (RFC 9525 section 2). */
bool tls_identity_covers(const struct tls_identity *identity, struct span host);

/* Its URIs, such as the SPIFFE name of a workload. */
size_t tls_identity_uri_count(const struct tls_identity *identity);
struct span tls_identity_uri(const struct tls_identity *identity, size_t index);

enum tls_staple_state {
    TLS_STAPLE_NONE,
    TLS_STAPLE_GOOD,
    TLS_STAPLE_UNREADABLE, /* no OCSP response, or one that tells of no certificate */
    TLS_STAPLE_OF_ANOTHER, /* certificate */
    TLS_STAPLE_NOT_GOOD,   /* revoked or unknown */
    TLS_STAPLE_EXPIRED,    /* or not valid yet */
};
/* Only a good one is shown; `now_s` in seconds since the epoch. Its signature is the client's to verify. */
enum tls_staple_state tls_identity_staple_state(const struct tls_identity *identity, int64_t now_s);

enum tls_chain_state {
    TLS_CHAIN_ORDERED,    /* each certificate is issued by the next */
    TLS_CHAIN_LEAF_ONLY,  /* one certificate that is not self-signed: clients must hold its issuer, an intermediate may
                             be missing */
    TLS_CHAIN_MISORDERED, /* a certificate's issuer is in the chain, but is not the next one */
    TLS_CHAIN_BROKEN,     /* a certificate that has a successor was issued by none of the chain */
};
/* How the chain hangs together, by names. Never an error: clients differ in what they mend. */
enum tls_chain_state tls_identity_chain_state(const struct tls_identity *identity);

#endif
