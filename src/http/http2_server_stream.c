#include "http/http2_server_stream.h"

#include "base/assert.h"
#include "base/limits.h"
#include "http/http2_fields.h"

/* Of ":status"; and what precedes each frame (RFC 9113 section 4.1). */
#define STATUS_DIGITS 3
#define FRAME_HEAD_BYTES 9

/* --- Life --- */

struct http2_server_stream *http2_server_stream_open(struct http2_server *server, int32_t id) {
    struct http2_server_stream *stream = pool_take(&server->stream_pool);
    if (stream == NULL)
        return NULL;
    *stream = (struct http2_server_stream){.base = {.server = &server->base}, .id = id};
    buffer_init(&stream->queue, server->base.output->chunks);
    list_init(&stream->drained_link);
    stream->arena = server->base.events->stream_begin(server->base.owner, &stream->base);
    if (stream->arena == NULL) {
        pool_release(&server->stream_pool, stream);
        return NULL;
    }
    list_push_back(&server->streams, &stream->link);
    server->stream_count++;
    http2_request_head_init(&stream->request, stream->arena);
    return stream;
}

/* What was withheld counts no more with the session. */
static void release_connection_window(struct http2_server_stream *stream) {
    struct http2_server *server = http2_server_of(stream->base.server);
    if (stream->uncredited_bytes > 0)
        (void)nghttp2_session_consume_connection(server->library, stream->uncredited_bytes);
    server->withheld_bytes -= stream->withheld_bytes;
    stream->uncredited_bytes = 0;
}

void http2_server_stream_close(struct http2_server_stream *stream) {
    struct http2_server *server = http2_server_of(stream->base.server);
    nghttp2_session_set_stream_user_data(server->library, stream->id, NULL);
    list_remove(&stream->link);
    list_remove(&stream->drained_link);
    server->stream_count--;
    server->queued_bytes -= stream->queue.size;
    buffer_reset(&stream->queue);
    release_connection_window(stream);
    server->base.events->stream_closed(server->base.owner, &stream->base);
    pool_release(&server->stream_pool, stream);
}

void http2_server_stream_fail(struct http2_server_stream *stream, enum close_reason reason) {
    struct http2_server *server = http2_server_of(stream->base.server);
    server->base.events->stream_failed(server->base.owner, &stream->base, reason);
    http2_server_stream_close(stream);
}

void http2_server_stream_reset(struct http2_server_stream *stream, uint32_t code) {
    struct http2_server *server = http2_server_of(stream->base.server);
    if (!stream->remote_ended)
        http2_stream_ids_reset(&server->ids, stream->id);
    /* It fails for want of memory only, which ends the process elsewhere; the stream is then closed by the session's end. */
    (void)nghttp2_submit_rst_stream(server->library, NGHTTP2_FLAG_NONE, stream->id, code);
}

void http2_server_stream_answered(struct http2_server_stream *stream) {
    struct http2_server *server = http2_server_of(stream->base.server);
    http2_defence_earn(&server->defence, HTTP2_DEFENCE_RESET, 1);
    /* A tunnel's other side lives on; so does the library's stream when the client has ended, until its own callback. */
    if (stream->remote_ended || stream->tunnel)
        return;
    http2_server_stream_reset(stream, NGHTTP2_NO_ERROR);
    http2_server_stream_close(stream);
}

/* RFC 9113 section 7: what the client is told. */
static uint32_t code_of(enum close_reason reason) {
    switch (reason) {
    case CLOSE_REASON_DOWNSTREAM_PROTOCOL_ERROR:
    case CLOSE_REASON_HTTP2_MESSAGE_INVALID: return NGHTTP2_PROTOCOL_ERROR;
    case CLOSE_REASON_STREAM_IDLE_TIMEOUT:
    case CLOSE_REASON_HTTP2_STREAM_STALLED:
    case CLOSE_REASON_SHUT_DOWN:
    case CLOSE_REASON_DRAINED: return NGHTTP2_CANCEL;
    case CLOSE_REASON_MEMORY_CEILING: return NGHTTP2_ENHANCE_YOUR_CALM;
    default: return NGHTTP2_INTERNAL_ERROR;
    }
}

void http2_server_stream_abort(struct http_stream *base, enum close_reason reason) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    http2_server_stream_reset(stream, code_of(reason));
    http2_server_stream_close(stream);
}

/* --- The request's windows --- */

void http2_server_stream_pause(struct http_stream *base) {
    http2_server_stream_of(base)->paused = true;
}

void http2_server_stream_resume(struct http_stream *base) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    stream->paused = false;
    release_connection_window(stream);
    if (stream->withheld_bytes > 0)
        (void)nghttp2_session_consume_stream(http2_server_of(base->server)->library, stream->id, stream->withheld_bytes);
    stream->withheld_bytes = 0;
}

