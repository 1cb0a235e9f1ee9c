/* A server with an ECDSA and an RSA certificate shows each client the one that it can verify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/test_pair.h"

static struct tls_identity *ecdsa;
static struct tls_identity *ecdsa_384;
static struct tls_identity *rsa;
static struct tls_server_policy *policy;

static int set_up(void **state UNUSED)
{
    struct tls_server_policy_options options = {0};
    ecdsa = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    ecdsa_384 = test_identity("a.example", test_key_ec(NID_secp384r1));
    rsa = test_identity("a.example", test_key_rsa(2048));
    assert_int_equal(tls_server_policy_create(&options, &policy), TLS_SERVER_POLICY_OK);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    tls_server_policy_unpin(policy);
    tls_identity_unpin(rsa);
    tls_identity_unpin(ecdsa_384);
    tls_identity_unpin(ecdsa);
    return 0;
}

struct client {
    uint16_t version_max;
    uint16_t algorithms[4]; /* until 0; none: the library's */
    const char *ciphers;    /* NULL: the library's */
    const char *groups;
};

/* What this client gets to see of the two; NULL: it did not come to that. */
static struct tls_identity *shown_to(const struct client *client, struct tls_identity *first, struct tls_identity *second)
{
    struct test_pair pair;
    size_t algorithm_count = 0;
    test_pair_init(&pair, policy, first, "a.example");
    tls_session_destroy(pair.server);
    pair.server =
        tls_session_create_server(&(struct tls_server_options){.policy = policy, .identity = first, .second_identity = second});
    assert_int_equal(SSL_set_max_proto_version(pair.client, client->version_max), 1);
    while (algorithm_count < ARRAY_SIZE(client->algorithms) && client->algorithms[algorithm_count] != 0)
        algorithm_count++;
    if (algorithm_count > 0)
        assert_int_equal(SSL_set_verify_algorithm_prefs(pair.client, client->algorithms, algorithm_count), 1);
    if (client->ciphers != NULL)
        assert_int_equal(SSL_set_strict_cipher_list(pair.client, client->ciphers), 1);
    if (client->groups != NULL)
        assert_int_equal(SSL_set1_curves_list(pair.client, client->groups), 1);
    bool is_done = test_pair_handshake(&pair) == TLS_STATUS_OK;
    struct tls_identity *shown = is_done ? tls_session_own_identity(pair.server) : NULL;
    if (is_done) {
        X509 *seen = SSL_get_peer_certificate(pair.client);
        uint8_t digest[TLS_SHA256_SIZE];
        unsigned int size;
        assert_int_equal(X509_digest(seen, EVP_sha256(), digest, &size), 1);
        assert_memory_equal(digest, tls_identity_fingerprint(shown), TLS_SHA256_SIZE);
        X509_free(seen);
    }
    SSL_SESSION_free(test_pair_deinit(&pair));
    return shown;
}

static void assert_shown(const struct client *client, struct tls_identity *expected)
{
    assert_ptr_equal(shown_to(client, ecdsa, rsa), expected);
    assert_ptr_equal(shown_to(client, rsa, ecdsa), expected);
}

static void test_the_ecdsa_one_to_who_can_verify_it(void **state UNUSED)
{
    for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_shown(&(struct client){.version_max = version}, ecdsa);
        assert_shown(&(struct client){version, {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256}, NULL, NULL}, rsa);
        assert_shown(&(struct client){version, {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_ECDSA_SECP256R1_SHA256}, NULL, NULL}, ecdsa);
        /* Of another curve. */
        assert_shown(&(struct client){version, {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384}, NULL, NULL}, rsa);
    }
}

static void test_suites_and_groups_of_old_versions_count(void **state UNUSED)
{
    assert_shown(&(struct client){TLS1_2_VERSION, {0}, "ECDHE-RSA-AES128-GCM-SHA256", NULL}, rsa);
    assert_shown(&(struct client){TLS1_2_VERSION, {0}, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", NULL}, ecdsa);
    /* A suite that the server does not have is none. */
    assert_shown(&(struct client){TLS1_2_VERSION, {0}, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA", NULL}, rsa);
    assert_ptr_equal(shown_to(&(struct client){TLS1_2_VERSION, {0}, NULL, "P-256"}, rsa, ecdsa_384), rsa);
    assert_ptr_equal(shown_to(&(struct client){TLS1_3_VERSION, {0}, NULL, "P-256"}, rsa, ecdsa_384), ecdsa_384);
}

static void test_a_staple_that_is_none(void **state UNUSED)
{
    static const char *const texts[] = {"text", "\x30\x03\x0a\x01\x06", "\x30\x03\x0a\x01\x00", "\x30\x82\xff\xff"};
    X509 *certificate = NULL;
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    certificate = test_certificate("a", key, "a", key, "DNS:a", 86400);
    char *chain = test_certificate_pem(certificate);
    char *key_pem = test_key_pem(key, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct tls_identity_error error;
        struct tls_identity *identity;
        struct span staple = span_make(texts[i], i == 0 ? 4 : i == 3 ? 4 : 5);
        assert_int_equal(tls_identity_create_stapled(span_of(chain), span_of(key_pem), staple, &error, &identity), TLS_IDENTITY_OK);
        assert_int_equal(tls_identity_staple_state(identity, 0), TLS_STAPLE_UNREADABLE);
        tls_identity_unpin(identity);
    }
    assert_int_equal(tls_identity_staple_state(ecdsa, 0), TLS_STAPLE_NONE);
    free(key_pem);
    free(chain);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ecdsa_one_to_who_can_verify_it),
        cmocka_unit_test(test_suites_and_groups_of_old_versions_count),
        cmocka_unit_test(test_a_staple_that_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
