/* Requests end to end, where something fails: clients, upstreams, time. */
#include "proxy/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/test_exchange.h"

static void what_is_malformed_is_answered_and_the_connection_ends(void **state) {
    (void)state;
    static const struct {
        const char *request, *status, *log;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a.com\r\nHost: b.com\r\n\r\n", "HTTP/1.1 400 ", "HTTP/1.1 - 400 DPE http1.multiple_host_headers 0 11 -\n"},
        {"nonsense\r\n\r\n", "HTTP/1.1 400 ", "HTTP/1.1 - 400 DPE "},
        {"CONNECT a.com:443 HTTP/1.1\r\nHost: a.com:443\r\n\r\nhidden", "HTTP/1.1 403 ", "HTTP/1.1 CONNECT 403 - upgrade_failed 0 0 -\n"},
        {"GET /%00 HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 ",
         "HTTP/1.1 GET 400 DPE path_normalization_failed 0 0 -\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client *client = client_connect();
        client_send(client, cases[i].request);
        client_expect(client, cases[i].status);
        client_expect_end(client);
        assert_non_null(strstr(client->bytes, "\r\nconnection: close\r\n"));
        static char text[2 * ACCESS_LOG_LINE_BYTES_MAX];
        size_t size = access_log_ring_read(world.context.access_log, text, sizeof(text) - 1);
        text[size] = '\0';
        assert_int_equal(strncmp(text, cases[i].log, strlen(cases[i].log)), 0);
        client_free(client);
    }
}

static void a_dead_reused_connection_is_replaced_for_idempotent_requests_only(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET /1 HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "GET /1 ");
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    client_expect(client, "one");
    client_send(client, "GET /2 HTTP/1.1\r\nHost: a.com\r\n\r\n");
    peer_expect(peer, "GET /2 ");
    peer_free(peer);
    peer = peer_accept();
    peer_expect(peer, "GET /2 ");
    assert_non_null(strstr(peer->bytes, "x-envoy-attempt-count: 2\r\n"));
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo");
    client_expect(client, "two");
    client_forget(client);
    client_send(client, "POST /3 HTTP/1.1\r\nHost: a.com\r\nContent-Length: 1\r\n\r\nx");
    peer_expect(peer, "POST /3 ");
    peer_free(peer);
    client_expect(client, "reset reason: connection termination");
    assert_non_null(strstr(client->bytes, "HTTP/1.1 503 "));
    expect_no_connection();
    expect_log("HTTP/1.1 GET 200 - via_upstream 0 3 live\nHTTP/1.1 GET 200 - via_upstream 0 3 live\n"
               "HTTP/1.1 POST 503 UC upstream_reset_before_response_started{connection_termination} 1 95 live\n");
    client_free(client);
}

static void a_connection_that_speaks_or_ends_while_idle_is_closed(void **state) {
    (void)state;
    struct client *client = client_connect();
    for (int i = 0; i < 3; i++) {
        client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
        struct peer *peer = peer_accept();
        peer_expect(peer, "GET / ");
        peer_send(peer, i == 2 ? "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
                               : "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
        client_expect(client, "one");
        client_forget(client);
        turns(2);
        assert_int_equal(upstream_pool_idle_count(world.context.upstream), i == 2 ? 0 : 1);
        if (i == 0)
            peer_send(peer, "x");
        if (i == 1)
            shutdown(peer->descriptor, SHUT_WR);
        peer_expect_end(peer);
        assert_int_equal(upstream_pool_idle_count(world.context.upstream), 0);
        peer_free(peer);
    }
    client_free(client);
}

static void malformed_and_truncated_responses(void **state) {
    (void)state;
    static const struct {
        const char *response, *client, *log;
        bool cut;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", "HTTP/1.1 502 ",
         "HTTP/1.1 GET 502 UPE upstream_reset_before_response_started{protocol_error} 0 87 live\n", false},
        {"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "HTTP/1.1 502 ",
         "HTTP/1.1 GET 502 UPE upstream_reset_before_response_started{protocol_error} 0 87 live\n", false},
        {"HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 503 ",
         "HTTP/1.1 GET 503 UC upstream_reset_before_response_started{connection_termination} 0 95 live\n", false},
        {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "half",
         "HTTP/1.1 GET 200 UC upstream_reset_after_response_started{connection_termination} 0 4 live\n", true},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half",
         "HTTP/1.1 GET 200 UC upstream_reset_after_response_started{connection_termination} 0 4 live\n", true},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "half",
         "HTTP/1.1 GET 200 UPE upstream_reset_after_response_started{protocol_error} 0 4 live\n", true},
        {"HTTP/1.0 200 OK\r\n\r\nto the end", "to the end\r\n0\r\n\r\n", "HTTP/1.1 GET 200 - via_upstream 0 10 live\n", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client *client = client_connect();
        client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
        struct peer *peer = peer_accept();
        peer_expect(peer, "\r\n\r\n");
        peer_send(peer, cases[i].response);
        peer_free(peer);
        client_expect(client, cases[i].client);
        if (cases[i].cut) {
            client_expect_end(client);
            assert_null(strstr(client->bytes, "\r\n0\r\n\r\n"));
        }
        expect_log(cases[i].log);
        client_free(client);
    }
}

