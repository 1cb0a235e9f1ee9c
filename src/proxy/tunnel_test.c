#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/socket.h"
#include "proxy/connect.h"
#include "proxy/connection.h"
#include "proxy/tunnel.h"

/* A client, a server, and a tunnel between our ends of the two. */
struct scene {
    struct proxy_context context;
    struct transport downstream, upstream;
    int client, server;
    struct tunnel *tunnel;
    int closed_count;
    enum tunnel_end end;
};

static void turn(struct proxy_context *context) {
    assert_true(loop_turn(context->loop, list_is_empty(&context->ready) ? 1 : 0) >= 0);
    context->now_ns += MILLISECONDS(1);
    timer_wheel_advance(&context->timers, context->now_ns);
    context_run_ready(context);
    context_free_buried(context);
}

static void turns(struct scene *scene, int count) {
    while (count-- > 0)
        turn(&scene->context);
}

static void scene_closed(void *owner, enum tunnel_end end) {
    struct scene *scene = owner;
    scene->closed_count++;
    scene->end = end;
}

/* TCP over loopback rather than a socketpair: resets exist only there. */
static void stream_pair(int ret_ends[2]) {
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), 0, &address));
    int listener;
    assert_int_equal(socket_listen(&address, &listener), 0);
    address.port = socket_local_address(listener).port;
    int result = socket_connect(&address, &ret_ends[0]);
    assert_true(result == 0 || result == -115);
    struct network_address peer;
    while ((result = socket_accept(listener, &ret_ends[1], &peer)) == -11)
        ;
    assert_int_equal(result, 0);
    socket_close(listener);
}

static int scene_setup(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_int_equal(context_init(&scene->context), 0);
    int ends[2];
    stream_pair(ends);
    scene->client = ends[0];
    assert_int_equal(transport_init(&scene->downstream, &scene->context, ends[1]), 0);
    stream_pair(ends);
    scene->server = ends[0];
    assert_int_equal(transport_init(&scene->upstream, &scene->context, ends[1]), 0);
    scene->tunnel = tunnel_create(&scene->context, &scene->downstream, &scene->upstream, scene, scene_closed);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state) {
    struct scene *scene = *state;
    if (scene->tunnel != NULL)
        tunnel_destroy(scene->tunnel);
    transport_deinit(&scene->downstream);
    transport_deinit(&scene->upstream);
    transport_deinit(&scene->upstream);
    context_free_buried(&scene->context);
    assert_int_equal(scene->context.chunks.live_count, 0);
    assert_int_equal(scene->context.timers.count, 0);
    context_deinit(&scene->context);
    if (scene->client >= 0)
        close(scene->client);
    if (scene->server >= 0)
        close(scene->server);
    free(scene);
    return 0;
}

