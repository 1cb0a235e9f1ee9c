#include "base/span.h"

bool span_equal_ignore_case(struct span a, struct span b) {
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (byte_to_lower(a.data[i]) != byte_to_lower(b.data[i]))
            return false;
    return true;
}

bool span_starts_with_ignore_case(struct span text, struct span prefix) {
    return text.size >= prefix.size && span_equal_ignore_case(span_first(text, prefix.size), prefix);
}

int span_compare(struct span a, struct span b) {
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool span_find_byte(struct span text, char byte, size_t *ret_offset) {
    const char *found = text.size == 0 ? NULL : memchr(text.data, byte, text.size);
    if (found == NULL)
        return false;
    *ret_offset = (size_t)(found - text.data);
    return true;
}

bool span_find_last_byte(struct span text, char byte, size_t *ret_offset) {
    const char *found = text.size == 0 ? NULL : memrchr(text.data, byte, text.size);
    if (found == NULL)
        return false;
    *ret_offset = (size_t)(found - text.data);
    return true;
}

struct span span_trim(struct span text) {
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

bool span_split(struct span *rest, char separator, struct span *ret_part) {
    if (rest->data == NULL)
        return false;
    size_t offset;
    if (span_find_byte(*rest, separator, &offset)) {
        *ret_part = span_first(*rest, offset);
        *rest = span_make(rest->data + offset + 1, rest->size - offset - 1);
    } else {
        *ret_part = *rest;
        *rest = SPAN_EMPTY;
    }
    return true;
}

bool span_to_u64(struct span text, uint64_t *ret_value) {
    uint64_t value = 0;
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

uint64_t span_hash(struct span text) {
    uint64_t hash = 0x9e3779b97f4a7c15ULL ^ text.size;
    size_t offset = 0;
    for (; offset + 8 <= text.size; offset += 8) {
        uint64_t word;
        memcpy(&word, text.data + offset, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
    }
    uint64_t tail = 0;
    if (offset < text.size)
        memcpy(&tail, text.data + offset, text.size - offset);
    hash = (hash ^ tail) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53ULL;
    return hash ^ (hash >> 29);
}