static void timeouts_and_lost_clients(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: timed.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "x-envoy-expected-rq-timeout-ms: 30\r\n");
    client_expect(client, "upstream request timeout");
    expect_log("HTTP/1.1 GET 504 UT response_timeout 0 24 live\n");
    peer_expect_end(peer);
    peer_free(peer);
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    peer = peer_accept();
    client_free(client);
    expect_log("HTTP/1.1 GET 0 DC downstream_remote_disconnect 0 0 live\n");
    peer_expect_end(peer);
    peer_free(peer);
    client = client_connect();
    client_send(client, "GET / HT");
    turns(3);
    client_free(client);
    expect_log("HTTP/1.1 - 0 DC downstream_remote_disconnect 0 0 -\n");
}

static void named_statuses_are_retried_and_bodies_replayed(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: codes.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        struct peer *peer = peer_accept();
        peer_expect(peer, "3\r\nabc\r\n0\r\n\r\n");
        peer_send(peer, "HTTP/1.1 503 Sad\r\ncontent-length: 3\r\n\r\nsad");
        turns(3);
        peer_free(peer);
    }
    client_expect(client, "\r\n\r\nsad");
    expect_log("HTTP/1.1 POST 503 URX via_upstream 3 3 live\n");
    client_free(client);
}

static void a_head_that_never_ends_is_timed_out(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHo");
    turns(3);
    skip_time(SECONDS(59));
    client_send(client, "st: a.com\r\n");
    turns(3);
    client_read(client);
    assert_int_equal(client->size, 0);
    skip_time(SECONDS(2));
    client_expect(client, "\r\n\r\nrequest header timeout");
    assert_non_null(strstr(client->bytes, "HTTP/1.1 408 "));
    assert_non_null(strstr(client->bytes, "\r\nconnection: close\r\n"));
    client_expect_end(client);
    expect_log("HTTP/1.1 - 408 DPE request_header_timeout 0 22 -\n");
    /* It goes on sending: the end does not wait for it. */
    client_send(client, "more");
    turns(3);
    assert_false(client->closed);
    skip_time(SECONDS(3));
    assert_true(client->closed);
    client_free(client);
}

