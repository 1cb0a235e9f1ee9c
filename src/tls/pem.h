/* For tls itself: PEM (RFC 7468) to certificates and keys. */
#ifndef FAIRLEAD_TLS_PEM_H
#define FAIRLEAD_TLS_PEM_H

#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include "base/compiler.h"
#include "base/limits.h"
#include "base/span.h"
#include "tls/identity.h"

/* The certificates of a text, parsed and as bytes of the process's pool. */
struct tls_pem_chain {
    size_t count;
    X509 *certificates[TLS_CHAIN_CERTIFICATES_MAX];
    CRYPTO_BUFFER *encoded[TLS_CHAIN_CERTIFICATES_MAX];
};

/* Reads all certificates into an empty chain; whatever the status, the caller deinits it. */
MUST_USE enum tls_identity_status tls_pem_read_chain(struct span pem, struct tls_pem_chain *chain,
                                                     struct tls_identity_error *ret_error);
void tls_pem_chain_deinit(struct tls_pem_chain *chain);

/* The first private key of the text (PKCS #1, PKCS #8, SEC 1). On OK the caller owns it. */
MUST_USE enum tls_identity_status tls_pem_read_key(struct span pem, struct tls_identity_error *ret_error,
                                                   EVP_PKEY **ret_key);

#endif
