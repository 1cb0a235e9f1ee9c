#include "tls/pem.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>

#include "base/assert.h"
#include "tls/library_error.h"

/* One for the process, so that an intermediate of a thousand chains is stored once; it lives until exit. */
static CRYPTO_BUFFER_POOL *certificate_pool;
static pthread_once_t certificate_pool_once = PTHREAD_ONCE_INIT;

static void make_certificate_pool(void)
{
    certificate_pool = CRYPTO_BUFFER_POOL_new();
    ASSERT(certificate_pool != NULL);
}

void tls_pem_block_deinit(struct tls_pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_free(block->bytes);
}

void tls_pem_close(BIO **bio)
{
    BIO_free(*bio);
}

BIO *tls_pem_open(struct span pem)
{
    if (pem.size == 0 || pem.size > INT_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    ASSERT(bio != NULL);
    ERR_clear_error();
    return bio;
}

/* After the last block the library says NO_START_LINE; anything else is a block that is broken. */
static bool is_end_of_text(void)
{
    uint32_t error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

enum tls_pem_status tls_pem_next(BIO *bio, struct tls_pem_block *ret_block)
{
    if (PEM_read_bio(bio, &ret_block->name, &ret_block->header, &ret_block->bytes, &ret_block->size) == 1)
        return TLS_PEM_BLOCK;
    if (!is_end_of_text())
        return TLS_PEM_BROKEN;
    ERR_clear_error();
    return TLS_PEM_END;
}

bool tls_pem_block_is_certificate(const struct tls_pem_block *block)
{
    return strcmp(block->name, PEM_STRING_X509) == 0 || strcmp(block->name, PEM_STRING_X509_OLD) == 0;
}

bool tls_pem_block_is_crl(const struct tls_pem_block *block)
{
    return strcmp(block->name, PEM_STRING_X509_CRL) == 0;
}

static enum tls_identity_status add_certificate(struct tls_pem_chain *chain, const struct tls_pem_block *block,
                                                struct tls_identity_error *ret_error)
{
    if (chain->count == TLS_CHAIN_CERTIFICATES_MAX) {
        snprintf(ret_error->text, sizeof(ret_error->text), "the chain has more than %d certificates",
                 TLS_CHAIN_CERTIFICATES_MAX);
        return TLS_IDENTITY_CHAIN_TOO_LONG;
    }
    const unsigned char *cursor = block->bytes;
    X509 *certificate = d2i_X509(NULL, &cursor, block->size);
    if (certificate == NULL || cursor != block->bytes + block->size) {
        X509_free(certificate);
        snprintf(ret_error->text, sizeof(ret_error->text), "certificate %zu of the chain does not parse (%s)",
                 chain->count + 1, tls_library_error_take_reason());
        return TLS_IDENTITY_BAD_CERTIFICATE;
    }
    pthread_once(&certificate_pool_once, make_certificate_pool);
    CRYPTO_BUFFER *encoded = CRYPTO_BUFFER_new(block->bytes, (size_t)block->size, certificate_pool);
    ASSERT(encoded != NULL);
    chain->certificates[chain->count] = certificate;
    chain->encoded[chain->count++] = encoded;
    return TLS_IDENTITY_OK;
}

enum tls_identity_status tls_pem_read_chain(struct span pem, struct tls_pem_chain *chain,
                                            struct tls_identity_error *ret_error)
{
    BIO *bio CLEANUP(tls_pem_close) = tls_pem_open(pem);
    if (bio == NULL) {
        snprintf(ret_error->text, sizeof(ret_error->text), "the certificate is empty");
        return TLS_IDENTITY_BAD_CERTIFICATE;
    }
    while (true) {
        struct tls_pem_block block CLEANUP(tls_pem_block_deinit) = {0};
        enum tls_pem_status status = tls_pem_next(bio, &block);
        if (status == TLS_PEM_BROKEN) {
            snprintf(ret_error->text, sizeof(ret_error->text), "the PEM block after %zu certificates is broken (%s)",
                     chain->count, tls_library_error_take_reason());
            return TLS_IDENTITY_BAD_CERTIFICATE;
        }
        if (status == TLS_PEM_END)
            break;
        if (!tls_pem_block_is_certificate(&block))
            continue;
        enum tls_identity_status added = add_certificate(chain, &block, ret_error);
        if (added != TLS_IDENTITY_OK)
            return added;
    }
    if (chain->count > 0)
        return TLS_IDENTITY_OK;
    snprintf(ret_error->text, sizeof(ret_error->text), "the text holds no PEM block \"BEGIN CERTIFICATE\"");
    return TLS_IDENTITY_BAD_CERTIFICATE;
}

void tls_pem_chain_deinit(struct tls_pem_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        X509_free(chain->certificates[i]);
        CRYPTO_BUFFER_free(chain->encoded[i]);
    }
    chain->count = 0;
}

/* Called only for an encrypted key: notes it and gives none. */
static int refuse_passphrase(char *passphrase UNUSED, int capacity UNUSED, int for_writing UNUSED, void *was_asked)
{
    *(bool *)was_asked = true;
    return -1;
}

enum tls_identity_status tls_pem_read_key(struct span pem, struct tls_identity_error *ret_error, EVP_PKEY **ret_key)
{
    BIO *bio CLEANUP(tls_pem_close) = tls_pem_open(pem);
    if (bio == NULL) {
        snprintf(ret_error->text, sizeof(ret_error->text), "the private key is empty");
        return TLS_IDENTITY_BAD_KEY;
    }
    ERR_clear_error();
    bool is_encrypted = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &is_encrypted);
    if (key != NULL) {
        *ret_key = key;
        return TLS_IDENTITY_OK;
    }
    if (is_encrypted) {
        ERR_clear_error();
        snprintf(ret_error->text, sizeof(ret_error->text),
                 "the private key is encrypted: give it without a passphrase");
        return TLS_IDENTITY_KEY_ENCRYPTED;
    }
    if (is_end_of_text()) {
        ERR_clear_error();
        snprintf(ret_error->text, sizeof(ret_error->text), "the text holds no PEM block of a private key");
        return TLS_IDENTITY_BAD_KEY;
    }
    snprintf(ret_error->text, sizeof(ret_error->text), "the private key does not parse (%s)",
             tls_library_error_take_reason());
    return TLS_IDENTITY_BAD_KEY;
}
