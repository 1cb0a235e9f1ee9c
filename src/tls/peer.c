#include "tls/peer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/assert.h"
#include "tls/certificate.h"
#include "tls/pem.h"
#include "tls/session_library.h"

static struct span print_hex(struct arena *arena, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_new_array(arena, char, 2 * size);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return span_make(text, 2 * size);
}

static struct span print_digest(struct arena *arena, X509 *leaf, const EVP_MD *kind)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ASSERT(X509_digest(leaf, kind, digest, &size) == 1);
    return print_hex(arena, digest, size);
}

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

static X509 *parse_leaf(const struct tls_session *session)
{
    const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(tls_session_ssl(session));
    if (chain == NULL || sk_CRYPTO_BUFFER_num(chain) == 0)
        return NULL;
    return X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, 0));
}

static void describe(X509 *leaf, struct arena *arena, struct tls_peer *ret_peer)
{
    struct tls_certificate certificate;
    tls_certificate_describe(leaf, arena, &certificate);
    *ret_peer = (struct tls_peer){
        .subject = tls_certificate_print_name(X509_get_subject_name(leaf), arena),
        .issuer = tls_certificate_print_name(X509_get_issuer_name(leaf), arena),
        .serial = certificate.serial,
        .fingerprint_1 = print_digest(arena, leaf, EVP_sha1()),
        .fingerprint_256 = print_hex(arena, certificate.fingerprint, TLS_SHA256_SIZE),
        .not_before_s = certificate.not_before,
        .not_after_s = certificate.not_after,
    };
    take_names(&certificate, arena, ret_peer);
}

bool tls_peer_describe(const struct tls_session *session, struct arena *arena, struct tls_peer *ret_peer)
{
    X509 *leaf = parse_leaf(session);
    bool is_there = leaf != NULL;
    if (is_there)
        describe(leaf, arena, ret_peer);
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

static bool describe_buffer(CRYPTO_BUFFER *encoded, struct arena *arena, struct tls_peer *ret_peer)
{
    X509 *leaf = X509_parse_from_buffer(encoded);
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
