/* Reads big-endian numbers and sized fields off the front of a span. Failure is sticky: a short read gives zeros and empty spans from then on,
 * so that a parser checks once, at its end. */
#ifndef FAIRLEAD_WIRE_CURSOR_H
#define FAIRLEAD_WIRE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct cursor {
    struct span left;
    bool failed;
};

static inline struct span cursor_take(struct cursor *cursor, size_t size) {
    if (cursor->failed || cursor->left.size < size) {
        cursor->failed = true;
        cursor->left = SPAN_EMPTY;
        return SPAN_EMPTY;
    }
    struct span part = span_make(cursor->left.data, size);
    cursor->left = size == 0 ? cursor->left : span_make(cursor->left.data + size, cursor->left.size - size);
    return part;
}

static inline void cursor_skip(struct cursor *cursor, size_t size) {
    cursor_take(cursor, size);
}

/* A number of 1 to 4 bytes. */
static inline uint32_t cursor_take_number(struct cursor *cursor, size_t size) {
    struct span part = cursor_take(cursor, size);
    uint32_t number = 0;
    for (size_t i = 0; i < part.size; i++)
        number = number << 8 | (uint8_t)part.data[i];
    return number;
}

/* A field behind its own size of `size_bytes` bytes, as a cursor over it. */
static inline struct cursor cursor_take_sized(struct cursor *cursor, size_t size_bytes) {
    uint32_t size = cursor_take_number(cursor, size_bytes);
    struct span part = cursor_take(cursor, size);
    return (struct cursor){part, cursor->failed};
}

#endif
