#include "wire/path.h"

#include <stdint.h>

#include "wire/character.h"

struct span path_without_query(struct span path) {
    const char *mark = path.size == 0 ? NULL : memchr(path.data, '?', path.size);
    return mark == NULL ? path : span_make(path.data, (size_t)(mark - path.data));
}

/* Whether a path has anything that normalisation could change. */
static bool path_is_suspect(struct span path) {
    for (size_t i = 0; i < path.size; i++)
        if (path.data[i] == '%' || path.data[i] == '\\' || (path.data[i] == '.' && i > 0 && (path.data[i - 1] == '/' || path.data[i - 1] == '\\')))
            return true;
    return false;
}

/* Decodes unreserved characters and turns backslashes; `ret_text` has room for all of the path. False on %00. */
static bool path_decode(struct span path, char *ret_text, size_t *ret_size) {
    size_t size = 0;
    for (size_t i = 0; i < path.size; i++) {
        char byte = path.data[i];
        if (byte == '\\')
            byte = '/';
        if (byte == '%' && path.size - i > 2) {
            unsigned high = character_hex_values[(uint8_t)path.data[i + 1]], low = character_hex_values[(uint8_t)path.data[i + 2]];
            if (high == 0 && low == 0)
                return false;
            if (high < 16 && low < 16 && character_is((char)(high << 4 | low), CHARACTER_UNRESERVED)) {
                byte = (char)(high << 4 | low);
                i += 2;
            }
        }
        ret_text[size++] = byte;
    }
    *ret_size = size;
    return true;
}

/* RFC 3986 section 5.2.4 over an absolute path, in place; returns the new size. */
static size_t path_remove_dot_segments(char *text, size_t size) {
    size_t written = 0, at = 0;
    while (at < size) {
        /* text[at] is a slash: the segment lies behind it. */
        size_t end = at + 1;
        while (end < size && text[end] != '/')
            end++;
        size_t segment = end - at - 1;
        bool is_last = end == size;
        if (segment == 1 && text[at + 1] == '.') {
            if (is_last)
                text[written++] = '/';
        } else if (segment == 2 && text[at + 1] == '.' && text[at + 2] == '.') {
            while (written > 0 && text[--written] != '/')
                continue;
            if (is_last)
                text[written++] = '/';
        } else {
            memmove(text + written, text + at, end - at);
            written += end - at;
        }
        at = end;
    }
    return written;
}

bool path_normalize(struct arena *arena, struct span path, struct span *ret_path) {
    struct span before_query = path_without_query(path);
    if (path.size == 0 || span_equal(path, SPAN_LITERAL("*"))) {
        *ret_path = path;
        return true;
    }
    if (path.data[0] != '/')
        return false;
    if (!path_is_suspect(before_query)) {
        *ret_path = path;
        return true;
    }
    char *text = arena_allocate_aligned(arena, path.size + 2, 1);
    size_t size;
    if (!path_decode(before_query, text, &size))
        return false;
    size = path_remove_dot_segments(text, size);
    if (size == 0)
        text[size++] = '/';
    size_t query = path.size - before_query.size;
    if (query > 0)
        memcpy(text + size, path.data + before_query.size, query);
    *ret_path = span_make(text, size + query);
    return true;
}
