#include "http/http2_client_stream.h"

#include "base/assert.h"
#include "base/limits.h"

/* ":method", ":scheme", ":authority", ":path". */
#define PSEUDO_FIELDS 4

static struct http2_client_stream *stream_of(struct http_client_stream *base) {
    return CONTAINER_OF(base, struct http2_client_stream, base);
}

static struct http2_client *client_of(const struct http2_client_stream *stream) {
    return http2_client_of(stream->base.client);
}

/* --- Life --- */

struct http_client_stream *http2_client_stream_open(struct http_client *base, struct arena *arena, void *user) {
    struct http2_client *client = http2_client_of(base);
    if (!http_client_is_reusable(base))
        return NULL;
    struct http2_client_stream *stream = pool_take(&client->stream_pool);
    /* No fewer than is_reusable counts. */
    ASSERT(stream != NULL);
    *stream = (struct http2_client_stream){.base = {.client = base, .user = user}, .arena = arena};
    http2_content_init(&stream->content, base->output->chunks, arena);
    list_init(&stream->drained_link);
    list_push_back(&client->streams, &stream->link);
    return &stream->base;
}

static void stream_release(struct http2_client_stream *stream) {
    list_remove(&stream->link);
    pool_release(&client_of(stream)->stream_pool, stream);
}

void http2_client_stream_close(struct http2_client_stream *stream) {
    struct http2_client *client = client_of(stream);
    stream->arena = NULL;
    list_remove(&stream->drained_link);
    list_remove(&stream->link);
    list_push_back(&client->closed, &stream->link);
    buffer_reset(&stream->content.queue);
    client->base.events->stream_closed(client->base.owner, &stream->base);
    if (!stream->in_library)
        stream_release(stream);
}

void http2_client_stream_fail(struct http2_client_stream *stream, enum close_reason reason) {
    struct http2_client *client = client_of(stream);
    client->base.events->response_failed(client->base.owner, &stream->base, reason, HTTP1_FAULT_NONE);
    if (stream->arena != NULL)
        http2_client_stream_close(stream);
}

void http2_client_stream_forget(struct http2_client_stream *stream) {
    stream->in_library = false;
    if (stream->arena == NULL)
        stream_release(stream);
}

