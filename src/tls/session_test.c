#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/session.h"
#include "tls/test_pair.h"

#define BULK_BYTES 40000

struct world {
    struct tls_identity *identity;
    struct tls_tickets *tickets;
    struct tls_server_policy *policy;
};

static struct world world;

static struct tls_server_policy *make_policy(const struct tls_server_policy_options *options)
{
    struct tls_server_policy *policy = NULL;
    assert_int_equal(tls_server_policy_create(options, &policy), TLS_SERVER_POLICY_OK);
    return policy;
}

static int set_up(void **state UNUSED)
{
    static const struct span alpn[] = {{"h2", 2}, {"http/1.1", 8}};
    world.identity = test_identity("a.example", test_key_ec(NID_X9_62_prime256v1));
    world.tickets = tls_tickets_create();
    world.policy = make_policy(&(struct tls_server_policy_options){
        .alpn_protocols = alpn, .alpn_protocol_count = 2, .tickets = world.tickets});
    return 0;
}

static int tear_down(void **state UNUSED)
{
    tls_identity_unpin(world.identity);
    tls_server_policy_unpin(world.policy);
    tls_tickets_destroy(world.tickets);
    return 0;
}

static void begin(struct test_pair *pair)
{
    test_pair_init(pair, world.policy, world.identity, "a.example");
}

static void end(struct test_pair *pair)
{
    SSL_SESSION_free(test_pair_deinit(pair));
}

static void assert_text(struct span text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void assert_client_to_server(struct test_pair *pair, const char *text)
{
    char bytes[64];
    size_t size = 0;
    assert_int_equal(SSL_write(pair->client, text, (int)strlen(text)), strlen(text));
    enum tls_status status;
    do
        status = test_pair_server_read(pair, bytes, sizeof(bytes), &size);
    while (status == TLS_STATUS_WANT_INPUT && pair->inbound_size > 0);
    assert_int_equal(status, TLS_STATUS_OK);
    assert_text(span_make(bytes, size), text);
}

static void assert_server_to_client(struct test_pair *pair, const char *text)
{
    struct span rest = span_of(text);
    enum tls_status status;
    do {
        size_t consumed = 0;
        status = test_pair_server_write(pair, rest, &consumed);
        rest = span_from(rest, consumed);
    } while (status == TLS_STATUS_WANT_OUTPUT);
    assert_int_equal(status, TLS_STATUS_OK);
    char bytes[64];
    int size = SSL_read(pair->client, bytes, sizeof(bytes));
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void test_handshake_1_3(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_false(tls_session_is_established(pair.server));
    assert_int_equal(tls_session_version(pair.server).size, 0);
    assert_int_equal(tls_session_group(pair.server).size, 0);
    assert_int_equal(tls_session_server_name(pair.server).size, 0);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_true(tls_session_is_established(pair.server));
    assert_text(tls_session_version(pair.server), "TLSv1.3");
    assert_text(tls_session_server_name(pair.server), "a.example");
    assert_true(tls_session_server_name_matches(pair.server, SPAN_LITERAL("A.Example")));
    assert_false(tls_session_server_name_matches(pair.server, SPAN_LITERAL("b.example")));
    assert_false(tls_session_server_name_matches(pair.server, SPAN_EMPTY));
    assert_int_equal(tls_session_alpn(pair.server).size, 0);
    assert_false(tls_session_was_resumed(pair.server));
    assert_int_equal(tls_session_error(pair.server).size, 0);
    assert_true(span_starts_with(tls_session_cipher(pair.server), SPAN_LITERAL("TLS_")));
    assert_client_to_server(&pair, "question");
    assert_server_to_client(&pair, "answer");
    assert_int_equal(test_pair_server_handshake(&pair), TLS_STATUS_OK);
    end(&pair);
}

static void test_handshake_1_2(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(SSL_set_max_proto_version(pair.client, TLS1_2_VERSION), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_text(tls_session_version(pair.server), "TLSv1.2");
    assert_true(span_starts_with(tls_session_cipher(pair.server), SPAN_LITERAL("ECDHE-ECDSA-")));
    assert_client_to_server(&pair, "question");
    assert_server_to_client(&pair, "answer");
    end(&pair);
}

static void test_old_version_is_refused(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(SSL_set_min_proto_version(pair.client, TLS1_VERSION), 1);
    assert_int_equal(SSL_set_max_proto_version(pair.client, TLS1_1_VERSION), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_FAILED);
    assert_non_null(strstr(tls_session_error(pair.server).data, ":UNSUPPORTED_PROTOCOL:TLS_error_end"));
    assert_int_equal(tls_session_error(pair.server).size, strlen(tls_session_error(pair.server).data));
    /* For good. */
    assert_int_equal(test_pair_server_handshake(&pair), TLS_STATUS_FAILED);
    end(&pair);
}

static void test_the_right_chain_is_shown(void **state UNUSED)
{
    struct tls_identity *other = test_identity("b.example", test_key_rsa(2048));
    struct test_pair pair;
    test_pair_init(&pair, world.policy, other, "a.example");
    /* The session took what it needs. */
    uint8_t expected[TLS_SHA256_SIZE];
    memcpy(expected, tls_identity_fingerprint(other), sizeof(expected));
    tls_identity_unpin(other);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    X509 *shown = SSL_get_peer_certificate(pair.client);
    uint8_t fingerprint[TLS_SHA256_SIZE];
    assert_int_equal(X509_digest(shown, EVP_sha256(), fingerprint, NULL), 1);
    assert_memory_equal(fingerprint, expected, sizeof(expected));
    X509_free(shown);
    end(&pair);
}

/* Both versions, with a transport that gives a byte at a time and a window of few bytes. */
static void test_finest_transport(void **state UNUSED)
{
    static const size_t windows[] = {1, 2, 7, 100, 1500};
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
            struct test_pair pair;
            begin(&pair);
            pair.input_chunk = 1;
            pair.window = windows[i];
            assert_int_equal(SSL_set_max_proto_version(pair.client, (uint16_t)version), 1);
            assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
            assert_client_to_server(&pair, "question");
            assert_server_to_client(&pair, "answer");
            assert_client_to_server(&pair, "second question");
            assert_server_to_client(&pair, "second answer");
            end(&pair);
        }
    }
}

static void fill_pattern(char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)((i * 2654435761U) >> 13);
}

