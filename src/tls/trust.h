/* Whom a peer's certificate must come from: the certificates of authorities and, if they publish them, the lists of what
 * they revoked (Istio: caCertificates, a Secret's `ca.crt` or `cacert`, caCrl and the like). Immutable once made; counted
 * references, any thread may pin and unpin. */
#ifndef FAIRLEAD_TLS_TRUST_H
#define FAIRLEAD_TLS_TRUST_H

#include "tls/hash.h"
#include "tls/identity.h"

struct tls_trust;

/* PEM of one authority or more (an intermediate one may stand for itself), and of the revocation lists; an empty
 * `crl_pem`: nothing is known to be revoked. With a list every certificate of a chain needs one of its issuer, as in
 * Envoy. Both spans are only read during the call. False: ret_error says why; nothing half-read is used. */
MUST_USE bool tls_trust_create(struct span authorities_pem, struct span crl_pem, struct tls_identity_error *ret_error,
                               struct tls_trust **ret_trust);
struct tls_trust *tls_trust_pin(struct tls_trust *trust);
/* NULL is harmless. */
void tls_trust_unpin(struct tls_trust *trust);

/* Of both texts. TLS_SHA256_SIZE bytes. */
const uint8_t *tls_trust_hash(const struct tls_trust *trust);
size_t tls_trust_authority_count(const struct tls_trust *trust);
/* How many authorities had expired by then (seconds since the epoch): they vouch for nobody. */
size_t tls_trust_expired_count(const struct tls_trust *trust, int64_t now_s);
size_t tls_trust_crl_count(const struct tls_trust *trust);
/* When the first list wants to be replaced, in seconds since the epoch: from then on it refuses its authority's
 * certificates. INT64_MAX: never, or there is none. */
int64_t tls_trust_crl_next_update(const struct tls_trust *trust);

#endif
