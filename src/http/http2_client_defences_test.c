/* The HTTP/2 client engine against servers that send what they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/test_http2_client.h"

static void test_malformed_heads(void **state UNUSED) {
    static const struct field no_status[] = {FIELD("x-version", "2")};
    static const struct field switching[] = {FIELD(":status", "101")};
    static const struct field connection[] = {FIELD(":status", "200"), FIELD("connection", "close")};
    static const struct field coded[] = {FIELD(":status", "200"), FIELD("transfer-encoding", "chunked")};
    static const struct field line[] = {FIELD(":status", "200"), FIELD("x-a", "1\r\nx-b: 2")};
    static const struct field request[] = {FIELD(":status", "200"), FIELD(":path", "/")};
    static const struct field words[] = {FIELD(":status", "two")};
    static const struct {
        const struct field *fields;
        size_t count;
    } rows[] = {{no_status, 1}, {switching, 1}, {connection, 2}, {coded, 2}, {line, 2}, {request, 2}, {words, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        forget_log(&peer);
        assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(rows[i].fields), rows[i].count, NULL), 0);
        run(&peer);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        peer_deinit(&peer);
    }
}

/* libnghttp2's server would write it in lower case. */
static void test_an_upper_case_name(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(give(&peer, "\0\0\14\1\5\0\0\0\1\210\20\7X-Upper\0011", 21), HTTP_SESSION_OPEN);
    http2_client_produce(&peer.client);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_lengths_that_do_not_fit(void **state UNUSED) {
    static const struct field ten[] = {FIELD(":status", "200"), FIELD("content-length", "10")};
    nghttp2_data_provider provider = {.read_callback = answer_read};
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    peer.answer = SPAN_LITERAL("three");
    assert_int_equal(nghttp2_submit_response(peer.server, 1, list_of(ten), 2, &provider), 0);
    run(&peer);
    expect_in_log(&peer, "0:200 content-length=10;0:body three;0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_too_many_informational_heads(void **state UNUSED) {
    static const struct field hint[] = {FIELD(":status", "103")};
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    for (int i = 0; i <= HTTP_INFORMATIONAL_MAX; i++)
        assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(hint), 1, NULL), 0);
    run(&peer);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_too_large_heads(void **state UNUSED) {
    /* Past the ceiling the stream fails, far past it the session. */
    static char value[8000];
    static const size_t counts[] = {9, 40};
    static const char name[] = "x-large";
    memset(value, 'a', sizeof(value));
    for (size_t row = 0; row < ARRAY_SIZE(counts); row++) {
        struct field fields[41] = {FIELD(":status", "200")};
        for (size_t i = 1; i <= counts[row]; i++)
            fields[i] = (struct field){name, value, sizeof(name) - 1, sizeof(value), NGHTTP2_NV_FLAG_NO_INDEX};
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(fields), counts[row] + 1, NULL), 0);
        run(&peer);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        if (row == 0)
            assert_true(http_client_is_reusable(&peer.client.base));
        else
            expect_end(&peer, CLOSE_REASON_HTTP2_HEADER_BOMB);
        peer_deinit(&peer);
    }
}

/* --- Hostile upstreams --- */

struct flood {
    const char *frame;
    size_t size;
    enum close_reason reason;
    size_t allowed;
};

#define FLOOD(frame, reason, allowed) {frame, sizeof(frame) - 1, CLOSE_REASON_##reason, allowed}

static const struct flood floods[] = {
    FLOOD("\0\0\0\4\0\0\0\0\0", HTTP2_SETTINGS_FLOOD, HTTP2_SETTINGS_FRAMES_MAX - 2),
    FLOOD("\0\0\10\6\0\0\0\0\0xxxxxxxx", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\10\6\1\0\0\0\0xxxxxxxx", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\10\7\0\0\0\0\0\177\377\377\377\0\0\0\0", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\4\10\0\0\0\0\0\0\0\0\1", HTTP2_WINDOW_FLOOD, HTTP2_WINDOW_FRAMES_MAX),
    FLOOD("\0\0\4\10\0\0\0\0\1\0\0\0\1", HTTP2_WINDOW_FLOOD, HTTP2_WINDOW_FRAMES_MAX),
    FLOOD("\0\0\0\0\0\0\0\0\1", HTTP2_EMPTY_FRAMES_FLOOD, HTTP2_EMPTY_FRAMES_MAX),
    FLOOD("\0\0\5\2\0\0\0\0\1\0\0\0\3\20", HTTP2_PRIORITY_FLOOD, HTTP2_PRIORITY_FRAMES_MAX),
    FLOOD("\0\0\0\102\0\0\0\0\0", HTTP2_PRIORITY_FLOOD, HTTP2_PRIORITY_FRAMES_MAX),
    FLOOD("\0\0\4\3\0\0\0\0\3\0\0\0\10", HTTP2_RAPID_RESET, HTTP2_RESETS_MAX - 2),
};

/* Of the last frame of the output, which must be GOAWAY: the server would refuse the answers before it, for it has not asked. */
static uint32_t goaway_code(struct peer *peer) {
    struct http2_frame_scan scan;
    struct http2_frame_head frame = {0};
    size_t offset = 0, end = 0;
    struct span all = buffer_front(&peer->output);
    assert_int_equal(all.size, peer->output.size);
    http2_frame_scan_init(&scan, 0);
    while (http2_frame_scan_next(&scan, all, &offset, &frame))
        end = offset;
    assert_int_equal(frame.type, NGHTTP2_GOAWAY);
    return (uint8_t)all.data[end + 7];
}

static void flood_once(const struct flood *flood) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    get(&peer);
    run(&peer);
    http_client_abort(peer.exchanges[1].stream);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    /* What was allowed is not taken ill; time gives it back. */
    for (size_t i = 0; i < flood->allowed; i++)
        assert_int_equal(give(&peer, flood->frame, flood->size), HTTP_SESSION_OPEN);
    http2_client_produce(&peer.client);
    http2_client_tick(&peer.client);
    assert_int_equal(give(&peer, flood->frame, flood->size), HTTP_SESSION_OPEN);
    enum http_session_status status = HTTP_SESSION_OPEN;
    for (size_t i = 0; i < 2 * flood->allowed + 3 && status == HTTP_SESSION_OPEN; i++)
        status = give(&peer, flood->frame, flood->size);
    expect_end(&peer, flood->reason);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    http2_client_produce(&peer.client);
    assert_int_equal(goaway_code(&peer), NGHTTP2_ENHANCE_YOUR_CALM);
    peer_deinit(&peer);
}

