#include "tls/peer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/assert.h"
#include "base/limits.h"
#include "tls/certificate.h"
#include "tls/certificate_print.h"
#include "tls/client_policy_context.h"
#include "tls/identity_material.h"
#include "tls/pem.h"
#include "tls/session_library.h"

/* The five that Envoy encodes; PEM has no other byte that needs it. */
static struct span percent_encode(struct arena *arena, struct span pem)
{
    static const char encoded[] = "\n +/=";
    char *text = arena_new_array(arena, char, 3 * pem.size);
    size_t size = 0;
    for (size_t i = 0; i < pem.size; i++) {
        if (memchr(encoded, pem.data[i], sizeof(encoded) - 1) == NULL) {
            text[size++] = pem.data[i];
            continue;
        }
        text[size++] = '%';
        text[size++] = "0123456789ABCDEF"[(unsigned char)pem.data[i] >> 4];
        text[size++] = "0123456789ABCDEF"[(unsigned char)pem.data[i] & 15];
    }
    return span_make(text, size);
}

static struct span print_pem(struct arena *arena, X509 *leaf)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const uint8_t *bytes = NULL;
    size_t size = 0;
    ASSERT(bio != NULL && PEM_write_bio_X509(bio, leaf) == 1 && BIO_mem_contents(bio, &bytes, &size) == 1);
    struct span text = percent_encode(arena, span_make(bytes, size));
    BIO_free(bio);
    return text;
}

static void take_names(const struct tls_certificate *certificate, struct arena *arena, struct tls_peer *peer)
{
    peer->dns_names = arena_new_array(arena, struct span, certificate->name_count);
    peer->addresses = arena_new_array(arena, struct span, certificate->name_count);
    for (size_t i = 0; i < certificate->name_count; i++) {
        if (certificate->name_is_address[i])
            peer->addresses[peer->address_count++] = certificate->names[i];
        else
            peer->dns_names[peer->dns_name_count++] = certificate->names[i];
    }
    peer->uris = arena_new_array(arena, struct span, certificate->uri_count);
    for (size_t i = 0; i < certificate->uri_count; i++)
        peer->uris[peer->uri_count++] = certificate->uris[i];
}

/* NULL behind the last one. */
static CRYPTO_BUFFER *shown(const struct tls_session *session, size_t index)
{
    const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(tls_session_ssl(session));
    return chain == NULL || index >= sk_CRYPTO_BUFFER_num(chain) ? NULL : sk_CRYPTO_BUFFER_value(chain, index);
}

static X509 *parse_leaf(const struct tls_session *session)
{
    CRYPTO_BUFFER *leaf = shown(session, 0);
    return leaf == NULL ? NULL : X509_parse_from_buffer(leaf);
}

static void describe(X509 *leaf, struct arena *arena, struct tls_peer *ret_peer)
{
    struct tls_certificate certificate;
    tls_certificate_describe(leaf, arena, &certificate);
    *ret_peer = (struct tls_peer){
        .subject = tls_certificate_print_name(X509_get_subject_name(leaf), arena),
        .issuer = tls_certificate_print_name(X509_get_issuer_name(leaf), arena),
        .serial = certificate.serial,
        .fingerprint_1 = tls_certificate_print_digest(leaf, EVP_sha1(), arena),
        .fingerprint_256 = tls_print_hex(certificate.fingerprint, TLS_SHA256_SIZE, arena),
        .not_before_s = certificate.not_before,
        .not_after_s = certificate.not_after,
    };
    take_names(&certificate, arena, ret_peer);
}

bool tls_peer_describe(const struct tls_session *session, struct arena *arena, struct tls_peer *ret_peer)
{
    X509 *leaf = parse_leaf(session);
    bool is_there = leaf != NULL;
    if (is_there) {
        describe(leaf, arena, ret_peer);
        ret_peer->issuer_fingerprint_256 = arena_copy(arena, tls_session_issuer_fingerprint(session));
        ret_peer->issuer_serial = arena_copy(arena, tls_session_issuer_serial(session));
    }
    X509_free(leaf);
    ERR_clear_error();
    return is_there;
}

struct span tls_peer_print_certificate(const struct tls_session *session, struct arena *arena)
{
    X509 *leaf = parse_leaf(session);
    struct span text = leaf == NULL ? SPAN_EMPTY : print_pem(arena, leaf);
    X509_free(leaf);
    ERR_clear_error();
    return text;
}

static struct span encoded(const CRYPTO_BUFFER *certificate)
{
    return certificate == NULL ? SPAN_EMPTY : span_make(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate));
}

size_t tls_peer_print_alternatives(const struct tls_session *session, enum tls_alternative kind, char *ret_text, size_t capacity)
{
    return tls_print_alternatives(encoded(shown(session, 0)), kind, ret_text, capacity);
}

size_t tls_identity_print_alternatives(const struct tls_identity *identity, enum tls_alternative kind, char *ret_text, size_t capacity)
{
    return tls_print_alternatives(encoded(tls_identity_chain(identity)[0]), kind, ret_text, capacity);
}

static struct span print_link(X509 *certificate, enum tls_chain_field field, struct arena *arena)
{
    switch (field) {
    case TLS_CHAIN_SERIALS: return tls_certificate_print_serial(certificate, arena);
    case TLS_CHAIN_FINGERPRINTS_1: return tls_certificate_print_digest(certificate, EVP_sha1(), arena);
    case TLS_CHAIN_FINGERPRINTS_256: return tls_certificate_print_digest(certificate, EVP_sha256(), arena);
    }
    UNREACHABLE();
}

struct span tls_peer_print_chain(const struct tls_session *session, enum tls_chain_field field, struct arena *arena)
{
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < TLS_CHAIN_CERTIFICATES_MAX && shown(session, i) != NULL; i++) {
        X509 *certificate = X509_parse_from_buffer(shown(session, i));
        struct span link = certificate == NULL ? SPAN_EMPTY : print_link(certificate, field, arena);
        X509_free(certificate);
        text = i == 0 ? link : arena_print(arena, "%.*s,%.*s", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(link));
    }
    ERR_clear_error();
    return text;
}

static bool describe_buffer(CRYPTO_BUFFER *buffer, struct arena *arena, struct tls_peer *ret_peer)
{
    X509 *leaf = X509_parse_from_buffer(buffer);
    bool is_there = leaf != NULL;
    if (is_there) {
        describe(leaf, arena, ret_peer);
        ret_peer->certificate = print_pem(arena, leaf);
    }
    X509_free(leaf);
    ERR_clear_error();
    return is_there;
}

bool tls_peer_describe_encoded(struct span der, struct arena *arena, struct tls_peer *ret_peer)
{
    CRYPTO_BUFFER *encoded = CRYPTO_BUFFER_new((const uint8_t *)der.data, der.size, NULL);
    ASSERT(encoded != NULL);
    bool is_there = describe_buffer(encoded, arena, ret_peer);
    CRYPTO_BUFFER_free(encoded);
    return is_there;
}

bool tls_peer_describe_pem(struct span pem, struct arena *arena, struct tls_peer *ret_peer)
{
    struct tls_pem_chain chain CLEANUP(tls_pem_chain_deinit) = {.count = 0};
    struct tls_identity_error error;
    return tls_pem_read_chain(pem, &chain, &error) == TLS_IDENTITY_OK && chain.count > 0 && describe_buffer(chain.encoded[0], arena, ret_peer);
}
