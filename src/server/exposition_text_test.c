#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/exposition_text.h"

static void assert_text(struct builder *text, const char *wanted) {
    builder_put_byte(text, '\0');
    assert_string_equal(text->data, wanted);
    builder_deinit(text);
}

static void test_labels_are_escaped(void **state) {
    (void)state;
    struct builder text = {.data = NULL};
    exposition_put_labelled(&text, "a", "b", SPAN_LITERAL("x\"y\\z\nw"), 3);
    exposition_put_labelled(&text, "a", "b", SPAN_EMPTY, UINT64_MAX);
    assert_text(&text, "a{b=\"x\\\"y\\\\z\\nw\"} 3\na{b=\"\"} 18446744073709551615\n");
}

static void test_families(void **state) {
    (void)state;
    struct builder text = {.data = NULL};
    exposition_begin(&text, "a_total", "counter", "All of them.");
    exposition_put(&text, "a_total", 0);
    assert_text(&text, "# HELP a_total All of them.\n# TYPE a_total counter\na_total 0\n");
}

static void test_fractions(void **state) {
    (void)state;
    struct builder text = {.data = NULL};
    exposition_put_seconds(&text, SECONDS(7));
    builder_put_byte(&text, ' ');
    exposition_put_seconds(&text, SECONDS(7) + 1);
    builder_put_byte(&text, ' ');
    exposition_put_milliseconds(&text, MILLISECONDS(3) / 2);
    assert_text(&text, "7 7.000000001 1.500000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
