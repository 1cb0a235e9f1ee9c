/* What sessions cost while they wait. Under a sanitizer the heap is not malloc's and only the absence of errors is
 * seen. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tls/test_pair.h"

#define SESSIONS 200
/* The architecture's figure for an idle session, with what malloc adds. */
#define IDLE_BYTES_MAX 5000
/* One that waits for the rest of a record keeps what came of it, not a buffer for all of it. */
#define HALF_RECORD_BYTES_MAX (IDLE_BYTES_MAX + SSL3_RT_MAX_PLAIN_LENGTH / 2 + 1024)
#define HEADER_ONLY_BYTES_MAX (IDLE_BYTES_MAX + 1024)

static struct test_pair pairs[SESSIONS];

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void answer(struct test_pair *pair)
{
    char bytes[16];
    size_t size = 0;
    assert_int_equal(SSL_write(pair->client, "question", 8), 8);
    assert_int_equal(test_pair_server_read(pair, bytes, sizeof(bytes), &size), TLS_STATUS_OK);
    assert_int_equal(test_pair_server_write(pair, SPAN_LITERAL("answer"), &size), TLS_STATUS_OK);
    assert_int_equal(SSL_read(pair->client, bytes, sizeof(bytes)), 6);
    assert_int_equal(test_pair_server_read(pair, bytes, sizeof(bytes), &size), TLS_STATUS_WANT_INPUT);
}

/* Frees the servers alone; what that gives back is what they held. */
static size_t measure_and_destroy(void)
{
    size_t before = heap_bytes();
    for (size_t i = 0; i < SESSIONS; i++) {
        tls_session_destroy(pairs[i].server);
        pairs[i].server = NULL;
    }
    size_t held = before - heap_bytes();
    for (size_t i = 0; i < SESSIONS; i++)
        SSL_SESSION_free(test_pair_deinit(&pairs[i]));
    return held / SESSIONS;
}

/* What a client showed, set for a run with client certificates. */
static struct tls_client_demand *demand;
static X509 *client_certificate;
static EVP_PKEY *client_key;

static void connect_all(struct tls_server_policy *policy, struct tls_identity *identity, uint16_t version)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        test_pair_init(&pairs[i], policy, identity, "a.example");
        if (demand != NULL) {
            tls_session_destroy(pairs[i].server);
            pairs[i].server = tls_session_create_server(&(struct tls_server_options){.policy = policy, .identity = identity, .demand = demand});
            assert_int_equal(SSL_use_certificate(pairs[i].client, client_certificate), 1);
            assert_int_equal(SSL_use_PrivateKey(pairs[i].client, client_key), 1);
        }
        assert_int_equal(SSL_set_max_proto_version(pairs[i].client, version), 1);
        assert_int_equal(test_pair_handshake(&pairs[i]), TLS_STATUS_OK);
        answer(&pairs[i]);
    }
}

/* A full record, of which only `sent_size` bytes arrive. */
static void send_part_of_a_record(struct test_pair *pair, size_t sent_size)
{
    static char plain[SSL3_RT_MAX_PLAIN_LENGTH];
    char byte;
    size_t read_size = 0;
    assert_int_equal(SSL_write(pair->client, plain, sizeof(plain)), sizeof(plain));
    test_pair_collect(pair);
    pair->inbound_size = sent_size;
    assert_int_equal(test_pair_server_read(pair, &byte, 1, &read_size), TLS_STATUS_WANT_INPUT);
}

/* Bytes of heap a session, each with `sent_size` bytes of an unfinished record. */
static size_t measure(struct tls_server_policy *policy, struct tls_identity *identity, uint16_t version,
                      size_t sent_size)
{
    connect_all(policy, identity, version);
    for (size_t i = 0; i < SESSIONS && sent_size > 0; i++)
        send_part_of_a_record(&pairs[i], sent_size);
    return measure_and_destroy();
}

static void test_heap_of_waiting_sessions(void **state UNUSED)
{
    struct tls_identity *identity = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_server_policy_options options = {.tickets = tickets};
    struct tls_server_policy *policy = NULL;
    assert_int_equal(tls_server_policy_create(&options, &policy), TLS_SERVER_POLICY_OK);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t idle_bytes = measure(policy, identity, (uint16_t)version, 0);
        size_t header_bytes = measure(policy, identity, (uint16_t)version, SSL3_RT_HEADER_LENGTH);
        size_t half_bytes = measure(policy, identity, (uint16_t)version, SSL3_RT_MAX_PLAIN_LENGTH / 2);
        print_message("TLS 1.%d: %zu bytes idle, %zu with a record's header, %zu with half a record\n",
                      version - TLS1_VERSION, idle_bytes, header_bytes, half_bytes);
        assert_true(idle_bytes <= IDLE_BYTES_MAX);
        assert_true(header_bytes <= HEADER_ONLY_BYTES_MAX);
        assert_true(half_bytes <= HALF_RECORD_BYTES_MAX);
    }
    tls_server_policy_unpin(policy);
    tls_tickets_destroy(tickets);
    tls_identity_unpin(identity);
}

/* The session keeps the client's certificate as it came, and nothing that verified it. */
#define CLIENT_CERTIFICATE_BYTES_MAX 1024

static void test_heap_of_sessions_with_client_certificates(void **state UNUSED)
{
    struct tls_identity *identity = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    struct tls_server_policy_options options = {0};
    struct tls_server_policy *policy = NULL;
    assert_int_equal(tls_server_policy_create(&options, &policy), TLS_SERVER_POLICY_OK);
    client_key = test_key_ec(NID_X9_62_prime256v1);
    client_certificate = test_certificate("client", client_key, "client", client_key, "URI:spiffe://cluster.local/ns/a/sa/b", 86400);
    demand = tls_client_demand_create(&(struct tls_client_demand_options){.skips_verification = true});
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t idle_bytes = measure(policy, identity, (uint16_t)version, 0);
        print_message("TLS 1.%d: %zu bytes idle with a client certificate\n", version - TLS1_VERSION, idle_bytes);
        assert_true(idle_bytes <= IDLE_BYTES_MAX + CLIENT_CERTIFICATE_BYTES_MAX);
    }
    tls_client_demand_unpin(demand);
    demand = NULL;
    X509_free(client_certificate);
    EVP_PKEY_free(client_key);
    tls_server_policy_unpin(policy);
    tls_identity_unpin(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_of_waiting_sessions),
        cmocka_unit_test(test_heap_of_sessions_with_client_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