static void an_idle_connection_is_closed_in_silence(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    client_expect(client, "HTTP/1.1 404");
    client_forget(client);
    skip_time(SECONDS(3000));
    client_send(client, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    client_expect(client, "HTTP/1.1 404");
    client_forget(client);
    skip_time(SECONDS(3000));
    assert_false(client->closed);
    skip_time(SECONDS(601));
    client_expect_end(client);
    assert_int_equal(client->size, 0);
    client_free(client);
    struct client *silent = client_connect();
    skip_time(SECONDS(3601));
    client_expect_end(silent);
    assert_int_equal(silent->size, 0);
    client_free(silent);
}

static void a_half_closed_client_gets_its_answer_in_time_only(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    shutdown(client->descriptor, SHUT_WR);
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    client_expect(client, "one");
    client_expect_end(client);
    expect_log("HTTP/1.1 GET 200 - via_upstream 0 3 live\n");
    client_free(client);
    client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    shutdown(client->descriptor, SHUT_WR);
    peer_forget(peer);
    peer_expect(peer, "\r\n\r\n");
    skip_time(DEADLINE_HALF_CLOSED_NS + MILLISECONDS(1));
    expect_log("HTTP/1.1 GET 0 DC downstream_remote_disconnect 0 0 live\n");
    peer_expect_end(peer);
    client_free(client);
    peer_free(peer);
}

static void a_body_past_the_replay_limit_loses_the_retry_only(void **state) {
    (void)state;
    enum { SIZE = HTTP_REPLAY_BYTES_MAX + 1000 };
    char *body = memory_allocate(SIZE + 1);
    memset(body, 'b', SIZE);
    body[SIZE] = '\0';
    char head[128];
    for (int size = 1000; size <= SIZE; size += SIZE - 1000) {
        struct client *client = client_connect();
        snprintf(head, sizeof(head), "PUT / HTTP/1.1\r\nHost: codes.com\r\nContent-Length: %d\r\n\r\n", size);
        client_send(client, head);
        client_send(client, body + SIZE - size);
        struct peer *peer = peer_accept();
        for (int i = 0; i < 2000 && peer->size < (size_t)size; i++) {
            turn();
            peer_read(peer);
        }
        peer_send(peer, "HTTP/1.1 503 Sad\r\ncontent-length: 3\r\n\r\nsad");
        if (size == 1000) {
            struct peer *next = peer_accept();
            peer_expect(next, "bbb");
            peer_send(next, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ngut");
            client_expect(client, "gut");
            peer_free(next);
        } else {
            client_expect(client, "sad");
            expect_no_connection();
        }
        client_free(client);
        peer_free(peer);
    }
    free(body);
}

static void an_old_exchange_lets_its_snapshot_go(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    assert_int_equal(world.context.current->pin_count, 2);
    skip_time(SECONDS(11));
    assert_int_equal(world.context.current->pin_count, 1);
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none");
    client_expect(client, "\r\nserver: istio-envoy\r\n");
    peer_send(peer, "two");
    client_expect(client, "onetwo");
    expect_log("HTTP/1.1 GET 200 - via_upstream 0 6 live\n");
    client_free(client);
    peer_free(peer);
}

static void an_exchange_without_progress_ends(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    skip_time(SECONDS(3601));
    client_expect(client, "HTTP/1.1 504 ");
    expect_log("HTTP/1.1 GET 504 SI stream_idle_timeout 0 14 live\n");
    client_free(client);
    peer_free(peer);
}

static void a_connection_that_is_torn_down_logs_what_it_was_doing(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    client_closed(client);
    expect_log("HTTP/1.1 GET 0 DC downstream_remote_disconnect 0 0 live\n");
    peer_expect_end(peer);
    client_free(client);
    peer_free(peer);
    client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: dead.com\r\n\r\n");
    turn();
    client_closed(client);
    client_free(client);
}

static void a_long_delay_lets_its_snapshot_go(void **state) {
    (void)state;
    struct fault_action fault = {.delay_share = 1000000, .delay_ns = SECONDS(30), .grpc_status = -1};
    struct route *route = world.snapshot->route_tables[0]->virtual_hosts[0]->routes;
    route->fault = &fault;
    struct client *client = client_connect();
    client_send(client, "PUT /late HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\n\r\nbody");
    turns(5);
    assert_int_equal(world.context.current->pin_count, 2);
    skip_time(DEADLINE_SNAPSHOT_PIN_NS);
    assert_int_equal(world.context.current->pin_count, 1);
    route->timeout_ns = MILLISECONDS(30);
    skip_time(SECONDS(20));
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\nbody");
    assert_int_equal(world.context.current->pin_count, 2);
    client_expect(client, "upstream request timeout");
    expect_log("HTTP/1.1 PUT 504 UT,DI response_timeout 4 24 live\n");
    client_free(client);
    peer_free(peer);
}

static void a_long_delay_may_outlive_its_chain(void **state) {
    (void)state;
    struct fault_action fault = {.delay_share = 1000000, .delay_ns = SECONDS(30), .grpc_status = -1};
    world.snapshot->route_tables[0]->virtual_hosts[0]->routes->fault = &fault;
    struct client *client = client_connect();
    client_send(client, "GET /late HTTP/1.1\r\nHost: a.com\r\n\r\n");
    turns(5);
    skip_time(DEADLINE_SNAPSHOT_PIN_NS);
    world.chain_gone = true;
    skip_time(SECONDS(20));
    client_expect(client, "HTTP/1.1 404 ");
    client_expect_end(client);
    expect_log("HTTP/1.1 GET 404 NR,DI filter_chain_not_found 0 0 -\n");
    client_free(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_delay_lets_its_snapshot_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_delay_may_outlive_its_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_malformed_is_answered_and_the_connection_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_reused_connection_is_replaced_for_idempotent_requests_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_that_speaks_or_ends_while_idle_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_and_truncated_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(timeouts_and_lost_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(named_statuses_are_retried_and_bodies_replayed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_head_that_never_ends_is_timed_out, setup, teardown),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_closed_in_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_half_closed_client_gets_its_answer_in_time_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_past_the_replay_limit_loses_the_retry_only, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_exchange_lets_its_snapshot_go, setup, teardown),
        cmocka_unit_test_setup_teardown(an_exchange_without_progress_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_that_is_torn_down_logs_what_it_was_doing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
