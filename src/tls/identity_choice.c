#include "tls/identity_choice.h"

#include <openssl/bytestring.h>
#include <openssl/nid.h>

#include "tls/hello_extensions.h"
#include "tls/identity_material.h"

struct kind {
    int bits;
    uint16_t group;     /* RFC 8446 section 4.2.7 */
    uint16_t algorithm; /* RFC 8446 section 4.2.3: in TLS 1.3 each goes with one group */
};

static const struct kind kinds[] = {
    {256, SSL_GROUP_SECP256R1, SSL_SIGN_ECDSA_SECP256R1_SHA256},
    {384, SSL_GROUP_SECP384R1, SSL_SIGN_ECDSA_SECP384R1_SHA384},
    {521, SSL_GROUP_SECP521R1, SSL_SIGN_ECDSA_SECP521R1_SHA512},
};

static bool session_has_cipher(const SSL *ssl, const SSL_CIPHER *cipher)
{
    const STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl);
    for (size_t i = 0; i < sk_SSL_CIPHER_num(ours); i++)
        if (SSL_CIPHER_get_id(sk_SSL_CIPHER_value(ours, i)) == SSL_CIPHER_get_id(cipher))
            return true;
    return false;
}

/* A suite of TLS 1.2 or below with ECDSA that both sides have. */
static bool shares_ecdsa_cipher(const SSL_CLIENT_HELLO *hello)
{
    CBS suites;
    uint16_t value;
    CBS_init(&suites, hello->cipher_suites, hello->cipher_suites_len);
    while (CBS_get_u16(&suites, &value)) {
        const SSL_CIPHER *cipher = SSL_get_cipher_by_value(value);
        if (cipher != NULL && SSL_CIPHER_get_auth_nid(cipher) == NID_auth_ecdsa && session_has_cipher(hello->ssl, cipher))
            return true;
    }
    return false;
}

bool tls_client_verifies_ecdsa(const SSL_CLIENT_HELLO *hello, const struct tls_identity *identity)
{
    int bits = EVP_PKEY_bits(tls_identity_key(identity));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].bits != bits)
            continue;
        if (!tls_hello_lists(hello, TLSEXT_TYPE_signature_algorithms, 2, kinds[i].algorithm))
            return false;
        return tls_hello_speaks_1_3(hello) || (tls_hello_lists(hello, TLSEXT_TYPE_supported_groups, 2, kinds[i].group) && shares_ecdsa_cipher(hello));
    }
    return false;
}