static void test_floods(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(floods); i++)
        flood_once(&floods[i]);
}

static void test_continuation_flood(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(give(&peer, "\0\0\1\1\0\0\0\0\1\210", 10), HTTP_SESSION_OPEN);
    for (int i = 0; i < HTTP2_CONTINUATIONS_MAX; i++)
        assert_int_equal(give(&peer, "\0\0\1\11\0\0\0\0\1\210", 10), HTTP_SESSION_OPEN);
    (void)give(&peer, "\0\0\1\11\0\0\0\0\1\210", 10);
    expect_end(&peer, CLOSE_REASON_HTTP2_CONTINUATION_FLOOD);
    peer_deinit(&peer);
}

/* A reference into the dynamic table costs a byte and gives 2,900. */
static void test_header_bomb(void **state UNUSED) {
    static char value[2900];
    char block[9 + 1000];
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    get(&peer);
    run(&peer);
    memset(value, 'a', sizeof(value));
    struct field fields[] = {FIELD(":status", "200"), {"x-bomb", value, 6, sizeof(value), 0}};
    assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(fields), 2, NULL), 0);
    run(&peer);
    memcpy(block, "\0\3\350\1\5\0\0\0\3\210", 10);
    memset(block + 10, 0xbe, sizeof(block) - 10);
    (void)give(&peer, block, sizeof(block));
    expect_end(&peer, CLOSE_REASON_HTTP2_HEADER_BOMB);
    expect_in_log(&peer, "1:failed protocol_error;1:closed;");
    peer_deinit(&peer);
}

static void test_what_no_server_sends(void **state UNUSED) {
    static const struct {
        const char *frame;
        size_t size;
    } rows[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
        {"\0\0\5\5\4\0\0\0\1\0\0\0\2\210", 14},     /* PUSH_PROMISE, which SETTINGS forbids */
        {"\0\0\1\1\5\0\0\0\11\210", 10},            /* HEADERS on a stream that was never opened */
        {"\0\0\1\0\0\0\0\0\0x", 10},                /* DATA on stream 0 */
        {"\0\0\4\10\0\0\0\0\0\0\0\0\0", 13},        /* a WINDOW_UPDATE of nothing */
        {"\0\0\4\10\0\0\0\0\0\177\377\377\377", 13}, /* and of too much */
        {"\0\0\6\4\0\0\0\0\0\0\4\377\377\377\377", 15}, /* a window above 2^31 */
        {"\0\0\1\1\5\0\0\0\1\377", 10},             /* what HPACK does not know */
        {"\1\0\0\0\0\0\0\0\1", 9},                  /* a frame of 64 KiB */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        (void)give(&peer, rows[i].frame, rows[i].size);
        http2_client_produce(&peer.client);
        expect_end(&peer, CLOSE_REASON_HTTP2_PROTOCOL_ERROR);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        peer_deinit(&peer);
    }
}

/* More than its window on one stream. */
static void test_a_window_that_is_overrun(void **state UNUSED) {
    static char frame[9 + 16384];
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    http_client_pause(peer.exchanges[0].stream);
    memcpy(frame, "\0\100\0\0\0\0\0\0\1", 9);
    for (int i = 0; i < HTTP2_STREAM_WINDOW_BYTES / 16384; i++)
        assert_int_equal(give(&peer, frame, sizeof(frame)), HTTP_SESSION_OPEN);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES);
    (void)give(&peer, frame, sizeof(frame));
    http2_client_produce(&peer.client);
    /* The library lets the frame pass with which it ends the stream. */
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES + 16384);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    assert_int_equal(give(&peer, frame, sizeof(frame)), HTTP_SESSION_OPEN);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES + 16384);
    peer_deinit(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_heads),
        cmocka_unit_test(test_an_upper_case_name),
        cmocka_unit_test(test_lengths_that_do_not_fit),
        cmocka_unit_test(test_too_many_informational_heads),
        cmocka_unit_test(test_too_large_heads),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_header_bomb),
        cmocka_unit_test(test_what_no_server_sends),
        cmocka_unit_test(test_a_window_that_is_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
