#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/server_policy.h"
#include "tls/test_pair.h"

static struct tls_identity *ecdsa_identity;
static struct tls_identity *rsa_identity;

static int set_up(void **state UNUSED)
{
    ecdsa_identity = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    rsa_identity = test_identity("a.example", test_key_rsa(2048));
    return 0;
}

static int tear_down(void **state UNUSED)
{
    tls_identity_unpin(ecdsa_identity);
    tls_identity_unpin(rsa_identity);
    return 0;
}

static enum tls_server_policy_status try_create(const struct tls_server_policy_options *options)
{
    struct tls_server_policy *policy = NULL;
    enum tls_server_policy_status status = tls_server_policy_create(options, &policy);
    assert_int_equal(policy != NULL, status == TLS_SERVER_POLICY_OK);
    assert_int_equal(ERR_peek_error(), 0);
    tls_server_policy_unpin(policy);
    return status;
}

static struct tls_server_policy *create(const struct tls_server_policy_options *options)
{
    struct tls_server_policy *policy = NULL;
    assert_int_equal(tls_server_policy_create(options, &policy), TLS_SERVER_POLICY_OK);
    return policy;
}

static void test_versions(void **state UNUSED)
{
    struct tls_server_policy_options options = {.min_version = TLS_VERSION_1_3, .max_version = TLS_VERSION_1_2};
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_VERSIONS);
    options = (struct tls_server_policy_options){.max_version = TLS_VERSION_1_1};
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_VERSIONS);
    options = (struct tls_server_policy_options){.min_version = TLS_VERSION_1_3};
    struct tls_server_policy *policy = create(&options);
    struct test_pair pair;
    test_pair_init(&pair, policy, ecdsa_identity, "a.example");
    assert_int_equal(SSL_set_max_proto_version(pair.client, TLS1_2_VERSION), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_FAILED);
    SSL_SESSION_free(test_pair_deinit(&pair));
    tls_server_policy_unpin(policy);
    options = (struct tls_server_policy_options){.max_version = TLS_VERSION_1_2};
    policy = create(&options);
    test_pair_init(&pair, policy, ecdsa_identity, "a.example");
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_true(span_equal(tls_session_version(pair.server), SPAN_LITERAL("TLSv1.2")));
    SSL_SESSION_free(test_pair_deinit(&pair));
    tls_server_policy_unpin(policy);
}

/* What a TLS 1.2 client with `offered` gets; NULL when the handshake fails. */
static void check_cipher(const struct tls_server_policy_options *options, struct tls_identity *identity,
                         const char *offered, const char *expected)
{
    struct tls_server_policy *policy = create(options);
    struct test_pair pair;
    test_pair_init(&pair, policy, identity, "a.example");
    assert_int_equal(SSL_set_max_proto_version(pair.client, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_set_strict_cipher_list(pair.client, offered), 1);
    if (expected == NULL) {
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_FAILED);
        assert_non_null(strstr(tls_session_error(pair.server).data, "NO_SHARED_CIPHER"));
    } else {
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        assert_string_equal(tls_session_cipher(pair.server).data, expected);
    }
    SSL_SESSION_free(test_pair_deinit(&pair));
    tls_server_policy_unpin(policy);
}

static void test_default_ciphers(void **state UNUSED)
{
    struct tls_server_policy_options options = {0};
    /* Equal preference: the client's order decides. */
    check_cipher(&options, ecdsa_identity, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
                 "ECDHE-ECDSA-CHACHA20-POLY1305");
    check_cipher(&options, rsa_identity, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305",
                 "ECDHE-RSA-AES128-GCM-SHA256");
    /* The server's order decides. */
    check_cipher(&options, rsa_identity, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
                 "ECDHE-RSA-AES128-GCM-SHA256");
    check_cipher(&options, rsa_identity, "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384");
    check_cipher(&options, rsa_identity, "ECDHE-RSA-AES128-SHA:AES128-GCM-SHA256", NULL);
    check_cipher(&options, rsa_identity, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL);
}

