/* The HTTP/2 server engine against libnghttp2's client and against frames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/test_http2_server.h"

static void test_exchange(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    expect_log(&peer, "GET https a.example /x?y;closed;" ANSWERED);
    peer.upload = SPAN_LITERAL("abc");
    request(&peer, post, ARRAY_SIZE(post), true);
    run(&peer);
    expect_log(&peer, "POST https a.example / +;body abc;end;closed;" ANSWERED);
    peer_deinit(&peer);
}

struct row {
    const char *name;
    struct field fields[10];
    const char *log;
};

#define RESET_1 "failed http2.violation.of.messaging.rule;closed;<over 1>"
#define REJECTED(status) "rejected " status ";closed;<:status=" status "><hello><x-sum=1><over 0>"
#define BASE FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "/")

static const struct row rows[] = {
    {"cookies", {BASE, FIELD("cookie", "a=1"), FIELD("x-b", "c"), FIELD("cookie", "d=2")}, "GET http a / cookie=a=1; d=2 x-b=c;closed;" ANSWERED},
    {"host for authority", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":path", "/"), FIELD("host", "B:1")}, "GET http B:1 /;closed;" ANSWERED},
    {"equal host", {BASE, FIELD("host", "A")}, "GET http A /;closed;" ANSWERED},
    {"other host", {BASE, FIELD("host", "b")}, RESET_1},
    {"no host", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":path", "/"), FIELD("x", "y")}, RESET_1},
    {"user information", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "u@a"), FIELD(":path", "/")}, REJECTED("400")},
    {"space in path", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "/a b")}, RESET_1},
    {"fragment in path", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "/a#b")}, REJECTED("400")},
    {"line in path", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "/\r\nx: y")}, RESET_1},
    {"absolute path", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "http://b/")}, RESET_1},
    {"method", {FIELD(":method", "GE T"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "/")}, RESET_1},
    {"scheme", {FIELD(":method", "GET"), FIELD(":scheme", "ftp"), FIELD(":authority", "a"), FIELD(":path", "/")}, REJECTED("400")},
    {"line feed in value", {BASE, FIELD("x-a", "b\nc: d")}, RESET_1},
    {"NUL in value", {BASE, FIELD("x-a", "b\0c")}, RESET_1},
    {"colon in name", {BASE, FIELD("x:a", "b")}, RESET_1},
    {"line feed in name", {BASE, FIELD("x\r\na", "b")}, RESET_1},
    {"transfer-encoding", {BASE, FIELD("transfer-encoding", "chunked")}, RESET_1},
    {"connection", {BASE, FIELD("connection", "x")}, RESET_1},
    {"te gzip", {BASE, FIELD("te", "gzip")}, RESET_1},
    {"te trailers", {BASE, FIELD("te", "trailers")}, "GET http a / te=trailers;closed;" ANSWERED},
    {"late pseudo", {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD("x", "y"), FIELD(":path", "/")}, RESET_1},
    {"twice", {BASE, FIELD(":path", "/b")}, RESET_1},
    {"unknown pseudo", {BASE, FIELD(":x", "/b")}, RESET_1},
    {"length without content", {BASE, FIELD("content-length", "5")}, RESET_1},
    {"two lengths", {BASE, FIELD("content-length", "0"), FIELD("content-length", "0")}, RESET_1},
    {"expectation without content", {BASE, FIELD("expect", "100-continue")}, "GET http a /;closed;" ANSWERED},
    {"options", {FIELD(":method", "OPTIONS"), FIELD(":scheme", "http"), FIELD(":authority", "a"), FIELD(":path", "*")}, "OPTIONS http a *;closed;" ANSWERED},
};

static void test_heads(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t count = 0;
        print_message("  %s\n", rows[i].name);
        while (count < ARRAY_SIZE(rows[i].fields) && rows[i].fields[count].name != NULL)
            count++;
        request(&peer, rows[i].fields, count, false);
        run(&peer);
        expect_log(&peer, rows[i].log);
        assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    }
    peer_deinit(&peer);
}

static void test_length_mismatch(void **state UNUSED) {
    const struct field fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"), FIELD(":authority", "a"), FIELD(":path", "/"),
                                 FIELD("content-length", "2")};
    struct peer peer;
    peer_init(&peer, false);
    peer.upload = SPAN_LITERAL("abc");
    request(&peer, fields, ARRAY_SIZE(fields), true);
    run(&peer);
    expect_log(&peer, "POST https a / + content-length=2;failed http2.violation.of.messaging.rule;closed;<over 1>");
    peer.upload = SPAN_LITERAL("a");
    request(&peer, fields, ARRAY_SIZE(fields), true);
    run(&peer);
    expect_log(&peer, "POST https a / + content-length=2;body a;failed http2.violation.of.messaging.rule;closed;<over 1>");
    peer_deinit(&peer);
}

static void test_large_head(void **state UNUSED) {
    struct peer peer;
    struct field fields[6] = {BASE};
    char *value = malloc(60000);
    memset(value, 'v', 60000);
    peer_init(&peer, false);
    fields[4] = (struct field){"x-a", value, 3, 40000, 0};
    fields[5] = (struct field){"x-b", value, 3, 10, 0};
    peer.silent = true;
    request(&peer, fields, 6, false);
    run(&peer);
    assert_non_null(peer.last);
    assert_int_equal(message_head_find_name(((struct exchange *)peer.last->user)->head, SPAN_LITERAL("x-a"))->value.size, 40000);
    http_server_abort(peer.last, CLOSE_REASON_LOCAL_RESET);
    run(&peer);
    forget_log(&peer);
    peer.silent = false;
    fields[5].valuelen = 30000;
    request(&peer, fields, 6, false);
    run(&peer);
    expect_log(&peer, REJECTED("431"));
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    free(value);
    peer_deinit(&peer);
}

static void test_websocket(void **state UNUSED) {
    const struct field fields[] = {FIELD(":method", "CONNECT"), FIELD(":protocol", "websocket"), FIELD(":scheme", "https"),
                                 FIELD(":authority", "a"),    FIELD(":path", "/chat"),         FIELD("sec-websocket-version", "13")};
    struct peer peer;
    char accept[WEBSOCKET_ACCEPT_SIZE];
    peer_init(&peer, false);
    peer.silent = true;
    run(&peer);
    struct exchange *exchange;
    /* The client's side stays open, as a WebSocket's does. */
    assert_int_equal(nghttp2_submit_headers(peer.client, 0, -1, NULL, list_of(fields), ARRAY_SIZE(fields), NULL), 1);
    run(&peer);
    expect_log(&peer, "GET https a /chat sec-websocket-version=13 upgrade=websocket;");
    exchange = peer.last->user;
    struct message_head head = make_head(peer.last, 101);
    websocket_accept_of(message_head_value(exchange->head, HEADER_SEC_WEBSOCKET_KEY), accept);
    message_head_add(&head, HEADER_UPGRADE, SPAN_LITERAL("websocket"));
    message_head_add(&head, HEADER_SEC_WEBSOCKET_ACCEPT, SPAN_LITERAL("wrong"));
    assert_false(http_server_fits(peer.last, &head));
    assert_false(http_server_send_head(peer.last, &head, false));
    struct message_head other = make_head(peer.last, 200);
    assert_false(http_server_fits(peer.last, &other));
    other.status = 403;
    assert_true(http_server_fits(peer.last, &other));
    message_head_set(&head, HEADER_SEC_WEBSOCKET_ACCEPT, span_make(accept, sizeof(accept)));
    assert_true(http_server_fits(peer.last, &head));
    assert_true(http_server_send_head(peer.last, &head, false));
    assert_true(http_server_send_body(peer.last, SPAN_LITERAL("down")));
    peer.upload = SPAN_LITERAL("up");
    nghttp2_data_provider provider = {.read_callback = upload_read};
    assert_int_equal(nghttp2_submit_data(peer.client, NGHTTP2_FLAG_END_STREAM, 1, &provider), 0);
    run(&peer);
    expect_log(&peer, "body up;end;<:status=200><down>");
    assert_true(http_server_send_end(peer.last, NULL, 0));
    run(&peer);
    expect_log(&peer, "closed;<over 0>");
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    peer_deinit(&peer);
}

