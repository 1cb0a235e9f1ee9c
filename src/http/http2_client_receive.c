/* What comes from the upstream: the library's callbacks and the heads of frames, up to the events of a response. */
#include "base/limits.h"
#include "http/http2_client_stream.h"

int http2_client_fatal(struct http2_client *client, enum close_reason reason, uint32_t code) {
    client->fatal_reason = reason;
    client->fatal_code = code;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int spend(struct http2_client *client, enum http2_defence_kind kind) {
    enum close_reason reason = http2_defence_spend(&client->defence, kind);
    return reason == CLOSE_REASON_NONE ? 0 : http2_client_fatal(client, reason, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The stream, while somebody wants its response; else NULL. */
static struct http2_client_stream *find(nghttp2_session *library, int32_t id) {
    struct http2_client_stream *stream = id == 0 ? NULL : nghttp2_session_get_stream_user_data(library, id);
    return stream == NULL || stream->arena == NULL ? NULL : stream;
}

/* --- Frames begin --- */

static int begin_continuation_frame(struct http2_client *client, const struct http2_frame_head *frame) {
    enum close_reason reason = http2_defence_continuation(&client->defence);
    if (reason != CLOSE_REASON_NONE)
        return http2_client_fatal(client, reason, NGHTTP2_ENHANCE_YOUR_CALM);
    return frame->size == 0 ? spend(client, HTTP2_DEFENCE_EMPTY) : 0;
}

int http2_client_frame_begin(struct http2_client *client, const struct http2_frame_head *frame) {
    switch (frame->type) {
    case NGHTTP2_DATA: return 0;
    case NGHTTP2_HEADERS:
        http2_defence_head_begin(&client->defence);
        return frame->size == 0 ? spend(client, HTTP2_DEFENCE_EMPTY) : 0;
    case NGHTTP2_CONTINUATION: return begin_continuation_frame(client, frame);
    case NGHTTP2_RST_STREAM:
        /* Those of streams that are open are as many as the requests. */
        return find(client->library, frame->stream_id) == NULL ? spend(client, HTTP2_DEFENCE_RESET) : 0;
    case NGHTTP2_SETTINGS: return spend(client, HTTP2_DEFENCE_SETTINGS);
    case NGHTTP2_GOAWAY:
    case NGHTTP2_PING: return spend(client, HTTP2_DEFENCE_PING);
    case NGHTTP2_WINDOW_UPDATE: return spend(client, HTTP2_DEFENCE_WINDOW);
    default: return spend(client, HTTP2_DEFENCE_PRIORITY);
    }
}

/* --- Heads --- */

static int on_begin_headers(nghttp2_session *library, const nghttp2_frame *frame, void *user_data UNUSED) {
    struct http2_client_stream *stream = find(library, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    stream->head = arena_new(stream->arena, struct message_head);
    message_head_init(stream->head, stream->arena, HTTP_FIELDS_MAX);
    stream->head->version = HTTP_2;
    stream->fields = (struct http2_fields){.head = stream->head,
                                           .bytes_max = stream->responding ? HTTP_TRAILER_BYTES_MAX : HTTP_HEAD_BYTES_MAX,
                                           .too_large = HTTP1_FAULT_HEAD_TOO_LARGE};
    return 0;
}

/* The stream has failed by the upstream's doing. */
static void stream_malformed(struct http2_client *client, struct http2_client_stream *stream) {
    (void)nghttp2_submit_rst_stream(client->library, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_PROTOCOL_ERROR);
    http2_client_stream_fail(stream, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
}

static int on_header(nghttp2_session *library, const nghttp2_frame *frame, const uint8_t *name_bytes, size_t name_size,
                     const uint8_t *value_bytes, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    struct http2_client *client = user_data;
    struct http2_client_stream *stream = find(library, frame->hd.stream_id);
    struct span name = span_make(name_bytes, name_size), value = span_make(value_bytes, value_size);
    uint64_t status;
    if (stream == NULL)
        return 0;
    if (http2_fields_count(&stream->fields, name, value) != HTTP2_FIELD_TAKEN)
        return http2_client_fatal(client, CLOSE_REASON_HTTP2_HEADER_BOMB, NGHTTP2_ENHANCE_YOUR_CALM);
    /* The library lets ":status" alone pass, of three digits, where one belongs. */
    if (span_starts_with(name, SPAN_LITERAL(":"))) {
        if (span_to_u64(value, &status))
            stream->head->status = (int)status;
        return 0;
    }
    if (http2_fields_add(&stream->fields, name, value) == HTTP2_FIELD_TAKEN)
        return 0;
    stream_malformed(client, stream);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The library would drop the field and take the rest: RFC 9113 section 8.2.1 calls the message malformed. */
static int on_invalid_header(nghttp2_session *library UNUSED, const nghttp2_frame *frame UNUSED, const uint8_t *name UNUSED,
                             size_t name_size UNUSED, const uint8_t *value UNUSED, size_t value_size UNUSED, uint8_t flags UNUSED,
                             void *user_data UNUSED) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void head_complete(struct http2_client *client, struct http2_client_stream *stream, bool ends) {
    struct message_head *head = stream->head;
    const struct http_client_events *events = client->base.events;
    if (stream->fields.fault != HTTP1_FAULT_NONE || head->status < 100 || head->status == 101) {
        stream_malformed(client, stream);
    } else if (head->status < 200) {
        if (ends || ++stream->informational_count > HTTP_INFORMATIONAL_MAX)
            stream_malformed(client, stream);
        else
            events->response_informational(client->base.owner, &stream->base, head);
    } else {
        uint64_t length;
        bool has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &length);
        head->content_length = ends ? 0 : has_length ? length : MESSAGE_LENGTH_UNKNOWN;
        stream->responding = true;
        stream->response_complete = ends;
        events->response_head(client->base.owner, &stream->base, head, ends);
    }
}

/* --- Content, trailers, resets --- */

static void response_end(struct http2_client *client, struct http2_client_stream *stream, struct header *trailers, size_t count) {
    stream->response_complete = true;
    http2_defence_earn(&client->defence, HTTP2_DEFENCE_RESET, 1);
    client->base.events->response_end(client->base.owner, &stream->base, trailers, count);
}

static void headers_received(struct http2_client *client, struct http2_client_stream *stream, bool ends) {
    struct header *trailers;
    size_t count;
    stream->received = true;
    if (!stream->responding) {
        head_complete(client, stream, ends);
    } else if (stream->fields.fault != HTTP1_FAULT_NONE || !ends) {
        stream_malformed(client, stream);
    } else {
        http2_fields_trailers(&stream->fields, &trailers, &count);
        response_end(client, stream, trailers, count);
    }
}

static int on_data_chunk(nghttp2_session *library, uint8_t flags UNUSED, int32_t id, const uint8_t *bytes, size_t size, void *user_data) {
    struct http2_client *client = user_data;
    struct http2_client_stream *stream = find(library, id);
    /* One slow client must not hold the others: the connection's window is credited at once. */
    if (nghttp2_session_consume_connection(library, size) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (stream == NULL)
        return 0;
    client->base.events->response_body(client->base.owner, &stream->base, span_make(bytes, size));
    if (find(library, id) == NULL)
        return 0;
    if (stream->paused)
        stream->withheld_bytes += size;
    else if (nghttp2_session_consume_stream(library, id, size) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return 0;
}

static int data_received(struct http2_client *client, struct http2_client_stream *stream, const nghttp2_frame *frame) {
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (stream != NULL)
        stream->received = true;
    if (ends && stream != NULL)
        response_end(client, stream, NULL, 0);
    return !ends && frame->hd.length <= frame->data.padlen ? spend(client, HTTP2_DEFENCE_EMPTY) : 0;
}

/* A request that still waits here; NULL: none. */
static struct http2_client_stream *find_unsent(const struct http2_client *client) {
    LIST_FOR_EACH(link, &client->streams) {
        struct http2_client_stream *stream = CONTAINER_OF(link, struct http2_client_stream, link);
        if (stream->in_library && !stream->head_framed)
            return stream;
    }
    return NULL;
}

/* RFC 9113 section 6.8. Those with higher ids than the last one are closed by the library, as refused; those that wait here go nowhere. */
static void goaway_received(struct http2_client *client) {
    client->going_away = true;
    for (struct http2_client_stream *stream; (stream = find_unsent(client)) != NULL;)
        http2_client_stream_fail(stream, CLOSE_REASON_UPSTREAM_REFUSED);
}

static int on_frame_received(nghttp2_session *library, const nghttp2_frame *frame, void *user_data) {
    struct http2_client *client = user_data;
    struct http2_client_stream *stream = find(library, frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_GOAWAY: goaway_received(client); return 0;
    case NGHTTP2_DATA: return data_received(client, stream, frame);
    case NGHTTP2_RST_STREAM:
        if (stream != NULL)
            stream->reset_by_peer = true;
        return 0;
    case NGHTTP2_HEADERS:
        if (stream != NULL)
            headers_received(client, stream, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
        return 0;
    default: return 0;
    }
}

/* --- The end of a stream --- */

/* In order, by a reset of either side, or because the peer's GOAWAY leaves it out. */
static int on_stream_close(nghttp2_session *library, int32_t id, uint32_t code, void *user_data UNUSED) {
    struct http2_client_stream *stream = nghttp2_session_get_stream_user_data(library, id);
    if (stream == NULL)
        return 0;
    if (stream->arena != NULL) {
        if (stream->response_complete)
            http2_client_stream_close(stream);
        else if (!stream->head_framed || (code == NGHTTP2_REFUSED_STREAM && !stream->received))
            http2_client_stream_fail(stream, CLOSE_REASON_UPSTREAM_REFUSED);
        else
            http2_client_stream_fail(stream, stream->reset_by_peer ? CLOSE_REASON_UPSTREAM_RESET : CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
    }
    http2_client_stream_forget(stream);
    return 0;
}

void http2_client_receive_callbacks(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
