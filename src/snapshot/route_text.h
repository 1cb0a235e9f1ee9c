/* What a route asks of a path, as far as bytes can be compared: in eight bytes, and the text apart. Of the finders and the indexes of routes. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_TEXT_H
#define FAIRLEAD_SNAPSHOT_ROUTE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/route_match.h"

struct route;
struct weighted_cluster;

enum route_text_property {
    ROUTE_TEXT_COMPARED = 1 << 0,   /* the text is all that is asked of the path; else route_match_holds must be asked */
    ROUTE_TEXT_EXACT = 1 << 1,      /* the path is the text; else it begins with it */
    ROUTE_TEXT_FORWARDS = 1 << 2,   /* the route has a single destination, which takes requests */
    ROUTE_TEXT_CONTINUES = 1 << 3,  /* of an index: the next record is of the same hash */
    ROUTE_TEXT_CONDITION = 1 << 4,  /* times how many there are, where the text is compared */
};
#define ROUTE_TEXT_CONDITIONS_MAX (UINT16_MAX / ROUTE_TEXT_CONDITION)

struct route_text {
    uint32_t key;  /* of a finder: route_text_tail; of an index: the route's ordinal */
    uint16_t size; /* 0 also where the text is not compared */
    uint16_t properties;
};

/* `destination`: where the route's single destination should be; NULL: nowhere. The key is left to the caller. */
struct route_text route_text_of(const struct route *route, const struct weighted_cluster *destination);

/* The eight bytes from there on. */
static inline uint64_t route_text_word(const char *data) {
    uint64_t word;
    memcpy(&word, data, sizeof(word));
    return word;
}

/* `count` bytes from there on, up to 7, that the text has; zeros behind them. */
static inline uint64_t route_text_part(struct span text, size_t at, size_t count) {
    uint64_t word = 0;
    if (text.size - at >= sizeof(word))
        word = route_text_word(text.data + at);
    else if (text.size >= sizeof(word))
        word = route_text_word(text.data + text.size - sizeof(word)) >> 8 * (sizeof(word) - (text.size - at)) % 64;
    else
        for (size_t i = at; i < text.size; i++)
            word |= (uint64_t)(uint8_t)text.data[i] << 8 * (i - at);
    return word & ((1ULL << 8 * count) - 1);
}

/* Of the text's first `size` bytes the last eight, mixed: what texts that have much in common differ in. */
static inline uint32_t route_text_tail(struct span text, size_t size) {
    uint64_t word = size >= sizeof(word) ? route_text_word(text.data + size - sizeof(word)) : route_text_part(text, 0, size);
    return (uint32_t)(word * 0x9e3779b97f4a7c15ULL >> 32);
}

static inline bool route_text_fits(struct route_text text, size_t path_size) {
    return (text.properties & ROUTE_TEXT_EXACT) != 0 ? path_size == text.size : path_size >= text.size;
}

/* `bytes` are the text's; the path is so long at least. */
static inline bool route_text_begins(struct route_text text, const char *bytes, struct span path) {
    size_t at = 0, size = text.size;
    if (size < sizeof(uint64_t))
        return route_text_part(span_make(bytes, size), 0, size) == route_text_part(path, 0, size);
    for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t))
        if (route_text_word(bytes + at) != route_text_word(path.data + at))
            return false;
    return route_text_word(bytes + size - sizeof(uint64_t)) == route_text_word(path.data + size - sizeof(uint64_t));
}

/* Text and bytes, and as many conditions, are the route's predicate; else route_match_holds is. */
static inline bool route_text_decides(struct route_text text, const struct request_view *request) {
    return (text.properties & ROUTE_TEXT_COMPARED) != 0 && !request->is_asterisk;
}

static inline bool route_text_holds(struct route_text text, const char *bytes, struct span path) {
    return route_text_fits(text, path.size) && route_text_begins(text, bytes, path);
}

static inline size_t route_text_condition_count(struct route_text text) {
    return text.properties / ROUTE_TEXT_CONDITION;
}

#endif
