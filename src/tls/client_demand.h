/* What a server demands of a client's certificate (Istio: Gateway tls modes MUTUAL, OPTIONAL_MUTUAL and ISTIO_MUTUAL).
 * Immutable once made; counted references, any thread may pin and unpin; a session holds one until its handshake is
 * over. */
#ifndef FAIRLEAD_TLS_CLIENT_DEMAND_H
#define FAIRLEAD_TLS_CLIENT_DEMAND_H

#include "base/arena.h"
#include "tls/failure.h"
#include "tls/trust.h"

struct tls_client_demand;

struct tls_client_demand_options {
    bool is_optional;        /* a client may come without a certificate; one that it shows is verified (OPTIONAL_MUTUAL) */
    bool skips_verification; /* any certificate will do, the rest is not looked at (insecureSkipVerify) */
    struct tls_trust *trust; /* not NULL unless verification is skipped; pinned */
    /* One of these must be in the certificate: DNS names (a wildcard there covers one label), addresses, URIs. None: any.
     */
    const struct span *subject_alt_names;
    size_t subject_alt_name_count;
    /* When there are any, one must fit: base64 of the SHA-256 of the public key's info (verifyCertificateSpki), or hex of
     * the SHA-256 of the whole certificate, with or without colons (verifyCertificateHash). */
    const struct span *spki_pins;
    size_t spki_pin_count;
    const struct span *certificate_pins;
    size_t certificate_pin_count;
};

/* Whether a text is such a pin, for diagnostics. */
bool tls_spki_pin_is_valid(struct span text);
bool tls_certificate_pin_is_valid(struct span text);

/* Every pin must be valid. Never NULL; the caller holds one reference. */
struct tls_client_demand *tls_client_demand_create(const struct tls_client_demand_options *options);
struct tls_client_demand *tls_client_demand_pin(struct tls_client_demand *demand);
/* NULL is harmless. */
void tls_client_demand_unpin(struct tls_client_demand *demand);
/* Of all that it demands, trust and revocation lists included: a session may only be resumed, and a connection only be
 * used for another server, where it is equal. TLS_SHA256_SIZE bytes. */
const uint8_t *tls_client_demand_hash(const struct tls_client_demand *demand);
/* Whether two servers demand the same; NULL is a server that asks for no certificate. */
bool tls_client_demand_equal(const struct tls_client_demand *a, const struct tls_client_demand *b);
/* What a handshake would come to with a client that shows these certificates, or none (empty). False: ret_failure, and ret_error for a person.
 */
MUST_USE bool tls_client_demand_judge(const struct tls_client_demand *demand, struct span chain_pem, enum tls_failure *ret_failure,
                                      struct tls_identity_error *ret_error);
/* One line for a person, in the arena: "required, of 1 authority, with 1 revocation list, for spiffe://..." */
struct span tls_client_demand_describe(const struct tls_client_demand *demand, struct arena *arena);

#endif
