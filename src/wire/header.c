#include "wire/header.h"

#include "base/assert.h"
#include "wire/character.h"

#define HOP_BY_HOP HEADER_PROPERTY_HOP_BY_HOP
#define NO_TRAILER HEADER_PROPERTY_NO_TRAILER
#define FROM_INSIDE HEADER_PROPERTY_FROM_INSIDE

static const struct {
    struct span name;
    unsigned properties;
} tokens[HEADER_TOKEN_COUNT] = {
#define HEADER_ROW(token, text, bits) [HEADER_##token] = {{text, sizeof(text) - 1}, bits},
    HEADER_TABLE(HEADER_ROW)
#undef HEADER_ROW
};

/* The first token whose name has this many bytes or more; the unit test proves that it fits the table. */
static const uint8_t first_of_size[] = {
     1,  1,  1,  2,  4,  7,  7, 12, 15, 16, /* 0 */
    16, 20, 22, 27, 30, 32, 35, 41, 44, 44, /* 10 */
    47, 48, 53, 54, 55, 59, 59, 59, 60, 60, /* 20 */
    61, 66, 67, 68, 68, 69, 70, 70, 70, 71, /* 30 */
};

static inline bool words_equal(const char *a, const char *b) {
    uint64_t one, other;
    memcpy(&one, a, sizeof(one));
    memcpy(&other, b, sizeof(other));
    return one == other;
}

/* memcmp without the call: names are short, and there are many of them in every head. */
static inline bool names_equal(const char *a, const char *b, size_t size) {
    if (size < sizeof(uint64_t)) {
        for (size_t i = 0; i < size; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; size - i > sizeof(uint64_t); i += sizeof(uint64_t))
        if (!words_equal(a + i, b + i))
            return false;
    return words_equal(a + size - sizeof(uint64_t), b + size - sizeof(uint64_t));
}

enum header_token header_token_of(struct span name) {
    if (name.size == 0 || name.size + 1 >= sizeof(first_of_size))
        return HEADER_OTHER;
    char last = name.data[name.size - 1];
    for (unsigned token = first_of_size[name.size]; token < first_of_size[name.size + 1]; token++)
        if (tokens[token].name.data[name.size - 1] == last && names_equal(tokens[token].name.data, name.data, name.size))
            return (enum header_token)token;
    return HEADER_OTHER;
}

struct span header_token_name(enum header_token token) {
    ASSERT(token < HEADER_TOKEN_COUNT);
    return tokens[token].name;
}

unsigned header_token_properties(enum header_token token) {
    ASSERT(token < HEADER_TOKEN_COUNT);
    return tokens[token].properties;
}

/* Where the list's present member ends: at a comma that is not inside a quoted string. */
static size_t member_size(struct span list) {
    bool quoted = false;
    for (size_t i = 0; i < list.size; i++) {
        if (quoted && list.data[i] == '\\')
            i++;
        else if (list.data[i] == '"')
            quoted = !quoted;
        else if (list.data[i] == ',' && !quoted)
            return i;
    }
    return list.size;
}

bool header_list_next(struct span *rest, struct span *ret_member) {
    while (rest->size > 0) {
        size_t size = member_size(*rest);
        struct span member = span_trim(span_first(*rest, size));
        *rest = span_from(*rest, size + 1);
        if (member.size > 0) {
            *ret_member = member;
            return true;
        }
    }
    return false;
}

bool header_list_contains(struct span value, struct span member) {
    struct span each;
    while (header_list_next(&value, &each))
        if (span_equal_ignore_case(each, member))
            return true;
    return false;
}

bool header_name_is_valid(struct span name) {
    return name.size > 0 && character_all(name, CHARACTER_TOKEN);
}

bool header_value_is_valid(struct span value) {
    return character_all_field_value(value) && span_trim(value).size == value.size;
}