static void test_websocket_accept(void **state UNUSED) {
    /* RFC 6455 section 1.3. */
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_accept_of(SPAN_LITERAL("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WEBSOCKET_ACCEPT_SIZE);
}

/* --- Windows --- */

static void test_response_waits_for_window(void **state UNUSED) {
    static char content[HTTP2_STREAM_HIGH_WATER_BYTES];
    struct peer peer;
    peer_init(&peer, true);
    peer.silent = true;
    int32_t id = request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    struct http_stream *slow = peer.last;
    struct message_head head = make_head(slow, 200);
    assert_true(http_server_send_head(slow, &head, false));
    assert_true(http_server_send_body(slow, span_make(content, sizeof(content))));
    assert_true(http_server_send_body(slow, span_make(content, sizeof(content))));
    run(&peer);
    assert_int_equal(peer.body_size, 65535);
    assert_int_equal(http_server_stream_queued(slow), 2 * sizeof(content) - 65535);
    /* The connection's window is open again, the stream's is not: another stream is answered. */
    assert_int_equal(nghttp2_session_consume_connection(peer.client, 65535), 0);
    peer.silent = false;
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    assert_int_equal(http_server_stream_queued(slow), 2 * sizeof(content) - 65535);
    expect_in_log(&peer, "<hello><x-sum=1><over 0>");
    assert_int_equal(nghttp2_session_consume_stream(peer.client, id, 65535), 0);
    run(&peer);
    expect_in_log(&peer, "drained;");
    assert_true(http_server_send_end(slow, NULL, 0));
    run(&peer);
    peer_deinit(&peer);
}

static void test_paused_request(void **state UNUSED) {
    static char content[2 * HTTP2_STREAM_WINDOW_BYTES];
    struct peer peer;
    peer_init(&peer, false);
    peer.pause = true;
    peer.silent = true;
    peer.upload = span_make(content, sizeof(content));
    request(&peer, post, ARRAY_SIZE(post), true);
    run(&peer);
    assert_true(peer.body_size <= HTTP2_STREAM_WINDOW_BYTES);
    size_t held = peer.body_size;
    run(&peer);
    assert_int_equal(peer.body_size, held);
    http_server_resume(peer.last);
    run(&peer);
    assert_int_equal(peer.body_size, sizeof(content));
    peer_deinit(&peer);
}

/* Streams that wait for the client's windows share what one connection may hold: past it, one that could hold more rests earlier. */
static void test_crowded_queues(void **state UNUSED) {
    static char content[HTTP2_STREAM_HIGH_WATER_BYTES + 65535];
    enum { STREAMS = HTTP2_CONNECTION_QUEUE_BYTES_MAX / HTTP2_STREAM_HIGH_WATER_BYTES + 1 };
    struct http_stream *streams[STREAMS], *last;
    struct peer peer;
    peer_init(&peer, true);
    peer.silent = true;
    for (size_t i = 0; i < STREAMS; i++) {
        request(&peer, get, ARRAY_SIZE(get), false);
        run(&peer);
        streams[i] = peer.last;
        struct message_head head = make_head(streams[i], 200);
        assert_true(http_server_send_head(streams[i], &head, false));
        assert_true(http_server_send_body(streams[i], span_make(content, i == 0 ? sizeof(content) : HTTP2_STREAM_HIGH_WATER_BYTES)));
        run(&peer);
        assert_int_equal(http_server_stream_is_behind(streams[i]), i == 0 || i == STREAMS - 1);
    }
    int32_t id = request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    last = peer.last;
    struct message_head head = make_head(last, 200);
    assert_true(http_server_send_head(last, &head, false));
    assert_true(http_server_send_body(last, span_make(content, HTTP2_STREAM_LOW_WATER_BYTES)));
    assert_false(http_server_stream_is_behind(last));
    assert_true(http_server_send_body(last, span_make(content, 1)));
    assert_true(http_server_stream_is_behind(last));
    /* The others go; what was told to rest is told to go on. */
    for (size_t i = 0; i < STREAMS; i++)
        http_server_abort(streams[i], CLOSE_REASON_MEMORY_CEILING);
    assert_int_equal(peer.server.queued_bytes, HTTP2_STREAM_LOW_WATER_BYTES + 1);
    assert_int_equal(nghttp2_submit_window_update(peer.client, 0, 0, 1024 * 1024), 0);
    assert_int_equal(nghttp2_submit_window_update(peer.client, 0, id, 1024 * 1024), 0);
    forget_log(&peer);
    run(&peer);
    expect_in_log(&peer, "drained;");
    assert_int_equal(peer.server.queued_bytes, 0);
    assert_true(http_server_send_end(last, NULL, 0));
    run(&peer);
    peer_deinit(&peer);
}

/* Paused streams give the connection's window back at once, until they hold too much together; it comes back when one of them goes on or ends. */
static void test_withheld_window(void **state UNUSED) {
    static char content[HTTP2_STREAM_WINDOW_BYTES];
    enum { STREAMS = (HTTP2_CONNECTION_WITHHELD_BYTES_MAX + HTTP2_CONNECTION_WINDOW_BYTES) / HTTP2_STREAM_WINDOW_BYTES };
    struct http_stream *streams[STREAMS];
    struct peer peer;
    peer_init(&peer, false);
    peer.pause = true;
    peer.silent = true;
    for (size_t i = 0; i < STREAMS; i++) {
        peer.upload = span_make(content, sizeof(content));
        request(&peer, post, ARRAY_SIZE(post), true);
        run(&peer);
        assert_int_equal(peer.upload.size, 0);
        streams[i] = peer.last;
    }
    assert_true(peer.server.withheld_bytes >= HTTP2_CONNECTION_WITHHELD_BYTES_MAX);
    peer.pause = false;
    peer.upload = SPAN_LITERAL("more");
    request(&peer, post, ARRAY_SIZE(post), true);
    run(&peer);
    assert_int_equal(peer.upload.size, 4);
    /* Half a window, below which none is granted. */
    http_server_resume(streams[STREAMS - 1]);
    http_server_resume(streams[STREAMS - 2]);
    run(&peer);
    assert_int_equal(peer.upload.size, 0);
    for (size_t i = 0; i < STREAMS; i++)
        http_server_abort(streams[i], CLOSE_REASON_MEMORY_CEILING);
    assert_int_equal(peer.server.withheld_bytes, 0);
    run(&peer);
    peer_deinit(&peer);
}

static void test_stalled(void **state UNUSED) {
    static char content[100000];
    struct peer peer;
    peer_init(&peer, true);
    peer.silent = true;
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    struct message_head head = make_head(peer.last, 200);
    assert_true(http_server_send_head(peer.last, &head, false));
    assert_true(http_server_send_body(peer.last, span_make(content, sizeof(content))));
    run(&peer);
    for (unsigned i = 0; i < HTTP2_STALL_TICKS_MAX; i++) {
        assert_non_null(peer.last);
        http_server_tick(&peer.server.base);
    }
    http_server_tick(&peer.server.base);
    assert_null(peer.last);
    run(&peer);
    expect_in_log(&peer, "failed http2.stream_stalled;closed;<over 8>");
    peer_deinit(&peer);
}

/* --- Ends --- */

static void test_early_answer(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    assert_int_equal(nghttp2_submit_headers(peer.client, 0, -1, NULL, list_of(post), ARRAY_SIZE(post), NULL), 1);
    run(&peer);
    answer(&peer, peer.last, 403);
    run(&peer);
    expect_log(&peer, "POST https a.example / +;closed;<:status=403><hello><x-sum=1><over 0>");
    peer_deinit(&peer);
}

/* The owner has no room for one more: the client may try again, and both tables of fields stay in step. */
static void test_refused(void **state UNUSED) {
    static const struct field with[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"), FIELD(":authority", "b.example"), FIELD(":path", "/"),
                                        FIELD("x-new", "in the table")};
    struct peer peer;
    peer_init(&peer, false);
    peer.full = true;
    request(&peer, get, ARRAY_SIZE(get), false);
    peer.upload = SPAN_LITERAL("content that is on its way");
    request(&peer, with, ARRAY_SIZE(with), true);
    run(&peer);
    expect_log(&peer, "<over 7><over 7>");
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    assert_true(http_server_is_idle(&peer.server.base));
    peer.full = false;
    request(&peer, with, ARRAY_SIZE(with), true);
    run(&peer);
    expect_log(&peer, "POST https b.example / + x-new=in the table;end;closed;" ANSWERED);
    peer_deinit(&peer);
}

static void test_client_reset(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    peer.silent = true;
    int32_t id = request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.client, 0, id, NGHTTP2_CANCEL), 0);
    run(&peer);
    expect_log(&peer, "GET https a.example /x?y;<over 8>failed http2.remote_reset;closed;");
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    peer_deinit(&peer);
}

