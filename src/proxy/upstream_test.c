#include "proxy/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "os/socket.h"

/* A user of the pool that sends one request and keeps what it is told. */
struct user {
    struct upstream_wait wait;
    struct upstream_connection *connection;
    enum connect_outcome outcome;
    struct span reason;
    int told, settled, closed, heads, failed, broken;
    struct arena arena;
};

static struct proxy_context context;
static struct upstream_pool *pool;
static int listener;
static struct network_address address;

static void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    (void)owner, (void)head, (void)ends;
    ((struct user *)stream->user)->heads++;
}

static void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    (void)owner, (void)stream, (void)bytes;
}

static void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    (void)owner, (void)stream, (void)trailers, (void)count;
}

static void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault) {
    (void)owner, (void)reason, (void)fault;
    ((struct user *)stream->user)->failed++;
}

static void on_closed(void *owner, struct http_client_stream *stream) {
    struct user *user = stream->user;
    user->closed++;
    user->connection = NULL;
    upstream_let_go(owner);
}

static void on_broken(struct upstream_connection *connection) {
    ((struct user *)connection->user)->broken++;
    http_client_abort(&connection->engine.http1.stream);
}

static void on_ended(struct upstream_connection *connection) {
    (void)http_client_receive_end(connection->client);
}

static void on_drained(struct upstream_connection *connection) {
    (void)connection;
}

static void on_settled(void *user) {
    ((struct user *)user)->settled++;
}

static const struct http_client_events events = {.response_head = on_head, .response_body = on_body, .response_end = on_end, .response_failed = on_failed,
                                                 .stream_closed = on_closed};
static const struct upstream_handler handler = {&events, on_broken, on_ended, on_drained, on_settled};

static int setup(void **state) {
    (void)state;
    if (context_init(&context) < 0)
        return -1;
    pool = upstream_pool_create(&context, &handler);
    address = (struct network_address){.bytes = {127, 0, 0, 1}, .size = 4};
    if (socket_listen(&address, &listener) < 0)
        return -1;
    address.port = socket_local_address(listener).port;
    return 0;
}

static void turn(void) {
    assert_true(loop_turn(context.loop, list_is_empty(&context.ready) ? MILLISECONDS(1) : 0) >= 0);
    context.now_ns = clock_monotonic_ns();
    context_run_ready(&context);
    timer_wheel_advance(&context.timers, context.now_ns);
    context_free_buried(&context);
}

static int teardown(void **state) {
    (void)state;
    upstream_pool_destroy(pool);
    context_free_buried(&context);
    socket_close(listener);
    context_deinit(&context);
    return 0;
}

static void connected(struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome, struct span reason) {
    struct user *user = wait->user;
    user->told++;
    user->connection = connection;
    user->outcome = outcome;
    user->reason = reason;
}

static void connect_and_wait(struct user *user) {
    upstream_connect(&user->wait, pool, &address, NULL, false, SECONDS(5), user, connected);
    assert_int_equal(user->told, 0);
    for (int i = 0; i < 1000 && user->told == 0; i++)
        turn();
    assert_int_equal(user->told, 1);
}

static int accept_one(void) {
    int descriptor;
    struct network_address from;
    for (int i = 0; i < 1000; i++) {
        if (socket_accept(listener, &descriptor, &from) == 0)
            return descriptor;
        turn();
    }
    fail();
    return -1;
}

static void request(struct user *user) {
    struct message_head head;
    arena_init(&user->arena, 4096);
    message_head_init(&head, &user->arena, 0);
    head.version = HTTP_1_1;
    message_head_set_method(&head, SPAN_LITERAL("GET"));
    assert_true(message_head_set_authority(&head, SPAN_LITERAL("a.com")));
    head.path = SPAN_LITERAL("/");
    struct http_client_stream *stream = http_client_open(user->connection->client, &user->arena, user);
    assert_non_null(stream);
    assert_true(http_client_send_head(stream, &head, true));
    assert_true(transport_flush(&user->connection->transport));
}

static void answer(struct user *user, int descriptor, struct span bytes) {
    assert_int_equal(socket_write(descriptor, bytes.data, bytes.size), bytes.size);
    for (int i = 0; i < 1000 && user->closed == 0; i++)
        turn();
    assert_int_equal(user->closed, 1);
    arena_deinit(&user->arena);
}

