#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include <openssl/bytestring.h>
#include <openssl/err.h>

#include "base/limits.h"
#include "tls/certificate.h"
#include "tls/identity.h"
#include "tls/identity_material.h"
#include "tls/test_pem.h"

#define CHAIN_DEPTH 3

/* A root, an intermediate and a leaf, and the leaf's key, as PEM. */
struct world {
    EVP_PKEY *keys[CHAIN_DEPTH];
    char *pems[CHAIN_DEPTH]; /* leaf, intermediate, root */
    char *key_pem;
};

static void make_world(struct world *world)
{
    static const char *const names[CHAIN_DEPTH + 1] = {"leaf.example", "intermediate", "root", "root"};
    for (size_t i = 0; i < CHAIN_DEPTH; i++)
        world->keys[i] = test_key_ec(NID_X9_62_prime256v1);
    for (size_t i = 0; i < CHAIN_DEPTH; i++) {
        EVP_PKEY *issuer_key = world->keys[i + 1 < CHAIN_DEPTH ? i + 1 : i];
        const char *sans = i == 0 ? "DNS:Leaf.example,DNS:*.wild.example,IP:10.0.0.1,IP:fd00::1,email:a@b.c" : NULL;
        X509 *certificate = test_certificate(names[i], world->keys[i], names[i + 1], issuer_key, sans, 3600);
        world->pems[i] = test_certificate_pem(certificate);
        X509_free(certificate);
    }
    world->key_pem = test_key_pem(world->keys[0], NULL);
}

static void free_world(struct world *world)
{
    for (size_t i = 0; i < CHAIN_DEPTH; i++) {
        EVP_PKEY_free(world->keys[i]);
        free(world->pems[i]);
    }
    free(world->key_pem);
}

static enum tls_identity_status try_create(const char *chain, const char *key, struct tls_identity_error *ret_error)
{
    struct tls_identity *identity = NULL;
    ret_error->text[0] = '\0';
    enum tls_identity_status status = tls_identity_create(span_of(chain), span_of(key), ret_error, &identity);
    assert_int_equal(ERR_peek_error(), 0);
    if (status == TLS_IDENTITY_OK)
        assert_non_null(identity);
    else {
        assert_null(identity);
        assert_true(strlen(ret_error->text) > 10);
    }
    tls_identity_unpin(identity);
    return status;
}

static struct tls_identity *create(const char *chain, const char *key)
{
    struct tls_identity_error error;
    struct tls_identity *identity = NULL;
    assert_int_equal(tls_identity_create(span_of(chain), span_of(key), &error, &identity), TLS_IDENTITY_OK);
    return identity;
}

static void assert_text(struct span text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void test_describes_the_leaf(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    char *chain = test_text_join(world.pems[0], world.pems[1]);
    struct tls_identity *identity = create(chain, world.key_pem);
    assert_int_equal(tls_identity_name_count(identity), 4);
    assert_text(tls_identity_name(identity, 0), "Leaf.example");
    assert_text(tls_identity_name(identity, 2), "10.0.0.1");
    assert_text(tls_identity_name(identity, 3), "fd00::1");
    assert_text(tls_identity_subject(identity), "CN=leaf.example");
    assert_text(tls_identity_issuer(identity), "CN=intermediate");
    assert_text(tls_identity_serial(identity), "abcdef");
    assert_text(tls_identity_key_type(identity), "ECDSA P-256");
    assert_int_equal(tls_identity_chain_size(identity), 2);
    assert_int_equal(tls_identity_chain_state(identity), TLS_CHAIN_ORDERED);
    int64_t now = (int64_t)time(NULL);
    assert_true(tls_identity_not_before(identity) > now - 1100 && tls_identity_not_before(identity) < now - 900);
    assert_int_equal(tls_identity_not_after(identity) - tls_identity_not_before(identity), 3600);
    CRYPTO_BUFFER *leaf = tls_identity_chain(identity)[0];
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256(span_make(CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf)), hash);
    assert_memory_equal(hash, tls_identity_fingerprint(identity), sizeof(hash));
    tls_identity_unpin(identity);
    free(chain);
    free_world(&world);
}

