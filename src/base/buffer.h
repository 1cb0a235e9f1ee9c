/* A queue of bytes in chunks from a worker's chunk pool. What is appended is copied; what is consumed returns its chunks at once, so an
 * empty buffer holds no memory. Not thread-safe. */
#ifndef FAIRLEAD_BASE_BUFFER_H
#define FAIRLEAD_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/span.h"

struct buffer_chunk {
    struct buffer_chunk *next;
    uint32_t start;
    uint32_t end;
    char bytes[BUFFER_CHUNK_BYTES];
};

struct buffer {
    struct pool *chunks; /* of struct buffer_chunk */
    struct buffer_chunk *first;
    struct buffer_chunk *last;
    size_t size; /* bytes queued */
};

void buffer_init(struct buffer *buffer, struct pool *chunks);
/* Drops all bytes; the buffer stays usable. */
void buffer_reset(struct buffer *buffer);
/* All or nothing: false when the pool's ceiling is reached. */
MUST_USE bool buffer_append(struct buffer *buffer, struct span bytes);
/* Room for `size` bytes (at most BUFFER_CHUNK_BYTES) in one piece behind what is queued, to be written and then committed; NULL when the
 * pool's ceiling is reached. Nothing is queued before the commit, which must follow at once and may be of fewer bytes, but not of none. */
MUST_USE char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_commit(struct buffer *buffer, size_t size);
/* Fills up to `count_max` vectors from the front; returns how many. */
int buffer_vectors(const struct buffer *buffer, struct iovec *vectors, int count_max);
/* The longest contiguous run at the front; empty when the buffer is. */
struct span buffer_front(const struct buffer *buffer);
/* `size` must not exceed buffer->size. */
void buffer_consume(struct buffer *buffer, size_t size);

#endif