/* The client reads what there is; returns the size so far. */
static size_t client_drain(struct test_pair *pair, char *bytes, size_t size)
{
    int result;
    while (size < BULK_BYTES && (result = SSL_read(pair->client, bytes + size, (int)(BULK_BYTES - size))) > 0)
        size += (size_t)result;
    ERR_clear_error();
    return size;
}

static void test_bulk_to_the_client(void **state UNUSED)
{
    static const size_t windows[] = {1, 40, 1000, 1100, 16384, TEST_WINDOW_BYTES};
    char *sent = malloc(BULK_BYTES);
    char *received = malloc(BULK_BYTES);
    fill_pattern(sent, BULK_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        struct test_pair pair;
        begin(&pair);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        pair.window = windows[i];
        struct span rest = span_make(sent, BULK_BYTES);
        size_t size = 0;
        while (rest.size > 0) {
            /* At another address each time. */
            char *moved = malloc(rest.size);
            memcpy(moved, rest.data, rest.size);
            size_t consumed = 0;
            enum tls_status status = test_pair_server_write(&pair, span_make(moved, rest.size), &consumed);
            free(moved);
            assert_int_equal(status, consumed == rest.size ? TLS_STATUS_OK : TLS_STATUS_WANT_OUTPUT);
            rest = span_from(rest, consumed);
            size = client_drain(&pair, received, size);
        }
        assert_int_equal(size, BULK_BYTES);
        assert_memory_equal(sent, received, BULK_BYTES);
        end(&pair);
    }
    free(sent);
    free(received);
}

