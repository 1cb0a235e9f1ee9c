/* Requests end to end, where all goes well. */
#include "proxy/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/test_exchange.h"

static void a_request_goes_through_and_the_connection_is_reused(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET /x?y=1 HTTP/1.1\r\nHost: A.com:8080\r\nConnection: x-drop, close-not\r\nX-Drop: 1\r\nX-Envoy-Retry-On: 5xx\r\n"
                        "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Client-Cert: evil\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    assert_non_null(strstr(peer->bytes, "GET /x?y=1 HTTP/1.1\r\nhost: A.com:8080\r\n"));
    assert_non_null(strstr(peer->bytes, "\r\nx-forwarded-for: 1.1.1.1,10.0.0.7\r\n"));
    assert_non_null(strstr(peer->bytes, "\r\nx-forwarded-proto: http\r\n"));
    assert_non_null(strstr(peer->bytes, "\r\nx-envoy-external-address: 10.0.0.7\r\n"));
    assert_non_null(strstr(peer->bytes, "\r\nx-envoy-attempt-count: 1\r\n"));
    assert_non_null(strstr(peer->bytes, "\r\nx-request-id: "));
    assert_null(strstr(peer->bytes, "drop"));
    assert_null(strstr(peer->bytes, "retry-on"));
    assert_null(strstr(peer->bytes, "evil"));
    peer_send(peer, "HTTP/1.1 200 OK\r\nserver: nginx\r\nkeep-alive: timeout=5\r\ncontent-length: 5\r\n\r\nhello");
    client_expect(client, "\r\n\r\nhello");
    assert_non_null(strstr(client->bytes, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(client->bytes, "\r\nserver: istio-envoy\r\n"));
    assert_non_null(strstr(client->bytes, "\r\nx-envoy-upstream-service-time: "));
    assert_non_null(strstr(client->bytes, "\r\ndate: "));
    assert_null(strstr(client->bytes, "keep-alive"));
    expect_log("HTTP/1.1 GET 200 - via_upstream 0 5 live\n");
    assert_int_equal(upstream_pool_idle_count(world.context.upstream), 1);
    client_forget(client);
    peer_forget(peer);
    client_send(client, "GET /second HTTP/1.1\r\nHost: a.com\r\n\r\n");
    peer_expect(peer, "GET /second");
    peer_send(peer, "HTTP/1.1 204 No Content\r\n\r\n");
    client_expect(client, "HTTP/1.1 204");
    expect_log("HTTP/1.1 GET 204 - via_upstream 0 0 live\n");
    client_free(client);
    peer_free(peer);
}

static bool has_bytes(const struct client *client, const char *bytes, size_t size) {
    for (size_t i = 0; i + size <= client->size; i++)
        if (memcmp(client->bytes + i, bytes, size) == 0)
            return true;
    return false;
}

static void one_http2_request_too_many_is_refused(void **state) {
    (void)state;
    /* RFC 9113 section 3.4 and 6.2; two requests GET http://a.com/, on streams 1 and 3, with fields of HPACK's static table. */
    static const char bytes[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                "\0\0\0\4\0\0\0\0\0"
                                "\0\0\x0a\1\5\0\0\0\1\x82\x86\x84\1\5a.com"
                                "\0\0\x0a\1\5\0\0\0\3\x82\x86\x84\1\5a.com";
    static const char refused[] = "\0\0\4\3\0\0\0\0\3\0\0\0\7";
    world.context.exchanges.count_max = 1;
    struct client *client = client_connect();
    assert_int_equal(write(client->descriptor, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    for (int i = 0; i < 2000 && !has_bytes(client, refused, sizeof(refused) - 1); i++) {
        turn();
        client_read(client);
    }
    assert_true(has_bytes(client, refused, sizeof(refused) - 1));
    assert_int_equal(counter_read(&world.context.counters.streams_refused), 1);
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    for (int i = 0; i < 2000 && !has_bytes(client, "hello", 5); i++) {
        turn();
        client_read(client);
    }
    assert_true(has_bytes(client, "hello", 5));
    expect_log("HTTP/2 GET 200 - via_upstream 0 5 live\n");
    client_free(client);
    peer_free(peer);
}

static void answers_of_its_own(void **state) {
    (void)state;
    static const struct {
        const char *request, *status, *body, *log;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: nobody.com\r\n\r\n", "HTTP/1.1 404 ", "\r\ncontent-length: 0\r\n",
         "HTTP/1.1 GET 404 NR route_not_found 0 0 -\n"},
        {"GET /p?q HTTP/1.1\r\nHost: secure.com:8080\r\nX-Forwarded-Proto: https\r\n\r\n", "HTTP/1.1 301 ",
         "\r\nlocation: https://secure.com:8080/p?q\r\n", "HTTP/1.1 GET 301 - direct_response 0 0 -\n"},
        {"GET / HTTP/1.1\r\nHost: empty.com\r\n\r\n", "HTTP/1.1 503 ", "\r\n\r\nno healthy upstream",
         "HTTP/1.1 GET 503 UH no_healthy_upstream 0 19 empty\n"},
        {"HEAD / HTTP/1.1\r\nHost: empty.com\r\n\r\n", "HTTP/1.1 503 ", "\r\ncontent-length: 19\r\n",
         "HTTP/1.1 HEAD 503 UH no_healthy_upstream 0 0 empty\n"},
        {"GET / HTTP/1.1\r\nHost: missing.com\r\n\r\n", "HTTP/1.1 503 ", "\r\ncontent-length: 0\r\n",
         "HTTP/1.1 GET 503 NC cluster_not_found 0 0 missing\n"},
        {"GET / HTTP/1.1\r\nHost: refused.com\r\n\r\n", "HTTP/1.1 503 ", "\r\ncontent-length: 0\r\n",
         "HTTP/1.1 GET 503 - refused{AuthorizationPolicy_ns/name} 0 0 -\n"},
        {"OPTIONS / HTTP/1.1\r\nHost: a.com\r\nMax-Forwards: 0\r\n\r\n", "HTTP/1.1 200 ", "\r\nallow: GET, ",
         "HTTP/1.1 OPTIONS 200 - max_forwards_reached 0 0 -\n"},
        {"TRACE / HTTP/1.1\r\nHost: a.com\r\nMax-Forwards: 0\r\n\r\n", "HTTP/1.1 405 ", "\r\nallow: GET, ",
         "HTTP/1.1 TRACE 405 - max_forwards_reached 0 0 -\n"},
        {"GET / HTTP/1.1\r\nHost: dead.com\r\n\r\n", "HTTP/1.1 503 ",
         "\r\n\r\nupstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure",
         "HTTP/1.1 GET 503 UF,URX "
         "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} 0 121 dead\n"},
    };
    struct client *client = client_connect();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        client_send(client, cases[i].request);
        client_expect(client, "\r\n\r\n");
        client_expect(client, cases[i].body);
        assert_non_null(strstr(client->bytes, cases[i].status));
        assert_non_null(strstr(client->bytes, "\r\nserver: istio-envoy\r\n"));
        expect_log(cases[i].log);
        client_forget(client);
    }
    expect_no_connection();
    client_free(client);
}

static void bodies_stream_both_ways_with_back_pressure(void **state) {
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 };
    struct client *client = client_connect();
    struct peer *peer = NULL;
    char *block = memory_allocate(SIZE);
    memset(block, 'b', SIZE);
    char head[128];
    snprintf(head, sizeof(head), "POST /up HTTP/1.1\r\nHost: a.com\r\nContent-Length: %d\r\n\r\n", SIZE);
    client_send(client, head);
    peer = peer_accept();
    /* Nobody reads upstream: the client is held back long before all is taken. */
    size_t sent = 0;
    for (int i = 0; i < 300; i++) {
        ssize_t size = write(client->descriptor, block + sent, SIZE - sent);
        sent += size > 0 ? (size_t)size : 0;
        turn();
    }
    assert_true(world.context.chunks.live_count * BUFFER_CHUNK_BYTES < SIZE);
    for (int i = 0; i < 20000 && sent < SIZE; i++) {
        ssize_t size = write(client->descriptor, block + sent, SIZE - sent);
        sent += size > 0 ? (size_t)size : 0;
        peer_read(peer);
        turn();
    }
    for (int i = 0; i < 2000 && peer->size < SIZE; i++) {
        turn();
        peer_read(peer);
    }
    const char *body = strstr(peer->bytes, "\r\n\r\n") + 4;
    assert_int_equal(peer->size - (size_t)(body - peer->bytes), SIZE);
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n", SIZE);
    peer_send(peer, head);
    sent = 0;
    for (int i = 0; i < 300; i++) {
        ssize_t size = socket_write(peer->descriptor, block + sent, SIZE - sent);
        sent += size > 0 ? (size_t)size : 0;
        turn();
    }
    assert_true(world.context.chunks.live_count * BUFFER_CHUNK_BYTES < 1024 * 1024);
    for (int i = 0; i < 20000 && client->size < SIZE; i++) {
        ssize_t size = sent < SIZE ? socket_write(peer->descriptor, block + sent, SIZE - sent) : 0;
        sent += size > 0 ? (size_t)size : 0;
        client_read(client);
        turn();
    }
    client_read(client);
    body = strstr(client->bytes, "\r\n\r\n") + 4;
    assert_int_equal(client->size - (size_t)(body - client->bytes), SIZE);
    free(block);
    client_free(client);
    peer_free(peer);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET /1 HTTP/1.1\r\nHost: a.com\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
                        "X-Sum: 1\r\nX-Envoy-Internal: true\r\n\r\nGET /3 HTTP/1.1\r\nHost: nobody\r\n\r\nGET /4 HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "GET /1 ");
    assert_null(strstr(peer->bytes, "POST"));
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    peer_expect(peer, "POST /2 ");
    peer_expect(peer, "x-sum: 1\r\n\r\n");
    assert_null(strstr(peer->bytes, "internal"));
    assert_null(strstr(peer->bytes, "GET /4"));
    peer_send(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\nX-T: 2\r\n\r\n");
    peer_expect(peer, "GET /4 ");
    client_expect(client, "404 ");
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour");
    client_expect(client, "four");
    char *one = strstr(client->bytes, "\r\n\r\none"), *two = strstr(client->bytes, "3\r\ntwo\r\n0\r\nx-t: 2\r\n\r\n");
    assert_true(one != NULL && two > one && strstr(client->bytes, "404 ") > two && strstr(client->bytes, "four") > strstr(client->bytes, "404 "));
    assert_int_equal(world.context.counters.upstream_connections.value, 1);
    client_free(client);
    peer_free(peer);
}

static void informational_answers_and_expectations_are_relayed(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: a.com\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "expect: 100-continue\r\n");
    client_read(client);
    assert_int_equal(client->size, 0);
    peer_send(peer, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    client_expect(client, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    client_send(client, "abc");
    peer_expect(peer, "\r\n\r\nabc");
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    client_expect(client, "HTTP/1.1 200 OK");
    turns(2);
    assert_int_equal(upstream_pool_idle_count(world.context.upstream), 1);
    client_free(client);
    peer_free(peer);
}

static void an_early_answer_ends_both_connections(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 100000\r\n\r\nabc");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\nabc");
    peer_send(peer, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig");
    client_expect(client, "\r\n\r\nbig");
    assert_non_null(strstr(client->bytes, "connection: close\r\n"));
    client_expect_end(client);
    peer_expect_end(peer);
    client_free(client);
    peer_free(peer);
}

static void an_upgrade_becomes_a_tunnel_with_half_close(void **state) {
    (void)state;
    for (int upstream_first = 0; upstream_first < 2; upstream_first++) {
        struct client *client = client_connect();
        client_send(client, "GET /ws HTTP/1.1\r\nHost: a.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n");
        struct peer *peer = peer_accept();
        peer_expect(peer, "upgrade: websocket\r\n");
        peer_expect(peer, "connection: upgrade\r\n");
        peer_send(peer, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\nfirst");
        client_expect(client, "\r\n\r\nfirst");
        client_send(client, "ping");
        peer_expect(peer, "ping");
        shutdown(upstream_first ? peer->descriptor : client->descriptor, SHUT_WR);
        if (upstream_first) {
            client_expect_end(client);
            client_send(client, "last");
            shutdown(client->descriptor, SHUT_WR);
            peer_expect(peer, "last");
            peer_expect_end(peer);
        } else {
            peer_expect_end(peer);
            peer_send(peer, "last");
            shutdown(peer->descriptor, SHUT_WR);
            client_expect(client, "last");
            client_expect_end(client);
        }
        expect_log(upstream_first ? "HTTP/1.1 GET 101 - via_upstream 8 5 live\n" : "HTTP/1.1 GET 101 - via_upstream 4 9 live\n");
        client_free(client);
        peer_free(peer);
    }
}

static void a_drained_connection_says_close(void **state) {
    (void)state;
    struct client *client = client_connect();
    client_send(client, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    struct peer *peer = peer_accept();
    peer_expect(peer, "\r\n\r\n");
    http_connection_drain(client->http);
    peer_send(peer, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    client_expect(client, "one");
    assert_non_null(strstr(client->bytes, "connection: close\r\n"));
    client_expect_end(client);
    client_free(client);
    struct client *idle = client_connect();
    http_connection_drain(idle->http);
    client_expect_end(idle);
    client_free(idle);
    world.chain_gone = true;
    struct client *orphan = client_connect();
    client_send(orphan, "GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    client_expect(orphan, "HTTP/1.1 404 ");
    client_expect_end(orphan);
    client_free(orphan);
    peer_free(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_goes_through_and_the_connection_is_reused, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_stream_both_ways_with_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(informational_answers_and_expectations_are_relayed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_early_answer_ends_both_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_becomes_a_tunnel_with_half_close, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drained_connection_says_close, setup, teardown),
        cmocka_unit_test_setup_teardown(one_http2_request_too_many_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
