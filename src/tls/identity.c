#include "tls/identity.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/certificate.h"
#include "tls/certificate_scan.h"
#include "tls/identity_material.h"
#include "tls/library_error.h"
#include "tls/pem.h"
#include "tls/staple.h"

/* The names of an ordinary certificate and its key fit one block, and so does what is told of it. */
#define IDENTITY_ARENA_BLOCK_BYTES 248
#define STORY_ARENA_BLOCK_BYTES 512

/* What is only told to people, made when it is asked for first. */
struct identity_story {
    struct arena arena;
    struct tls_certificate leaf;
};

struct tls_identity {
    atomic_size_t references;
    _Atomic(struct identity_story *) story;
    _Atomic(EVP_PKEY *) key; /* NULL until it is asked for: then of the encoding below, which was checked */
    struct span key_der;     /* in the arena; empty: the key is there from the start */
    bool is_ecdsa;
    size_t chain_size;
    CRYPTO_BUFFER **chain;
    enum tls_chain_state chain_state;
    struct tls_certificate leaf; /* without what the story holds */
    struct tls_staple staple;
    struct arena arena;
};

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static bool was_issued_by(X509 *certificate, X509 *issuer)
{
    return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
}

static bool has_issuer_in(const struct tls_pem_chain *chain, size_t index)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (was_issued_by(chain->certificates[index], chain->certificates[i]))
            return true;
    }
    return false;
}

static enum tls_chain_state examine_chain(const struct tls_pem_chain *chain)
{
    if (chain->count == 1)
        return was_issued_by(chain->certificates[0], chain->certificates[0]) ? TLS_CHAIN_ORDERED : TLS_CHAIN_LEAF_ONLY;
    enum tls_chain_state state = TLS_CHAIN_ORDERED;
    for (size_t i = 0; i + 1 < chain->count; i++) {
        if (was_issued_by(chain->certificates[i], chain->certificates[i + 1]))
            continue;
        if (!has_issuer_in(chain, i))
            return TLS_CHAIN_BROKEN;
        state = TLS_CHAIN_MISORDERED;
    }
    return state;
}

static enum tls_identity_status check_key_match(const struct tls_pem_chain *chain, EVP_PKEY *key,
                                                struct tls_identity_error *ret_error)
{
    for (size_t i = 0; i < chain->count; i++) {
        bool matches = X509_check_private_key(chain->certificates[i], key) == 1;
        ERR_clear_error();
        if (matches && i == 0)
            return TLS_IDENTITY_OK;
        if (!matches)
            continue;
        snprintf(ret_error->text, sizeof(ret_error->text),
                 "the private key belongs to certificate %zu of the chain: that one must come first", i + 1);
        return TLS_IDENTITY_KEY_MISMATCH;
    }
    snprintf(ret_error->text, sizeof(ret_error->text), "the private key does not belong to the certificate");
    return TLS_IDENTITY_KEY_MISMATCH;
}

/* Of sessions that only ask the library; it lives until exit. */
static SSL_CTX *asking_context;
static pthread_once_t asking_context_once = PTHREAD_ONCE_INIT;

static void make_asking_context(void)
{
    asking_context = SSL_CTX_new(TLS_with_buffers_method());
    ASSERT(asking_context != NULL);
}

/* The library's own rules (that the key is the certificate's; an EC key's usage) are asked once here, so that they cannot fail in a handshake. */
static bool is_usable(CRYPTO_BUFFER *const *chain, size_t count, EVP_PKEY *key)
{
    pthread_once(&asking_context_once, make_asking_context);
    SSL *session = SSL_new(asking_context);
    ASSERT(session != NULL);
    bool usable = SSL_set_chain_and_key(session, chain, count, key, NULL) == 1;
    SSL_free(session);
    return usable;
}

static enum tls_identity_status check_usable(const struct tls_pem_chain *chain, EVP_PKEY *key,
                                             struct tls_identity_error *ret_error)
{
    if (is_usable(chain->encoded, chain->count, key))
        return TLS_IDENTITY_OK;
    snprintf(ret_error->text, sizeof(ret_error->text), "the certificate cannot be used for a TLS server (%s)",
             tls_library_error_take_reason());
    return TLS_IDENTITY_BAD_CERTIFICATE;
}

