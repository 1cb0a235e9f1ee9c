#include "tls/trust.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/library_error.h"
#include "tls/pem.h"
#include "tls/trust_material.h"

struct tls_trust {
    atomic_size_t references;
    X509_STORE *store;
    STACK_OF(CRYPTO_BUFFER) *names;
    size_t names_bytes;
    int64_t *expiries_s; /* of the authorities */
    size_t authority_count;
    size_t crl_count;
    int64_t crl_next_update_s;
    uint8_t hash[TLS_SHA256_SIZE];
};

static void add_name(struct tls_trust *trust, X509 *authority)
{
    uint8_t *bytes = NULL;
    int size = i2d_X509_NAME(X509_get_subject_name(authority), &bytes);
    ASSERT(size >= 0);
    CRYPTO_BUFFER *name = CRYPTO_BUFFER_new(bytes, (size_t)size, NULL);
    ASSERT(name != NULL && sk_CRYPTO_BUFFER_push(trust->names, name) > 0);
    OPENSSL_free(bytes);
    trust->names_bytes += (size_t)size;
}

static bool add_authority(struct tls_trust *trust, const struct tls_pem_block *block)
{
    const unsigned char *cursor = block->bytes;
    X509 *authority = d2i_X509(NULL, &cursor, block->size);
    int64_t expiry_s = 0;
    bool is_added = authority != NULL && cursor == block->bytes + block->size &&
                    X509_STORE_add_cert(trust->store, authority) == 1;
    if (is_added) {
        /* A date that does not parse reads as long past. */
        if (ASN1_TIME_to_posix(X509_get0_notAfter(authority), &expiry_s) != 1)
            expiry_s = 0;
        trust->expiries_s = memory_resize(trust->expiries_s, (trust->authority_count + 1) * sizeof(*trust->expiries_s));
        trust->expiries_s[trust->authority_count++] = expiry_s;
        add_name(trust, authority);
    }
    X509_free(authority);
    return is_added;
}

static bool add_crl(struct tls_trust *trust, const struct tls_pem_block *block)
{
    const unsigned char *cursor = block->bytes;
    X509_CRL *crl = d2i_X509_CRL(NULL, &cursor, block->size);
    int64_t next_update_s;
    bool is_added = crl != NULL && cursor == block->bytes + block->size && X509_STORE_add_crl(trust->store, crl) == 1;
    if (is_added) {
        const ASN1_TIME *next_update = X509_CRL_get0_nextUpdate(crl);
        trust->crl_count++;
        if (next_update != NULL && ASN1_TIME_to_posix(next_update, &next_update_s) == 1 &&
            next_update_s < trust->crl_next_update_s)
            trust->crl_next_update_s = next_update_s;
    }
    X509_CRL_free(crl);
    return is_added;
}

typedef bool block_filter(const struct tls_pem_block *block);
typedef bool block_adder(struct tls_trust *trust, const struct tls_pem_block *block);

/* Adds every block of a kind. A text that holds a broken one is refused whole: what it would restrict is not known. */
static bool read_blocks(struct tls_trust *trust, struct span pem, block_filter *is_wanted, block_adder *add, const char *what,
                        struct tls_identity_error *ret_error)
{
    BIO *bio CLEANUP(tls_pem_close) = tls_pem_open(pem);
    size_t count = 0;
    enum tls_pem_status status = bio == NULL ? TLS_PEM_END : TLS_PEM_BLOCK;
    while (status == TLS_PEM_BLOCK) {
        struct tls_pem_block block CLEANUP(tls_pem_block_deinit) = {0};
        status = tls_pem_next(bio, &block);
        if (status == TLS_PEM_BROKEN || (status == TLS_PEM_BLOCK && is_wanted(&block) && !add(trust, &block))) {
            snprintf(ret_error->text, sizeof(ret_error->text), "%s %zu does not parse (%s)", what, count + 1,
                     tls_library_error_take_reason());
            return false;
        }
        count += status == TLS_PEM_BLOCK && is_wanted(&block);
    }
    if (count == 0)
        snprintf(ret_error->text, sizeof(ret_error->text), "there is no PEM block of a %s", what);
    return count > 0;
}

bool tls_trust_create(struct span authorities_pem, struct span crl_pem, struct tls_identity_error *ret_error,
                      struct tls_trust **ret_trust)
{
    struct tls_trust *trust = memory_allocate_zeroed(1, sizeof(*trust));
    struct span parts[] = {authorities_pem, crl_pem};
    atomic_init(&trust->references, 1);
    trust->store = X509_STORE_new();
    trust->names = sk_CRYPTO_BUFFER_new_null();
    ASSERT(trust->store != NULL && trust->names != NULL);
    trust->crl_next_update_s = INT64_MAX;
    tls_sha256_parts(parts, ARRAY_SIZE(parts), trust->hash);
    /* As in Envoy, an authority that is listed is trusted by itself, whoever signed it. */
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    if (crl_pem.size > 0)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    ASSERT(X509_STORE_set_flags(trust->store, flags) == 1);
    bool is_read = read_blocks(trust, authorities_pem, tls_pem_block_is_certificate, add_authority, "certificate of an authority", ret_error) &&
                   (crl_pem.size == 0 || read_blocks(trust, crl_pem, tls_pem_block_is_crl, add_crl, "revocation list", ret_error));
    ERR_clear_error();
    if (is_read)
        *ret_trust = trust;
    else
        tls_trust_unpin(trust);
    return is_read;
}

struct tls_trust *tls_trust_pin(struct tls_trust *trust)
{
    size_t references = atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return trust;
}

void tls_trust_unpin(struct tls_trust *trust)
{
    if (trust == NULL || atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) > 1)
        return;
    X509_STORE_free(trust->store);
    sk_CRYPTO_BUFFER_pop_free(trust->names, CRYPTO_BUFFER_free);
    free(trust->expiries_s);
    free(trust);
}

const uint8_t *tls_trust_hash(const struct tls_trust *trust)
{
    return trust->hash;
}

size_t tls_trust_authority_count(const struct tls_trust *trust)
{
    return trust->authority_count;
}

size_t tls_trust_expired_count(const struct tls_trust *trust, int64_t now_s)
{
    size_t count = 0;
    for (size_t i = 0; i < trust->authority_count; i++)
        count += trust->expiries_s[i] < now_s;
    return count;
}

size_t tls_trust_crl_count(const struct tls_trust *trust)
{
    return trust->crl_count;
}

int64_t tls_trust_crl_next_update(const struct tls_trust *trust)
{
    return trust->crl_next_update_s;
}

X509_STORE *tls_trust_store(const struct tls_trust *trust)
{
    return trust->store;
}

STACK_OF(CRYPTO_BUFFER) *tls_trust_names_copy(const struct tls_trust *trust)
{
    STACK_OF(CRYPTO_BUFFER) *names = sk_CRYPTO_BUFFER_new_null();
    ASSERT(names != NULL);
    for (size_t i = 0; trust->names_bytes <= TLS_AUTHORITY_NAMES_BYTES_MAX && i < sk_CRYPTO_BUFFER_num(trust->names); i++) {
        CRYPTO_BUFFER *name = sk_CRYPTO_BUFFER_value(trust->names, i);
        CRYPTO_BUFFER_up_ref(name);
        ASSERT(sk_CRYPTO_BUFFER_push(names, name) > 0);
    }
    return names;
}
