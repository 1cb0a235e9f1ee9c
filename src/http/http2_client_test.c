/* The HTTP/2 client engine against libnghttp2's server and against frames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/test_http2_client.h"

/* --- Exchanges --- */

static void test_exchange(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    expect_log(&peer, "<:method=GET><:scheme=https><:authority=a.example><:path=/x?y><x-mine=1><1 whole>");
    answer(&peer, 1, SPAN_LITERAL("hello"));
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body hello;0:end;0:closed;");
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_content_and_trailers_both_ways(void **state UNUSED) {
    static const struct field hint[] = {FIELD(":status", "103"), FIELD("link", "</a>")};
    static const struct field sum[] = {FIELD("x-sum", "7")};
    struct header trailer = {SPAN_LITERAL("x-up"), SPAN_LITERAL("3"), HEADER_OTHER};
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", "4", false));
    assert_true(http_client_send_body(stream, SPAN_LITERAL("four")));
    assert_false(http_client_send_body(stream, SPAN_LITERAL("!")));
    assert_true(http_client_send_end(stream, &trailer, 1));
    assert_false(http_client_send_end(stream, NULL, 0));
    run(&peer);
    expect_in_log(&peer, "<content-length=4><four><x-up=3><1 whole>");
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(hint), 2, NULL), 0);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(sum), 1, NULL), 0);
    run(&peer);
    expect_log(&peer, "0:103;0:200 x-version=2;0:end x-sum=7;0:closed;");
    peer_deinit(&peer);
}

/* As gRPC's trailers-only answers. */
static void test_an_answer_of_a_head_alone_before_the_request_ends(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    run(&peer);
    forget_log(&peer);
    answer(&peer, 1, SPAN_EMPTY);
    run(&peer);
    expect_log(&peer, "0:200 x-version=2 ends;");
    assert_true(http_client_send_end(stream, NULL, 0));
    run(&peer);
    expect_log(&peer, "0:closed;<1 whole>");
    peer_deinit(&peer);
}

static void test_many_streams_share_one_connection(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    forget_log(&peer);
    answer(&peer, 5, SPAN_LITERAL("c"));
    run(&peer);
    answer(&peer, 1, SPAN_LITERAL("a"));
    run(&peer);
    answer(&peer, 3, SPAN_LITERAL("b"));
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:body c;2:end;2:closed;0:200 x-version=2;0:body a;0:end;0:closed;"
                      "1:200 x-version=2;1:body b;1:end;1:closed;");
    peer_deinit(&peer);
}

static void test_the_peer_limits_the_streams(void **state UNUSED) {
    static const nghttp2_settings_entry two[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}};
    struct peer peer;
    peer_init_with(&peer, two, 1);
    assert_int_equal(http2_client_streams_max(&peer.client), HTTP2_UPSTREAM_STREAMS_ASSUMED);
    run(&peer);
    assert_int_equal(http2_client_streams_max(&peer.client), 2);
    get(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    get(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    struct arena arena;
    arena_init(&arena, 1024);
    assert_null(http_client_open(&peer.client.base, &arena, NULL));
    arena_deinit(&arena);
    run(&peer);
    answer(&peer, 3, SPAN_EMPTY);
    run(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_our_own_limit_of_streams(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    run(&peer);
    assert_int_equal(http2_client_streams_max(&peer.client), HTTP2_UPSTREAM_STREAMS_MAX);
    for (size_t i = 0; i < HTTP2_UPSTREAM_STREAMS_MAX; i++)
        get(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    run(&peer);
    /* One that was given up counts until its reset is out. */
    http_client_abort(peer.exchanges[7].stream);
    assert_false(http_client_is_reusable(&peer.client.base));
    run(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

/* --- Windows --- */

static void test_a_request_waits_for_the_window(void **state UNUSED) {
    static char content[200 * 1024];
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    assert_true(http_client_send_body(stream, span_make(content, sizeof(content))));
    assert_true(http_client_send_end(stream, NULL, 0));
    run(&peer);
    assert_int_equal(peer.body_size, NGHTTP2_INITIAL_WINDOW_SIZE);
    assert_int_equal(http_client_queued(stream), sizeof(content) - NGHTTP2_INITIAL_WINDOW_SIZE);
    /* Another one with an own window, but the connection's is used up. */
    get(&peer);
    forget_log(&peer);
    run(&peer);
    expect_in_log(&peer, "<3 whole>");
    forget_log(&peer);
    while (peer.body_size < sizeof(content)) {
        assert_int_equal(nghttp2_session_consume(peer.server, 1, NGHTTP2_INITIAL_WINDOW_SIZE), 0);
        run(&peer);
    }
    expect_log(&peer, "0:drained;<1 whole>");
    assert_int_equal(http_client_queued(stream), 0);
    peer_deinit(&peer);
}

static void test_a_paused_response_stalls_alone(void **state UNUSED) {
    static char content[2 * 1024 * 1024];
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *slow = get(&peer);
    run(&peer);
    http_client_pause(slow);
    answer(&peer, 1, span_make(content, sizeof(content)));
    run(&peer);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    struct span rest = peer.answer;
    answer(&peer, 3, SPAN_LITERAL("quick"));
    run(&peer);
    expect_log(&peer, "1:200 x-version=2;1:body quick;1:end;1:closed;");
    peer.answer = rest;
    http_client_resume(slow);
    run(&peer);
    assert_int_equal(peer.body_size, sizeof(content) + 5);
    expect_log(&peer, "0:end;0:closed;");
    peer_deinit(&peer);
}

static void test_an_output_that_is_full_holds_the_rest_back(void **state UNUSED) {
    static const nghttp2_settings_entry wide[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 8 * 1024 * 1024}};
    static char content[1024 * 1024];
    struct peer peer;
    peer_init_with(&peer, wide, 1);
    assert_int_equal(nghttp2_session_set_local_window_size(peer.server, 0, 0, 8 * 1024 * 1024), 0);
    run(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    assert_true(http_client_send_body(stream, span_make(content, sizeof(content))));
    http2_client_produce(&peer.client);
    assert_true(peer.output.size >= BUFFER_HIGH_WATER_BYTES && peer.output.size < BUFFER_HIGH_WATER_BYTES + 32 * 1024);
    assert_true(http_client_queued(stream) > 700 * 1024);
    run(&peer);
    assert_int_equal(peer.body_size, sizeof(content));
    peer_deinit(&peer);
}

/* --- Ends of streams --- */

static void test_resets(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 1, NGHTTP2_REFUSED_STREAM), 0);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 3, NGHTTP2_INTERNAL_ERROR), 0);
    run(&peer);
    expect_log(&peer, "0:failed remote_refused_stream_reset;0:closed;1:failed remote_reset;1:closed;");
    /* After its head the request was looked at, whatever the code says. */
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 5, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 5, NGHTTP2_REFUSED_STREAM), 0);
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:failed remote_reset;2:closed;");
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_a_whole_answer_and_a_reset_without_error(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    run(&peer);
    forget_log(&peer);
    answer(&peer, 1, SPAN_LITERAL("early"));
    run(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 1, NGHTTP2_NO_ERROR), 0);
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body early;0:end;0:closed;");
    peer_deinit(&peer);
}

