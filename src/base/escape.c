#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>

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
        if (!escape_is_continuation(text.data[i]))
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

static size_t escape_text(struct span sequence, bool valid, uint32_t character, bool is_capital, char ret_text[ESCAPE_BYTES_MAX + 1]) {
    if (valid && character >= 0x80 && !is_hostile(character)) {
        memcpy(ret_text, sequence.data, sequence.size);
        return sequence.size;
    }
    size_t used = 0;
    for (size_t i = 0; i < sequence.size; i++)
        used += (size_t)snprintf(ret_text + used, 5, is_capital ? "\\x%02X" : "\\x%02x", (unsigned char)sequence.data[i]);
    return used;
}

/* The same of eight bytes at once: the highest bit of each that is less than 0x20, 0x7f or more, a quote or a backslash. Carries only go past such
 * a byte. */
static bool is_plain_word(const char *bytes) {
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t special = word | (word - ones * 0x20) | (word + ones) | (quote - ones) | (backslash - ones);
    return (special & high) == 0;
}

size_t escape_plain_size(struct span text) {
    size_t size = 0;
    while (text.size - size >= sizeof(uint64_t) && is_plain_word(text.data + size))
        size += sizeof(uint64_t);
    while (size < text.size && is_plain((unsigned char)text.data[size]))
        size++;
    return size;
}

size_t escape_character(struct span *rest, bool json, char ret_text[ESCAPE_BYTES_MAX + 1]) {
    uint32_t character = 0;
    size_t size = utf8_decode(*rest, &character);
    struct span sequence = span_first(*rest, size == 0 ? 1 : size);
    *rest = span_from(*rest, sequence.size);
    return json ? escape_json(sequence, size != 0, character, ret_text) : escape_text(sequence, size != 0, character, false, ret_text);
}

size_t escape_visible(struct span *rest, char ret_text[ESCAPE_BYTES_MAX + 1]) {
    unsigned char first = (unsigned char)rest->data[0];
    uint32_t character = 0;
    size_t size = utf8_decode(*rest, &character);
    struct span sequence = span_first(*rest, size == 0 ? 1 : size);
    *rest = span_from(*rest, sequence.size);
    if (first < 0x20 || first >= 0x7f)
        return escape_text(sequence, size != 0, character, true, ret_text);
    ret_text[0] = (char)first;
    ret_text[1] = '\0';
    return 1;
}
