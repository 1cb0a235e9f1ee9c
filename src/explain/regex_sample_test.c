#include "explain/regex_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t samples_of(const char *pattern) {
    struct regex *regex = regex_create(span_of(pattern), NULL);
    struct arena arena;
    struct span text;
    size_t found = 0;
    assert_non_null(regex);
    arena_init(&arena, 4096);
    for (unsigned variant = 0; variant < REGEX_SAMPLE_VARIANTS; variant++) {
        if (!regex_sample(&arena, span_of(pattern), regex, variant, &text))
            continue;
        found++;
        assert_true(regex_full_match(regex, text));
    }
    arena_deinit(&arena);
    regex_destroy(regex);
    return found;
}

static void patterns_of_everyday_life(void **state) {
    (void)state;
    static const char *const patterns[] = {"/v[0-9]+",  "/a/.*",         "/(a|b)/[a-c]",        "(?i)/Api",          "/[^/]+/items/\\d{2,4}",
                                           "",          "/x(/y(z|))?",   "GET|POST|PUT",        "^/start$",          "/\\.well-known/.+",
                                           "(?:ab)+c*", "[\\]a-f]{3}\\w*", "/[a-z-]+(\\.html)?", "https?://x\\.test"};
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        if (samples_of(patterns[i]) == 0)
            fail_msg("no sample of %s", patterns[i]);
}

static void what_is_not_understood_gives_nothing(void **state) {
    (void)state;
    assert_int_equal(samples_of("\\pN+"), 0);
    assert_int_equal(samples_of("[[:^alpha:]]{2}[[:digit:]]"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_of_everyday_life),
        cmocka_unit_test(what_is_not_understood_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
