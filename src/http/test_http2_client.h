/* The HTTP/2 client engine with an owner that logs, and libnghttp2's server behind it. Included by test programs, after cmocka. */
#ifndef FAIRLEAD_HTTP_TEST_HTTP2_CLIENT_H
#define FAIRLEAD_HTTP_TEST_HTTP2_CLIENT_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "http/http2_client.h"

#define EXCHANGES_MAX 300

struct exchange {
    struct arena arena;
    struct http_client_stream *stream; /* NULL: closed */
};

struct peer {
    struct http2_client client;
    struct pool chunks;
    struct buffer output;
    nghttp2_session *server;
    FILE *log; /* what the owner heard, and what the server saw in <> */
    char *text;
    size_t text_size;
    struct exchange exchanges[EXCHANGES_MAX];
    size_t opened;
    size_t body_size;   /* what the owner, or the server, received */
    struct span answer; /* content of the server's answers */
    bool abort_on_head;
};

/* --- The owner --- */

static inline size_t number_of(struct peer *peer, const struct http_client_stream *stream) {
    return (size_t)((struct exchange *)stream->user - peer->exchanges);
}

static inline void log_fields(struct peer *peer, const struct header *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        fprintf(peer->log, " %.*s=%.*s", SPAN_ARGUMENTS(fields[i].name), SPAN_ARGUMENTS(fields[i].value));
}

static inline void on_informational(void *owner, struct http_client_stream *stream, struct message_head *head) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:%d;", number_of(peer, stream), head->status);
}

static inline void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:%d", number_of(peer, stream), head->status);
    log_fields(peer, head->headers, head->header_count);
    fprintf(peer->log, ends ? " ends;" : ";");
    if (peer->abort_on_head)
        http_client_abort(stream);
}

static inline void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    struct peer *peer = owner;
    if (bytes.size < 64)
        fprintf(peer->log, "%zu:body %.*s;", number_of(peer, stream), SPAN_ARGUMENTS(bytes));
    peer->body_size += bytes.size;
}

static inline void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:end", number_of(peer, stream));
    log_fields(peer, trailers, count);
    fprintf(peer->log, ";");
}

static inline void on_drained(void *owner, struct http_client_stream *stream) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:drained;", number_of(peer, stream));
}

static inline void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault UNUSED) {
    struct peer *peer = owner;
    struct span word = close_reason_word(reason);
    fprintf(peer->log, "%zu:failed %.*s;", number_of(peer, stream), SPAN_ARGUMENTS(word));
}

static inline void on_closed(void *owner, struct http_client_stream *stream) {
    struct peer *peer = owner;
    struct exchange *exchange = stream->user;
    fprintf(peer->log, "%zu:closed;", number_of(peer, stream));
    assert_ptr_equal(exchange->stream, stream);
    exchange->stream = NULL;
    arena_reset(&exchange->arena);
}

static const struct http_client_events events = {
    .response_informational = on_informational,
    .response_head = on_head,
    .response_body = on_body,
    .response_end = on_end,
    .request_drained = on_drained,
    .response_failed = on_failed,
    .stream_closed = on_closed,
};

static inline struct http_client_stream *open_stream(struct peer *peer) {
    assert_true(peer->opened < EXCHANGES_MAX);
    struct exchange *exchange = &peer->exchanges[peer->opened++];
    exchange->stream = http_client_open(&peer->client.base, &exchange->arena, exchange);
    assert_non_null(exchange->stream);
    return exchange->stream;
}

static inline bool send_head(struct http_client_stream *stream, const char *method, const char *length, bool ends) {
    struct message_head head;
    message_head_init(&head, &((struct exchange *)stream->user)->arena, 4);
    message_head_set_method(&head, span_of(method));
    head.scheme = SPAN_LITERAL("https");
    head.authority = SPAN_LITERAL("a.example");
    head.path = SPAN_LITERAL("/x?y");
    message_head_add_name(&head, SPAN_LITERAL("x-mine"), SPAN_LITERAL("1"));
    message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("x-gone"));
    message_head_add(&head, HEADER_TRANSFER_ENCODING, SPAN_LITERAL("chunked"));
    if (length != NULL)
        message_head_add(&head, HEADER_CONTENT_LENGTH, span_of(length));
    return http_client_send_head(stream, &head, ends);
}

static inline struct http_client_stream *get(struct peer *peer) {
    struct http_client_stream *stream = open_stream(peer);
    assert_true(send_head(stream, "GET", NULL, true));
    return stream;
}

/* --- The server --- */

static inline int server_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame UNUSED, const uint8_t *name, size_t name_size,
                         const uint8_t *value, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<%.*s=%.*s>", (int)name_size, (const char *)name, (int)value_size, (const char *)value);
    return 0;
}