static void test_covers(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    struct tls_identity *identity = create(world.pems[0], world.key_pem);
    static const char *const covered[] = {"leaf.example", "LEAF.EXAMPLE",   "a.wild.example", "A.Wild.Example",
                                          "10.0.0.1",     "*.wild.example", "fd00::1"};
    static const char *const uncovered[] = {"",
                                            "example",
                                            "a.leaf.example",
                                            "wild.example",
                                            "a.b.wild.example",
                                            ".wild.example",
                                            "10.0.0.2",
                                            "*.b.wild.example",
                                            "*"};
    for (size_t i = 0; i < ARRAY_SIZE(covered); i++)
        assert_true(tls_identity_covers(identity, span_of(covered[i])));
    for (size_t i = 0; i < ARRAY_SIZE(uncovered); i++)
        assert_false(tls_identity_covers(identity, span_of(uncovered[i])));
    tls_identity_unpin(identity);
    free_world(&world);
}

static void test_a_wildcard_covers_no_address(void **state UNUSED)
{
    struct span name = SPAN_LITERAL("*.0.0.1");
    assert_false(tls_certificate_names_cover(&name, 1, SPAN_LITERAL("10.0.0.1")));
    assert_true(tls_certificate_names_cover(&name, 1, SPAN_LITERAL("a.0.0.1")));
}

