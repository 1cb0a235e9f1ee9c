#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/cipher.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "tls/test_pair.h"
#include "tls/tickets.h"
#include "tls/tickets_library.h"

#define THREADS 4

static struct tls_identity *identity;

static int set_up(void **state UNUSED)
{
    identity = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    return 0;
}

static int tear_down(void **state UNUSED)
{
    tls_identity_unpin(identity);
    return 0;
}

static struct tls_server_policy *make_policy(struct tls_tickets *tickets, uint8_t context_byte)
{
    struct tls_server_policy_options options = {.tickets = tickets, .session_id_context = {context_byte}};
    struct tls_server_policy *policy = NULL;
    assert_int_equal(tls_server_policy_create(&options, &policy), TLS_SERVER_POLICY_OK);
    return policy;
}

/* One connection that offers `offered` (or nothing). Gives the ticket that the client holds afterwards (its own
 * reference) and how many it got. */
static bool connect_with(struct tls_server_policy *policy, uint16_t version, SSL_SESSION *offered,
                         SSL_SESSION **ret_ticket, size_t *ret_tickets_got)
{
    struct test_pair pair;
    test_pair_init(&pair, policy, identity, "a.example");
    assert_int_equal(SSL_set_max_proto_version(pair.client, version), 1);
    if (offered != NULL)
        assert_int_equal(SSL_set_session(pair.client, offered), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    test_pair_flush_ticket(&pair);
    bool was_resumed = tls_session_was_resumed(pair.server);
    assert_int_equal(SSL_session_reused(pair.client), was_resumed);
    *ret_tickets_got = pair.tickets_got;
    *ret_ticket = test_pair_deinit(&pair);
    return was_resumed;
}

/* Whether a ticket of the first policy is taken by the second, after `rotations`. */
static bool resumes(struct tls_server_policy *first, struct tls_server_policy *second, uint16_t version,
                    struct tls_tickets *rotated, size_t rotations)
{
    SSL_SESSION *ticket = NULL;
    SSL_SESSION *renewed = NULL;
    size_t tickets_got = 0;
    assert_false(connect_with(first, version, NULL, &ticket, &tickets_got));
    assert_int_equal(tickets_got, 1);
    assert_non_null(ticket);
    for (size_t i = 0; i < rotations; i++)
        tls_tickets_rotate(rotated);
    bool was_resumed = connect_with(second, version, ticket, &renewed, &tickets_got);
    /* TLS 1.3 gives a ticket with every handshake; TLS 1.2 only when it must be replaced. */
    bool is_renewed = version == TLS1_3_VERSION || !was_resumed || rotations > 0;
    assert_int_equal(tickets_got, is_renewed ? 1 : 0);
    SSL_SESSION_free(ticket);
    SSL_SESSION_free(renewed);
    return was_resumed;
}

static void test_resumption(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_tickets *other_tickets = tls_tickets_create();
    struct tls_server_policy *first = make_policy(tickets, 1);
    struct tls_server_policy *same = make_policy(tickets, 1);
    struct tls_server_policy *other_context = make_policy(tickets, 2);
    struct tls_server_policy *other_keys = make_policy(other_tickets, 1);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_true(resumes(first, first, (uint16_t)version, NULL, 0));
        assert_true(resumes(first, same, (uint16_t)version, NULL, 0));
        assert_false(resumes(first, other_context, (uint16_t)version, NULL, 0));
        assert_false(resumes(first, other_keys, (uint16_t)version, NULL, 0));
    }
    tls_server_policy_unpin(first);
    tls_server_policy_unpin(same);
    tls_server_policy_unpin(other_context);
    tls_server_policy_unpin(other_keys);
    tls_tickets_destroy(tickets);
    tls_tickets_destroy(other_tickets);
}

