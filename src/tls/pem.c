#include "tls/pem.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>

#include "base/assert.h"
#include "base/base64.h"
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

#define LINE_BYTES 64 /* RFC 7468 section 2 */

struct block_kind {
    struct span begin;
    struct span end;
};

static const struct block_kind certificate_block = {SPAN_LITERAL("-----BEGIN CERTIFICATE-----\n"),
                                                    SPAN_LITERAL("\n-----END CERTIFICATE-----")};
static const struct block_kind key_block = {SPAN_LITERAL("-----BEGIN PRIVATE KEY-----\n"), SPAN_LITERAL("\n-----END PRIVATE KEY-----")};

/* Full lines and a last one, with nothing else between them. */
static bool decode_lines(struct span lines, uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
    size_t breaks = lines.size / (LINE_BYTES + 1);
    size_t digits = lines.size - breaks;
    if (lines.size == 0 || lines.size % (LINE_BYTES + 1) == 0 || digits % 4 != 0 || digits / 4 * 3 > capacity)
        return false;
    for (size_t i = LINE_BYTES; i < lines.size; i += LINE_BYTES + 1)
        if (lines.data[i] != '\n')
            return false;
    size_t padding = lines.data[lines.size - 1] != '=' ? 0 : lines.data[lines.size - 2] != '=' ? 1 : 2;
    return base64_decode(lines, (char *)ret_bytes, ret_size) && *ret_size == digits / 4 * 3 - padding;
}

/* The next block of the text, from whose front it is taken. */
static bool take_block(struct span *text, const struct block_kind *kind, uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
    if (!span_starts_with(*text, kind->begin))
        return false;
    struct span rest = span_from(*text, kind->begin.size);
    const char *end = memmem(rest.data, rest.size, kind->end.data, kind->end.size);
    if (end == NULL || !decode_lines(span_first(rest, (size_t)(end - rest.data)), ret_bytes, capacity, ret_size))
        return false;
    rest = span_from(rest, (size_t)(end - rest.data) + kind->end.size);
    if (rest.size > 0 && rest.data[0] != '\n')
        return false;
    while (rest.size > 0 && rest.data[0] == '\n')
        rest = span_from(rest, 1);
    *text = rest;
    return true;
}

/* The leaf is as good as never that of another chain: looking for it would be in vain. */
static void add_encoded(struct tls_encoded_chain *chain, const uint8_t *bytes, size_t size)
{
    pthread_once(&certificate_pool_once, make_certificate_pool);
    CRYPTO_BUFFER *encoded = CRYPTO_BUFFER_new(bytes, size, chain->count == 0 ? NULL : certificate_pool);
    ASSERT(encoded != NULL);
    chain->encoded[chain->count++] = encoded;
}

bool tls_pem_scan_chain(struct span pem, struct tls_encoded_chain *chain)
{
    uint8_t bytes[TLS_CERTIFICATE_SCAN_BYTES_MAX];
    while (pem.size > 0) {
        size_t size;
        if (chain->count == TLS_CHAIN_CERTIFICATES_MAX || !take_block(&pem, &certificate_block, bytes, sizeof(bytes), &size))
            return false;
        add_encoded(chain, bytes, size);
        const CRYPTO_BUFFER *encoded = chain->encoded[chain->count - 1];
        if (!tls_certificate_scan(span_make(CRYPTO_BUFFER_data(encoded), CRYPTO_BUFFER_len(encoded)), &chain->scans[chain->count - 1]))
            return false;
    }
    return chain->count > 0;
}

void tls_encoded_chain_deinit(struct tls_encoded_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        CRYPTO_BUFFER_free(chain->encoded[i]);
    chain->count = 0;
}

bool tls_pem_scan_key(struct span pem, uint8_t ret_der[TLS_KEY_SCAN_BYTES_MAX], size_t *ret_size)
{
    return take_block(&pem, &key_block, ret_der, TLS_KEY_SCAN_BYTES_MAX, ret_size);
}

EVP_PKEY *tls_key_parse(struct span der)
{
    CBS rest;
    CBS_init(&rest, (const uint8_t *)der.data, der.size);
    EVP_PKEY *key = EVP_parse_private_key(&rest);
    if (CBS_len(&rest) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
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
