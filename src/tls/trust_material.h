/* For tls itself: what a handshake needs of a trust. */
#ifndef FAIRLEAD_TLS_TRUST_MATERIAL_H
#define FAIRLEAD_TLS_TRUST_MATERIAL_H

#include <openssl/pool.h>
#include <openssl/x509.h>

#include "tls/trust.h"

/* Any thread may verify with it. */
X509_STORE *tls_trust_store(const struct tls_trust *trust);
/* The authorities' names, encoded, for a CertificateRequest (RFC 8446 section 4.2.4); empty when they would be too many.
 * The caller frees the stack. */
STACK_OF(CRYPTO_BUFFER) *tls_trust_names_copy(const struct tls_trust *trust);

#endif