static void test_chain_states(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    static const struct {
        int order[CHAIN_DEPTH];
        enum tls_chain_state state;
    } cases[] = {
        {{0, 1, 2}, TLS_CHAIN_ORDERED},    {{0, 1, -1}, TLS_CHAIN_ORDERED},   {{0, -1, -1}, TLS_CHAIN_LEAF_ONLY},
        {{0, 2, 1}, TLS_CHAIN_MISORDERED}, {{0, 0, 1}, TLS_CHAIN_MISORDERED}, {{0, 2, -1}, TLS_CHAIN_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *chain = strdup("some text in front\n");
        for (size_t k = 0; k < CHAIN_DEPTH && cases[i].order[k] >= 0; k++) {
            char *longer = test_text_join(chain, world.pems[cases[i].order[k]]);
            free(chain);
            chain = longer;
        }
        struct tls_identity *identity = create(chain, world.key_pem);
        assert_int_equal(tls_identity_chain_state(identity), cases[i].state);
        tls_identity_unpin(identity);
        free(chain);
    }
    free_world(&world);
}

static void test_equal_certificates_are_stored_once(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    char *chain = test_text_join(world.pems[0], world.pems[1]);
    struct tls_identity *first = create(chain, world.key_pem);
    struct tls_identity *second = create(chain, world.key_pem);
    assert_ptr_equal(tls_identity_chain(first)[1], tls_identity_chain(second)[1]);
    assert_ptr_equal(tls_identity_pin(first), first);
    tls_identity_unpin(first);
    tls_identity_unpin(first);
    tls_identity_unpin(second);
    free(chain);
    free_world(&world);
}

static void test_refuses_broken_text(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    struct tls_identity_error error;
    assert_int_equal(try_create("", world.key_pem, &error), TLS_IDENTITY_BAD_CERTIFICATE);
    assert_int_equal(try_create("nothing here", world.key_pem, &error), TLS_IDENTITY_BAD_CERTIFICATE);
    assert_int_equal(try_create(world.key_pem, world.key_pem, &error), TLS_IDENTITY_BAD_CERTIFICATE);
    assert_int_equal(
        try_create("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", world.key_pem, &error),
        TLS_IDENTITY_BAD_CERTIFICATE);
    /* A text that was cut in its second certificate. */
    char *chain = test_text_join(world.pems[0], world.pems[1]);
    chain[strlen(chain) - 60] = '\0';
    assert_int_equal(try_create(chain, world.key_pem, &error), TLS_IDENTITY_BAD_CERTIFICATE);
    free(chain);
    assert_int_equal(try_create(world.pems[0], "", &error), TLS_IDENTITY_BAD_KEY);
    assert_int_equal(try_create(world.pems[0], world.pems[0], &error), TLS_IDENTITY_BAD_KEY);
    assert_int_equal(
        try_create(world.pems[0], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &error),
        TLS_IDENTITY_BAD_KEY);
    free_world(&world);
}

static void test_refuses_a_long_chain(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    char *chain = strdup("");
    for (size_t i = 0; i < TLS_CHAIN_CERTIFICATES_MAX; i++) {
        char *longer = test_text_join(chain, world.pems[0]);
        free(chain);
        chain = longer;
    }
    struct tls_identity_error error;
    assert_int_equal(try_create(chain, world.key_pem, &error), TLS_IDENTITY_OK);
    char *longer = test_text_join(chain, world.pems[0]);
    assert_int_equal(try_create(longer, world.key_pem, &error), TLS_IDENTITY_CHAIN_TOO_LONG);
    free(chain);
    free(longer);
    free_world(&world);
}

static void test_refuses_keys(void **state UNUSED)
{
    struct world world;
    make_world(&world);
    struct tls_identity_error error;
    char *encrypted = test_key_pem(world.keys[0], "secret");
    assert_int_equal(try_create(world.pems[0], encrypted, &error), TLS_IDENTITY_KEY_ENCRYPTED);
    free(encrypted);
    char *other = test_key_pem(world.keys[1], NULL);
    assert_int_equal(try_create(world.pems[0], other, &error), TLS_IDENTITY_KEY_MISMATCH);
    char *chain = test_text_join(world.pems[0], world.pems[1]);
    assert_int_equal(try_create(chain, other, &error), TLS_IDENTITY_KEY_MISMATCH);
    assert_non_null(strstr(error.text, "certificate 2"));
    free(other);
    free(chain);
    free_world(&world);
}

static enum tls_identity_status try_kind(EVP_PKEY *key, const char *usage, struct tls_identity_error *ret_error)
{
    X509 *certificate = test_certificate("kind.example", key, "kind.example", key, "DNS:kind.example", 3600);
    if (usage != NULL) {
        test_extension_add(certificate, NID_key_usage, usage);
        ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
    }
    char *chain = test_certificate_pem(certificate);
    char *key_pem = test_key_pem(key, NULL);
    enum tls_identity_status status = try_create(chain, key_pem, ret_error);
    free(chain);
    free(key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

static void test_kinds_of_keys(void **state UNUSED)
{
    struct tls_identity_error error;
    assert_int_equal(try_kind(test_key_ec(NID_secp384r1), NULL, &error), TLS_IDENTITY_OK);
    assert_int_equal(try_kind(test_key_ec(NID_secp521r1), NULL, &error), TLS_IDENTITY_OK);
    assert_int_equal(try_kind(test_key_rsa(2048), NULL, &error), TLS_IDENTITY_OK);
    assert_int_equal(try_kind(test_key_rsa(1024), NULL, &error), TLS_IDENTITY_KEY_UNSUPPORTED);
    assert_non_null(strstr(error.text, "RSA 1024"));
    assert_int_equal(try_kind(test_key_ec(NID_secp224r1), NULL, &error), TLS_IDENTITY_KEY_UNSUPPORTED);
    assert_int_equal(try_kind(test_key_ec(NID_X9_62_prime256v1), "digitalSignature", &error), TLS_IDENTITY_OK);
    assert_int_equal(try_kind(test_key_ec(NID_X9_62_prime256v1), "keyAgreement", &error), TLS_IDENTITY_BAD_CERTIFICATE);
}

static void test_traditional_key_forms(void **state UNUSED)
{
    EVP_PKEY *key = test_key_rsa(2048);
    X509 *certificate = test_certificate("r", key, "r", key, NULL, 3600);
    char *chain = test_certificate_pem(certificate);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_RSAPrivateKey(bio, EVP_PKEY_get0_RSA(key), NULL, NULL, 0, NULL, NULL), 1);
    char *pkcs1 = test_text_take(bio);
    struct tls_identity_error error;
    assert_int_equal(try_create(chain, pkcs1, &error), TLS_IDENTITY_OK);
    free(pkcs1);
    char passphrase[] = "secret";
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_RSAPrivateKey(bio, EVP_PKEY_get0_RSA(key), EVP_aes_128_cbc(), (uint8_t *)passphrase,
                                                 sizeof(passphrase) - 1, NULL, NULL),
                     1);
    pkcs1 = test_text_take(bio);
    assert_int_equal(try_create(chain, pkcs1, &error), TLS_IDENTITY_KEY_ENCRYPTED);
    free(pkcs1);
    free(chain);
    X509_free(certificate);
    EVP_PKEY_free(key);
    key = test_key_ec(NID_X9_62_prime256v1);
    certificate = test_certificate("e", key, "e", key, NULL, 3600);
    chain = test_certificate_pem(certificate);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_ECPrivateKey(bio, EVP_PKEY_get0_EC_KEY(key), NULL, NULL, 0, NULL, NULL), 1);
    char *sec1 = test_text_take(bio);
    /* As `openssl ecparam -genkey` writes it. */
    char *with_parameters =
        test_text_join("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", sec1);
    assert_int_equal(try_create(chain, with_parameters, &error), TLS_IDENTITY_OK);
    free(with_parameters);
    free(sec1);
    free(chain);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* An ordinary pair: its key is made of its encoding by the first who asks. */
static struct tls_identity *create_ordinary(EVP_PKEY *key, const char *key_pem)
{
    X509 *certificate = test_certificate("leaf.example", key, "leaf.example", key, "DNS:leaf.example", 3600);
    char *pem = test_certificate_pem(certificate);
    struct tls_identity_error error;
    struct tls_identity *identity = NULL;
    if (tls_identity_create(span_of(pem), span_of(key_pem), &error, &identity) != TLS_IDENTITY_OK)
        identity = NULL;
    free(pem);
    X509_free(certificate);
    return identity;
}

#define THREADS 4

static void *ask(void *argument)
{
    const struct tls_identity *identity = argument;
    assert_text(tls_identity_subject(identity), "CN=leaf.example");
    assert_true(tls_identity_is_ecdsa(identity));
    return tls_identity_key(identity);
}

static void test_threads_that_ask_first_at_once_get_one_key(void **state UNUSED)
{
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    char *key_pem = test_key_pem(key, NULL);
    for (int round = 0; round < 50; round++) {
        struct tls_identity *identity = create_ordinary(key, key_pem);
        pthread_t threads[THREADS];
        void *keys[THREADS];
        assert_non_null(identity);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask, identity), 0);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], &keys[i]), 0);
        for (size_t i = 0; i < THREADS; i++)
            assert_ptr_equal(keys[i], tls_identity_key(identity));
        assert_int_equal(EVP_PKEY_cmp(keys[0], key), 1);
        tls_identity_unpin(identity);
    }
    free(key_pem);
    EVP_PKEY_free(key);
}