static bool is_weak(EVP_PKEY *key)
{
    return EVP_PKEY_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) < TLS_RSA_BITS_MIN;
}

static enum tls_identity_status check_key_kind(const struct tls_certificate *leaf, EVP_PKEY *key,
                                               struct tls_identity_error *ret_error)
{
    if (leaf->key_type.size > 0 && !is_weak(key))
        return TLS_IDENTITY_OK;
    snprintf(ret_error->text, sizeof(ret_error->text),
             "the key is %s: only RSA of %d bits or more and ECDSA P-256, P-384 or P-521 are served",
             is_weak(key) ? leaf->key_type.data : "of another kind", TLS_RSA_BITS_MIN);
    return TLS_IDENTITY_KEY_UNSUPPORTED;
}

static struct tls_identity *make_identity(CRYPTO_BUFFER *const *chain, size_t count, EVP_PKEY *key)
{
    struct tls_identity *identity = memory_allocate_zeroed(1, sizeof(*identity));
    atomic_init(&identity->references, 1);
    atomic_init(&identity->story, NULL);
    arena_init(&identity->arena, IDENTITY_ARENA_BLOCK_BYTES);
    atomic_init(&identity->key, key);
    EVP_PKEY_up_ref(key);
    identity->is_ecdsa = EVP_PKEY_id(key) == EVP_PKEY_EC;
    identity->chain_size = count;
    identity->chain = arena_new_array(&identity->arena, CRYPTO_BUFFER *, count);
    for (size_t i = 0; i < count; i++) {
        identity->chain[i] = chain[i];
        CRYPTO_BUFFER_up_ref(chain[i]);
    }
    return identity;
}

/* --- The ordinary pair, without the library's objects of certificates --- */

/* That each certificate is issued by the next; a chain of another kind is for the library's objects to judge. */
static bool is_ordered(const struct tls_certificate_scan *scans, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        if (!tls_certificate_same_name(scans[i].issuer, scans[i + 1].subject))
            return false;
    return true;
}

static struct tls_identity *identify(const struct tls_encoded_chain *chain, EVP_PKEY *key)
{
    const struct tls_certificate_scan *leaf = &chain->scans[0];
    if (is_weak(key) || !is_ordered(chain->scans, chain->count) || !is_usable(chain->encoded, chain->count, key))
        return NULL;
    struct tls_identity *identity = make_identity(chain->encoded, chain->count, key);
    struct span der = span_make(CRYPTO_BUFFER_data(chain->encoded[0]), CRYPTO_BUFFER_len(chain->encoded[0]));
    tls_certificate_scan_describe(leaf, der, &identity->arena, &identity->leaf);
    identity->leaf.key_type = tls_certificate_describe_key(key, &identity->arena);
    bool is_alone = chain->count == 1 && !tls_certificate_same_name(leaf->issuer, leaf->subject);
    identity->chain_state = is_alone ? TLS_CHAIN_LEAF_ONLY : TLS_CHAIN_ORDERED;
    if (identity->leaf.key_type.size > 0)
        return identity;
    tls_identity_unpin(identity);
    return NULL;
}

/* An EC key takes a kilobyte as the library's object, which most of many hosts never need, and 10 us to make it again. */
static void put_key_aside(struct tls_identity *identity, struct span der)
{
    if (!identity->is_ecdsa)
        return;
    identity->key_der = arena_copy(&identity->arena, der);
    EVP_PKEY_free(atomic_exchange_explicit(&identity->key, NULL, memory_order_relaxed));
}

