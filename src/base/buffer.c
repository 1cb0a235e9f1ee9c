#include "base/buffer.h"

#include "base/assert.h"

void buffer_init(struct buffer *buffer, struct pool *chunks) {
    ASSERT(chunks->item_size == sizeof(struct buffer_chunk));
    *buffer = (struct buffer){.chunks = chunks};
}

static void buffer_drop_first(struct buffer *buffer) {
    struct buffer_chunk *first = buffer->first;
    buffer->first = first->next;
    if (buffer->first == NULL)
        buffer->last = NULL;
    pool_release(buffer->chunks, first);
}

void buffer_reset(struct buffer *buffer) {
    while (buffer->first != NULL)
        buffer_drop_first(buffer);
    buffer->size = 0;
}

static struct buffer_chunk *buffer_add_chunk(struct buffer *buffer) {
    struct buffer_chunk *chunk = pool_take(buffer->chunks);
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->start = 0;
    chunk->end = 0;
    if (buffer->last == NULL)
        buffer->first = chunk;
    else
        buffer->last->next = chunk;
    buffer->last = chunk;
    return chunk;
}

/* Whether the pool can give the chunks that `size` more bytes need. */
static bool buffer_has_room(const struct buffer *buffer, size_t size) {
    size_t open = buffer->last == NULL ? 0 : BUFFER_CHUNK_BYTES - buffer->last->end;
    if (size <= open)
        return true;
    size_t wanted = (size - open + BUFFER_CHUNK_BYTES - 1) / BUFFER_CHUNK_BYTES;
    return buffer->chunks->count_max - buffer->chunks->live_count >= wanted;
}

bool buffer_append(struct buffer *buffer, struct span bytes) {
    if (!buffer_has_room(buffer, bytes.size))
        return false;
    while (bytes.size > 0) {
        struct buffer_chunk *last = buffer->last;
        if (last == NULL || last->end == BUFFER_CHUNK_BYTES)
            last = buffer_add_chunk(buffer);
        ASSERT(last != NULL);
        size_t part = BUFFER_CHUNK_BYTES - last->end;
        if (part > bytes.size)
            part = bytes.size;
        memcpy(last->bytes + last->end, bytes.data, part);
        last->end += (uint32_t)part;
        buffer->size += part;
        bytes = span_make(bytes.data + part, bytes.size - part);
    }
    return true;
}

char *buffer_reserve(struct buffer *buffer, size_t size) {
    ASSERT(size <= BUFFER_CHUNK_BYTES);
    struct buffer_chunk *last = buffer->last;
    if (last == NULL || BUFFER_CHUNK_BYTES - last->end < size)
        last = buffer_add_chunk(buffer);
    return last == NULL ? NULL : last->bytes + last->end;
}

void buffer_commit(struct buffer *buffer, size_t size) {
    struct buffer_chunk *last = buffer->last;
    ASSERT(last != NULL && size <= BUFFER_CHUNK_BYTES - last->end);
    last->end += (uint32_t)size;
    buffer->size += size;
}

int buffer_vectors(const struct buffer *buffer, struct iovec *vectors, int count_max) {
    int count = 0;
    for (struct buffer_chunk *chunk = buffer->first; chunk != NULL && count < count_max; chunk = chunk->next)
        vectors[count++] = (struct iovec){chunk->bytes + chunk->start, chunk->end - chunk->start};
    return count;
}

struct span buffer_front(const struct buffer *buffer) {
    if (buffer->first == NULL)
        return SPAN_EMPTY;
    return span_make(buffer->first->bytes + buffer->first->start, buffer->first->end - buffer->first->start);
}

void buffer_consume(struct buffer *buffer, size_t size) {
    ASSERT(size <= buffer->size);
    buffer->size -= size;
    while (size > 0) {
        size_t held = buffer->first->end - buffer->first->start;
        if (size < held) {
            buffer->first->start += (uint32_t)size;
            return;
        }
        size -= held;
        buffer_drop_first(buffer);
    }
}