static inline int server_data(nghttp2_session *session UNUSED, uint8_t flags UNUSED, int32_t id UNUSED, const uint8_t *bytes, size_t size,
                       void *user_data) {
    struct peer *peer = user_data;
    peer->body_size += size;
    if (size < 64)
        fprintf(peer->log, "<%.*s>", (int)size, (const char *)bytes);
    return 0;
}

static inline int server_frame(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct peer *peer = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        fprintf(peer->log, "<goaway %u>", frame->goaway.error_code);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        fprintf(peer->log, "<reset %d %u>", frame->hd.stream_id, frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        fprintf(peer->log, "<pong>");
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        fprintf(peer->log, "<%d whole>", frame->hd.stream_id);
    return 0;
}

static inline ssize_t answer_read(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *bytes, size_t size, uint32_t *flags,
                           nghttp2_data_source *source UNUSED, void *user_data) {
    struct peer *peer = user_data;
    size_t part = peer->answer.size < size ? peer->answer.size : size;
    if (part > 0)
        memcpy(bytes, peer->answer.data, part);
    peer->answer = span_from(peer->answer, part);
    if (peer->answer.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part;
}

/* As nghttp2_nv, with pointers to what does not change. */
struct field {
    const char *name, *value;
    size_t namelen, valuelen;
    uint8_t flags;
};

#define FIELD(name, value) {name, value, sizeof(name) - 1, sizeof(value) - 1, 0}

static const nghttp2_nv *list_of(const struct field *fields) {
    _Static_assert(sizeof(struct field) == sizeof(nghttp2_nv), "one in the place of the other");
    return (const nghttp2_nv *)(const void *)fields;
}

static const struct field ok[] = {FIELD(":status", "200"), FIELD("x-version", "2")};

static inline void answer(struct peer *peer, int32_t id, struct span content) {
    nghttp2_data_provider provider = {.read_callback = answer_read};
    peer->answer = content;
    assert_int_equal(nghttp2_submit_response(peer->server, id, list_of(ok), ARRAY_SIZE(ok), content.size > 0 ? &provider : NULL), 0);
}

static inline void peer_init_with(struct peer *peer, const nghttp2_settings_entry *settings, size_t count) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    *peer = (struct peer){0};
    peer->log = open_memstream(&peer->text, &peer->text_size);
    pool_init(&peer->chunks, sizeof(struct buffer_chunk), 4096, 4);
    buffer_init(&peer->output, &peer->chunks);
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        arena_init(&peer->exchanges[i].arena, 4096);
    http2_client_init(&peer->client, &events, peer, &peer->output, NULL);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, server_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    /* The server says what it likes: the client is to judge. */
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 512 * 1024);
    assert_int_equal(nghttp2_session_server_new2(&peer->server, callbacks, peer, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(peer->server, 0, settings, count), 0);
}

static inline void peer_init(struct peer *peer) {
    peer_init_with(peer, NULL, 0);
}

static inline void peer_deinit(struct peer *peer) {
    http_client_deinit(&peer->client.base);
    nghttp2_session_del(peer->server);
    buffer_reset(&peer->output);
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        assert_null(peer->exchanges[i].stream);
        arena_deinit(&peer->exchanges[i].arena);
    }
    assert_int_equal(peer->chunks.live_count, 0);
    pool_deinit(&peer->chunks);
    fclose(peer->log);
    free(peer->text);
}

/* Raw bytes to the client, in one piece. */
static inline enum http_session_status give(struct peer *peer, const void *bytes, size_t size) {
    size_t consumed;
    char *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    enum http_session_status status = http_client_receive(&peer->client.base, span_make(copy, size), &consumed);
    assert_int_equal(consumed, size);
    free(copy);
    return status;
}

static inline bool to_client(struct peer *peer) {
    const uint8_t *bytes;
    bool moved = false;
    for (ssize_t size; (size = nghttp2_session_mem_send(peer->server, &bytes)) > 0; moved = true)
        (void)give(peer, bytes, (size_t)size);
    return moved;
}

static inline bool to_server(struct peer *peer) {
    bool moved = false;
    http2_client_produce(&peer->client);
    for (; peer->output.size > 0; moved = true) {
        struct span front = buffer_front(&peer->output);
        assert_true(nghttp2_session_mem_recv(peer->server, (const uint8_t *)front.data, front.size) >= 0);
        buffer_consume(&peer->output, front.size);
        http2_client_produce(&peer->client);
    }
    assert_false(http2_client_wants_output(&peer->client) && peer->client.status == HTTP_SESSION_OPEN);
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

static inline void expect_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    assert_string_equal(peer->text, wanted);
    forget_log(peer);
}

static inline void expect_in_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    if (strstr(peer->text, wanted) == NULL)
        assert_string_equal(peer->text, wanted);
}

static inline void expect_end(const struct peer *peer, enum close_reason reason) {
    assert_int_not_equal(peer->client.status, HTTP_SESSION_OPEN);
    assert_int_equal(http2_client_close_reason(&peer->client), reason);
    assert_false(http_client_is_reusable(&peer->client.base));
}

#endif