static void test_given_ciphers(void **state UNUSED)
{
    struct span suites[] = {SPAN_LITERAL("ECDHE-RSA-AES256-GCM-SHA384"), SPAN_EMPTY, SPAN_LITERAL("AES128-SHA")};
    struct tls_server_policy_options options = {.cipher_suites = suites, .cipher_suite_count = 3};
    check_cipher(&options, rsa_identity, "AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384");
    check_cipher(&options, rsa_identity, "AES128-SHA", "AES128-SHA");
    check_cipher(&options, rsa_identity, "ECDHE-RSA-AES128-GCM-SHA256", NULL);
    struct span bad[] = {SPAN_LITERAL("ECDHE-RSA-AES256-GCM-SHA384"), SPAN_LITERAL("NO-SUCH-CIPHER")};
    options = (struct tls_server_policy_options){.cipher_suites = bad, .cipher_suite_count = 2};
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_CIPHERS);
    struct span cut = SPAN_LITERAL("AES128-SHA\0x");
    options = (struct tls_server_policy_options){.cipher_suites = &cut, .cipher_suite_count = 1};
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_CIPHERS);
}

/* Istio's list of allowed names (section 2.7 of the reference): each is known, or named here as not. */
static void test_known_names(void **state UNUSED)
{
    static const char *const ciphers[] = {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA",
        "DES-CBC3-SHA",
        "ALL",
        "[AES128-SHA|AES256-SHA]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
        if (!tls_cipher_suite_is_known(span_of(ciphers[i])))
            fail_msg("cipher %s is not known", ciphers[i]);
    }
    assert_false(tls_cipher_suite_is_known(SPAN_LITERAL("NO-SUCH-CIPHER")));
    assert_false(tls_cipher_suite_is_known(SPAN_EMPTY));
    static const char *const curves[] = {"P-224", "P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"};
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (!tls_curve_is_known(span_of(curves[i])))
            fail_msg("curve %s is not known", curves[i]);
    }
    /* The draft that X25519MLKEM768 replaced; AWS-LC has dropped it. */
    assert_false(tls_curve_is_known(SPAN_LITERAL("X25519Kyber768Draft00")));
    assert_false(tls_curve_is_known(SPAN_EMPTY));
}

static void test_curves(void **state UNUSED)
{
    struct span curves[] = {SPAN_LITERAL("P-384"), SPAN_LITERAL("X25519")};
    struct tls_server_policy_options options = {.curves = curves, .curve_count = 2};
    struct tls_server_policy *policy = create(&options);
    struct test_pair pair;
    test_pair_init(&pair, policy, ecdsa_identity, "a.example");
    assert_int_equal(SSL_set1_groups_list(pair.client, "X25519:P-384"), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_true(span_equal(tls_session_group(pair.server), SPAN_LITERAL("P-384")));
    SSL_SESSION_free(test_pair_deinit(&pair));
    tls_server_policy_unpin(policy);
    curves[1] = SPAN_LITERAL("nonsense");
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_CURVES);
}

static void test_alpn_names(void **state UNUSED)
{
    char long_name[256];
    memset(long_name, 'x', sizeof(long_name));
    struct span names[] = {SPAN_LITERAL("h2"), SPAN_EMPTY};
    struct tls_server_policy_options options = {.alpn_protocols = names, .alpn_protocol_count = 2};
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_ALPN);
    names[1] = span_make(long_name, 256);
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_ALPN);
    names[1] = span_make(long_name, TLS_ALPN_BYTES_MAX - 3);
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_BAD_ALPN);
    names[1] = span_make(long_name, TLS_ALPN_BYTES_MAX - 4);
    assert_int_equal(try_create(&options), TLS_SERVER_POLICY_OK);
}

static void test_a_session_keeps_its_policy(void **state UNUSED)
{
    struct span names[] = {SPAN_LITERAL("h2")};
    struct tls_server_policy *policy =
        create(&(struct tls_server_policy_options){.alpn_protocols = names, .alpn_protocol_count = 1});
    assert_ptr_equal(tls_server_policy_pin(policy), policy);
    tls_server_policy_unpin(policy);
    struct test_pair pair;
    test_pair_init(&pair, policy, ecdsa_identity, "a.example");
    tls_server_policy_unpin(policy);
    assert_int_equal(SSL_set_alpn_protos(pair.client, (const uint8_t *)"\x02h2", 3), 0);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_true(span_equal(tls_session_alpn(pair.server), SPAN_LITERAL("h2")));
    SSL_SESSION_free(test_pair_deinit(&pair));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_default_ciphers),
        cmocka_unit_test(test_given_ciphers),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_alpn_names),
        cmocka_unit_test(test_a_session_keeps_its_policy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