static void test_bulk_to_the_server(void **state UNUSED)
{
    static const size_t chunks[] = {1, 6, 1460, 20000, TEST_WINDOW_BYTES};
    static const size_t capacities[] = {1, 100, 16384, BULK_BYTES};
    char *sent = malloc(BULK_BYTES);
    char *received = malloc(BULK_BYTES);
    fill_pattern(sent, BULK_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(chunks) * ARRAY_SIZE(capacities); i++) {
        size_t capacity = capacities[i % ARRAY_SIZE(capacities)];
        struct test_pair pair;
        begin(&pair);
        assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
        pair.input_chunk = chunks[i / ARRAY_SIZE(capacities)];
        assert_int_equal(SSL_write(pair.client, sent, BULK_BYTES), BULK_BYTES);
        size_t total = 0;
        while (total < BULK_BYTES) {
            size_t room = BULK_BYTES - total < capacity ? BULK_BYTES - total : capacity;
            size_t size = 0;
            enum tls_status status = test_pair_server_read(&pair, received + total, room, &size);
            assert_true(status == TLS_STATUS_OK || status == TLS_STATUS_WANT_INPUT);
            assert_true(status == TLS_STATUS_WANT_INPUT || (size > 0 && size <= room));
            total += size;
        }
        assert_memory_equal(sent, received, BULK_BYTES);
        assert_false(tls_session_has_pending(pair.server));
        end(&pair);
    }
    free(sent);
    free(received);
}

static void test_pending_is_told(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_false(tls_session_has_pending(pair.server));
    assert_int_equal(SSL_write(pair.client, "abcdef", 6), 6);
    char bytes[8];
    size_t size = 0;
    assert_int_equal(test_pair_server_read(&pair, bytes, 2, &size), TLS_STATUS_OK);
    assert_int_equal(size, 2);
    assert_true(tls_session_has_pending(pair.server));
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_OK);
    assert_text(span_make(bytes, size), "cdef");
    assert_false(tls_session_has_pending(pair.server));
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_WANT_INPUT);
    assert_int_equal(SSL_write(pair.client, "gh", 2), 2);
    assert_true(SSL_shutdown(pair.client) >= 0);
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_OK);
    assert_true(tls_session_has_pending(pair.server));
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_CLOSED);
    end(&pair);
}

static void check_alpn(const char *offered, const char *expected)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(SSL_set_alpn_protos(pair.client, (const uint8_t *)offered, strlen(offered)), 0);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_text(tls_session_alpn(pair.server), expected);
    const uint8_t *name;
    unsigned int size;
    SSL_get0_alpn_selected(pair.client, &name, &size);
    assert_int_equal(size, strlen(expected));
    end(&pair);
}

static void test_alpn(void **state UNUSED)
{
    check_alpn("\x08http/1.1", "http/1.1");
    check_alpn("\x08http/1.1\x02h2", "h2");
    check_alpn("\x03"
               "foo\x08http/1.1",
               "http/1.1");
    check_alpn("\x08http/1.0", "");
}

static void check_group(const char *offered, const char *expected)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(SSL_set1_groups_list(pair.client, offered), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_text(tls_session_group(pair.server), expected);
    end(&pair);
}

static void test_groups(void **state UNUSED)
{
    check_group("X25519MLKEM768:X25519", "X25519MLKEM768");
    check_group("P-256:X25519:X25519MLKEM768", "X25519MLKEM768");
    check_group("P-256:X25519", "X25519");
    check_group("P-384:P-256", "P-256");
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(SSL_set1_groups_list(pair.client, "P-384"), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_FAILED);
    assert_non_null(strstr(tls_session_error(pair.server).data, "NO_SHARED_GROUP"));
    end(&pair);
}

static void test_no_server_name(void **state UNUSED)
{
    struct test_pair pair;
    test_pair_init(&pair, world.policy, world.identity, NULL);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_true(tls_session_server_name_matches(pair.server, SPAN_EMPTY));
    assert_false(tls_session_server_name_matches(pair.server, SPAN_LITERAL("a.example")));
    end(&pair);
}

