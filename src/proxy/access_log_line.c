#include "proxy/access_log_line.h"

#include "base/decimal.h"
#include "base/escape.h"

static bool is_continuation(struct span text, size_t index) {
    return index < text.size && escape_is_continuation(text.data[index]);
}

struct span access_log_cut(struct span text, size_t size) {
    if (size >= text.size)
        return text;
    size_t end = size;
    while (end > 0 && size - end < 3 && is_continuation(text, end))
        end--;
    return span_first(text, is_continuation(text, end) ? size : end);
}

void access_log_line_put_escaped(struct access_log_line *line, struct span text) {
    struct span rest = access_log_cut(text, line->value_bytes_max);
    while (rest.size != 0 && !line->full) {
        struct span run = span_first(rest, escape_plain_size(rest));
        access_log_line_put(line, run);
        rest = span_from(rest, run.size);
        if (rest.size == 0)
            return;
        char escape[ESCAPE_BYTES_MAX + 1];
        size_t size = escape_character(&rest, line->json, escape);
        access_log_line_put(line, span_make(escape, size));
    }
}

void access_log_line_put_number(struct access_log_line *line, uint64_t number) {
    char digits[DECIMAL_DIGITS_MAX];
    access_log_line_put(line, span_make(digits, decimal_print(number, digits)));
}
