#include "regex/regex.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "regex/regex_shim.h"

struct regex {
    void *program;
};

struct regex *regex_create(struct span pattern, char ret_error[REGEX_ERROR_BYTES_MAX]) {
    void *program = regex_shim_create(pattern.size == 0 ? "" : pattern.data, pattern.size, REGEX_MEMORY_BYTES_MAX, ret_error,
                                      REGEX_ERROR_BYTES_MAX);
    if (program == NULL)
        return NULL;
    struct regex *regex = memory_allocate(sizeof(*regex));
    regex->program = program;
    return regex;
}

void regex_destroy(struct regex *regex) {
    if (regex == NULL)
        return;
    regex_shim_destroy(regex->program);
    free(regex);
}

bool regex_full_match(const struct regex *regex, struct span text) {
    return regex_shim_full_match(regex->program, text.size == 0 ? "" : text.data, text.size);
}

struct replacement {
    struct arena *arena;
    struct span text;
};

static void take_replacement(void *user, const char *text, size_t size) {
    struct replacement *replacement = user;
    replacement->text = arena_copy(replacement->arena, span_make(text, size));
}

struct span regex_replace_all(const struct regex *regex, struct arena *arena, struct span text, struct span substitution) {
    struct replacement replacement = {.arena = arena};
    regex_shim_replace_all(regex->program, text.size == 0 ? "" : text.data, text.size, substitution.size == 0 ? "" : substitution.data,
                           substitution.size, &replacement, take_replacement);
    return replacement.text;
}

bool regex_substitution_is_valid(const struct regex *regex, struct span substitution) {
    return regex_shim_substitution_is_valid(regex->program, substitution.size == 0 ? "" : substitution.data, substitution.size);
}

struct regex_set {
    void *automaton;
};

struct regex_set *regex_set_create(const struct span *patterns, size_t count) {
    const char **texts = memory_allocate_zeroed(count + 1, sizeof(*texts));
    size_t *sizes = memory_allocate_zeroed(count + 1, sizeof(*sizes));
    for (size_t i = 0; i < count; i++) {
        texts[i] = patterns[i].size == 0 ? "" : patterns[i].data;
        sizes[i] = patterns[i].size;
    }
    void *automaton = regex_shim_set_create(texts, sizes, count, REGEX_MEMORY_BYTES_MAX);
    free(texts);
    free(sizes);
    if (automaton == NULL)
        return NULL;
    struct regex_set *set = memory_allocate(sizeof(*set));
    set->automaton = automaton;
    return set;
}

void regex_set_destroy(struct regex_set *set) {
    if (set == NULL)
        return;
    regex_shim_set_destroy(set->automaton);
    free(set);
}

bool regex_set_match(const struct regex_set *set, struct span text, const int **ret_numbers, size_t *ret_count) {
    return regex_shim_set_match(set->automaton, text.size == 0 ? "" : text.data, text.size, ret_numbers, ret_count);
}
