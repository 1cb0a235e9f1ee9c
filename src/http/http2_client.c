#include "http/http2_client.h"

#include "base/assert.h"
#include "base/limits.h"

#define FRAME_HEAD_BYTES 9
/* ":method", ":scheme", ":authority", ":path". */
#define PSEUDO_FIELDS 4

static struct http2_client *client_of(struct http_client *base) {
    return CONTAINER_OF(base, struct http2_client, base);
}

static struct http2_client *client_of_stream(struct http_client_stream *stream) {
    return CONTAINER_OF(stream, struct http2_client, stream);
}

/* --- The stream's end --- */

static void stream_close(struct http2_client *client) {
    if (client->id != 0)
        nghttp2_session_set_stream_user_data(client->library, client->id, NULL);
    client->arena = NULL;
    client->id = 0;
    buffer_reset(&client->queue);
    client->base.events->stream_closed(client->base.owner, &client->stream);
}

static void stream_fail(struct http2_client *client, enum close_reason reason) {
    client->base.events->response_failed(client->base.owner, &client->stream, reason, HTTP1_FAULT_NONE);
    if (client->arena != NULL)
        stream_close(client);
}

static void session_fail(struct http2_client *client, enum close_reason reason) {
    if (client->status != HTTP_SESSION_OPEN)
        return;
    client->status = HTTP_SESSION_BROKEN;
    if (client->arena != NULL)
        stream_fail(client, reason);
}

/* Both halves are complete. */
static void stream_may_close(struct http2_client *client) {
    if (client->arena != NULL && client->response_complete && client->request_framed)
        stream_close(client);
}

static bool is_present(const struct http2_client *client, int32_t id) {
    return client->arena != NULL && client->id == id && id != 0;
}

/* --- What goes out --- */

static ssize_t data_read(nghttp2_session *library, int32_t id, uint8_t *bytes UNUSED, size_t size, uint32_t *flags,
                         nghttp2_data_source *source UNUSED, void *user_data) {
    struct http2_client *client = user_data;
    if (!is_present(client, id) || (client->queue.size == 0 && !client->request_complete))
        return NGHTTP2_ERR_DEFERRED;
    size_t part = client->queue.size < size ? client->queue.size : size;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (client->request_complete && part == client->queue.size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (client->trailer_count > 0) {
            struct http2_field_list list;
            http2_field_list_init(&list, client->arena, client->trailer_count);
            http2_field_list_add_trailers(&list, client->trailers, client->trailer_count);
            if (list.count > 0 && nghttp2_submit_trailer(library, id, list.fields, list.count) == 0)
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
    }
    return (ssize_t)part;
}

static int write_data(nghttp2_session *library UNUSED, nghttp2_frame *frame UNUSED, const uint8_t *frame_head, size_t size,
                      nghttp2_data_source *source UNUSED, void *user_data) {
    struct http2_client *client = user_data;
    ASSERT(client->queue.size >= size);
    if (!buffer_append(client->base.output, span_make(frame_head, FRAME_HEAD_BYTES)))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    for (size_t left = size; left > 0;) {
        struct span part = span_first(buffer_front(&client->queue), left);
        if (!buffer_append(client->base.output, part))
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        buffer_consume(&client->queue, part.size);
        left -= part.size;
    }
    return 0;
}

static int on_frame_sent(nghttp2_session *library UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct http2_client *client = user_data;
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends && is_present(client, frame->hd.stream_id)) {
        client->request_framed = true;
        stream_may_close(client);
    }
    return 0;
}

static void tell_drained(struct http2_client *client) {
    if (client->arena == NULL || !client->above_high_water || client->queue.size >= HTTP2_STREAM_LOW_WATER_BYTES)
        return;
    client->above_high_water = false;
    client->base.events->request_drained(client->base.owner, &client->stream);
}

