/* Heads and chunk framing in HTTP/1.1 form, written into an output buffer. */
#ifndef FAIRLEAD_WIRE_HTTP1_WRITE_H
#define FAIRLEAD_WIRE_HTTP1_WRITE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/compiler.h"
#include "wire/http1_head.h"
#include "wire/message.h"

/* What the engine says about the connection and the content; the fields of the head that would say so themselves are not written. */
struct http1_write_options {
    enum http1_body_kind kind; /* LENGTH writes content-length, CHUNKED transfer-encoding, the others neither */
    uint64_t length;
    bool write_length;  /* a content-length although the kind is NONE: content-length: 0, or the answer to HEAD */
    bool close;         /* connection: close */
};

/* "METHOD path HTTP/1.1", Host first. All or nothing: false when the buffer's ceiling is reached. */
MUST_USE bool http1_write_request(struct buffer *output, const struct message_head *head, const struct http1_write_options *options);
/* "HTTP/1.1 status reason". */
MUST_USE bool http1_write_response(struct buffer *output, const struct message_head *head, const struct http1_write_options *options);
/* One chunk; an empty span writes nothing. */
MUST_USE bool http1_write_chunk(struct buffer *output, struct span bytes);
/* The last chunk, the trailers and the final empty line. */
MUST_USE bool http1_write_last_chunk(struct buffer *output, const struct header *trailers, size_t count);
/* The registered phrase of a status; "" for unknown ones. */
struct span http_status_reason(int status);

#endif
