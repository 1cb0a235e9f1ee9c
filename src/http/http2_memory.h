/* The heap of libnghttp2 for the sessions of one worker. A stream takes and gives back some ten blocks, those of a connection's streams in bursts that
 * overrun what malloc keeps at hand; here the freed ones are kept by size for the next streams. One thread. */
#ifndef FAIRLEAD_HTTP_HTTP2_MEMORY_H
#define FAIRLEAD_HTTP_HTTP2_MEMORY_H

#include <stddef.h>

/* By the size of malloc's own blocks, in steps of 16 bytes; larger ones are malloc's alone. */
#define HTTP2_MEMORY_SIZES 64

struct http2_memory_block;

struct http2_memory {
    struct http2_memory_block *kept[HTTP2_MEMORY_SIZES];
    size_t kept_bytes; /* HTTP2_MEMORY_KEPT_BYTES_MAX at most */
};

void http2_memory_init(struct http2_memory *memory);
/* Frees what is kept. No session may be left. */
void http2_memory_deinit(struct http2_memory *memory);

#endif
