/* Mirrors beside requests: what they get, and that nothing of theirs reaches the client. */
#include "proxy/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/test_exchange.h"

static struct mirror_action actions[2];

static struct route *the_route(void) {
    return world.snapshot->route_tables[0]->virtual_hosts[0]->routes;
}

/* The first host's route mirrors to the cluster of another host. */
static void mirror_to(size_t host, uint32_t share) {
    actions[0].cluster = world.snapshot->route_tables[0]->virtual_hosts[host]->routes->destinations.items[0].cluster;
    actions[0].share = share;
    the_route()->mirrors = actions;
    the_route()->mirror_count = 1;
}

enum { HOST_LIVE = 0, HOST_DEAD = 1, HOST_EMPTY = 2, HOST_MISSING = 3 };

static uint64_t sent(void) {
    return counter_read(&world.context.counters.mirrors_sent);
}

static uint64_t dropped(void) {
    return counter_read(&world.context.counters.mirrors_dropped);
}

static void wait_for_drops(uint64_t count) {
    for (int i = 0; i < 2000 && dropped() < count; i++)
        turn();
    assert_int_equal(dropped(), count);
}

static void answer(struct peer *peer, struct client *client) {
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmain");
    client_expect(client, "\r\n\r\nmain");
    client_forget(client);
}