/* A policy that makes the library's client send a second hello, in which it names `second_name`. */
static bool matches_after_retry(const char *second_name)
{
    struct span curve = SPAN_LITERAL("P-256");
    struct tls_server_policy *policy =
        make_policy(&(struct tls_server_policy_options){.curves = &curve, .curve_count = 1});
    struct test_pair pair;
    test_pair_init(&pair, policy, world.identity, "a.example");
    tls_server_policy_unpin(policy);
    assert_int_equal(SSL_set1_groups_list(pair.client, "X25519:P-256"), 1);
    assert_int_equal(SSL_do_handshake(pair.client), -1);
    assert_int_equal(test_pair_server_handshake(&pair), TLS_STATUS_WANT_INPUT);
    assert_int_equal(SSL_set_tlsext_host_name(pair.client, second_name), 1);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_int_equal(SSL_used_hello_retry_request(pair.client), 1);
    bool matches = tls_session_server_name_matches(pair.server, SPAN_LITERAL("a.example"));
    end(&pair);
    return matches;
}

static void test_server_name_after_hello_retry_request(void **state UNUSED)
{
    assert_true(matches_after_retry("a.example"));
    assert_false(matches_after_retry("b.example"));
    assert_false(matches_after_retry(NULL));
}

static void test_close_from_the_client(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_int_equal(SSL_write(pair.client, "last", 4), 4);
    assert_int_equal(SSL_shutdown(pair.client), 0);
    char bytes[16];
    size_t size = 0;
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_OK);
    assert_text(span_make(bytes, size), "last");
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_CLOSED);
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_CLOSED);
    /* The other direction is still open. */
    size_t consumed = 0;
    assert_int_equal(test_pair_server_write(&pair, SPAN_LITERAL("answer"), &consumed), TLS_STATUS_OK);
    assert_int_equal(consumed, 6);
    assert_int_equal(test_pair_server_shutdown(&pair), TLS_STATUS_OK);
    assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), 6);
    assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), 0);
    assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
    end(&pair);
}

static void test_close_from_the_server(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_server_shutdown(&pair), TLS_STATUS_OK);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    pair.window = 3;
    enum tls_status status;
    size_t calls = 0;
    do {
        status = test_pair_server_shutdown(&pair);
        calls++;
    } while (status == TLS_STATUS_WANT_OUTPUT);
    assert_int_equal(status, TLS_STATUS_OK);
    assert_true(calls > 1);
    char byte;
    int result = SSL_read(pair.client, &byte, 1);
    assert_int_equal(SSL_get_error(pair.client, result), SSL_ERROR_ZERO_RETURN);
    size_t before = BIO_pending(SSL_get_rbio(pair.client));
    assert_int_equal(test_pair_server_shutdown(&pair), TLS_STATUS_OK);
    assert_int_equal(BIO_pending(SSL_get_rbio(pair.client)), before);
    /* What the client says meanwhile is still read. */
    assert_client_to_server(&pair, "late");
    end(&pair);
}

static void test_close_behind_half_a_record(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    pair.window = 4;
    size_t consumed = 0;
    assert_int_equal(test_pair_server_write(&pair, SPAN_LITERAL("answer"), &consumed), TLS_STATUS_WANT_OUTPUT);
    assert_int_equal(test_pair_server_shutdown(&pair), TLS_STATUS_FAILED);
    end(&pair);
}

static void check_garbage(const char *bytes, size_t size, const char *reason)
{
    struct test_pair pair;
    begin(&pair);
    test_pair_inject(&pair, bytes, size);
    struct test_exchange exchange;
    test_exchange_begin(&pair, &exchange);
    assert_int_equal(tls_session_handshake(pair.server, &exchange.io), TLS_STATUS_FAILED);
    test_exchange_end(&pair, &exchange);
    assert_non_null(strstr(tls_session_error(pair.server).data, reason));
    assert_true(span_starts_with(tls_session_error(pair.server), SPAN_LITERAL("TLS_error:|")));
    assert_int_equal(ERR_peek_error(), 0);
    end(&pair);
}

