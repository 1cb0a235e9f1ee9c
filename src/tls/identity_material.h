/* For tls itself: what a handshake needs of an identity. The chain has tls_identity_chain_size certificates. */
#ifndef FAIRLEAD_TLS_IDENTITY_MATERIAL_H
#define FAIRLEAD_TLS_IDENTITY_MATERIAL_H

#include <openssl/evp.h>
#include <openssl/pool.h>

#include "tls/identity.h"

CRYPTO_BUFFER *const *tls_identity_chain(const struct tls_identity *identity);
/* Borrowed. Any thread; the first one that asks makes it. */
EVP_PKEY *tls_identity_key(const struct tls_identity *identity);
/* What to staple now; empty: nothing. */
struct span tls_identity_staple(const struct tls_identity *identity, int64_t now_s);
/* TLS_SHA256_SIZE bytes over the leaf's names: a renewed certificate has the same. */
const uint8_t *tls_identity_names_hash(const struct tls_identity *identity);

#endif
