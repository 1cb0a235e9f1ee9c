#include "resource/duration.h"

struct duration_unit {
    const char *name;
    int64_t ns;
};

/* Longer names before those that they start with. */
static const struct duration_unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * INT64_C(1000000000)},
    {"h", 3600 * INT64_C(1000000000)},
};

static bool is_digit(struct span text, size_t at) {
    return at < text.size && text.data[at] >= '0' && text.data[at] <= '9';
}

static const struct duration_unit *find_unit(struct span text) {
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (span_starts_with(text, span_of(units[i].name)))
            return &units[i];
    return NULL;
}

/* One "12.5s": adds it to total and takes it off the front. */
static bool take_part(struct span *rest, int64_t *total) {
    size_t at = 0;
    int64_t whole = 0;
    int64_t fraction = 0;
    int64_t scale = 1;
    size_t digits = 0;
    for (; is_digit(*rest, at); at++, digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, rest->data[at] - '0', &whole))
            return false;
    if (at < rest->size && rest->data[at] == '.') {
        for (at++; is_digit(*rest, at); at++, digits++) {
            /* Past a nanosecond of an hour nothing counts. */
            if (scale < INT64_C(1000000000000)) {
                fraction = fraction * 10 + (rest->data[at] - '0');
                scale *= 10;
            }
        }
    }
    *rest = span_from(*rest, at);
    const struct duration_unit *unit = find_unit(*rest);
    if (digits == 0 || unit == NULL)
        return false;
    *rest = span_from(*rest, span_of(unit->name).size);
    int64_t part;
    if (__builtin_mul_overflow(whole, unit->ns, &part))
        return false;
    part += (int64_t)((__int128)fraction * unit->ns / scale);
    return part >= 0 && !__builtin_add_overflow(*total, part, total);
}

bool duration_parse(struct span text, int64_t *ret_ns) {
    int64_t total = 0;
    if (span_equal(text, SPAN_LITERAL("0"))) {
        *ret_ns = 0;
        return true;
    }
    if (text.size == 0)
        return false;
    while (text.size > 0)
        if (!take_part(&text, &total))
            return false;
    *ret_ns = total;
    return true;
}