void http2_client_stream_abort(struct http_client_stream *base) {
    struct http2_client_stream *stream = stream_of(base);
    struct http2_client *client = client_of(stream);
    if (stream->arena == NULL)
        return;
    /* With both halves complete the library closes it by itself. */
    if (stream->in_library && !(stream->response_complete && stream->request_framed)) {
        (void)nghttp2_submit_rst_stream(client->library, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
        /* The upstream's own reset may cross it. */
        http2_defence_earn(&client->defence, HTTP2_DEFENCE_RESET, 1);
    }
    http2_client_stream_close(stream);
}

/* --- The response's window --- */

bool http2_client_stream_has_received(const struct http_client_stream *base) {
    return ((const struct http2_client_stream *)(const void *)base)->received;
}

void http2_client_stream_pause(struct http_client_stream *base) {
    stream_of(base)->paused = true;
}

void http2_client_stream_resume(struct http_client_stream *base) {
    struct http2_client_stream *stream = stream_of(base);
    stream->paused = false;
    if (stream->withheld_bytes > 0)
        (void)nghttp2_session_consume_stream(client_of(stream)->library, stream->id, stream->withheld_bytes);
    stream->withheld_bytes = 0;
}

/* --- The request --- */

static ssize_t data_read(nghttp2_session *library, int32_t id, uint8_t *bytes UNUSED, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data UNUSED) {
    struct http2_client_stream *stream = source->ptr;
    /* Closed in this very turn; its RST_STREAM goes first. */
    return stream->arena == NULL ? (ssize_t)NGHTTP2_ERR_DEFERRED : http2_content_read(&stream->content, library, id, size, flags);
}

int http2_client_stream_write_data(nghttp2_session *library UNUSED, nghttp2_frame *frame UNUSED, const uint8_t *frame_head, size_t size,
                                   nghttp2_data_source *source, void *user_data) {
    struct http2_client *client = user_data;
    struct http2_client_stream *stream = source->ptr;
    if (!http2_content_frame(&stream->content, client->base.output, frame_head, size))
        return http2_client_fatal(client, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR);
    if (stream->above_high_water && stream->content.queue.size < HTTP2_STREAM_LOW_WATER_BYTES) {
        stream->above_high_water = false;
        if (!list_is_linked(&stream->drained_link))
            list_push_back(&client->drained, &stream->drained_link);
    }
    /* Grants of a few bytes do not pay for themselves; the end of a request may be short. */
    if (size >= HTTP2_DATA_SMALL_BYTES || stream->content.queue.size == 0)
        http2_defence_earn(&client->defence, HTTP2_DEFENCE_WINDOW, HTTP2_WINDOW_FRAMES_PER_DATA);
    /* By itself the library would go on with the next frame. */
    return client->base.output->size >= BUFFER_HIGH_WATER_BYTES ? NGHTTP2_ERR_PAUSE : 0;
}

bool http2_client_stream_send_head(struct http_client_stream *base, const struct message_head *head, bool ends) {
    struct http2_client_stream *stream = stream_of(base);
    struct http2_client *client = client_of(stream);
    struct http2_field_list list;
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = data_read};
    if (stream->id != 0 || client->status != HTTP_SESSION_OPEN)
        return false;
    http2_field_list_init(&list, stream->arena, head->header_count + PSEUDO_FIELDS);
    http2_field_list_add(&list, SPAN_LITERAL(":method"), head->method);
    http2_field_list_add(&list, SPAN_LITERAL(":scheme"), head->scheme.size > 0 ? head->scheme : SPAN_LITERAL("http"));
    http2_field_list_add(&list, SPAN_LITERAL(":authority"), head->authority);
    http2_field_list_add(&list, SPAN_LITERAL(":path"), head->path);
    http2_field_list_add_fields(&list, head->headers, head->header_count);
    stream->has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &stream->request_left);
    stream->content.complete = ends;
    int32_t id = nghttp2_submit_request(client->library, NULL, list.fields, list.count, ends ? NULL : &provider, stream);
    if (id < 0)
        return false;
    stream->id = id;
    stream->in_library = true;
    return true;
}

static bool may_send(const struct http2_client_stream *stream) {
    return stream->id != 0 && !stream->content.complete && client_of(stream)->status == HTTP_SESSION_OPEN;
}

bool http2_client_stream_send_body(struct http_client_stream *base, struct span bytes) {
    struct http2_client_stream *stream = stream_of(base);
    if (!may_send(stream) || (stream->has_length && bytes.size > stream->request_left))
        return false;
    if (bytes.size == 0)
        return true;
    if (!buffer_append(&stream->content.queue, bytes))
        return false;
    if (stream->has_length)
        stream->request_left -= bytes.size;
    stream->above_high_water |= stream->content.queue.size > HTTP2_STREAM_HIGH_WATER_BYTES;
    /* Not an error where the frame is not deferred. */
    (void)nghttp2_session_resume_data(client_of(stream)->library, stream->id);
    return true;
}

bool http2_client_stream_send_end(struct http_client_stream *base, const struct header *trailers, size_t count) {
    struct http2_client_stream *stream = stream_of(base);
    if (!may_send(stream) || (stream->has_length && stream->request_left > 0))
        return false;
    http2_content_end(&stream->content, trailers, count);
    (void)nghttp2_session_resume_data(client_of(stream)->library, stream->id);
    return true;
}

size_t http2_client_stream_queued(const struct http_client_stream *base) {
    return ((const struct http2_client_stream *)(const void *)base)->content.queue.size;
}