/* NULL: something about the pair is not as nearly always, or wrong. */
static struct tls_identity *create_ordinary(struct span cert_chain_pem, struct span key_pem)
{
    struct tls_encoded_chain chain CLEANUP(tls_encoded_chain_deinit) = {0};
    uint8_t der[TLS_KEY_SCAN_BYTES_MAX];
    size_t size;
    if (!tls_pem_scan_chain(cert_chain_pem, &chain))
        return NULL;
    EVP_PKEY *key CLEANUP(free_key) = tls_pem_scan_key(key_pem, der, &size) ? tls_key_parse(span_make(der, size)) : NULL;
    struct tls_identity *identity = key == NULL ? NULL : identify(&chain, key);
    if (identity != NULL)
        put_key_aside(identity, span_make(der, size));
    memory_wipe(der, sizeof(der));
    ERR_clear_error();
    return identity;
}

/* --- Any pair --- */

enum tls_identity_status tls_identity_create(struct span cert_chain_pem, struct span key_pem,
                                             struct tls_identity_error *ret_error, struct tls_identity **ret_identity)
{
    return tls_identity_create_stapled(cert_chain_pem, key_pem, SPAN_EMPTY, ret_error, ret_identity);
}

enum tls_identity_status tls_identity_create_stapled(struct span cert_chain_pem, struct span key_pem, struct span staple,
                                                     struct tls_identity_error *ret_error,
                                                     struct tls_identity **ret_identity)
{
    struct tls_identity *ordinary = staple.size == 0 ? create_ordinary(cert_chain_pem, key_pem) : NULL;
    if (ordinary != NULL) {
        *ret_identity = ordinary;
        return TLS_IDENTITY_OK;
    }
    struct tls_pem_chain chain CLEANUP(tls_pem_chain_deinit) = {0};
    enum tls_identity_status status = tls_pem_read_chain(cert_chain_pem, &chain, ret_error);
    if (status != TLS_IDENTITY_OK)
        return status;
    EVP_PKEY *key CLEANUP(free_key) = NULL;
    status = tls_pem_read_key(key_pem, ret_error, &key);
    if (status != TLS_IDENTITY_OK)
        return status;
    status = check_key_match(&chain, key, ret_error);
    if (status != TLS_IDENTITY_OK)
        return status;
    struct tls_identity *identity = make_identity(chain.encoded, chain.count, key);
    identity->chain_state = examine_chain(&chain);
    tls_certificate_describe(chain.certificates[0], &identity->arena, &identity->leaf);
    tls_staple_read(staple, chain.certificates[0], &identity->arena, &identity->staple);
    status = check_key_kind(&identity->leaf, key, ret_error);
    if (status == TLS_IDENTITY_OK)
        status = check_usable(&chain, key, ret_error);
    if (status == TLS_IDENTITY_OK)
        *ret_identity = identity;
    else
        tls_identity_unpin(identity);
    return status;
}

static void free_story(struct identity_story *story)
{
    if (story != NULL)
        arena_deinit(&story->arena);
    free(story);
}

static struct identity_story *tell_story(CRYPTO_BUFFER *leaf)
{
    struct identity_story *story = memory_allocate_zeroed(1, sizeof(*story));
    arena_init(&story->arena, STORY_ARENA_BLOCK_BYTES);
    X509 *certificate = X509_parse_from_buffer(leaf);
    if (certificate != NULL)
        tls_certificate_describe(certificate, &story->arena, &story->leaf);
    X509_free(certificate);
    ERR_clear_error();
    return story;
}

/* Any thread: of two that ask at the same time one's is kept. */
static const struct tls_certificate *story_of(const struct tls_identity *identity)
{
    _Atomic(struct identity_story *) *place = (_Atomic(struct identity_story *) *)(uintptr_t)&identity->story;
    struct identity_story *story = atomic_load_explicit(place, memory_order_acquire);
    if (story != NULL)
        return &story->leaf;
    story = tell_story(identity->chain[0]);
    struct identity_story *first = NULL;
    if (atomic_compare_exchange_strong_explicit(place, &first, story, memory_order_acq_rel, memory_order_acquire))
        return &story->leaf;
    free_story(story);
    return &first->leaf;
}

struct tls_identity *tls_identity_pin(struct tls_identity *identity)
{
    size_t references = atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return identity;
}

