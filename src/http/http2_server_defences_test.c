/* The HTTP/2 server engine against floods and frames that no client should send, made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/test_http2_server.h"

/* --- Floods: frames by hand --- */

static void give_frame(struct peer *peer, unsigned type, unsigned flags, int32_t id, const char *payload, size_t size) {
    char frame[9 + 128] = {0, (char)(size >> 8), (char)size, (char)type, (char)flags, 0, 0, (char)(id >> 8), (char)id};
    memcpy(frame + 9, payload, size);
    give(peer, frame, 9 + size);
}

/* The last frame in the output. The client's engine would not get that far. */
static void expect_goaway(struct peer *peer, uint32_t code) {
    struct span output = buffer_front(&peer->output);
    assert_true(output.size >= 17 && peer->output.size == output.size);
    const char *frame = output.data + output.size - 17;
    assert_int_equal(frame[3], NGHTTP2_GOAWAY);
    assert_int_equal(frame[16], code);
    buffer_reset(&peer->output);
}

/* GET http a /, as HPACK without a table. */
#define HEAD_BLOCK "\x82\x86\x84\x01\x01" "a"

/* Gives frames until the session ends; it must be for the reason and not at once. */
static void flood(enum close_reason reason, unsigned type, unsigned flags, const char *payload, size_t size, bool on_stream, bool on_new_streams) {
    struct peer peer;
    unsigned count = 0;
    int32_t id = 1;
    peer_init(&peer, false);
    peer.silent = true;
    run(&peer);
    if (on_stream)
        give_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
    while (http_server_status(&peer.server.base) == HTTP_SESSION_OPEN && count < 100000) {
        if (on_new_streams)
            give_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
        give_frame(&peer, type, flags, on_stream || on_new_streams ? id : 0, payload, size);
        if (on_new_streams)
            id += 2;
        http_server_produce(&peer.server.base);
        if (http_server_status(&peer.server.base) == HTTP_SESSION_OPEN)
            buffer_reset(&peer.output);
        count++;
    }
    expect_goaway(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(http_server_close_reason(&peer.server.base), reason);
    assert_true(count > 10 && count < 2000);
    peer_deinit(&peer);
}

static void test_floods(void **state UNUSED) {
    flood(CLOSE_REASON_HTTP2_SETTINGS_FLOOD, NGHTTP2_SETTINGS, 0, "", 0, false, false);
    flood(CLOSE_REASON_HTTP2_PING_FLOOD, NGHTTP2_PING, 0, "12345678", 8, false, false);
    flood(CLOSE_REASON_HTTP2_WINDOW_FLOOD, NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4, false, false);
    flood(CLOSE_REASON_HTTP2_WINDOW_FLOOD, NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4, true, false);
    flood(CLOSE_REASON_HTTP2_PRIORITY_FLOOD, NGHTTP2_PRIORITY, 0, "\0\0\0\0\7", 5, true, false);
    flood(CLOSE_REASON_HTTP2_PRIORITY_FLOOD, 0x42, 0, "", 0, false, false);
    flood(CLOSE_REASON_HTTP2_EMPTY_FRAMES_FLOOD, NGHTTP2_DATA, 0, "", 0, true, false);
    flood(CLOSE_REASON_HTTP2_EMPTY_FRAMES_FLOOD, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, "\3\0\0\0", 4, true, false);
    flood(CLOSE_REASON_HTTP2_RAPID_RESET, NGHTTP2_RST_STREAM, 0, "\0\0\0\x08", 4, false, true);
    /* Resets that the client provokes: a window that overflows. */
    flood(CLOSE_REASON_HTTP2_RAPID_RESET, NGHTTP2_WINDOW_UPDATE, 0, "\x7f\xff\xff\xff", 4, false, true);
}

static void test_continuation_flood(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    run(&peer);
    give_frame(&peer, NGHTTP2_HEADERS, 0, 1, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
    for (unsigned i = 0; i < HTTP2_CONTINUATIONS_MAX; i++)
        give_frame(&peer, NGHTTP2_CONTINUATION, 0, 1, "\0\1x\1y", 5);
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_OPEN);
    assert_false(http_server_is_idle(&peer.server.base));
    give_frame(&peer, NGHTTP2_CONTINUATION, 0, 1, "\0\1x\1y", 5);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_HTTP2_CONTINUATION_FLOOD);
    peer_deinit(&peer);
}