static void expect(struct scene *scene, int descriptor, const char *text) {
    char bytes[256];
    size_t size = 0;
    for (int i = 0; i < 50 && size < strlen(text); i++) {
        turn(&scene->context);
        ssize_t part = socket_read(descriptor, bytes + size, sizeof(bytes) - size);
        assert_true(part > 0 || part == -11);
        size += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
}

static void expect_end(struct scene *scene, int descriptor) {
    char byte;
    ssize_t size = -11;
    for (int i = 0; i < 50 && size == -11; i++) {
        turn(&scene->context);
        size = socket_read(descriptor, &byte, 1);
    }
    assert_int_equal(size, 0);
}

static void test_both_ways_and_half_close(void **state) {
    struct scene *scene = *state;
    assert_int_equal(socket_write(scene->client, "question", 8), 8);
    expect(scene, scene->server, "question");
    assert_int_equal(socket_write(scene->server, "answer", 6), 6);
    expect(scene, scene->client, "answer");
    socket_end(scene->client);
    expect_end(scene, scene->server);
    /* The other way stays open. */
    assert_int_equal(socket_write(scene->server, "more", 4), 4);
    expect(scene, scene->client, "more");
    assert_int_equal(scene->closed_count, 0);
    socket_end(scene->server);
    turns(scene, 3);
    assert_int_equal(scene->closed_count, 1);
    transport_deinit(&scene->downstream);
    expect_end(scene, scene->client);
    assert_int_equal(scene->end, TUNNEL_END_ORDERLY);
    assert_int_equal(tunnel_received_bytes(scene->tunnel), 8);
    assert_int_equal(tunnel_sent_bytes(scene->tunnel), 10);
}

static void test_held_bytes_go_first(void **state) {
    struct scene *scene = *state;
    transport_unread(&scene->downstream, SPAN_LITERAL("first "));
    assert_int_equal(socket_write(scene->client, "second", 6), 6);
    expect(scene, scene->server, "first second");
    assert_int_equal(tunnel_received_bytes(scene->tunnel), 12);
}

static char pattern_byte(size_t offset) {
    return (char)(offset * 7 + offset / 251);
}

/* A server that sends without end and a client that does not read: the tunnel stops reading; nothing is lost when the client reads again. */
static void test_back_pressure(void **state) {
    struct scene *scene = *state;
    static char bytes[65536];
    size_t sent = 0, still = 0;
    while (still < 50) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = pattern_byte(sent + i);
        ssize_t part = socket_write(scene->server, bytes, sizeof(bytes));
        sent += part > 0 ? (size_t)part : 0;
        still = part > 0 ? 0 : still + 1;
        turn(&scene->context);
    }
    assert_true(scene->downstream.above_high_water);
    assert_false(scene->upstream.reading);
    assert_true(transport_output_size(&scene->downstream) <= BUFFER_HIGH_WATER_BYTES + WORKER_READ_BYTES);
    socket_end(scene->server);
    size_t received = 0;
    for (ssize_t part = 1; part != 0;) {
        turn(&scene->context);
        part = socket_read(scene->client, bytes, sizeof(bytes));
        for (ssize_t i = 0; i < part; i++)
            assert_int_equal(bytes[i], pattern_byte(received + (size_t)i));
        assert_true(part >= 0 || part == -11);
        received += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(received, sent);
    assert_int_equal(scene->closed_count, 0);
    socket_end(scene->client);
    turns(scene, 5);
    assert_int_equal(scene->closed_count, 1);
    assert_int_equal(scene->context.chunks.live_count, 0);
}

static void test_client_reset(void **state) {
    struct scene *scene = *state;
    assert_int_equal(socket_write(scene->client, "x", 1), 1);
    expect(scene, scene->server, "x");
    socket_set_reset(scene->client);
    socket_close(scene->client);
    scene->client = -1;
    expect_end(scene, scene->server);
    turns(scene, 3);
    assert_int_equal(scene->closed_count, 1);
    assert_int_equal(scene->end, TUNNEL_END_DOWNSTREAM_BROKEN);
}

/* The last words of a server that resets are still told. */
static void test_server_reset(void **state) {
    struct scene *scene = *state;
    assert_int_equal(socket_write(scene->server, "bye", 3), 3);
    expect(scene, scene->client, "bye");
    socket_set_reset(scene->server);
    socket_close(scene->server);
    scene->server = -1;
    expect_end(scene, scene->client);
    turns(scene, 3);
    assert_int_equal(scene->end, TUNNEL_END_UPSTREAM_BROKEN);
}

/* A reset is seen though the reader is paused. */
static void test_reset_while_paused(void **state) {
    struct scene *scene = *state;
    static char bytes[65536];
    for (int still = 0; still < 50; still++) {
        if (socket_write(scene->server, bytes, sizeof(bytes)) > 0)
            still = 0;
        turn(&scene->context);
    }
    assert_false(scene->upstream.reading);
    socket_set_reset(scene->server);
    socket_close(scene->server);
    scene->server = -1;
    turns(scene, 5);
    socket_set_reset(scene->client);
    socket_close(scene->client);
    scene->client = -1;
    turns(scene, 5);
    assert_int_equal(scene->closed_count, 1);
    assert_int_equal(scene->end, TUNNEL_END_UPSTREAM_BROKEN);
}

static void test_idle(void **state) {
    struct scene *scene = *state;
    turns(scene, 2);
    scene->context.now_ns += DEADLINE_IDLE_NS / 2;
    assert_int_equal(socket_write(scene->client, "x", 1), 1);
    expect(scene, scene->server, "x");
    scene->context.now_ns += DEADLINE_IDLE_NS / 2 + SECONDS(1);
    turns(scene, 2);
    assert_int_equal(scene->closed_count, 0);
    scene->context.now_ns += DEADLINE_IDLE_NS / 2;
    turns(scene, 2);
    assert_int_equal(scene->closed_count, 1);
    assert_int_equal(scene->end, TUNNEL_END_IDLE);
}

static void test_destroyed_before_it_starts(void **state) {
    struct scene *scene = *state;
    tunnel_destroy(scene->tunnel);
    scene->tunnel = NULL;
    turns(scene, 3);
    assert_int_equal(scene->closed_count, 0);
}

struct attempt {
    struct connect connect;
    int count;
    struct transport transport;
    enum connect_outcome outcome;
};

static void attempt_done(struct connect *connect, enum connect_outcome outcome) {
    struct attempt *attempt = CONTAINER_OF(connect, struct attempt, connect);
    attempt->count++;
    attempt->outcome = outcome;
    if (outcome == CONNECT_DONE)
        connect_take(connect, &attempt->transport);
}

static void test_connect(void **state) {
    struct scene *scene = *state;
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), 0, &address));
    int listener;
    assert_int_equal(socket_listen(&address, &listener), 0);
    address.port = socket_local_address(listener).port;
    struct attempt attempt = {.count = 0};
    connect_init(&attempt.connect, &scene->context, attempt_done);
    connect_start(&attempt.connect, &address, SECONDS(1));
    assert_int_equal(attempt.count, 0); /* never from within */
    turns(scene, 3);
    assert_int_equal(attempt.count, 1);
    assert_int_equal(attempt.outcome, CONNECT_DONE);
    assert_int_equal(connect_reason(&attempt.connect).size, 0);
    assert_int_equal(transport_peer_address(&attempt.transport).port, address.port);
    transport_deinit(&attempt.transport);
    /* Given up before it is told. */
    connect_start(&attempt.connect, &address, SECONDS(1));
    connect_cancel(&attempt.connect);
    connect_cancel(&attempt.connect);
    turns(scene, 3);
    assert_int_equal(attempt.count, 1);
    /* Refused. */
    socket_close(listener);
    connect_start(&attempt.connect, &address, SECONDS(1));
    turns(scene, 3);
    assert_int_equal(attempt.count, 2);
    assert_int_equal(attempt.outcome, CONNECT_FAILED);
    assert_true(span_ends_with(connect_reason(&attempt.connect), SPAN_LITERAL("connect_error:_Connection_refused")));
    /* An address that cannot be. */
    struct network_address none = {.size = 0};
    connect_start(&attempt.connect, &none, 0);
    turns(scene, 2);
    assert_int_equal(attempt.count, 3);
    assert_true(span_starts_with(connect_reason(&attempt.connect), SPAN_LITERAL("immediate_connect_error:_")));
}