void http2_server_stream_credit(struct http2_server_stream *stream, size_t size) {
    struct http2_server *server = http2_server_of(stream->base.server);
    /* One slow stream must not hold the others; many must not fill the worker's buffers. */
    bool withholds = stream->paused && server->withheld_bytes + size > HTTP2_CONNECTION_WITHHELD_BYTES_MAX;
    if (!withholds)
        (void)nghttp2_session_consume_connection(server->library, size);
    if (!stream->paused) {
        (void)nghttp2_session_consume_stream(server->library, stream->id, size);
        return;
    }
    stream->uncredited_bytes += withholds ? size : 0;
    stream->withheld_bytes += size;
    server->withheld_bytes += size;
}

/* --- The response --- */

static size_t queue_limit(const struct http2_server *server) {
    const struct pool *chunks = server->base.output->chunks;
    bool crowded = server->queued_bytes > HTTP2_CONNECTION_QUEUE_BYTES_MAX || chunks->live_count > chunks->count_max / 2;
    return crowded ? HTTP2_STREAM_LOW_WATER_BYTES : HTTP2_STREAM_HIGH_WATER_BYTES;
}

/* The library asks what the next DATA frame holds: `size` is what frame and windows allow. */
static ssize_t data_read(nghttp2_session *library, int32_t id, uint8_t *bytes UNUSED, size_t size, uint32_t *flags,
                         nghttp2_data_source *source UNUSED, void *user_data UNUSED) {
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, id);
    /* Closed in this very turn; its RST_STREAM goes first. */
    if (stream == NULL)
        return NGHTTP2_ERR_DEFERRED;
    bool complete = stream->response_phase == HTTP2_RESPONSE_COMPLETE;
    if (stream->queue.size == 0 && !complete)
        return NGHTTP2_ERR_DEFERRED;
    size_t part = stream->queue.size < size ? stream->queue.size : size;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (complete && part == stream->queue.size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->trailer_count > 0) {
            struct http2_field_list list;
            http2_field_list_init(&list, stream->arena, stream->trailer_count);
            http2_field_list_add_trailers(&list, stream->trailers, stream->trailer_count);
            if (list.count > 0 && nghttp2_submit_trailer(library, id, list.fields, list.count) == 0)
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
    }
    return (ssize_t)part;
}

static void queue_shrank(struct http2_server *server, struct http2_server_stream *stream, size_t size) {
    stream->moved = true;
    if (stream->above_high_water && stream->queue.size < HTTP2_STREAM_LOW_WATER_BYTES) {
        stream->above_high_water = false;
        if (!list_is_linked(&stream->drained_link))
            list_push_back(&server->drained, &stream->drained_link);
    }
    /* Grants of a few bytes do not pay for themselves; the end of a response may be short. */
    if (size >= HTTP2_DATA_SMALL_BYTES || stream->queue.size == 0)
        http2_defence_earn(&server->defence, HTTP2_DEFENCE_WINDOW, HTTP2_WINDOW_FRAMES_PER_DATA);
}

int http2_server_stream_write_data(nghttp2_session *library, nghttp2_frame *frame, const uint8_t *frame_head, size_t size,
                                   nghttp2_data_source *source UNUSED, void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
    ASSERT(stream != NULL && stream->queue.size >= size && frame->data.padlen == 0);
    if (!buffer_append(server->base.output, span_make(frame_head, FRAME_HEAD_BYTES)))
        return http2_server_fatal(server, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR);
    for (size_t left = size; left > 0;) {
        struct span part = span_first(buffer_front(&stream->queue), left);
        if (!buffer_append(server->base.output, part))
            return http2_server_fatal(server, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR);
        buffer_consume(&stream->queue, part.size);
        server->queued_bytes -= part.size;
        left -= part.size;
    }
    queue_shrank(server, stream, size);
    return 0;
}

static void status_print(int status, char ret_digits[STATUS_DIGITS]) {
    ret_digits[0] = (char)('0' + status / 100);
    ret_digits[1] = (char)('0' + status / 10 % 10);
    ret_digits[2] = (char)('0' + status % 10);
}

static void head_list(const struct http2_server_stream *stream, const struct message_head *head, int status, struct http2_field_list *ret_list) {
    char *digits = arena_allocate_aligned(stream->arena, STATUS_DIGITS, 1);
    status_print(status, digits);
    http2_field_list_init(ret_list, stream->arena, head->header_count + 1);
    http2_field_list_add(ret_list, SPAN_LITERAL(":status"), span_make(digits, STATUS_DIGITS));
    http2_field_list_add_fields(ret_list, head->headers, head->header_count);
}

bool http2_server_stream_send_informational(struct http_stream *base, const struct message_head *head) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    struct http2_field_list list;
    if (stream->response_phase != HTTP2_RESPONSE_WAITING || head->status / 100 != 1 || head->status == 101)
        return false;
    head_list(stream, head, head->status, &list);
    return nghttp2_submit_headers(http2_server_of(base->server)->library, NGHTTP2_FLAG_NONE, stream->id, NULL, list.fields, list.count,
                                  NULL) == 0;
}

