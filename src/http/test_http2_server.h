/* The HTTP/2 server engine with an owner that logs, and libnghttp2's client before it. Included by test programs, after cmocka. */
#ifndef FAIRLEAD_HTTP_TEST_HTTP2_SERVER_H
#define FAIRLEAD_HTTP_TEST_HTTP2_SERVER_H

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "http/http2_server.h"
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

static inline struct arena *on_begin(void *owner, struct http_stream *stream) {
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

static inline struct message_head make_head(struct http_stream *stream, int status) {
    struct message_head head;
    message_head_init(&head, &((struct exchange *)stream->user)->arena, 4);
    head.status = status;
    return head;
}

static inline void answer(struct peer *peer, struct http_stream *stream, int status) {
    struct message_head head = make_head(stream, status);
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    if (peer->silent)
        return;
    message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("close"));
    assert_true(http_server_send_head(stream, &head, false));
    assert_true(http_server_send_body(stream, SPAN_LITERAL("hello")));
    assert_true(http_server_send_end(stream, &trailer, 1));
}

static inline void on_head(void *owner, struct http_stream *stream, struct message_head *head, bool ends) {
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

static inline void on_body(void *owner, struct http_stream *stream UNUSED, struct span bytes) {
    struct peer *peer = owner;
    if (bytes.size < 64)
        fprintf(peer->log, "body %.*s;", SPAN_ARGUMENTS(bytes));
    peer->body_size += bytes.size;
}

static inline void on_end(void *owner, struct http_stream *stream, struct header *trailers, size_t count) {
    struct peer *peer = owner;
    fprintf(peer->log, "end");
    for (size_t i = 0; i < count; i++)
        fprintf(peer->log, " %.*s=%.*s", SPAN_ARGUMENTS(trailers[i].name), SPAN_ARGUMENTS(trailers[i].value));
    fprintf(peer->log, ";");
    answer(peer, stream, 200);
}

static inline void on_rejected(void *owner, struct http_stream *stream, enum http1_fault fault) {
    struct peer *peer = owner;
    fprintf(peer->log, "rejected %d;", http1_fault_status(fault));
    answer(peer, stream, http1_fault_status(fault));
}

static inline void on_failed(void *owner, struct http_stream *stream UNUSED, enum close_reason reason) {
    struct span word = close_reason_word(reason);
    fprintf(((struct peer *)owner)->log, "failed %.*s;", SPAN_ARGUMENTS(word));
}

static inline void on_drained(void *owner, struct http_stream *stream UNUSED) {
    fprintf(((struct peer *)owner)->log, "drained;");
}

static inline void on_closed(void *owner, struct http_stream *stream) {
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

static inline int client_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame UNUSED, const uint8_t *name, size_t name_size,
                         const uint8_t *value, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<%.*s=%.*s>", (int)name_size, (const char *)name, (int)value_size, (const char *)value);
    return 0;
}

static inline int client_data(nghttp2_session *session UNUSED, uint8_t flags UNUSED, int32_t id UNUSED, const uint8_t *bytes, size_t size,
                       void *user_data) {
    struct peer *peer = user_data;
    peer->body_size += size;
    if (size < 64)
        fprintf(peer->log, "<%.*s>", (int)size, (const char *)bytes);
    return 0;
}

static inline int client_frame(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct peer *peer = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        fprintf(peer->log, "<goaway %d %u>", frame->goaway.last_stream_id, frame->goaway.error_code);
    return 0;
}

static inline int client_close(nghttp2_session *session UNUSED, int32_t id UNUSED, uint32_t code, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<over %u>", code);
    return 0;
}

static inline void peer_init(struct peer *peer, bool no_auto_window) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    *peer = (struct peer){0};
    peer->log = open_memstream(&peer->text, &peer->text_size);
    pool_init(&peer->chunks, sizeof(struct buffer_chunk), 4096, 4);
    buffer_init(&peer->output, &peer->chunks);
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        arena_init(&peer->exchanges[i].arena, 4096);
    http2_server_init(&peer->server, &events, peer, &peer->output, NULL);
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

static inline void peer_deinit(struct peer *peer) {
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
static inline void give(struct peer *peer, const void *bytes, size_t size) {
    size_t consumed;
    char *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    (void)http_server_receive(&peer->server.base, span_make(copy, size), &consumed);
    assert_int_equal(consumed, size);
    free(copy);
}

static inline bool to_server(struct peer *peer) {
    const uint8_t *bytes;
    bool moved = false;
    for (ssize_t size; (size = nghttp2_session_mem_send(peer->client, &bytes)) > 0; moved = true)
        give(peer, bytes, (size_t)size);
    return moved;
}

static inline bool to_client(struct peer *peer) {
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

static inline void run(struct peer *peer) {
    bool moved = true;
    while (moved) {
        moved = to_server(peer);
        moved |= to_client(peer);
    }
}

static inline void forget_log(struct peer *peer) {
    fclose(peer->log);
    free(peer->text);
    peer->log = open_memstream(&peer->text, &peer->text_size);
}

static inline void expect_in_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    if (strstr(peer->text, wanted) == NULL)
        assert_string_equal(peer->text, wanted);
}

static inline void expect_log(struct peer *peer, const char *wanted) {
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

static inline ssize_t upload_read(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *bytes, size_t size, uint32_t *flags,
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

static inline int32_t request(struct peer *peer, const struct field *fields, size_t count, bool content) {
    nghttp2_data_provider provider = {.read_callback = upload_read};
    int32_t id = nghttp2_submit_request(peer->client, NULL, list_of(fields), count, content ? &provider : NULL, NULL);
    assert_true(id > 0);
    return id;
}

static const struct field get[] = {FIELD(":method", "GET"), FIELD(":scheme", "https"), FIELD(":authority", "a.example"), FIELD(":path", "/x?y")};
static const struct field post[] = {FIELD(":method", "POST"), FIELD(":scheme", "https"), FIELD(":authority", "a.example"), FIELD(":path", "/")};

#define ANSWERED "<:status=200><hello><x-sum=1><over 0>"

/* --- Exchanges --- */

#endif