static void test_header_bomb(void **state UNUSED) {
    struct peer peer;
    char block[9 + 8 + 3 + 3000 + 16000] = {0};
    size_t size = 9;
    peer_init(&peer, false);
    run(&peer);
    memcpy(block + size, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
    size += sizeof(HEAD_BLOCK) - 1;
    /* A field of 3000 octets into the table, then a reference to it an octet each. */
    memcpy(block + size, "\x40\x01x\x7f\xb9\x16", 6);
    size += 6;
    memset(block + size, 'v', 3000);
    size += 3000;
    memset(block + size, 0xbe, 1000);
    size += 1000;
    block[1] = (char)((size - 9) >> 8);
    block[2] = (char)(size - 9);
    block[3] = NGHTTP2_HEADERS;
    block[4] = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;
    block[8] = 1;
    give(&peer, block, size);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_HTTP2_HEADER_BOMB);
    peer_deinit(&peer);
}

/* What libnghttp2 forgives. */
static void closed_stream(uint32_t code, int32_t then, unsigned type) {
    struct peer peer;
    peer_init(&peer, false);
    run(&peer);
    give_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 5, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
    http_server_produce(&peer.server.base);
    buffer_reset(&peer.output);
    expect_log(&peer, "GET http a /;closed;");
    give_frame(&peer, type, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, then, HEAD_BLOCK, sizeof(HEAD_BLOCK) - 1);
    http_server_produce(&peer.server.base);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_HTTP2_PROTOCOL_ERROR);
    expect_goaway(&peer, code);
    peer_deinit(&peer);
}

static void test_closed_streams(void **state UNUSED) {
    closed_stream(NGHTTP2_STREAM_CLOSED, 5, NGHTTP2_DATA);
    closed_stream(NGHTTP2_STREAM_CLOSED, 5, NGHTTP2_HEADERS);
    closed_stream(NGHTTP2_PROTOCOL_ERROR, 3, NGHTTP2_HEADERS);
}

/* Whole, and octet by octet. */
static void wrong_priority(int32_t id, const char *payload, bool in_pieces) {
    struct peer peer;
    char frame[9 + 5] = {0, 0, 5, NGHTTP2_PRIORITY, 0, 0, 0, 0, (char)id};
    memcpy(frame + 9, payload, 5);
    peer_init(&peer, false);
    run(&peer);
    for (size_t at = 0, step = in_pieces ? 1 : sizeof(frame); at < sizeof(frame); at += step)
        give(&peer, frame + at, step);
    http_server_produce(&peer.server.base);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_HTTP2_PROTOCOL_ERROR);
    expect_goaway(&peer, NGHTTP2_PROTOCOL_ERROR);
    peer_deinit(&peer);
}

static void test_priorities(void **state UNUSED) {
    wrong_priority(0, "\0\0\0\1\1", false);
    wrong_priority(0, "\0\0\0\1\1", true);
    wrong_priority(3, "\x80\0\0\3\1", false);
    wrong_priority(3, "\x80\0\0\3\1", true);
}

static void test_stream_ids(void **state UNUSED) {
    struct http2_stream_ids ids = {0};
    http2_stream_ids_open(&ids, 1);
    http2_stream_ids_open(&ids, 7);
    http2_stream_ids_reset(&ids, 7);
    assert_int_equal(http2_stream_ids_judge(&ids, 1), HTTP2_STREAM_ID_CLOSED);
    assert_int_equal(http2_stream_ids_judge(&ids, 5), HTTP2_STREAM_ID_NEVER_OPENED);
    assert_int_equal(http2_stream_ids_judge(&ids, 7), HTTP2_STREAM_ID_LATE);
    for (int32_t id = 9; id < 9 + 2 * HTTP2_RESET_IDS_KEPT; id += 2)
        http2_stream_ids_reset(&ids, id);
    assert_int_equal(http2_stream_ids_judge(&ids, 7), HTTP2_STREAM_ID_LATE);
}

static void test_ids_exhausted(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer, false);
    run(&peer);
    assert_int_equal(nghttp2_session_set_next_stream_id(peer.client, HTTP2_STREAM_ID_MAX + 1), 0);
    request(&peer, get, ARRAY_SIZE(get), false);
    run(&peer);
    assert_int_equal(http_server_close_reason(&peer.server.base), CLOSE_REASON_HTTP2_STREAMS_EXHAUSTED);
    assert_int_equal(http_server_status(&peer.server.base), HTTP_SESSION_CLOSING);
    expect_in_log(&peer, "<hello><x-sum=1><over 0>");
    peer_deinit(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_header_bomb),
        cmocka_unit_test(test_closed_streams),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_stream_ids),
        cmocka_unit_test(test_ids_exhausted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