static void test_garbage_instead_of_hello(void **state UNUSED)
{
    check_garbage("GET / HTTP/1.1\r\n\r\n", 18, "HTTP_REQUEST");
    check_garbage("\x17\x03\x01\x00\x05hello", 10, "UNEXPECTED_RECORD");
    check_garbage("\x16\x03\x01\xff\xff", 5, "ENCRYPTED_LENGTH_TOO_LONG");
    check_garbage("SSH-2.0-x\r\n", 11, "WRONG_VERSION_NUMBER");
    check_garbage("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, "DECODE_ERROR");
}

static void test_damaged_record(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    assert_int_equal(SSL_write(pair.client, "good", 4), 4);
    test_pair_collect(&pair);
    assert_int_equal(SSL_write(pair.client, "bad", 3), 3);
    test_pair_collect(&pair);
    pair.inbound[pair.inbound_size - 1] ^= 1;
    char bytes[16];
    size_t size = 0;
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_OK);
    assert_text(span_make(bytes, size), "good");
    assert_int_equal(test_pair_server_read(&pair, bytes, sizeof(bytes), &size), TLS_STATUS_FAILED);
    assert_non_null(strstr(tls_session_error(pair.server).data, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"));
    assert_int_equal(test_pair_server_write(&pair, SPAN_LITERAL("x"), &size), TLS_STATUS_FAILED);
    assert_int_equal(test_pair_server_shutdown(&pair), TLS_STATUS_FAILED);
    /* The client was told why. */
    assert_int_equal(SSL_read(pair.client, bytes, sizeof(bytes)), -1);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    ERR_clear_error();
    end(&pair);
}

static void test_errors_of_others_do_not_matter(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    ERR_put_error(ERR_LIB_SSL, 0, SSL_R_BAD_ALERT, "x", 1);
    assert_int_equal(test_pair_server_handshake(&pair), TLS_STATUS_WANT_INPUT);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    ERR_put_error(ERR_LIB_SSL, 0, SSL_R_BAD_ALERT, "x", 1);
    char byte;
    size_t size = 0;
    assert_int_equal(test_pair_server_read(&pair, &byte, 1, &size), TLS_STATUS_WANT_INPUT);
    end(&pair);
}

/* A client may ask for new keys, but not all the time. */
static void test_key_updates(void **state UNUSED)
{
    struct test_pair pair;
    begin(&pair);
    assert_int_equal(test_pair_handshake(&pair), TLS_STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_client_to_server(&pair, "question");
        assert_server_to_client(&pair, "answer");
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_write(pair.client, "", 0), 0);
    }
    char byte;
    size_t size = 0;
    assert_int_equal(test_pair_server_read(&pair, &byte, 1, &size), TLS_STATUS_FAILED);
    assert_non_null(strstr(tls_session_error(pair.server).data, "TOO_MANY_KEY_UPDATES"));
    end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_1_3),
        cmocka_unit_test(test_handshake_1_2),
        cmocka_unit_test(test_old_version_is_refused),
        cmocka_unit_test(test_the_right_chain_is_shown),
        cmocka_unit_test(test_finest_transport),
        cmocka_unit_test(test_bulk_to_the_client),
        cmocka_unit_test(test_bulk_to_the_server),
        cmocka_unit_test(test_pending_is_told),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_no_server_name),
        cmocka_unit_test(test_server_name_after_hello_retry_request),
        cmocka_unit_test(test_close_from_the_client),
        cmocka_unit_test(test_close_from_the_server),
        cmocka_unit_test(test_close_behind_half_a_record),
        cmocka_unit_test(test_garbage_instead_of_hello),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_errors_of_others_do_not_matter),
        cmocka_unit_test(test_key_updates),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
