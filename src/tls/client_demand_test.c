/* What a server demands of a client's certificate, in handshakes with a client of the library's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/certificate.h"
#include "tls/test_pair.h"

/* Made once: an authority, and certificates of it with their keys. */
static EVP_PKEY *authority_key;
static X509 *authority;
static EVP_PKEY *client_key;
static X509 *client;
static X509 *stranger; /* of the same name, signed by itself */
static struct tls_identity *server;
static struct tls_server_policy *policy;
static struct tls_tickets *tickets;

static X509 *make_authority(const char *name, EVP_PKEY *key)
{
    X509 *certificate = test_certificate(name, key, name, key, NULL, 86400);
    test_extension_add(certificate, NID_basic_constraints, "critical,CA:TRUE");
    ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static int set_up(void **state UNUSED)
{
    struct tls_server_policy_options options = {.tickets = tickets = tls_tickets_create()};
    authority_key = test_key_ec(NID_X9_62_prime256v1);
    client_key = test_key_ec(NID_X9_62_prime256v1);
    authority = make_authority("authority", authority_key);
    client = test_certificate("client", client_key, "authority", authority_key,
                              "DNS:client.test,URI:spiffe://cluster.local/ns/a/sa/b,IP:10.0.0.1", 86400);
    stranger = test_certificate("client", client_key, "client", client_key, "DNS:client.test", 86400);
    server = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    assert_int_equal(tls_server_policy_create(&options, &policy), TLS_SERVER_POLICY_OK);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
    tls_identity_unpin(server);
    X509_free(stranger);
    X509_free(client);
    X509_free(authority);
    EVP_PKEY_free(client_key);
    EVP_PKEY_free(authority_key);
    return 0;
}

/* PEM of a list of the authority that revokes `serial` unless it is 0; `seconds` from now to its next update. */
static char *make_crl(long serial, long seconds)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *time = X509_gmtime_adj(NULL, -1000);
    ASSERT(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
    ASSERT(X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority)) == 1);
    ASSERT(X509_CRL_set1_lastUpdate(crl, time) == 1);
    if (serial != 0) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASSERT(ASN1_INTEGER_set(number, serial) == 1 && X509_REVOKED_set_serialNumber(revoked, number) == 1);
        ASSERT(X509_REVOKED_set_revocationDate(revoked, time) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1);
        ASN1_INTEGER_free(number);
    }
    ASSERT(X509_gmtime_adj(time, seconds) != NULL && X509_CRL_set1_nextUpdate(crl, time) == 1);
    ASSERT(X509_CRL_sign(crl, authority_key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    ASSERT(PEM_write_bio_X509_CRL(bio, crl) == 1);
    X509_CRL_free(crl);
    ASN1_TIME_free(time);
    return test_text_take(bio);
}

static struct tls_trust *make_trust(const char *crl_pem)
{
    char *pem = test_certificate_pem(authority);
    struct tls_identity_error error;
    struct tls_trust *trust = NULL;
    ASSERT(tls_trust_create(span_of(pem), span_of(crl_pem), &error, &trust));
    free(pem);
    return trust;
}

/* Trusts the authority, if `options` trust nobody. */
static struct tls_client_demand *make_demand(struct tls_client_demand_options options)
{
    struct tls_trust *trust = make_trust(NULL);
    if (options.trust == NULL)
        options.trust = trust;
    struct tls_client_demand *demand = tls_client_demand_create(&options);
    tls_trust_unpin(trust);
    return demand;
}

static void open_pair(struct test_pair *pair, struct tls_client_demand *demand, X509 *certificate, uint16_t version)
{
    test_pair_init(pair, policy, server, "a.example");
    tls_session_destroy(pair->server);
    pair->server = tls_session_create_server(&(struct tls_server_options){
        .policy = policy, .identity = server, .demand = demand, .session_id_context = tls_client_demand_hash(demand)});
    ASSERT(SSL_set_max_proto_version(pair->client, version) == 1);
    if (certificate != NULL)
        ASSERT(SSL_use_certificate(pair->client, certificate) == 1 && SSL_use_PrivateKey(pair->client, client_key) == 1);
}

/* What became of a handshake in both versions, which must agree. */
static enum tls_failure try_handshake(struct tls_client_demand *demand, X509 *certificate, bool *ret_entered)
{
    enum tls_failure failures[2];
    bool entered[2];
    for (size_t i = 0; i < 2; i++) {
        struct test_pair pair;
        open_pair(&pair, demand, certificate, i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        entered[i] = test_pair_handshake(&pair) == TLS_STATUS_OK;
        failures[i] = tls_session_failure(pair.server);
        assert_int_equal(entered[i], tls_session_error(pair.server).size == 0);
        SSL_SESSION_free(test_pair_deinit(&pair));
    }
    assert_int_equal(entered[0], entered[1]);
    assert_int_equal(failures[0], failures[1]);
    *ret_entered = entered[0];
    return failures[0];
}

static void assert_enters(struct tls_client_demand *demand, X509 *certificate)
{
    bool entered;
    assert_int_equal(try_handshake(demand, certificate, &entered), TLS_FAILURE_OTHER);
    assert_true(entered);
    tls_client_demand_unpin(demand);
}

static void assert_refused(struct tls_client_demand *demand, X509 *certificate, enum tls_failure failure)
{
    bool entered;
    assert_int_equal(try_handshake(demand, certificate, &entered), failure);
    assert_false(entered);
    tls_client_demand_unpin(demand);
}

static void test_a_certificate_is_required_or_not(void **state UNUSED)
{
    struct tls_client_demand_options optional = {.is_optional = true};
    struct tls_client_demand_options required = {0};
    assert_enters(make_demand(required), client);
    assert_refused(make_demand(required), NULL, TLS_FAILURE_CLIENT_CERTIFICATE_MISSING);
    assert_refused(make_demand(required), stranger, TLS_FAILURE_CLIENT_CERTIFICATE_UNKNOWN_CA);
    assert_enters(make_demand(optional), client);
    assert_enters(make_demand(optional), NULL);
    assert_refused(make_demand(optional), stranger, TLS_FAILURE_CLIENT_CERTIFICATE_UNKNOWN_CA);
    assert_enters(make_demand((struct tls_client_demand_options){.skips_verification = true}), stranger);
}

static void test_names(void **state UNUSED)
{
    struct span names[] = {SPAN_LITERAL("other.test"), SPAN_EMPTY};
    struct tls_client_demand_options options = {.subject_alt_names = names, .subject_alt_name_count = 2};
    static const char *const good[] = {"client.test", "10.0.0.1", "spiffe://cluster.local/ns/a/sa/b"};
    static const char *const bad[] = {"x.client.test", "client", "10.0.0.2", "spiffe://cluster.local/ns/a/sa/bb"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        names[1] = span_of(good[i]);
        assert_enters(make_demand(options), client);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        names[1] = span_of(bad[i]);
        assert_refused(make_demand(options), client, TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED);
    }
}

static void test_revocation_lists(void **state UNUSED)
{
    static const struct {
        long serial, seconds;
        enum tls_failure failure;
    } cases[] = {
        {0, 1000, TLS_FAILURE_OTHER},
        {0x123, 1000, TLS_FAILURE_OTHER},
        {0xabcdef, 1000, TLS_FAILURE_CLIENT_CERTIFICATE_REVOKED}, /* the certificates' serial number */
        {0, -500, TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED},        /* out of date */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *crl = make_crl(cases[i].serial, cases[i].seconds);
        struct tls_trust *trust = make_trust(crl);
        struct tls_client_demand *demand = make_demand((struct tls_client_demand_options){.trust = trust});
        assert_int_equal(tls_trust_crl_count(trust), 1);
        assert_true(tls_trust_crl_next_update(trust) < INT64_MAX);
        if (cases[i].failure == TLS_FAILURE_OTHER)
            assert_enters(demand, client);
        else
            assert_refused(demand, client, cases[i].failure);
        tls_trust_unpin(trust);
        free(crl);
    }
}

static void test_pins(void **state UNUSED)
{
    static const char good[] = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
    char plain[65];
    for (size_t i = 0; i < 32; i++)
        memcpy(plain + 2 * i, good + 3 * i, 2);
    plain[64] = '\0';
    assert_true(tls_certificate_pin_is_valid(span_of(good)));
    assert_true(tls_certificate_pin_is_valid(span_of(plain)));
    assert_false(tls_certificate_pin_is_valid(span_first(span_of(good), 94)));
    assert_false(tls_certificate_pin_is_valid(span_first(span_of(plain), 63)));
    assert_false(tls_certificate_pin_is_valid(SPAN_EMPTY));
    assert_false(tls_certificate_pin_is_valid(SPAN_LITERAL("0g112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")));
    assert_false(tls_certificate_pin_is_valid(SPAN_LITERAL("00-11-22-33-44-55-66-77-88-99-aa-bb-cc-dd-ee-ff-00-11-22-33-44-55-66-77-88-99-AA-BB-CC-DD-EE-FF")));
    assert_true(tls_spki_pin_is_valid(SPAN_LITERAL("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")));
    assert_false(tls_spki_pin_is_valid(SPAN_LITERAL("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")));
    assert_false(tls_spki_pin_is_valid(SPAN_LITERAL("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUAAAAA")));
    assert_false(tls_spki_pin_is_valid(SPAN_EMPTY));
    struct span pin = SPAN_LITERAL("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_refused(make_demand((struct tls_client_demand_options){.spki_pins = &pin, .spki_pin_count = 1}), client,
                   TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED);
}

/* What differs in one thing hashes differently; what is equal, equally. */
static void test_hashes(void **state UNUSED)
{
    struct span names[] = {SPAN_LITERAL("a"), SPAN_LITERAL("b")};
    struct span pin = SPAN_LITERAL("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    char *crl = make_crl(0, 1000);
    struct tls_trust *with_crl = make_trust(crl);
    struct tls_client_demand *demands[] = {
        make_demand((struct tls_client_demand_options){0}),
        make_demand((struct tls_client_demand_options){.is_optional = true}),
        make_demand((struct tls_client_demand_options){.skips_verification = true}),
        make_demand((struct tls_client_demand_options){.subject_alt_names = names, .subject_alt_name_count = 1}),
        make_demand((struct tls_client_demand_options){.subject_alt_names = names, .subject_alt_name_count = 2}),
        make_demand((struct tls_client_demand_options){.spki_pins = &pin, .spki_pin_count = 1}),
        make_demand((struct tls_client_demand_options){.trust = with_crl}),
    };
    struct tls_client_demand *again = make_demand((struct tls_client_demand_options){.subject_alt_names = names, .subject_alt_name_count = 2});
    assert_true(tls_client_demand_equal(again, demands[4]));
    assert_true(tls_client_demand_equal(NULL, NULL));
    assert_false(tls_client_demand_equal(NULL, again));
    for (size_t i = 0; i < ARRAY_SIZE(demands); i++)
        for (size_t j = 0; j < i; j++)
            assert_false(tls_client_demand_equal(demands[i], demands[j]));
    for (size_t i = 0; i < ARRAY_SIZE(demands); i++)
        tls_client_demand_unpin(demands[i]);
    tls_client_demand_unpin(again);
    tls_trust_unpin(with_crl);
    free(crl);
}

static void test_texts_that_are_no_authority(void **state UNUSED)
{
    static const char *const texts[] = {"", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\nAAAA\n"};
    struct tls_identity_error error;
    struct tls_trust *trust = NULL;
    char *good = test_certificate_pem(authority);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_false(tls_trust_create(span_of(texts[i]), SPAN_EMPTY, &error, &trust));
        assert_true(strlen(error.text) > 0);
        char *mixed = test_text_join(good, texts[i]);
        /* Nothing is left out silently: it might be a list that revokes. */
        bool is_whole = i < 2;
        assert_int_equal(tls_trust_create(span_of(mixed), SPAN_EMPTY, &error, &trust), is_whole);
        if (is_whole)
            tls_trust_unpin(trust);
        assert_false(tls_trust_create(span_of(good), i == 0 ? SPAN_LITERAL("\n") : span_of(texts[i]), &error, &trust));
        free(mixed);
    }
    free(good);
}

/* The ticket outlives the certificate in it. */
static void test_a_resumed_session_is_verified_again(void **state UNUSED)
{
    X509 *brief = test_certificate("client", client_key, "authority", authority_key, "DNS:client.test", 1002);
    struct tls_client_demand *demand = make_demand((struct tls_client_demand_options){0});
    SSL_SESSION *tickets_of[2];
    for (size_t i = 0; i < 2; i++) {
        struct test_pair pair;
        open_pair(&pair, demand, brief, i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        test_pair_flush_ticket(&pair);
        tickets_of[i] = test_pair_deinit(&pair);
        open_pair(&pair, demand, NULL, i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_int_equal(SSL_set_session(pair.client, tickets_of[i]), 1);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        assert_true(tls_session_was_resumed(pair.server));
        SSL_SESSION_free(test_pair_deinit(&pair));
    }
    while (X509_cmp_current_time(X509_get0_notAfter(brief)) > 0)
        usleep(10000);
    for (size_t i = 0; i < 2; i++) {
        struct test_pair pair;
        open_pair(&pair, demand, NULL, i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_int_equal(SSL_set_session(pair.client, tickets_of[i]), 1);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_FAILED);
        assert_int_equal(tls_session_failure(pair.server), TLS_FAILURE_CLIENT_CERTIFICATE_EXPIRED);
        SSL_SESSION_free(test_pair_deinit(&pair));
        SSL_SESSION_free(tickets_of[i]);
    }
    tls_client_demand_unpin(demand);
    X509_free(brief);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_is_required_or_not),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_revocation_lists),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_texts_that_are_no_authority),
        cmocka_unit_test(test_a_resumed_session_is_verified_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
