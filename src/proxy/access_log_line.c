#include "proxy/access_log_line.h"

#include <stdio.h>

/* The longest escape of one character: \xNN for each of four bytes. */
#define ESCAPE_BYTES_MAX 16

void access_log_line_put(struct access_log_line *line, struct span text) {
    if (text.size > line->capacity - line->used) {
        line->full = true;
        return;
    }
    if (text.size != 0)
        memcpy(line->bytes + line->used, text.data, text.size);
    line->used += text.size;
}

static bool is_continuation(struct span text, size_t index) {
    return index < text.size && ((unsigned char)text.data[index] & 0xc0) == 0x80;
}

struct span access_log_cut(struct span text, size_t size) {
    if (size >= text.size)
        return text;
    size_t end = size;
    while (end > 0 && size - end < 3 && is_continuation(text, end))
        end--;
    return span_first(text, is_continuation(text, end) ? size : end);
}

/* Bytes that stand for themselves in both encodings. */
static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* The size of the valid UTF-8 sequence at the front (RFC 3629 section 4) and its character, or 0. */
static size_t utf8_decode(struct span text, uint32_t *ret_character) {
    unsigned char first = (unsigned char)text.data[0];
    size_t size = first < 0x80 ? 1 : first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (size == 0 || size > text.size)
        return 0;
    static const uint32_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t character = first & masks[size];
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(text, i))
            return 0;
        character = character << 6 | ((unsigned char)text.data[i] & 0x3f);
    }
    if (character < smallest[size] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *ret_character = character;
    return size;
}

/* Characters above ASCII that terminals obey or that readers take for the end of a line. */
static bool is_hostile(uint32_t character) {
    return (character >= 0x80 && character <= 0x9f) || character == 0x2028 || character == 0x2029;
}

static size_t escape_json(struct span sequence, bool valid, uint32_t character, char ret_text[ESCAPE_BYTES_MAX + 1]) {
    if (!valid) {
        memcpy(ret_text, "\xef\xbf\xbd", 3);
        return 3;
    }
    if (character >= 0x80 && !is_hostile(character)) {
        memcpy(ret_text, sequence.data, sequence.size);
        return sequence.size;
    }
    const char *short_form = character == '"'    ? "\\\""
                             : character == '\\' ? "\\\\"
                             : character == '\n' ? "\\n"
                             : character == '\r' ? "\\r"
                             : character == '\t' ? "\\t"
                                                 : NULL;
    if (short_form != NULL) {
        memcpy(ret_text, short_form, 2);
        return 2;
    }
    return (size_t)snprintf(ret_text, ESCAPE_BYTES_MAX + 1, "\\u%04x", (unsigned)character & 0xffff);
}

static size_t escape_text(struct span sequence, bool valid, uint32_t character, char ret_text[ESCAPE_BYTES_MAX + 1]) {
    if (valid && character >= 0x80 && !is_hostile(character)) {
        memcpy(ret_text, sequence.data, sequence.size);
        return sequence.size;
    }
    size_t used = 0;
    for (size_t i = 0; i < sequence.size; i++)
        used += (size_t)snprintf(ret_text + used, 5, "\\x%02x", (unsigned char)sequence.data[i]);
    return used;
}

void access_log_line_put_escaped(struct access_log_line *line, struct span text) {
    struct span rest = access_log_cut(text, line->value_bytes_max);
    while (rest.size != 0 && !line->full) {
        size_t run = 0;
        while (run < rest.size && is_plain((unsigned char)rest.data[run]))
            run++;
        access_log_line_put(line, span_first(rest, run));
        rest = span_from(rest, run);
        if (rest.size == 0)
            return;
        uint32_t character = 0;
        size_t size = utf8_decode(rest, &character);
        struct span sequence = span_first(rest, size == 0 ? 1 : size);
        char escape[ESCAPE_BYTES_MAX + 1];
        size_t escape_size = line->json ? escape_json(sequence, size != 0, character, escape)
                                        : escape_text(sequence, size != 0, character, escape);
        access_log_line_put(line, span_make(escape, escape_size));
        rest = span_from(rest, sequence.size);
    }
}

void access_log_line_put_number(struct access_log_line *line, uint64_t number) {
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    access_log_line_put(line, span_make(digits + start, sizeof(digits) - start));
}