static void test_connect_deadline(void **state) {
    struct scene *scene = *state;
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), 0, &address));
    int listener;
    assert_int_equal(socket_listen(&address, &listener), 0);
    assert_int_equal(listen(listener, 0), 0);
    address.port = socket_local_address(listener).port;
    /* A full accept queue: further connections wait. */
    struct attempt attempts[8];
    for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        attempts[i] = (struct attempt){.count = 0};
        connect_init(&attempts[i].connect, &scene->context, attempt_done);
        connect_start(&attempts[i].connect, &address, SECONDS(5));
    }
    turns(scene, 5);
    scene->context.now_ns += SECONDS(6);
    turns(scene, 3);
    size_t timed_out = 0;
    for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        assert_int_equal(attempts[i].count, 1);
        if (attempts[i].outcome == CONNECT_DONE)
            transport_deinit(&attempts[i].transport);
        timed_out += attempts[i].outcome == CONNECT_TIMED_OUT;
        assert_int_equal(connect_reason(&attempts[i].connect).size, 0);
    }
    assert_true(timed_out > 0);
    socket_close(listener);
}

static void test_balance(void **state) {
    struct scene *scene = *state;
    struct endpoint endpoints[3];
    for (uint16_t i = 0; i < 3; i++)
        assert_true(network_address_parse(SPAN_LITERAL("10.0.0.1"), (uint16_t)(80 + i), &endpoints[i].address));
    struct cluster cluster = {.name = SPAN_LITERAL("outbound|80||a"), .endpoints = endpoints, .endpoint_count = 3};
    struct balance *balance = &scene->context.balance;
    const struct endpoint *first = balance_pick(balance, &cluster, NULL, 0);
    size_t offset = (size_t)(first - endpoints);
    for (size_t i = 1; i < 30; i++)
        assert_ptr_equal(balance_pick(balance, &cluster, NULL, 0), &endpoints[(offset + i) % 3]);
    /* The turn outlives the snapshot: another cluster of the same name goes on. */
    struct cluster next = cluster;
    assert_ptr_equal(balance_pick(balance, &next, NULL, 0), first);
    /* What was tried is passed over, unless all was. */
    struct network_address tried[3] = {endpoints[0].address, endpoints[2].address, endpoints[1].address};
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(balance_pick(balance, &cluster, tried, 2), &endpoints[1]);
    assert_non_null(balance_pick(balance, &cluster, tried, 3));
    cluster.endpoint_count = 1;
    assert_ptr_equal(balance_pick(balance, &cluster, tried, 1), &endpoints[0]);
    cluster.endpoint_count = 0;
    assert_null(balance_pick(balance, &cluster, NULL, 0));
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, scene_setup, scene_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_both_ways_and_half_close),
        SCENE_TEST(test_held_bytes_go_first),
        SCENE_TEST(test_back_pressure),
        SCENE_TEST(test_client_reset),
        SCENE_TEST(test_server_reset),
        SCENE_TEST(test_reset_while_paused),
        SCENE_TEST(test_idle),
        SCENE_TEST(test_destroyed_before_it_starts),
        SCENE_TEST(test_connect),
        SCENE_TEST(test_connect_deadline),
        SCENE_TEST(test_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