/* The public half is the certificate's, the private one is not that of the public one: told at once, not in a handshake. */
static void test_refuses_a_key_whose_halves_do_not_fit(void **state UNUSED)
{
    EVP_PKEY *keys[2] = {test_key_ec(NID_X9_62_prime256v1), test_key_ec(NID_X9_62_prime256v1)};
    uint8_t *bytes[2] = {NULL, NULL};
    int sizes[2];
    for (size_t i = 0; i < 2; i++)
        sizes[i] = i2d_PrivateKey(keys[i], &bytes[i]);
    assert_int_equal(sizes[0], sizes[1]);
    /* SEC 1: version, then the private half of 32 bytes behind 7 bytes. */
    memcpy(bytes[0] + 7, bytes[1] + 7, 32);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio(bio, "EC PRIVATE KEY", "", bytes[0], sizes[0]) > 0);
    char *sec1 = test_text_take(bio);
    assert_null(create_ordinary(keys[0], sec1));
    char *good = test_key_pem(keys[0], NULL);
    struct tls_identity *identity = create_ordinary(keys[0], good);
    assert_non_null(identity);
    tls_identity_unpin(identity);
    assert_null(create_ordinary(keys[1], good));
    free(good);
    free(sec1);
    for (size_t i = 0; i < 2; i++) {
        OPENSSL_free(bytes[i]);
        EVP_PKEY_free(keys[i]);
    }
}

/* The same as PKCS #8, which is kept encoded until a handshake. */
static void test_refuses_an_encoded_key_whose_halves_do_not_fit(void **state UNUSED)
{
    EVP_PKEY *keys[2] = {test_key_ec(NID_X9_62_prime256v1), test_key_ec(NID_X9_62_prime256v1)};
    uint8_t *bytes[2] = {NULL, NULL};
    size_t sizes[2];
    for (size_t i = 0; i < 2; i++) {
        CBB builder;
        assert_true(CBB_init(&builder, 256) && EVP_marshal_private_key(&builder, keys[i]) && CBB_finish(&builder, &bytes[i], &sizes[i]));
    }
    assert_int_equal(sizes[0], 138);
    /* RFC 5208 around SEC 1: the private half stands behind 36 bytes. */
    memcpy(bytes[0] + 36, bytes[1] + 36, 32);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio(bio, "PRIVATE KEY", "", bytes[0], (long)sizes[0]) > 0);
    char *pem = test_text_take(bio);
    assert_null(create_ordinary(keys[0], pem));
    assert_null(create_ordinary(keys[1], pem));
    free(pem);
    for (size_t i = 0; i < 2; i++) {
        OPENSSL_free(bytes[i]);
        EVP_PKEY_free(keys[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_the_leaf),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_a_wildcard_covers_no_address),
        cmocka_unit_test(test_chain_states),
        cmocka_unit_test(test_equal_certificates_are_stored_once),
        cmocka_unit_test(test_refuses_broken_text),
        cmocka_unit_test(test_refuses_a_long_chain),
        cmocka_unit_test(test_refuses_keys),
        cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_traditional_key_forms),
        cmocka_unit_test(test_threads_that_ask_first_at_once_get_one_key),
        cmocka_unit_test(test_refuses_a_key_whose_halves_do_not_fit),
        cmocka_unit_test(test_refuses_an_encoded_key_whose_halves_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
