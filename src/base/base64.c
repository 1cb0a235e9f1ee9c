#include "base/base64.h"

/* A bit that no digit's value has. */
#define NO_DIGIT 0x80u

/* The digits' values and one; 0 for what is none. */
static const uint8_t digits[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};

/* With the bit NO_DIGIT for what is none. */
static uint32_t digit_value(char byte) {
    return digits[(uint8_t)byte] - 1u;
}

/* Whole groups of four digits in a row: how many bytes of the text they are. */
static size_t decode_groups(struct span text, char *ret_bytes) {
    size_t at = 0, size = 0;
    for (; text.size - at >= 4; at += 4) {
        const char *four = text.data + at;
        uint32_t a = digit_value(four[0]), b = digit_value(four[1]), c = digit_value(four[2]), d = digit_value(four[3]);
        if (((a | b | c | d) & NO_DIGIT) != 0)
            break;
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        ret_bytes[size++] = (char)(group >> 16);
        ret_bytes[size++] = (char)(group >> 8);
        ret_bytes[size++] = (char)group;
    }
    return at;
}

/* A group that is interrupted, or padded. */
struct group {
    uint32_t bits;
    int sextets;
    int padding;
};

static bool group_add(struct group *group, char byte) {
    uint32_t value = byte == '=' ? 0 : digit_value(byte);
    if ((value & NO_DIGIT) != 0 || (group->padding > 0 && byte != '='))
        return false;
    group->padding += byte == '=';
    group->bits = group->bits << 6 | value;
    group->sextets++;
    return group->sextets < 4 || group->padding <= 2;
}

bool base64_decode(struct span text, char *ret_bytes, size_t *ret_size) {
    struct group group = {0, 0, 0};
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (group.sextets == 0 && group.padding == 0) {
            size_t whole = decode_groups(span_from(text, i), ret_bytes + size);
            i += whole;
            size += whole / 4 * 3;
            if (i == text.size)
                break;
        }
        if (text.data[i] == '\n' || text.data[i] == '\r')
            continue;
        if (!group_add(&group, text.data[i]))
            return false;
        if (group.sextets < 4)
            continue;
        for (int shift = 16; shift >= 8 * group.padding; shift -= 8)
            ret_bytes[size++] = (char)(group.bits >> shift);
        /* After padding only line breaks may follow. */
        group = (struct group){0, 0, group.padding > 0 ? 3 : 0};
    }
    if (group.sextets != 0)
        return false;
    *ret_size = size;
    return true;
}