#define ANSWER "HTTP/1.1 204 No Content\r\n\r\n"

static void lends_the_newest_of_idle_connections(void **state) {
    (void)state;
    struct user first = {0}, second = {0};
    connect_and_wait(&first);
    connect_and_wait(&second);
    struct upstream_connection *newest = second.connection;
    assert_false(newest->reused);
    int a = accept_one(), b = accept_one();
    request(&first);
    request(&second);
    answer(&first, a, SPAN_LITERAL(ANSWER));
    answer(&second, b, SPAN_LITERAL(ANSWER));
    assert_int_equal(upstream_pool_idle_count(pool), 2);
    struct network_address other = address;
    other.port ^= 1;
    assert_null(upstream_take(pool, &other, NULL, false, &first));
    first = (struct user){0};
    first.connection = upstream_take(pool, &address, NULL, false, &first);
    assert_ptr_equal(first.connection, newest);
    assert_true(newest->reused);
    assert_int_equal(upstream_pool_idle_count(pool), 1);
    request(&first);
    answer(&first, b, SPAN_LITERAL(ANSWER));
    assert_true(first.settled > 0);
    assert_int_equal(upstream_pool_idle_count(pool), 2);
    socket_close(a);
    socket_close(b);
}

/* Rule 11. */
static void keeps_only_what_ended_cleanly(void **state) {
    (void)state;
    static const struct span bad[] = {
        {"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", 46},
        {"HTTP/1.1 204 No Content\r\n\r\nx", 28},
        {"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 38},
        {"HTTP/1.1 2x4 No\r\n\r\n", 19},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct user user = {0};
        connect_and_wait(&user);
        int descriptor = accept_one();
        request(&user);
        answer(&user, descriptor, bad[i]);
        assert_int_equal(upstream_pool_idle_count(pool), 0);
        assert_int_equal(user.failed, i == 3);
        turn();
        char byte;
        ssize_t size = -1;
        for (int wait = 0; wait < 1000 && (size = socket_read(descriptor, &byte, 1)) > 0;)
            wait++;
        assert_true(size == 0 || size < -1);
        socket_close(descriptor);
    }
}

static void a_reset_is_told_and_an_idle_end_is_seen(void **state) {
    (void)state;
    struct user user = {0};
    connect_and_wait(&user);
    int descriptor = accept_one();
    request(&user);
    answer(&user, descriptor, SPAN_LITERAL(ANSWER));
    assert_int_equal(upstream_pool_idle_count(pool), 1);
    socket_close(descriptor);
    for (int i = 0; i < 1000 && upstream_pool_idle_count(pool) > 0; i++)
        turn();
    assert_int_equal(upstream_pool_idle_count(pool), 0);
    user = (struct user){0};
    connect_and_wait(&user);
    descriptor = accept_one();
    request(&user);
    socket_set_reset(descriptor);
    socket_close(descriptor);
    for (int i = 0; i < 1000 && user.closed == 0; i++)
        turn();
    assert_int_equal(user.closed, 1);
    assert_int_equal(user.broken, 1);
    arena_deinit(&user.arena);
}

static void a_refused_connect_says_why_and_a_cancelled_one_nothing(void **state) {
    (void)state;
    struct user user = {0};
    upstream_connect(&user.wait, pool, &address, NULL, false, SECONDS(5), &user, connected);
    upstream_connect_cancel(&user.wait);
    upstream_connect_cancel(&user.wait);
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(user.told, 0);
    socket_close(accept_one());
    socket_close(listener);
    connect_and_wait(&user);
    assert_int_equal(user.outcome, CONNECT_FAILED);
    assert_null(user.connection);
    assert_true(span_ends_with(user.reason, SPAN_LITERAL("connect_error:_Connection_refused")));
    assert_true(user.settled > 0);
    assert_int_equal(socket_listen(&address, &listener), 0);
}

/* --- HTTP/2 --- */

static void want_http2(struct user *user) {
    upstream_connect(&user->wait, pool, &address, NULL, true, SECONDS(5), user, connected);
}

static void wait_told(const struct user *user) {
    for (int i = 0; i < 1000 && user->told == 0; i++)
        turn();
    assert_int_equal(user->told, 1);
}

static void expect_nobody_else(void) {
    int descriptor;
    struct network_address from;
    for (int i = 0; i < 5; i++)
        turn();
    assert_true(socket_accept(listener, &descriptor, &from) < 0);
}

/* The peer says how many streams it takes; it answers nothing. */
static void peer_takes(int descriptor, char count) {
    char settings[] = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\0";
    settings[14] = count;
    assert_int_equal(socket_write(descriptor, settings, 15), 15);
    for (int i = 0; i < 5; i++)
        turn();
}

static void who_comes_while_one_is_opened_shares_it(void **state) {
    (void)state;
    struct user users[3] = {0};
    want_http2(&users[0]);
    want_http2(&users[1]);
    wait_told(&users[0]);
    assert_int_equal(users[1].told, 1);
    assert_ptr_equal(users[0].connection, users[1].connection);
    assert_false(users[0].connection->reused);
    int descriptor = accept_one();
    expect_nobody_else();
    users[2].connection = upstream_take(pool, &address, NULL, true, &users[2]);
    assert_ptr_equal(users[2].connection, users[0].connection);
    assert_true(users[2].connection->reused);
    /* Another version is another host. */
    assert_null(upstream_take(pool, &address, NULL, false, &users[2]));
    assert_int_equal(upstream_pool_idle_count(pool), 0);
    for (size_t i = 0; i < ARRAY_SIZE(users); i++)
        upstream_let_go(users[i].connection);
    assert_int_equal(upstream_pool_idle_count(pool), 1);
    socket_close(descriptor);
    for (int i = 0; i < 1000 && upstream_pool_idle_count(pool) > 0; i++)
        turn();
    assert_int_equal(upstream_pool_idle_count(pool), 0);
}

static void the_peers_ceiling_asks_for_another(void **state) {
    (void)state;
    struct user users[4] = {0};
    want_http2(&users[0]);
    wait_told(&users[0]);
    int first = accept_one();
    peer_takes(first, 2);
    users[1].connection = upstream_take(pool, &address, NULL, true, &users[1]);
    assert_ptr_equal(users[1].connection, users[0].connection);
    assert_null(upstream_take(pool, &address, NULL, true, &users[2]));
    /* Two wait for one, the third for another. */
    struct user more[3] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        want_http2(&more[i]);
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        wait_told(&more[i]);
    assert_ptr_equal(more[0].connection, more[1].connection);
    assert_ptr_not_equal(more[0].connection, more[2].connection);
    /* Room on the first one is used before a new one is. */
    upstream_let_go(users[1].connection);
    users[3].connection = upstream_take(pool, &address, NULL, true, &users[3]);
    assert_ptr_equal(users[3].connection, users[0].connection);
    upstream_let_go(users[0].connection);
    upstream_let_go(users[3].connection);
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        upstream_let_go(more[i].connection);
    assert_int_equal(upstream_pool_idle_count(pool), 3);
    socket_close(first);
    socket_close(accept_one());
    socket_close(accept_one());
}

static void a_cancelled_wait_leaves_the_others(void **state) {
    (void)state;
    struct user users[2] = {0};
    want_http2(&users[0]);
    want_http2(&users[1]);
    upstream_connect_cancel(&users[0].wait);
    wait_told(&users[1]);
    assert_int_equal(users[0].told, 0);
    assert_non_null(users[1].connection);
    upstream_let_go(users[1].connection);
    socket_close(accept_one());
}

static void all_who_wait_hear_of_a_failure(void **state) {
    (void)state;
    struct user users[2] = {0};
    socket_close(listener);
    want_http2(&users[0]);
    want_http2(&users[1]);
    wait_told(&users[0]);
    wait_told(&users[1]);
    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        assert_int_equal(users[i].outcome, CONNECT_FAILED);
        assert_null(users[i].connection);
        assert_true(users[i].settled > 0);
    }
    assert_int_equal(socket_listen(&address, &listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lends_the_newest_of_idle_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_only_what_ended_cleanly, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_is_told_and_an_idle_end_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_connect_says_why_and_a_cancelled_one_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_while_one_is_opened_shares_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_peers_ceiling_asks_for_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_wait_leaves_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(all_who_wait_hear_of_a_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
