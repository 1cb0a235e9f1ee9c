/* A transport with TLS against a session of the client side, over a socket pair. */
#include "proxy/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "proxy/context.h"
#include "tls/client_policy.h"
#include "tls/server_policy.h"
#include "tls/session.h"
#include "tls/test_pem_text.h"

/* More than two readings of the worker, in one burst. */
enum { CONTENT_BYTES = 5 * WORKER_READ_BYTES, WINDOW_BYTES = WORKER_WRITE_BYTES };

struct pair {
    struct proxy_context context;
    struct tls_server_policy *server_policy;
    struct tls_client_policy *client_policy;
    struct tls_identity *identity;
    struct transport server;
    struct tls_session *client;
    int descriptor; /* the client's end */
};

static void ignore(struct transport *transport) {
    (void)transport;
}

static void pair_init(struct pair *pair) {
    struct tls_identity_error error;
    const struct tls_server_policy_options server_options = {0};
    const struct tls_client_policy_options client_options = {.skips_verification = true};
    int ends[2], room = 4 * CONTENT_BYTES;
    assert_int_equal(context_init(&pair->context), 0);
    assert_int_equal(tls_server_policy_create(&server_options, &pair->server_policy), TLS_SERVER_POLICY_OK);
    assert_true(tls_client_policy_create(&client_options, &error, &pair->client_policy));
    assert_int_equal(tls_identity_create(SPAN_LITERAL(CHAIN_ONE), SPAN_LITERAL(KEY_ONE), &error, &pair->identity), TLS_IDENTITY_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), 0);
    pair->descriptor = ends[1];
    assert_int_equal(transport_init(&pair->server, &pair->context, ends[0]), 0);
    pair->server.readable = ignore;
    transport_start_tls(&pair->server, tls_session_create_server(&(struct tls_server_options){.policy = pair->server_policy, .identity = pair->identity}));
    pair->client = tls_session_create_client(pair->client_policy, SPAN_LITERAL("a.com"), TLS_CARRIES_BYTES);
}

static void pair_deinit(struct pair *pair) {
    transport_deinit(&pair->server);
    tls_session_destroy(pair->client);
    close(pair->descriptor);
    tls_server_policy_unpin(pair->server_policy);
    tls_client_policy_unpin(pair->client_policy);
    tls_identity_unpin(pair->identity);
    context_free_buried(&pair->context);
    context_deinit(&pair->context);
}

/* What the server wrote goes to the client, and what the client says to it. */
static void handshake(struct pair *pair) {
    static char output[WINDOW_BYTES], input[WINDOW_BYTES];
    struct span first = SPAN_EMPTY;
    enum tls_status client = TLS_STATUS_WANT_INPUT;
    enum transport_status server = TRANSPORT_WAIT;
    for (int i = 0; i < 100 && (client != TLS_STATUS_OK || server != TRANSPORT_OK); i++) {
        ssize_t size = read(pair->descriptor, input, sizeof(input));
        struct tls_io io = {.input = span_make(input, size > 0 ? (size_t)size : 0), .output = output, .output_capacity = sizeof(output)};
        client = tls_session_handshake(pair->client, &io);
        assert_int_equal(write(pair->descriptor, output, io.output_size), io.output_size);
        assert_true(loop_turn(pair->context.loop, 0) >= 0);
        server = transport_handshake(&pair->server, first);
    }
    assert_int_equal(client, TLS_STATUS_OK);
    assert_int_equal(server, TRANSPORT_OK);
}

static void send_content(struct pair *pair, const char *content, size_t record_bytes) {
    static char output[WINDOW_BYTES];
    for (struct span left = span_make(content, CONTENT_BYTES); left.size > 0;) {
        struct tls_io io = {.output = output, .output_capacity = sizeof(output)};
        size_t consumed = 0;
        struct span part = span_first(left, record_bytes);
        assert_int_equal(tls_session_write(pair->client, &io, part, &consumed), TLS_STATUS_OK);
        assert_int_equal(consumed, part.size);
        assert_int_equal(write(pair->descriptor, output, io.output_size), io.output_size);
        left = span_from(left, part.size);
    }
}

/* The plaintext of a reading may be more than one buffer takes: then the session holds some, and the transport the ciphertext behind it. The
 * next reading is answered from the session alone. */
static void ciphertext_is_kept_while_plaintext_waits(void **state) {
    (void)state;
    static const size_t record_bytes[] = {16384, 16000, 9000, 4096, 1000};
    char *content = memory_allocate(CONTENT_BYTES);
    for (size_t i = 0; i < CONTENT_BYTES; i++)
        content[i] = (char)(i * 7 + i / 251);
    for (size_t k = 0; k < ARRAY_SIZE(record_bytes); k++) {
        struct pair pair = {0};
        pair_init(&pair);
        handshake(&pair);
        send_content(&pair, content, record_bytes[k]);
        size_t received = 0;
        for (int i = 0; i < 1000 && received < CONTENT_BYTES; i++) {
            struct span bytes;
            pair.server.turn_bytes = 0;
            assert_true(loop_turn(pair.context.loop, 0) >= 0);
            while (transport_read(&pair.server, &bytes) == TRANSPORT_OK) {
                assert_true(received + bytes.size <= CONTENT_BYTES);
                assert_memory_equal(bytes.data, content + received, bytes.size);
                received += bytes.size;
            }
        }
        assert_int_equal(received, CONTENT_BYTES);
        pair_deinit(&pair);
    }
    free(content);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ciphertext_is_kept_while_plaintext_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
