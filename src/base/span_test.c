#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/span.h"

static void compares_without_case_in_ascii_only(void **state) {
    (void)state;
    assert_true(span_equal_ignore_case(SPAN_LITERAL("Host"), SPAN_LITERAL("hOST")));
    assert_false(span_equal_ignore_case(SPAN_LITERAL("Host"), SPAN_LITERAL("Hos")));
    assert_false(span_equal_ignore_case(SPAN_LITERAL("["), SPAN_LITERAL("{")));
    assert_true(span_starts_with_ignore_case(SPAN_LITERAL("/FOO/bar"), SPAN_LITERAL("/foo")));
    assert_false(span_starts_with_ignore_case(SPAN_LITERAL("/fo"), SPAN_LITERAL("/foo")));
}

static void orders_by_bytes_then_size(void **state) {
    (void)state;
    assert_true(span_compare(SPAN_LITERAL("a"), SPAN_LITERAL("b")) < 0);
    assert_true(span_compare(SPAN_LITERAL("ab"), SPAN_LITERAL("a")) > 0);
    assert_int_equal(span_compare(SPAN_EMPTY, SPAN_LITERAL("")), 0);
}

static void splits_and_keeps_empty_parts(void **state) {
    (void)state;
    struct span rest = SPAN_LITERAL("a,,b");
    struct span part;
    assert_true(span_split(&rest, ',', &part) && span_equal(part, SPAN_LITERAL("a")));
    assert_true(span_split(&rest, ',', &part) && part.size == 0);
    assert_true(span_split(&rest, ',', &part) && span_equal(part, SPAN_LITERAL("b")));
    assert_false(span_split(&rest, ',', &part));
}

static void reads_numbers_strictly(void **state) {
    (void)state;
    uint64_t value = 7;
    assert_true(span_to_u64(SPAN_LITERAL("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    static const char *const refused[] = {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "1,1"};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_false(span_to_u64(span_of(refused[i]), &value));
    assert_true(value == UINT64_MAX);
}

static void trims_spaces_and_tabs_only(void **state) {
    (void)state;
    assert_true(span_equal(span_trim(SPAN_LITERAL(" \t a b \t")), SPAN_LITERAL("a b")));
    assert_true(span_equal(span_trim(SPAN_LITERAL("\ra")), SPAN_LITERAL("\ra")));
    assert_int_equal(span_trim(SPAN_LITERAL("  ")).size, 0);
}

static void hashes_equal_bytes_equally(void **state) {
    (void)state;
    assert_true(span_hash(SPAN_LITERAL("example.com")) == span_hash(span_of("example.com")));
    assert_true(span_hash(SPAN_LITERAL("example.com")) != span_hash(SPAN_LITERAL("example.con")));
    assert_true(span_hash(SPAN_LITERAL("a")) != span_hash(SPAN_LITERAL("a\0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_without_case_in_ascii_only), cmocka_unit_test(orders_by_bytes_then_size),
        cmocka_unit_test(splits_and_keeps_empty_parts),        cmocka_unit_test(reads_numbers_strictly),
        cmocka_unit_test(trims_spaces_and_tabs_only),          cmocka_unit_test(hashes_equal_bytes_equally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
