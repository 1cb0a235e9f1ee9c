/* The HTTP/2 server engine against libnghttp2's client and against frames made by hand. */
#include "http/http2_server.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"
#include "http/http2_server_stream.h"
#include "http/http2_stream_ids.h"
#include "http/websocket_key.h"

#define EXCHANGES_MAX 512

struct exchange {
    struct arena arena;
    struct message_head *head;
    bool used;
};

struct peer {
    struct http2_server server;
    struct pool chunks;
    struct buffer output;
    nghttp2_session *client;
    FILE *log; /* what the owner heard, and what the client did */
    char *text;
    size_t text_size;
    struct exchange exchanges[EXCHANGES_MAX];
    struct http_stream *last;
    struct span upload; /* the client's content */
    size_t body_size;   /* what the client received */
    bool silent;        /* the owner does not answer by itself */
    bool pause;
    bool full;          /* the owner has no room */
};

/* --- The owner --- */

static struct arena *on_begin(void *owner, struct http_stream *stream) {
    struct peer *peer = owner;
    for (size_t i = 0; i < EXCHANGES_MAX && !peer->full; i++) {
        if (peer->exchanges[i].used)
            continue;
        peer->exchanges[i].used = true;
        stream->user = &peer->exchanges[i];
        peer->last = stream;
        return &peer->exchanges[i].arena;
    }
    assert_true(peer->full);
    return NULL;
}

static struct message_head make_head(struct http_stream *stream, int status) {
    struct message_head head;
    message_head_init(&head, &((struct exchange *)stream->user)->arena, 4);
    head.status = status;
    return head;
}

static void answer(struct peer *peer, struct http_stream *stream, int status) {
    struct message_head head = make_head(stream, status);
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    if (peer->silent)
        return;
    message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("close"));
    assert_true(http_server_send_head(stream, &head, false));
    assert_true(http_server_send_body(stream, SPAN_LITERAL("hello")));
    assert_true(http_server_send_end(stream, &trailer, 1));
}

static void on_head(void *owner, struct http_stream *stream, struct message_head *head, bool ends) {
    struct peer *peer = owner;
    fprintf(peer->log, "%.*s %.*s %.*s %.*s%s", SPAN_ARGUMENTS(head->method), SPAN_ARGUMENTS(head->scheme), SPAN_ARGUMENTS(head->authority),
            SPAN_ARGUMENTS(head->path), ends ? "" : " +");
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].token != HEADER_SEC_WEBSOCKET_KEY)
            fprintf(peer->log, " %.*s=%.*s", SPAN_ARGUMENTS(head->headers[i].name), SPAN_ARGUMENTS(head->headers[i].value));
    fprintf(peer->log, ";");
    ((struct exchange *)stream->user)->head = head;
    if (peer->pause)
        http_server_pause(stream);
    if (ends)
        answer(peer, stream, 200);
}

static void on_body(void *owner, struct http_stream *stream UNUSED, struct span bytes) {
    struct peer *peer = owner;
    if (bytes.size < 64)
        fprintf(peer->log, "body %.*s;", SPAN_ARGUMENTS(bytes));
    peer->body_size += bytes.size;
}

static void on_end(void *owner, struct http_stream *stream, struct header *trailers, size_t count) {
    struct peer *peer = owner;
    fprintf(peer->log, "end");
    for (size_t i = 0; i < count; i++)
        fprintf(peer->log, " %.*s=%.*s", SPAN_ARGUMENTS(trailers[i].name), SPAN_ARGUMENTS(trailers[i].value));
    fprintf(peer->log, ";");
    answer(peer, stream, 200);
}

static void on_rejected(void *owner, struct http_stream *stream, enum http1_fault fault) {
    struct peer *peer = owner;
    fprintf(peer->log, "rejected %d;", http1_fault_status(fault));
    answer(peer, stream, http1_fault_status(fault));
}

static void on_failed(void *owner, struct http_stream *stream UNUSED, enum close_reason reason) {
    struct span word = close_reason_word(reason);
    fprintf(((struct peer *)owner)->log, "failed %.*s;", SPAN_ARGUMENTS(word));
}

static void on_drained(void *owner, struct http_stream *stream UNUSED) {
    fprintf(((struct peer *)owner)->log, "drained;");
}

static void on_closed(void *owner, struct http_stream *stream) {
    struct peer *peer = owner;
    struct exchange *exchange = stream->user;
    fprintf(peer->log, "closed;");
    arena_reset(&exchange->arena);
    exchange->used = false;
    if (peer->last == stream)
        peer->last = NULL;
}

static const struct http_server_events events = {
    .stream_begin = on_begin,
    .request_head = on_head,
    .request_body = on_body,
    .request_end = on_end,
    .request_rejected = on_rejected,
    .stream_failed = on_failed,
    .stream_drained = on_drained,
    .stream_closed = on_closed,
};

/* --- The client --- */

static int client_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame UNUSED, const uint8_t *name, size_t name_size,
                         const uint8_t *value, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<%.*s=%.*s>", (int)name_size, (const char *)name, (int)value_size, (const char *)value);
    return 0;
}

