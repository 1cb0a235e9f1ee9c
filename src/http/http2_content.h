/* The content of a message on its way out over HTTP/2, and its trailers, for both engines: a queue that the library frames as far as the peer's
 * windows permit. */
#ifndef FAIRLEAD_HTTP_HTTP2_CONTENT_H
#define FAIRLEAD_HTTP_HTTP2_CONTENT_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "wire/message.h"

struct http2_content {
    struct buffer queue; /* what is not framed yet */
    struct arena *arena; /* of the message */
    struct header *trailers;
    size_t trailer_count;
    bool complete; /* nothing is added any more */
};

void http2_content_init(struct http2_content *content, struct pool *chunks, struct arena *arena);
/* Nothing follows but these trailers; they are copied into the arena, names and values must live as long. */
void http2_content_end(struct http2_content *content, const struct header *trailers, size_t count);
/* What the library asks before a DATA frame of at most `size` bytes; the value and the flags that its read callback is to give. The bytes follow
 * by http2_content_frame. */
ssize_t http2_content_read(struct http2_content *content, nghttp2_session *library, int32_t id, size_t size, uint32_t *ret_flags);
/* That frame, with `size` bytes, into the output. False: the chunks' ceiling. */
MUST_USE bool http2_content_frame(struct http2_content *content, struct buffer *output, const uint8_t *frame_head, size_t size);

#endif