/* False: the output's ceiling, or the library's end. */
static bool produce(struct http2_client *client) {
    if (client->inside)
        return client->status == HTTP_SESSION_OPEN;
    const uint8_t *frame;
    ssize_t size;
    client->inside = true;
    while ((size = nghttp2_session_mem_send(client->library, &frame)) > 0)
        if (!buffer_append(client->base.output, span_make(frame, (size_t)size)))
            size = NGHTTP2_ERR_NOMEM;
    client->inside = false;
    if (size < 0)
        session_fail(client, CLOSE_REASON_MEMORY_CEILING);
    else
        tell_drained(client);
    return client->status == HTTP_SESSION_OPEN;
}

/* --- What comes in --- */

static int on_begin_headers(nghttp2_session *library UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct http2_client *client = user_data;
    if (!is_present(client, frame->hd.stream_id))
        return 0;
    client->head = arena_new(client->arena, struct message_head);
    message_head_init(client->head, client->arena, HTTP_FIELDS_MAX);
    client->head->version = HTTP_2;
    client->fields = (struct http2_fields){.head = client->head,
                                           .bytes_max = client->responding ? HTTP_TRAILER_BYTES_MAX : HTTP_HEAD_BYTES_MAX,
                                           .too_large = HTTP1_FAULT_HEAD_TOO_LARGE};
    return 0;
}

static int on_header(nghttp2_session *library UNUSED, const nghttp2_frame *frame, const uint8_t *name_bytes, size_t name_size,
                     const uint8_t *value_bytes, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    struct http2_client *client = user_data;
    struct span name = span_make(name_bytes, name_size), value = span_make(value_bytes, value_size);
    uint64_t status;
    if (!is_present(client, frame->hd.stream_id))
        return 0;
    if (http2_fields_count(&client->fields, name, value) != HTTP2_FIELD_TAKEN)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    /* The library lets ":status" alone pass, of three digits, where one belongs. */
    if (span_starts_with(name, SPAN_LITERAL(":"))) {
        if (span_to_u64(value, &status))
            client->head->status = (int)status;
        return 0;
    }
    return http2_fields_add(&client->fields, name, value) == HTTP2_FIELD_TAKEN ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int stream_malformed(struct http2_client *client) {
    (void)nghttp2_submit_rst_stream(client->library, NGHTTP2_FLAG_NONE, client->id, NGHTTP2_PROTOCOL_ERROR);
    stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
    return 0;
}

static int head_complete(struct http2_client *client, bool ends) {
    struct message_head *head = client->head;
    const struct http_client_events *events = client->base.events;
    if (client->fields.fault != HTTP1_FAULT_NONE || head->status < 100 || head->status == 101)
        return stream_malformed(client);
    if (head->status < 200) {
        if (ends || ++client->informational_count > HTTP_INFORMATIONAL_MAX)
            return stream_malformed(client);
        events->response_informational(client->base.owner, &client->stream, head);
        return 0;
    }
    uint64_t length;
    bool has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &length);
    head->content_length = ends ? 0 : has_length ? length : MESSAGE_LENGTH_UNKNOWN;
    client->responding = true;
    client->response_complete = ends;
    events->response_head(client->base.owner, &client->stream, head, ends);
    return 0;
}

static void response_end(struct http2_client *client, struct header *trailers, size_t count) {
    client->response_complete = true;
    client->base.events->response_end(client->base.owner, &client->stream, trailers, count);
}

static int headers_received(struct http2_client *client, const nghttp2_frame *frame) {
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!client->responding)
        return head_complete(client, ends);
    struct header *trailers;
    size_t count;
    if (client->fields.fault != HTTP1_FAULT_NONE || !ends)
        return stream_malformed(client);
    http2_fields_trailers(&client->fields, &trailers, &count);
    response_end(client, trailers, count);
    return 0;
}