static bool submit_head(struct http2_server_stream *stream, const struct http2_field_list *list, bool ends) {
    nghttp2_data_provider provider = {.read_callback = data_read};
    stream->response_phase = ends ? HTTP2_RESPONSE_COMPLETE : HTTP2_RESPONSE_BODY;
    return nghttp2_submit_response(http2_server_of(stream->base.server)->library, stream->id, list->fields, list->count,
                                   ends ? NULL : &provider) == 0;
}

/* RFC 6455 section 4.1: the upstream has understood the handshake only if it answers the key. The client sees nothing of it. */
static bool websocket_is_accepted(const struct http2_server_stream *stream, const struct message_head *head) {
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_accept_of(span_make(stream->websocket_key, WEBSOCKET_KEY_SIZE), accept);
    return header_list_contains(message_head_value(head, HEADER_UPGRADE), SPAN_LITERAL("websocket")) &&
           span_equal(message_head_value(head, HEADER_SEC_WEBSOCKET_ACCEPT), span_make(accept, WEBSOCKET_ACCEPT_SIZE));
}

bool http2_server_stream_fits(const struct http_stream *base, const struct message_head *head) {
    const struct http2_server_stream *stream = (const struct http2_server_stream *)(const void *)base;
    if (!stream->extended_connect)
        return true;
    return head->status == 101 ? websocket_is_accepted(stream, head) : head->status / 100 != 2;
}

/* RFC 8441 section 5: 101 becomes 200, without the fields of HTTP/1.1's handshake. */
static bool send_tunnel_head(struct http2_server_stream *stream, const struct message_head *head) {
    struct message_head copy;
    struct http2_field_list list;
    if (stream->extended_connect && !websocket_is_accepted(stream, head))
        return false;
    message_head_copy(head, stream->arena, &copy);
    message_head_remove(&copy, HEADER_SEC_WEBSOCKET_ACCEPT);
    message_head_remove(&copy, HEADER_CONTENT_LENGTH);
    head_list(stream, &copy, head->status == 101 ? 200 : head->status, &list);
    stream->tunnel = true;
    stream->request_phase = HTTP2_REQUEST_TUNNEL;
    return submit_head(stream, &list, false);
}

bool http2_server_stream_send_head(struct http_stream *base, const struct message_head *head, bool ends) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    struct http2_field_list list;
    if (stream->response_phase != HTTP2_RESPONSE_WAITING || (head->status < 200 && head->status != 101))
        return false;
    if (head->status == 101 || (stream->method == HTTP_METHOD_CONNECT && !stream->extended_connect && head->status / 100 == 2)) {
        bool asked = stream->method == HTTP_METHOD_CONNECT && (head->status == 101) == stream->extended_connect;
        return asked && stream->request_phase == HTTP2_REQUEST_COMPLETE && send_tunnel_head(stream, head);
    }
    stream->has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &stream->response_left);
    stream->no_content = stream->method == HTTP_METHOD_HEAD || head->status == 204 || head->status == 304;
    if (ends && stream->has_length && stream->response_left > 0 && !stream->no_content)
        return false;
    head_list(stream, head, head->status, &list);
    return submit_head(stream, &list, ends);
}

bool http2_server_stream_send_body(struct http_stream *base, struct span bytes) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    struct http2_server *server = http2_server_of(base->server);
    if (stream->response_phase != HTTP2_RESPONSE_BODY)
        return false;
    if (stream->no_content || bytes.size == 0)
        return true;
    if (stream->has_length && bytes.size > stream->response_left)
        return false;
    bool was_empty = stream->queue.size == 0;
    if (!buffer_append(&stream->queue, bytes))
        return false;
    if (stream->has_length)
        stream->response_left -= bytes.size;
    server->queued_bytes += bytes.size;
    if (stream->queue.size > queue_limit(server))
        stream->above_high_water = true;
    /* Not an error where the frame is not deferred. */
    if (was_empty)
        (void)nghttp2_session_resume_data(server->library, stream->id);
    return true;
}

bool http2_server_stream_send_end(struct http_stream *base, const struct header *trailers, size_t count) {
    struct http2_server_stream *stream = http2_server_stream_of(base);
    if (stream->response_phase != HTTP2_RESPONSE_BODY || (stream->has_length && !stream->no_content && stream->response_left > 0))
        return false;
    if (count > 0 && !stream->no_content && !stream->tunnel) {
        stream->trailers = arena_new_array(stream->arena, struct header, count);
        memcpy(stream->trailers, trailers, count * sizeof(*trailers));
        stream->trailer_count = count;
    }
    stream->response_phase = HTTP2_RESPONSE_COMPLETE;
    (void)nghttp2_session_resume_data(http2_server_of(base->server)->library, stream->id);
    return true;
}

size_t http2_server_stream_queued(const struct http_stream *base) {
    const struct http2_server_stream *stream = (const struct http2_server_stream *)(const void *)base;
    return stream->queue.size;
}

bool http2_server_stream_is_behind(const struct http_stream *base) {
    const struct http2_server_stream *stream = (const struct http2_server_stream *)(const void *)base;
    return stream->above_high_water && stream->queue.size >= HTTP2_STREAM_LOW_WATER_BYTES;
}
