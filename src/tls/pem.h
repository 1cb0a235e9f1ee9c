/* For tls itself: PEM (RFC 7468) to certificates and keys. */
#ifndef FAIRLEAD_TLS_PEM_H
#define FAIRLEAD_TLS_PEM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include "base/compiler.h"
#include "base/limits.h"
#include "base/span.h"
#include "tls/certificate_scan.h"
#include "tls/identity.h"

/* One block of a text: heap of the library's. */
struct tls_pem_block {
    char *name;
    char *header;
    unsigned char *bytes;
    long size;
};

enum tls_pem_status {
    TLS_PEM_BLOCK,
    TLS_PEM_END,    /* of the text */
    TLS_PEM_BROKEN, /* a block that does not decode; the library's error says why */
};

/* NULL for an empty text, or one too large. The caller closes it; the text must live as long. */
BIO *tls_pem_open(struct span pem);
void tls_pem_close(BIO **bio);
/* The next block into an empty struct, which the caller deinits. Text around the blocks is ignored. */
MUST_USE enum tls_pem_status tls_pem_next(BIO *bio, struct tls_pem_block *ret_block);
void tls_pem_block_deinit(struct tls_pem_block *block);
bool tls_pem_block_is_certificate(const struct tls_pem_block *block);
bool tls_pem_block_is_crl(const struct tls_pem_block *block);

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

/* The same without the library's objects. */
struct tls_encoded_chain {
    size_t count;
    CRYPTO_BUFFER *encoded[TLS_CHAIN_CERTIFICATES_MAX];
    struct tls_certificate_scan scans[TLS_CHAIN_CERTIFICATES_MAX]; /* of the encoded bytes */
};

/* For a text that holds nothing but certificates, written as every tool does, which tls_certificate_scan reads. False: it is another, or broken;
 * tls_pem_read_chain says. Whatever is returned, the caller deinits the chain, which was empty. */
MUST_USE bool tls_pem_scan_chain(struct span pem, struct tls_encoded_chain *chain);
void tls_encoded_chain_deinit(struct tls_encoded_chain *chain);

/* The encoding of a PKCS #8 key that is written as every tool does, for tls_key_parse. False: it is another, or broken; tls_pem_read_key says. Whatever is
 * returned, the caller wipes the bytes. */
MUST_USE bool tls_pem_scan_key(struct span pem, uint8_t ret_der[TLS_KEY_SCAN_BYTES_MAX], size_t *ret_size);
/* The key, checked, that the caller owns. NULL: it is broken; the library's error says why. */
EVP_PKEY *tls_key_parse(struct span der);

/* The first private key of the text (PKCS #1, PKCS #8, SEC 1). On OK the caller owns it. */
MUST_USE enum tls_identity_status tls_pem_read_key(struct span pem, struct tls_identity_error *ret_error,
                                                   EVP_PKEY **ret_key);

#endif
