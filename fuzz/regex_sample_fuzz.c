/* Any pattern: what is given as a sample of it matches it. */
#include "base/assert.h"
#include "explain/regex_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span pattern = span_make(data, size), text;
    struct regex *regex = size > 1024 ? NULL : regex_create(pattern, NULL);
    struct arena arena;
    if (regex == NULL)
        return 0;
    arena_init(&arena, 4096);
    for (unsigned variant = 0; variant < REGEX_SAMPLE_VARIANTS; variant++)
        if (regex_sample(&arena, pattern, regex, variant, &text))
            ASSERT(regex_full_match(regex, text));
    arena_deinit(&arena);
    regex_destroy(regex);
    return 0;
}
