/* For the tests of tls: keys and certificates made on the spot, as PEM text. Header only, so that no test code is in
 * the library. */
#ifndef FAIRLEAD_TLS_TEST_PEM_H
#define FAIRLEAD_TLS_TEST_PEM_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/span.h"
#include "tls/identity.h"

static inline EVP_PKEY *test_key_ec(int curve)
{
    EC_KEY *ec_key = EC_KEY_new_by_curve_name(curve);
    ASSERT(ec_key != NULL && EC_KEY_generate_key(ec_key) == 1);
    EVP_PKEY *key = EVP_PKEY_new();
    ASSERT(EVP_PKEY_assign_EC_KEY(key, ec_key) == 1);
    return key;
}

static inline EVP_PKEY *test_key_rsa(int bits)
{
    BIGNUM *exponent = BN_new();
    RSA *rsa = RSA_new();
    ASSERT(BN_set_word(exponent, RSA_F4) == 1 && RSA_generate_key_ex(rsa, bits, exponent, NULL) == 1);
    BN_free(exponent);
    EVP_PKEY *key = EVP_PKEY_new();
    ASSERT(EVP_PKEY_assign_RSA(key, rsa) == 1);
    return key;
}

static inline void test_name_set(X509_NAME *name, const char *common_name)
{
    ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0) == 1);
}

static inline void test_extension_add(X509 *certificate, int nid, const char *value)
{
    char *text = strdup(value);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, nid, text);
    ASSERT(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    free(text);
}

/* Valid from 1000 s ago for `seconds`; `sans` as in "DNS:a.example,IP:10.0.0.1", or NULL. */
static inline X509 *test_certificate(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key,
                                     const char *sans, long seconds)
{
    X509 *certificate = X509_new();
    ASSERT(X509_set_version(certificate, X509_VERSION_3) == 1);
    ASSERT(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0xabcdef) == 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds - 1000);
    test_name_set(X509_get_subject_name(certificate), subject);
    test_name_set(X509_get_issuer_name(certificate), issuer);
    ASSERT(X509_set_pubkey(certificate, key) == 1);
    if (sans != NULL)
        test_extension_add(certificate, NID_subject_alt_name, sans);
    ASSERT(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return certificate;
}

/* The text of a memory BIO, which is freed. The caller frees the text. */
static inline char *test_text_take(BIO *bio)
{
    const uint8_t *bytes;
    size_t size;
    ASSERT(BIO_mem_contents(bio, &bytes, &size) == 1);
    char *text = memory_allocate(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    BIO_free(bio);
    return text;
}

static inline char *test_certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    ASSERT(PEM_write_bio_X509(bio, certificate) == 1);
    return test_text_take(bio);
}

/* With a passphrase the key is encrypted. */
static inline char *test_key_pem(EVP_PKEY *key, const char *passphrase)
{
    char *copy = passphrase == NULL ? NULL : strdup(passphrase);
    BIO *bio = BIO_new(BIO_s_mem());
    ASSERT(PEM_write_bio_PKCS8PrivateKey(bio, key, copy == NULL ? NULL : EVP_aes_256_cbc(), copy,
                                         copy == NULL ? 0 : (int)strlen(copy), NULL, NULL) == 1);
    free(copy);
    return test_text_take(bio);
}

/* "a" + "b"; frees neither. */
static inline char *test_text_join(const char *a, const char *b)
{
    char *text = malloc(strlen(a) + strlen(b) + 1);
    ASSERT(text != NULL);
    memcpy(text, a, strlen(a));
    memcpy(text + strlen(a), b, strlen(b) + 1);
    return text;
}

/* A self-signed identity for `host`. Consumes the key. */
static inline struct tls_identity *test_identity(const char *host, EVP_PKEY *key)
{
    char *sans = test_text_join("DNS:", host);
    X509 *certificate = test_certificate(host, key, host, key, sans, 86400);
    char *chain_pem = test_certificate_pem(certificate);
    char *key_pem = test_key_pem(key, NULL);
    struct tls_identity_error error;
    struct tls_identity *identity = NULL;
    ASSERT(tls_identity_create(span_of(chain_pem), span_of(key_pem), &error, &identity) == TLS_IDENTITY_OK);
    free(sans);
    free(chain_pem);
    free(key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

#endif