void tls_identity_unpin(struct tls_identity *identity)
{
    if (identity == NULL)
        return;
    size_t references = atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel);
    ASSERT(references > 0);
    if (references > 1)
        return;
    for (size_t i = 0; i < identity->chain_size; i++)
        CRYPTO_BUFFER_free(identity->chain[i]);
    free_story(atomic_load_explicit(&identity->story, memory_order_acquire));
    /* The library wipes what it frees. */
    EVP_PKEY_free(atomic_load_explicit(&identity->key, memory_order_acquire));
    arena_wipe(&identity->arena);
    arena_deinit(&identity->arena);
    free(identity);
}

CRYPTO_BUFFER *const *tls_identity_chain(const struct tls_identity *identity)
{
    return identity->chain;
}

EVP_PKEY *tls_identity_key(const struct tls_identity *identity)
{
    _Atomic(EVP_PKEY *) *place = (_Atomic(EVP_PKEY *) *)(uintptr_t)&identity->key;
    EVP_PKEY *key = atomic_load_explicit(place, memory_order_acquire);
    if (key != NULL)
        return key;
    key = tls_key_parse(identity->key_der);
    ASSERT(key != NULL);
    EVP_PKEY *first = NULL;
    if (atomic_compare_exchange_strong_explicit(place, &first, key, memory_order_acq_rel, memory_order_acquire))
        return key;
    EVP_PKEY_free(key);
    return first;
}

struct span tls_identity_staple(const struct tls_identity *identity, int64_t now_s)
{
    return tls_staple_state(&identity->staple, now_s) == TLS_STAPLE_GOOD ? identity->staple.response : SPAN_EMPTY;
}

enum tls_staple_state tls_identity_staple_state(const struct tls_identity *identity, int64_t now_s)
{
    return tls_staple_state(&identity->staple, now_s);
}

size_t tls_identity_uri_count(const struct tls_identity *identity)
{
    return identity->leaf.uri_count;
}

struct span tls_identity_uri(const struct tls_identity *identity, size_t index)
{
    ASSERT(index < identity->leaf.uri_count);
    return identity->leaf.uris[index];
}

bool tls_identity_is_ecdsa(const struct tls_identity *identity)
{
    return identity->is_ecdsa;
}

size_t tls_identity_name_count(const struct tls_identity *identity)
{
    return identity->leaf.name_count;
}

struct span tls_identity_name(const struct tls_identity *identity, size_t index)
{
    ASSERT(index < identity->leaf.name_count);
    return identity->leaf.names[index];
}

bool tls_identity_name_is_address(const struct tls_identity *identity, size_t index)
{
    ASSERT(index < identity->leaf.name_count);
    return identity->leaf.name_is_address[index];
}

struct span tls_identity_subject(const struct tls_identity *identity)
{
    return story_of(identity)->subject;
}

struct span tls_identity_issuer(const struct tls_identity *identity)
{
    return story_of(identity)->issuer;
}

struct span tls_identity_serial(const struct tls_identity *identity)
{
    return story_of(identity)->serial;
}

int64_t tls_identity_not_before(const struct tls_identity *identity)
{
    return identity->leaf.not_before;
}

int64_t tls_identity_not_after(const struct tls_identity *identity)
{
    return identity->leaf.not_after;
}

struct span tls_identity_key_type(const struct tls_identity *identity)
{
    return identity->leaf.key_type;
}

size_t tls_identity_chain_size(const struct tls_identity *identity)
{
    return identity->chain_size;
}

const uint8_t *tls_identity_fingerprint(const struct tls_identity *identity)
{
    return identity->leaf.fingerprint;
}

const uint8_t *tls_identity_names_hash(const struct tls_identity *identity)
{
    return identity->leaf.names_hash;
}

bool tls_identity_covers(const struct tls_identity *identity, struct span host)
{
    return tls_certificate_names_cover(identity->leaf.names, identity->leaf.name_count, host);
}

enum tls_chain_state tls_identity_chain_state(const struct tls_identity *identity)
{
    return identity->chain_state;
}
