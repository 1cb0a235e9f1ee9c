/* The content of an HTTP/1.x message, read as it comes: bytes in, payload spans out (no copy). RFC 9112 sections 6 and 7. */
#ifndef FAIRLEAD_WIRE_HTTP1_BODY_H
#define FAIRLEAD_WIRE_HTTP1_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "wire/http1_fault.h"
#include "wire/http1_gather.h"
#include "wire/http1_head.h"

enum http1_body_status {
    HTTP1_BODY_PAYLOAD, /* ret_payload holds the next content bytes, part of the input */
    HTTP1_BODY_MORE,    /* the input is used up, the content is not */
    HTTP1_BODY_DONE,    /* the content has ended; what is left of the input is not its */
    HTTP1_BODY_FAULT,
};

/* States of the chunked coding, one a grammar position (RFC 9112 section 7.1). */
enum http1_chunk_state {
    HTTP1_CHUNK_SIZE_FIRST,
    HTTP1_CHUNK_SIZE,
    HTTP1_CHUNK_SIZE_SPACE,
    HTTP1_CHUNK_NAME_FIRST,
    HTTP1_CHUNK_NAME,
    HTTP1_CHUNK_NAME_SPACE,
    HTTP1_CHUNK_VALUE_FIRST,
    HTTP1_CHUNK_VALUE,
    HTTP1_CHUNK_QUOTED,
    HTTP1_CHUNK_QUOTED_PAIR,
    HTTP1_CHUNK_VALUE_END,
    HTTP1_CHUNK_VALUE_SPACE,
    HTTP1_CHUNK_LINE_LF,
    HTTP1_CHUNK_DATA,
    HTTP1_CHUNK_DATA_CR,
    HTTP1_CHUNK_DATA_LF,
    HTTP1_CHUNK_TRAILERS,
    HTTP1_CHUNK_DONE,
};

struct http1_body {
    enum http1_body_kind kind;
    enum http1_chunk_state state;
    enum http1_fault fault;    /* after HTTP1_BODY_FAULT */
    uint32_t line_bytes;       /* of the present chunk-size line */
    uint32_t extension_bytes;  /* of all chunk extensions together */
    uint64_t left;             /* of LENGTH, or of the present chunk */
    struct http1_gather trailer_bytes;
    struct http1_scan trailer_scan;
    struct header *trailers; /* in the arena given to http1_body_read; valid after DONE */
    size_t trailer_count;
};

void http1_body_init(struct http1_body *body, const struct http1_framing *framing);
/* Frees what was gathered of a trailer section. Harmless twice. */
void http1_body_deinit(struct http1_body *body);
/* Takes from the front of `input` what it uses. Call until it says MORE, DONE or FAULT. Trailers are put into the arena. */
MUST_USE enum http1_body_status http1_body_read(struct http1_body *body, struct arena *arena, struct span *input, struct span *ret_payload);
/* The sender closed its side: true when the content may end so (until close, or it has ended already). */
bool http1_body_may_end(const struct http1_body *body);

#endif
