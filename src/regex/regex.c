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
