#include "http/http2_content.h"

#include "base/assert.h"
#include "http/http2_fields.h"
#include "http/http2_frame_scan.h"

void http2_content_init(struct http2_content *content, struct pool *chunks, struct arena *arena) {
    *content = (struct http2_content){.arena = arena};
    buffer_init(&content->queue, chunks);
}

void http2_content_end(struct http2_content *content, const struct header *trailers, size_t count) {
    content->complete = true;
    if (count == 0)
        return;
    content->trailers = arena_new_array(content->arena, struct header, count);
    memcpy(content->trailers, trailers, count * sizeof(*trailers));
    content->trailer_count = count;
}

static bool submit_trailers(const struct http2_content *content, nghttp2_session *library, int32_t id) {
    struct http2_field_list list;
    if (content->trailer_count == 0)
        return false;
    http2_field_list_init(&list, content->arena, content->trailer_count);
    http2_field_list_add_trailers(&list, content->trailers, content->trailer_count);
    return list.count > 0 && nghttp2_submit_trailer(library, id, list.fields, list.count) == 0;
}

ssize_t http2_content_read(struct http2_content *content, nghttp2_session *library, int32_t id, size_t size, uint32_t *ret_flags) {
    if (content->queue.size == 0 && !content->complete)
        return NGHTTP2_ERR_DEFERRED;
    size_t part = content->queue.size < size ? content->queue.size : size;
    *ret_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (content->complete && part == content->queue.size) {
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
        if (submit_trailers(content, library, id))
            *ret_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return (ssize_t)part;
}

bool http2_content_frame(struct http2_content *content, struct buffer *output, const uint8_t *frame_head, size_t size) {
    ASSERT(content->queue.size >= size);
    if (!buffer_append(output, span_make(frame_head, HTTP2_FRAME_HEAD_BYTES)))
        return false;
    for (size_t left = size; left > 0;) {
        struct span part = span_first(buffer_front(&content->queue), left);
        if (!buffer_append(output, part))
            return false;
        buffer_consume(&content->queue, part.size);
        left -= part.size;
    }
    return true;
}