/* What a client was shown decides which names it may ask for: a ticket of a certificate for other names is none, one of a renewed certificate is. */
static void test_a_ticket_is_bound_to_the_names_of_the_certificate(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_server_policy *policy = make_policy(tickets, 1);
    static const char *const later[] = {"a.example", "b.example"};
    struct tls_identity *first = identity;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
            SSL_SESSION *ticket = NULL, *renewed = NULL;
            size_t tickets_got = 0;
            assert_false(connect_with(policy, (uint16_t)version, NULL, &ticket, &tickets_got));
            identity = test_identity(later[i], test_key_ec(NID_X9_62_prime256v1));
            assert_int_equal(connect_with(policy, (uint16_t)version, ticket, &renewed, &tickets_got), i == 0);
            tls_identity_unpin(identity);
            identity = first;
            SSL_SESSION_free(ticket);
            SSL_SESSION_free(renewed);
        }
    }
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
}

static void test_rotation(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_server_policy *policy = make_policy(tickets, 1);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_true(resumes(policy, policy, (uint16_t)version, tickets, 1));
        assert_false(resumes(policy, policy, (uint16_t)version, tickets, 2));
    }
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
}

/* Two processes whose keys come from one place, of which one has rotated already. */
static void test_shared_keys(void **state UNUSED)
{
    uint8_t keys[4][TLS_TICKET_KEY_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        memset(keys[i], (int)i + 1, sizeof(keys[i]));
    struct tls_tickets *tickets[2] = {tls_tickets_create(), tls_tickets_create()};
    struct tls_server_policy *policies[2] = {make_policy(tickets[0], 1), make_policy(tickets[1], 1)};
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_tickets_share(tickets[0], &(struct tls_shared_keys){keys[1], keys[0], keys[2]});
        tls_tickets_share(tickets[1], &(struct tls_shared_keys){keys[1], NULL, NULL});
        assert_true(resumes(policies[0], policies[1], (uint16_t)version, NULL, 0));
        tls_tickets_advance(tickets[0], clock_monotonic_ns() + 10 * TLS_TICKET_ROTATION_NS);
        assert_true(resumes(policies[0], policies[1], (uint16_t)version, NULL, 0));
        /* The second has rotated: each opens the other's; the first renews nothing of the next key. */
        tls_tickets_share(tickets[1], &(struct tls_shared_keys){keys[2], keys[1], keys[3]});
        assert_true(resumes(policies[1], policies[0], (uint16_t)version, NULL, 0));
        SSL_SESSION *ticket = NULL, *renewed = NULL;
        size_t tickets_got = 0;
        assert_false(connect_with(policies[0], (uint16_t)version, NULL, &ticket, &tickets_got));
        assert_true(connect_with(policies[1], (uint16_t)version, ticket, &renewed, &tickets_got));
        assert_int_equal(tickets_got, 1);
        SSL_SESSION_free(renewed);
        /* Two rotations behind. */
        tls_tickets_share(tickets[1], &(struct tls_shared_keys){keys[3], keys[2], NULL});
        assert_false(connect_with(policies[1], (uint16_t)version, ticket, &renewed, &tickets_got));
        SSL_SESSION_free(ticket);
        SSL_SESSION_free(renewed);
    }
    for (size_t i = 0; i < 2; i++) {
        tls_server_policy_unpin(policies[i]);
        tls_tickets_destroy(tickets[i]);
    }
}

static void test_a_session_may_have_its_own_context(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_server_policy *policy = make_policy(tickets, 1);
    SSL_SESSION *ticket = NULL;
    size_t tickets_got = 0;
    assert_false(connect_with(policy, TLS1_3_VERSION, NULL, &ticket, &tickets_got));
    for (uint8_t context_byte = 1; context_byte <= 2; context_byte++) {
        uint8_t context[TLS_SHA256_SIZE] = {context_byte};
        struct test_pair pair;
        test_pair_init(&pair, policy, identity, "a.example");
        tls_session_destroy(pair.server);
        pair.server = tls_session_create_server(&(struct tls_server_options){.policy = policy, .identity = identity, .session_id_context = context});
        assert_int_equal(SSL_set_session(pair.client, ticket), 1);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        assert_int_equal(tls_session_was_resumed(pair.server), context_byte == 1);
        SSL_SESSION_free(test_pair_deinit(&pair));
    }
    SSL_SESSION_free(ticket);
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
}