/* The mirror sets out first, so that its connection comes first. */
static void a_request_goes_to_both_and_one_answers(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    client_send(client, "GET /x?y HTTP/1.1\r\nHost: A.com:80\r\nX-One: 1\r\n\r\n");
    struct peer *mirror = peer_accept();
    struct peer *main = peer_accept();
    peer_expect(mirror, "\r\n\r\n");
    peer_expect(main, "\r\n\r\n");
    assert_non_null(strstr(mirror->bytes, "GET /x?y HTTP/1.1\r\nhost: A.com:80\r\n"));
    assert_non_null(strstr(mirror->bytes, "\r\nx-one: 1\r\n"));
    assert_non_null(strstr(mirror->bytes, "\r\nx-envoy-attempt-count: 1\r\n"));
    answer(main, client);
    expect_log("HTTP/1.1 GET 200 - via_upstream 0 4 live\n");
    peer_send(mirror, "HTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\nmirror");
    turns(5);
    assert_int_equal(client->size, 0);
    /* Both connections are used again. */
    peer_forget(main);
    peer_forget(mirror);
    client_send(client, "PUT /2 HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    peer_expect(main, "hello");
    assert_int_equal(mirror->size, 0);
    client_send(client, "1\r\n!\r\n0\r\n\r\n");
    peer_expect(mirror, "hello!\r\n0\r\n\r\n");
    answer(main, client);
    expect_no_connection();
    assert_int_equal(sent(), 2);
    assert_int_equal(dropped(), 0);
    client_free(client);
    peer_free(main);
    peer_free(mirror);
}

static void what_cannot_be_reached_is_no_matter(void **state) {
    (void)state;
    mirror_to(HOST_DEAD, 1000000);
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\n\r\nbody");
    struct peer *main = peer_accept();
    peer_expect(main, "body");
    answer(main, client);
    wait_for_drops(1);
    expect_log("HTTP/1.1 POST 200 - via_upstream 4 4 live\n");
    for (size_t host = HOST_EMPTY; host <= HOST_MISSING; host++) {
        mirror_to(host, 1000000);
        client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
        peer_expect(main, "GET ");
        answer(main, client);
        peer_forget(main);
    }
    mirror_to(HOST_LIVE, 0);
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    peer_expect(main, "GET ");
    answer(main, client);
    expect_no_connection();
    assert_int_equal(dropped(), 1);
    client_free(client);
    peer_free(main);
}

static void a_body_over_the_ceiling_has_no_mirror(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 1048577\r\n\r\n");
    struct peer *main = peer_accept();
    static char block[65537];
    memset(block, 'x', sizeof(block) - 1);
    for (int i = 0; i < 16; i++) {
        for (size_t at = 0; at < sizeof(block) - 1;) {
            ssize_t size = write(client->descriptor, block + at, sizeof(block) - 1 - at);
            at += size > 0 ? (size_t)size : 0;
            turn();
            peer_read(main);
            peer_forget(main);
        }
    }
    client_send(client, "!");
    peer_expect(main, "!");
    answer(main, client);
    expect_no_connection();
    assert_int_equal(dropped(), 1);
    assert_int_equal(sent(), 0);
    client_free(client);
    peer_free(main);
}

static void a_client_that_leaves_takes_its_mirror_along(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 9\r\n\r\nhalf");
    struct peer *main = peer_accept();
    peer_expect(main, "half");
    client_free(client);
    expect_no_connection();
    assert_int_equal(dropped(), 1);
    peer_free(main);
}

static void a_mirror_that_never_answers_has_its_time(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *mirror = peer_accept();
    struct peer *main = peer_accept();
    peer_expect(main, "GET ");
    answer(main, client);
    peer_expect(mirror, "GET ");
    peer_send(mirror, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot all");
    turns(5);
    assert_false(mirror->ended);
    skip_time(DEADLINE_MIRROR_NS);
    peer_expect_end(mirror);
    client_free(client);
    peer_free(main);
    peer_free(mirror);
}

static void a_mirror_that_answers_early_or_breaks_is_let_go(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    static const char *const answers[] = {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", ""};
    struct peer *main = NULL;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
        struct peer *mirror = peer_accept();
        peer_expect(mirror, "GET ");
        if (main == NULL)
            main = peer_accept();
        if (answers[i][0] != '\0')
            peer_send(mirror, answers[i]);
        peer_free(mirror);
        peer_expect(main, "GET ");
        answer(main, client);
        peer_forget(main);
    }
    assert_int_equal(dropped(), 0);
    client_free(client);
    peer_free(main);
}

/* Teardown ends it: it must not hold the process. */
static void one_under_way_at_the_end(void **state) {
    (void)state;
    mirror_to(HOST_LIVE, 1000000);
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *mirror = peer_accept();
    struct peer *main = peer_accept();
    peer_expect(main, "GET ");
    answer(main, client);
    client_free(client);
    peer_free(main);
    peer_free(mirror);
}

static void shares_hold(void **state) {
    (void)state;
    struct arena arena;
    struct message_head request;
    struct list mirrors;
    struct buffer body;
    arena_init(&arena, 4096);
    message_head_init(&request, &arena, 2);
    message_head_set_method(&request, SPAN_LITERAL("POST"));
    buffer_init(&body, &world.context.chunks);
    list_init(&mirrors);
    mirror_to(HOST_LIVE, 125000);
    int begun = 0;
    for (int i = 0; i < 100000; i++) {
        mirrors_begin(world.context.mirrors, the_route(), &request, &world.snapshot->settings, 0, &body, &mirrors);
        begun += !list_is_empty(&mirrors);
        mirrors_abandon(&mirrors);
        context_free_buried(&world.context);
    }
    assert_in_range(begun, 12000, 13000);
    arena_deinit(&arena);
}

static void their_number_has_a_ceiling(void **state) {
    (void)state;
    struct arena arena;
    struct message_head request;
    struct list mirrors;
    struct buffer body;
    arena_init(&arena, 4096);
    message_head_init(&request, &arena, 2);
    message_head_set_method(&request, SPAN_LITERAL("POST"));
    buffer_init(&body, &world.context.chunks);
    list_init(&mirrors);
    mirror_to(HOST_LIVE, 1000000);
    for (int i = 0; i < WORKER_MIRRORS_MAX + 5; i++)
        mirrors_begin(world.context.mirrors, the_route(), &request, &world.snapshot->settings, 0, &body, &mirrors);
    assert_int_equal(dropped(), 5);
    mirrors_abandon(&mirrors);
    assert_true(list_is_empty(&mirrors));
    arena_deinit(&arena);
}

#define MIRROR_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        MIRROR_TEST(a_request_goes_to_both_and_one_answers),
        MIRROR_TEST(what_cannot_be_reached_is_no_matter),
        MIRROR_TEST(a_body_over_the_ceiling_has_no_mirror),
        MIRROR_TEST(a_client_that_leaves_takes_its_mirror_along),
        MIRROR_TEST(a_mirror_that_never_answers_has_its_time),
        MIRROR_TEST(a_mirror_that_answers_early_or_breaks_is_let_go),
        MIRROR_TEST(one_under_way_at_the_end),
        MIRROR_TEST(shares_hold),
        MIRROR_TEST(their_number_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