static void test_drain(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    peer.silent = true;
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    http_server_begin_drain(&peer.server.base);
    /* What the client sends before it knows is still served. */
    request(&peer, post, ARRAY_SIZE(post), false);
    (void)to_server(&peer);
    (void)to_client(&peer);
    expect_log(&peer, "GET https a.example /x?y;POST https a.example /;<goaway 2147483647 0>");
    run(&peer);
    expect_log(&peer, "<goaway 3 0>");
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    peer.silent = false;
    for (size_t i = 0; i < 2; i++) {
        answer(&peer, &CONTAINER_OF(peer.server.streams.next, struct http2_server_stream, link)->base, 200);
        run(&peer);
        expect_log(&peer, "closed;" ANSWERED);
    }
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_CLOSING);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

/* An idle session waits for the answer to its PING, for a request may be on its way; but not for ever. */
static void test_drain_of_an_idle_session(void **state UNUSED) {
    for (size_t answers = 0; answers < 2; answers++) {
        struct peer peer;
        peer_init(&peer, false);
        run(&peer);
        http_server_begin_drain(&peer.server.base);
        (void)to_client(&peer);
        assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
        if (answers == 0)
            http_server_tick(&peer.server.base);
        else
            (void)to_server(&peer);
        assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_CLOSING);
        expect_log(&peer, "<goaway 2147483647 0>");
        /* RFC 9113 section 6.8: stream 0, code 0. */
        static const char goaway[] = "\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0";
        http_server_produce(&peer.server.base);
        assert_int_equal(peer.output.size, sizeof(goaway) - 1);
        assert_memory_equal(buffer_front(&peer.output).data, goaway, sizeof(goaway) - 1);
        peer_deinit(&peer);
    }
}

static void test_client_leaves(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    peer.silent = true;
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    assert_int_equal(http_server_receive_end(&peer.server.base), HTTP_SESSION_CLOSING);
    expect_log(&peer, "GET https a.example /x?y;failed downstream_remote_disconnect;closed;");
    peer_deinit(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_length_mismatch),
        cmocka_unit_test(test_large_head),
        cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_websocket_accept),
        cmocka_unit_test(test_response_waits_for_window),
        cmocka_unit_test(test_paused_request),
        cmocka_unit_test(test_crowded_queues),
        cmocka_unit_test(test_withheld_window),
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_client_reset),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_of_an_idle_session),
        cmocka_unit_test(test_client_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