static void test_abort(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    http_client_abort(peer.exchanges[0].stream);
    expect_log(&peer, "0:closed;");
    /* Of one that was never sent the server hears nothing; the ids go on. */
    get(&peer);
    http_client_abort(peer.exchanges[1].stream);
    get(&peer);
    run(&peer);
    expect_in_log(&peer, "1:closed;<reset 1 8>");
    expect_in_log(&peer, "<5 whole>");
    forget_log(&peer);
    /* From inside an event. */
    peer.abort_on_head = true;
    answer(&peer, 5, SPAN_LITERAL("unwanted"));
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:closed;<reset 5 8>");
    assert_int_equal(peer.client.stream_pool.live_count, 0);
    peer_deinit(&peer);
}

static void test_goaway(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    get(&peer);
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_goaway(peer.server, 0, 3, NGHTTP2_NO_ERROR, NULL, 0), 0);
    /* The fourth was not even sent. */
    assert_true(to_client(&peer));
    fflush(peer.log);
    assert_non_null(strstr(peer.text, "2:failed remote_refused_stream_reset;2:closed;"));
    expect_in_log(&peer, "3:failed remote_refused_stream_reset;3:closed;");
    forget_log(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    assert_int_equal(http_client_status(&peer.client.base), HTTP_SESSION_OPEN);
    answer(&peer, 1, SPAN_LITERAL("a"));
    run(&peer);
    answer(&peer, 3, SPAN_LITERAL("b"));
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body a;0:end;0:closed;1:200 x-version=2;1:body b;1:end;1:closed;");
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

static void test_the_end_of_the_connection(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    get(&peer);
    forget_log(&peer);
    assert_int_equal(http_client_receive_end(&peer.client.base), HTTP_SESSION_BROKEN);
    expect_log(&peer, "0:failed connection_termination;0:closed;1:failed remote_refused_stream_reset;1:closed;");
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

static void test_an_idle_session_listens(void **state UNUSED) {
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}};
    struct peer peer;
    peer_init(&peer);
    run(&peer);
    assert_int_equal(nghttp2_submit_ping(peer.server, 0, NULL), 0);
    assert_int_equal(nghttp2_submit_settings(peer.server, 0, settings, 1), 0);
    run(&peer);
    expect_log(&peer, "<pong>");
    assert_true(http_client_is_reusable(&peer.client.base));
    assert_int_equal(nghttp2_submit_goaway(peer.server, 0, 0, NGHTTP2_NO_ERROR, NULL, 0), 0);
    run(&peer);
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

/* --- Malformed answers --- */

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_content_and_trailers_both_ways),
        cmocka_unit_test(test_an_answer_of_a_head_alone_before_the_request_ends),
        cmocka_unit_test(test_many_streams_share_one_connection),
        cmocka_unit_test(test_the_peer_limits_the_streams),
        cmocka_unit_test(test_our_own_limit_of_streams),
        cmocka_unit_test(test_a_request_waits_for_the_window),
        cmocka_unit_test(test_a_paused_response_stalls_alone),
        cmocka_unit_test(test_an_output_that_is_full_holds_the_rest_back),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_a_whole_answer_and_a_reset_without_error),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_goaway),
        cmocka_unit_test(test_the_end_of_the_connection),
        cmocka_unit_test(test_an_idle_session_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