static int client_data(nghttp2_session *session UNUSED, uint8_t flags UNUSED, int32_t id UNUSED, const uint8_t *bytes, size_t size,
                       void *user_data) {
    struct peer *peer = user_data;
    peer->body_size += size;
    if (size < 64)
        fprintf(peer->log, "<%.*s>", (int)size, (const char *)bytes);
    return 0;
}

static int client_frame(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct peer *peer = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        fprintf(peer->log, "<goaway %d %u>", frame->goaway.last_stream_id, frame->goaway.error_code);
    return 0;
}

static int client_close(nghttp2_session *session UNUSED, int32_t id UNUSED, uint32_t code, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<over %u>", code);
    return 0;
}

static void peer_init(struct peer *peer, bool no_auto_window) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    *peer = (struct peer){0};
    peer->log = open_memstream(&peer->text, &peer->text_size);
    pool_init(&peer->chunks, sizeof(struct buffer_chunk), 4096, 4);
    buffer_init(&peer->output, &peer->chunks);
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        arena_init(&peer->exchanges[i].arena, 4096);
    http2_server_init(&peer->server, &events, peer, &peer->output);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, client_close);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, no_auto_window);
    /* The client says what it likes: the server is to judge. */
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 256 * 1024);
    assert_int_equal(nghttp2_session_client_new2(&peer->client, callbacks, peer, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(peer->client, 0, NULL, 0), 0);
}

static void peer_deinit(struct peer *peer) {
    http_server_deinit(&peer->server.base);
    nghttp2_session_del(peer->client);
    buffer_reset(&peer->output);
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        assert_false(peer->exchanges[i].used);
        arena_deinit(&peer->exchanges[i].arena);
    }
    assert_int_equal(peer->chunks.live_count, 0);
    pool_deinit(&peer->chunks);
    fclose(peer->log);
    free(peer->text);
}

/* Raw bytes to the server, in one piece. */
static void give(struct peer *peer, const void *bytes, size_t size) {
    size_t consumed;
    char *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    (void)http_server_receive(&peer->server.base, span_make(copy, size), &consumed);
    assert_int_equal(consumed, size);
    free(copy);
}

static bool to_server(struct peer *peer) {
    const uint8_t *bytes;
    bool moved = false;
    for (ssize_t size; (size = nghttp2_session_mem_send(peer->client, &bytes)) > 0; moved = true)
        give(peer, bytes, (size_t)size);
    return moved;
}

static bool to_client(struct peer *peer) {
    bool moved = false;
    http_server_produce(&peer->server.base);
    for (; peer->output.size > 0; moved = true) {
        struct span front = buffer_front(&peer->output);
        (void)nghttp2_session_mem_recv(peer->client, (const uint8_t *)front.data, front.size);
        buffer_consume(&peer->output, front.size);
        http_server_produce(&peer->server.base);
    }
    return moved;
}

static void run(struct peer *peer) {
    bool moved = true;
    while (moved) {
        moved = to_server(peer);
        moved |= to_client(peer);
    }
}

static void forget_log(struct peer *peer) {
    fclose(peer->log);
    free(peer->text);
    peer->log = open_memstream(&peer->text, &peer->text_size);
}

static void expect_in_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    if (strstr(peer->text, wanted) == NULL)
        assert_string_equal(peer->text, wanted);
}

static void expect_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    assert_string_equal(peer->text, wanted);
    forget_log(peer);
}

/* As nghttp2_nv, with pointers to what does not change. */
struct field {
    const char *name, *value;
    size_t namelen, valuelen;
    uint8_t flags;
};

#define FIELD(name, value) {name, value, sizeof(name) - 1, sizeof(value) - 1, 0}

static const nghttp2_nv *list_of(const struct field *fields) {
    static_assert(sizeof(struct field) == sizeof(nghttp2_nv), "one in the place of the other");
    return (const nghttp2_nv *)(const void *)fields;
}

static ssize_t upload_read(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *bytes, size_t size, uint32_t *flags,
                           nghttp2_data_source *source UNUSED, void *user_data) {
    struct peer *peer = user_data;
    size_t part = peer->upload.size < size ? peer->upload.size : size;
    if (part > 0)
        memcpy(bytes, peer->upload.data, part);
    peer->upload = span_from(peer->upload, part);
    if (peer->upload.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part;
}

static int32_t request(struct peer *peer, const struct field *fields, size_t count, bool content) {
    nghttp2_data_provider provider = {.read_callback = upload_read};
    int32_t id = nghttp2_submit_request(peer->client, NULL, list_of(fields), count, content ? &provider : NULL, NULL);
    assert_true(id > 0);
    return id;
}

static const struct field get[] = {FIELD(":method", "GET"), FIELD(":scheme", "https"), FIELD(":authority", "a.example"), FIELD(":path", "/x?y")};
static const struct field post[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"), FIELD(":authority", "a.example"), FIELD(":path", "/")};

#define ANSWERED "<:status=200><hello><x-sum=1><over 0>"

/* --- Exchanges --- */

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
