/* A span is a borrowed run of bytes: pointer and size, no terminator, no ownership. The empty span may have a NULL pointer. */
#ifndef FAIRLEAD_BASE_SPAN_H
#define FAIRLEAD_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct span {
    const char *data;
    size_t size;
};

/* For printf's "%.*s". */
#define SPAN_ARGUMENTS(value) (int)(value).size, (value).data
#define SPAN_LITERAL(literal) ((struct span){"" literal, sizeof(literal) - 1})
#define SPAN_EMPTY ((struct span){NULL, 0})

static inline struct span span_make(const void *data, size_t size) {
    return (struct span){data, size};
}

/* A span over a C string; NULL gives the empty span. */
static inline struct span span_of(const char *text) {
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline bool span_equal(struct span a, struct span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_starts_with(struct span text, struct span prefix) {
    return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

static inline bool span_ends_with(struct span text, struct span suffix) {
    return text.size >= suffix.size &&
           (suffix.size == 0 || memcmp(text.data + text.size - suffix.size, suffix.data, suffix.size) == 0);
}

/* The part from `offset` on; an offset past the end gives the empty span. */
static inline struct span span_from(struct span text, size_t offset) {
    return offset >= text.size ? SPAN_EMPTY : (struct span){text.data + offset, text.size - offset};
}

/* The first `size` bytes, or all when there are fewer. */
static inline struct span span_first(struct span text, size_t size) {
    return (struct span){text.data, size < text.size ? size : text.size};
}

/* As span_first, but no UTF-8 character is cut: for what is shown of a long value. */
static inline struct span span_excerpt(struct span text, size_t size) {
    if (size >= text.size)
        return text;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return span_first(text, size);
}

/* ASCII only: bytes 'A'..'Z' fold, all others compare as they are. */
bool span_equal_ignore_case(struct span a, struct span b);
bool span_starts_with_ignore_case(struct span text, struct span prefix);
/* memcmp order, then the shorter first: <0, 0, >0. */
int span_compare(struct span a, struct span b);
/* True and the offset when `byte` occurs. */
MUST_USE bool span_find_byte(struct span text, char byte, size_t *ret_offset);
MUST_USE bool span_find_last_byte(struct span text, char byte, size_t *ret_offset);
/* Without leading and trailing SP and HTAB (optional whitespace, RFC 9110 section 5.6.3). */
struct span span_trim(struct span text);
/* Takes the text up to `separator` (or all) off the front of `rest`; false when rest was already spent (data == NULL). */
bool span_split(struct span *rest, char separator, struct span *ret_part);
/* Decimal digits only, no sign, no space, no overflow. */
MUST_USE bool span_to_u64(struct span text, uint64_t *ret_value);
/* Hash for tables keyed by bytes; not stable between versions, never persisted. */
uint64_t span_hash(struct span text);

static inline char byte_to_lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

#endif
