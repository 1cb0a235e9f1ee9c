#include "explain/regex_sample.h"

#include "base/builder.h"

#define SAMPLE_DEPTH_MAX 32

struct sampler {
    struct span rest;
    unsigned variant;
    unsigned depth;
    struct builder text;
};

static void sample_alternatives(struct sampler *sampler, bool writes);

static bool next_is(const struct sampler *sampler, char byte) {
    return sampler->rest.size > 0 && sampler->rest.data[0] == byte;
}

static char take(struct sampler *sampler) {
    char byte = sampler->rest.size > 0 ? sampler->rest.data[0] : '\0';
    sampler->rest = span_from(sampler->rest, 1);
    return byte;
}

static char of_escape(char letter) {
    switch (letter) {
    case 'd': return '7';
    case 'w': return 'w';
    case 's': return ' ';
    case 'D':
    case 'S': return 'x';
    case 'W': return '-';
    default: return letter;
    }
}

/* One byte of "[...]". Of a class that is excluded a byte that is seldom in one. */
static char take_class(struct sampler *sampler) {
    bool excluded = next_is(sampler, '^');
    char first = '\0', last = '\0';
    if (excluded)
        (void)take(sampler);
    for (size_t i = 0; sampler->rest.size > 0 && (i == 0 || !next_is(sampler, ']')); i++) {
        char byte = take(sampler);
        if (byte == '\\')
            byte = of_escape(take(sampler));
        first = first == '\0' ? byte : first;
        if (byte != '-' || next_is(sampler, ']'))
            last = byte;
    }
    (void)take(sampler);
    return excluded ? 'q' : sampler->variant == 0 ? first : last;
}

static void sample_group(struct sampler *sampler, bool writes) {
    if (next_is(sampler, '?')) {
        while (sampler->rest.size > 0 && !next_is(sampler, ':') && !next_is(sampler, ')') && !next_is(sampler, '>'))
            (void)take(sampler);
        if (next_is(sampler, ')')) {
            (void)take(sampler);
            return;
        }
        (void)take(sampler);
    }
    sample_alternatives(sampler, writes);
    (void)take(sampler);
}

/* "*", "+", "?", "{2,5}" behind an atom: how often it is written. */
static size_t take_count(struct sampler *sampler) {
    size_t count = 1;
    if (next_is(sampler, '*') || next_is(sampler, '?'))
        count = sampler->variant == 0 ? 0 : 1;
    else if (next_is(sampler, '+'))
        count = sampler->variant < 2 ? 1 : 2;
    else if (!next_is(sampler, '{'))
        return 1;
    if (take(sampler) == '{') {
        count = 0;
        while (sampler->rest.size > 0 && sampler->rest.data[0] >= '0' && sampler->rest.data[0] <= '9' && count < 1000)
            count = count * 10 + (size_t)(take(sampler) - '0');
        while (sampler->rest.size > 0 && take(sampler) != '}')
            continue;
    }
    if (next_is(sampler, '?') || next_is(sampler, '+'))
        (void)take(sampler);
    return count;
}

static void sample_atom(struct sampler *sampler, bool writes) {
    size_t start = sampler->text.size;
    char byte = take(sampler);
    if (byte == '^' || byte == '$')
        return;
    if (byte == '(') {
        sample_group(sampler, writes);
    } else {
        byte = byte == '[' ? take_class(sampler) : byte == '\\' ? of_escape(take(sampler)) : byte == '.' ? 'x' : byte;
        if (writes)
            builder_put_byte(&sampler->text, byte);
    }
    size_t size = sampler->text.size - start, count = take_count(sampler);
    if (count == 0)
        sampler->text.size = start;
    for (size_t i = 1; i < count && size > 0 && sampler->text.size < 4096; i++) {
        char *room = builder_reserve(&sampler->text, size);
        memcpy(room, sampler->text.data + start, size);
        sampler->text.size += size;
    }
}

/* Variant n takes the n-th alternative, or the last. */
static void sample_alternatives(struct sampler *sampler, bool writes) {
    size_t start = sampler->text.size;
    if (++sampler->depth > SAMPLE_DEPTH_MAX)
        sampler->rest = SPAN_EMPTY;
    for (unsigned alternative = 0;; alternative++) {
        bool wanted = writes && alternative <= sampler->variant;
        if (wanted)
            sampler->text.size = start;
        while (sampler->rest.size > 0 && !next_is(sampler, '|') && !next_is(sampler, ')'))
            sample_atom(sampler, wanted);
        if (!next_is(sampler, '|'))
            break;
        (void)take(sampler);
    }
    sampler->depth--;
}

bool regex_sample(struct arena *arena, struct span pattern, const struct regex *regex, unsigned variant, struct span *ret_text) {
    struct sampler sampler = {.rest = pattern, .variant = variant};
    sample_alternatives(&sampler, true);
    struct span text = builder_span(&sampler.text);
    bool holds = sampler.rest.size == 0 && regex_full_match(regex, text);
    if (holds)
        *ret_text = arena_copy(arena, text);
    builder_deinit(&sampler.text);
    return holds;
}