static int on_frame_received(nghttp2_session *library UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct http2_client *client = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        client->going_away = true;
    if (!is_present(client, frame->hd.stream_id))
        return 0;
    client->received |= frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    int result = 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        client->reset_by_peer = true;
    else if (frame->hd.type == NGHTTP2_HEADERS)
        result = headers_received(client, frame);
    else if (frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        response_end(client, NULL, 0);
    stream_may_close(client);
    return result;
}

static int on_data_chunk(nghttp2_session *library UNUSED, uint8_t flags UNUSED, int32_t id, const uint8_t *bytes, size_t size, void *user_data) {
    struct http2_client *client = user_data;
    if (is_present(client, id))
        client->base.events->response_body(client->base.owner, &client->stream, span_make(bytes, size));
    return 0;
}

/* The library is done with the stream: in order, by a reset of either side, or because the peer's GOAWAY leaves it out. */
static int on_stream_closed(nghttp2_session *library UNUSED, int32_t id, uint32_t code, void *user_data) {
    struct http2_client *client = user_data;
    if (!is_present(client, id))
        return 0;
    if (client->response_complete)
        stream_close(client);
    else if (code == NGHTTP2_REFUSED_STREAM && !client->received)
        stream_fail(client, CLOSE_REASON_UPSTREAM_REFUSED);
    else
        stream_fail(client, client->reset_by_peer ? CLOSE_REASON_UPSTREAM_RESET : CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
    return 0;
}

static enum http_session_status client_receive(struct http_client *base, struct span bytes, size_t *ret_consumed) {
    struct http2_client *client = client_of(base);
    *ret_consumed = bytes.size;
    if (client->status != HTTP_SESSION_OPEN || bytes.size == 0)
        return client->status;
    client->inside = true;
    ssize_t read = nghttp2_session_mem_recv(client->library, (const uint8_t *)bytes.data, bytes.size);
    client->inside = false;
    if (read < 0)
        session_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
    else
        (void)produce(client);
    /* The library said GOAWAY for an error of the peer. */
    if (client->status == HTTP_SESSION_OPEN && !nghttp2_session_want_read(client->library))
        session_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
    return client->status;
}

static enum http_session_status client_receive_end(struct http_client *base) {
    struct http2_client *client = client_of(base);
    session_fail(client, CLOSE_REASON_UPSTREAM_CLOSED);
    return client->status;
}

static enum http_session_status client_status(const struct http_client *base) {
    return ((const struct http2_client *)(const void *)base)->status;
}

/* --- The owner's calls --- */

static bool client_is_reusable(const struct http_client *base) {
    const struct http2_client *client = (const struct http2_client *)(const void *)base;
    return client->status == HTTP_SESSION_OPEN && client->arena == NULL && !client->going_away &&
           nghttp2_session_get_next_stream_id(client->library) < (uint32_t)HTTP2_STREAM_ID_MAX;
}

static struct http_client_stream *client_open(struct http_client *base, struct arena *arena, void *user) {
    struct http2_client *client = client_of(base);
    if (!client_is_reusable(base))
        return NULL;
    client->stream = (struct http_client_stream){.client = base, .user = user};
    client->arena = arena;
    client->id = 0;
    client->trailer_count = 0;
    client->informational_count = 0;
    client->has_length = client->above_high_water = client->request_complete = client->request_framed = false;
    client->received = client->responding = client->response_complete = client->reset_by_peer = false;
    return &client->stream;
}

static bool client_has_received(const struct http_client_stream *stream) {
    const struct http2_client *client = (const struct http2_client *)(const void *)stream->client;
    return client->received;
}

static bool client_send_head(struct http_client_stream *stream, const struct message_head *head, bool ends) {
    struct http2_client *client = client_of_stream(stream);
    struct http2_field_list list;
    nghttp2_data_provider provider = {.read_callback = data_read};
    if (client->arena == NULL || client->id != 0 || client->status != HTTP_SESSION_OPEN)
        return false;
    http2_field_list_init(&list, client->arena, head->header_count + PSEUDO_FIELDS);
    http2_field_list_add(&list, SPAN_LITERAL(":method"), head->method);
    http2_field_list_add(&list, SPAN_LITERAL(":scheme"), head->scheme.size > 0 ? head->scheme : SPAN_LITERAL("http"));
    http2_field_list_add(&list, SPAN_LITERAL(":authority"), head->authority);
    http2_field_list_add(&list, SPAN_LITERAL(":path"), head->path);
    http2_field_list_add_fields(&list, head->headers, head->header_count);
    client->has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &client->request_left);
    client->request_complete = ends;
    client->id = nghttp2_submit_request(client->library, NULL, list.fields, list.count, ends ? NULL : &provider, NULL);
    if (client->id < 0) {
        client->id = 0;
        return false;
    }
    return produce(client);
}

static bool client_send_body(struct http_client_stream *stream, struct span bytes) {
    struct http2_client *client = client_of_stream(stream);
    if (client->arena == NULL || client->id == 0 || client->request_complete || client->status != HTTP_SESSION_OPEN ||
        (client->has_length && bytes.size > client->request_left))
        return false;
    if (bytes.size == 0)
        return true;
    if (!buffer_append(&client->queue, bytes))
        return false;
    if (client->has_length)
        client->request_left -= bytes.size;
    (void)nghttp2_session_resume_data(client->library, client->id);
    bool sent = produce(client);
    client->above_high_water = client->queue.size > HTTP2_STREAM_HIGH_WATER_BYTES;
    return sent;
}

static bool client_send_end(struct http_client_stream *stream, const struct header *trailers, size_t count) {
    struct http2_client *client = client_of_stream(stream);
    if (client->arena == NULL || client->id == 0 || client->request_complete || client->status != HTTP_SESSION_OPEN ||
        (client->has_length && client->request_left > 0))
        return false;
    if (count > 0) {
        client->trailers = arena_new_array(client->arena, struct header, count);
        memcpy(client->trailers, trailers, count * sizeof(*trailers));
    }
    client->trailer_count = count;
    client->request_complete = true;
    (void)nghttp2_session_resume_data(client->library, client->id);
    /* The end of a request may be the end of the stream, which is not the session's fault. */
    (void)produce(client);
    return client->status == HTTP_SESSION_OPEN;
}

static size_t client_queued(const struct http_client_stream *stream) {
    return ((const struct http2_client *)(const void *)stream->client)->queue.size;
}

static void client_abort(struct http_client_stream *stream) {
    struct http2_client *client = client_of_stream(stream);
    if (client->arena == NULL)
        return;
    if (client->id != 0)
        (void)nghttp2_submit_rst_stream(client->library, NGHTTP2_FLAG_NONE, client->id, NGHTTP2_CANCEL);
    /* The owner hears of the end once, from here. */
    struct buffer *queue = &client->queue;
    client->arena = NULL;
    client->id = 0;
    buffer_reset(queue);
    if (client->status == HTTP_SESSION_OPEN)
        (void)produce(client);
    client->base.events->stream_closed(client->base.owner, stream);
}

static void client_deinit(struct http_client *base) {
    struct http2_client *client = client_of(base);
    client->status = HTTP_SESSION_BROKEN;
    if (client->arena != NULL)
        stream_close(client);
    nghttp2_session_del(client->library);
    client->library = NULL;
}

static const struct http_client_functions functions = {
    .open = client_open,
    .receive = client_receive,
    .receive_end = client_receive_end,
    .status = client_status,
    .is_reusable = client_is_reusable,
    .has_received = client_has_received,
    .send_head = client_send_head,
    .send_body = client_send_body,
    .send_end = client_send_end,
    .queued = client_queued,
    .abort = client_abort,
    .deinit = client_deinit,
};

void http2_client_init(struct http2_client *client, const struct http_client_events *events, void *owner, struct buffer *output) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_CONNECTION_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX},
    };
    nghttp2_session_callbacks *callbacks;
    *client = (struct http2_client){.base = {&functions, events, owner, output}, .status = HTTP_SESSION_OPEN};
    buffer_init(&client->queue, output->chunks);
    int error = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(error == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, write_data);
    error = nghttp2_session_client_new(&client->library, callbacks, client);
    ASSERT(error == 0);
    nghttp2_session_callbacks_del(callbacks);
    error = nghttp2_submit_settings(client->library, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    ASSERT(error == 0);
    error = nghttp2_session_set_local_window_size(client->library, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW_BYTES);
    ASSERT(error == 0);
    (void)produce(client);
}
