/* One line while it is written: bounded, and escaped so that no value can end its field, its line or its encoding. One thread. */
#ifndef FAIRLEAD_PROXY_ACCESS_LOG_LINE_H
#define FAIRLEAD_PROXY_ACCESS_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct access_log_line {
    char *bytes;
    size_t capacity;
    size_t used;
    size_t value_bytes_max; /* a longer value is cut here, before it is escaped */
    bool json;              /* which escaping values get */
    bool full;              /* something did not fit: the line must not be used */
};

/* As it is: texts of the format, digits. */
static inline void access_log_line_put(struct access_log_line *line, struct span text) {
    if (text.size > line->capacity - line->used) {
        line->full = true;
        return;
    }
    if (text.size != 0)
        memcpy(line->bytes + line->used, text.data, text.size);
    line->used += text.size;
}

/* One byte: the marks of JSON, of which a line has more than it has values. */
static inline void access_log_line_put_byte(struct access_log_line *line, char byte) {
    if (line->used == line->capacity)
        line->full = true;
    else
        line->bytes[line->used++] = byte;
}

/* A value from a peer. JSON: what RFC 8259 section 7 demands, also DEL, C1 controls and the Unicode line separators as \uXXXX; bytes that
 * are no UTF-8 become U+FFFD. TEXT: the same bytes, quotes and backslashes as \xNN. */
void access_log_line_put_escaped(struct access_log_line *line, struct span text);
void access_log_line_put_number(struct access_log_line *line, uint64_t number);
/* The first `size` bytes, or up to three fewer so that no UTF-8 character is cut in two. */
struct span access_log_cut(struct span text, size_t size);

#endif