static void test_without_tickets(void **state UNUSED)
{
    struct tls_server_policy *policy = make_policy(NULL, 1);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct test_pair pair;
        test_pair_init(&pair, policy, identity, "a.example");
        assert_int_equal(SSL_set_max_proto_version(pair.client, (uint16_t)version), 1);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        test_pair_flush_ticket(&pair);
        assert_true(pair.ticket == NULL || !SSL_SESSION_has_ticket(pair.ticket));
        SSL_SESSION_free(test_pair_deinit(&pair));
    }
    tls_server_policy_unpin(policy);
}

/* What the library would do: ask for a key to seal with, or to open what has this name. */
static int set_up_key(struct tls_tickets *tickets, uint8_t name[16], int is_sealing)
{
    uint8_t iv[EVP_MAX_IV_LENGTH] = {0};
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    HMAC_CTX *mac = HMAC_CTX_new();
    int result = tls_tickets_set_up(tickets, name, iv, cipher, mac, is_sealing);
    EVP_CIPHER_CTX_free(cipher);
    HMAC_CTX_free(mac);
    return result;
}

static void test_advance(void **state UNUSED)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct tls_tickets *tickets = tls_tickets_create();
    uint8_t name[16];
    assert_int_equal(set_up_key(tickets, name, 1), 1);
    assert_int_equal(set_up_key(tickets, name, 0), 1);
    tls_tickets_advance(tickets, now_ns + TLS_TICKET_ROTATION_NS - SECONDS(1));
    assert_int_equal(set_up_key(tickets, name, 0), 1);
    tls_tickets_advance(tickets, now_ns + TLS_TICKET_ROTATION_NS + SECONDS(10));
    assert_int_equal(set_up_key(tickets, name, 0), 2);
    tls_tickets_advance(tickets, now_ns + 2 * TLS_TICKET_ROTATION_NS + SECONDS(1));
    assert_int_equal(set_up_key(tickets, name, 0), 2);
    tls_tickets_advance(tickets, now_ns + 2 * TLS_TICKET_ROTATION_NS + SECONDS(30));
    assert_int_equal(set_up_key(tickets, name, 0), 0);
    tls_tickets_destroy(tickets);
}

static void test_advance_after_a_long_sleep(void **state UNUSED)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct tls_tickets *tickets = tls_tickets_create();
    uint8_t name[16];
    assert_int_equal(set_up_key(tickets, name, 1), 1);
    tls_tickets_advance(tickets, now_ns + 2 * TLS_TICKET_ROTATION_NS + SECONDS(10));
    assert_int_equal(set_up_key(tickets, name, 0), 0);
    tls_tickets_destroy(tickets);
}

static void *use_tickets(void *argument)
{
    struct tls_tickets *tickets = argument;
    for (size_t i = 0; i < 2000; i++) {
        uint8_t name[16];
        if (set_up_key(tickets, name, 1) != 1 || set_up_key(tickets, name, 0) < 0)
            return argument;
        if (i % 100 == 0)
            tls_tickets_rotate(tickets);
    }
    return NULL;
}

static void test_threads(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_tickets, tickets), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    tls_tickets_destroy(tickets);
}

/* Sessions of several threads share identity, policy and ticket keys. */
static void *use_sessions(void *argument)
{
    struct tls_server_policy *policy = argument;
    for (size_t i = 0; i < 20; i++) {
        struct test_pair pair;
        test_pair_init(&pair, policy, identity, "a.example");
        bool is_done = test_pair_handshake(&pair) == TLS_STATUS_OK;
        if (is_done)
            test_pair_flush_ticket(&pair);
        SSL_SESSION_free(test_pair_deinit(&pair));
        if (!is_done)
            return argument;
    }
    return NULL;
}

static void test_sessions_of_threads(void **state UNUSED)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_server_policy *policy = make_policy(tickets, 1);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_sessions, policy), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_a_ticket_is_bound_to_the_names_of_the_certificate),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_shared_keys),
        cmocka_unit_test(test_a_session_may_have_its_own_context),
        cmocka_unit_test(test_without_tickets),
        cmocka_unit_test(test_advance),
        cmocka_unit_test(test_advance_after_a_long_sleep),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_sessions_of_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
