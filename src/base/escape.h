/* Text from outside on its way into a line or a JSON string: no value may end its field, its line or its encoding. Pure. */
#ifndef FAIRLEAD_BASE_ESCAPE_H
#define FAIRLEAD_BASE_ESCAPE_H

#include <stdbool.h>

#include "base/span.h"

/* The longest escape of one character: \xNN for each of four bytes. */
#define ESCAPE_BYTES_MAX 16

/* How many bytes at the front stand for themselves in both encodings. */
size_t escape_plain_size(struct span text);
/* Takes the character (or the byte that is none) at the front off `rest`, which must not be empty, and writes what stands for it. JSON: what
 * RFC 8259 section 7 demands, also DEL, C1 controls and the Unicode line separators as \uXXXX; bytes that are no UTF-8 become U+FFFD. Text: the
 * same bytes, quotes and backslashes as \xNN. Returns the size; NUL-terminated. */
size_t escape_character(struct span *rest, bool json, char ret_text[ESCAPE_BYTES_MAX + 1]);
/* As escape_character in text, but ASCII that prints stands for itself, quotes and backslashes too, and the digits of \xNN are capitals: for lines
 * that a person reads. */
size_t escape_visible(struct span *rest, char ret_text[ESCAPE_BYTES_MAX + 1]);
/* Of a UTF-8 character, but not its first byte. */
static inline bool escape_is_continuation(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

#endif
