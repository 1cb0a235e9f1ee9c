#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/limits.h"
#include "text/diagnostic.h"

static void add(struct diagnostic_list *list, enum diagnostic_severity severity, const char *file, uint32_t line,
                uint32_t column, const char *message) {
    diagnostic_add(list, severity, DIAGNOSTIC_FIELD_VALUE, (struct position){file, line, column}, SPAN_LITERAL("Gateway a/b"),
                   SPAN_LITERAL("do this"), "%s", message);
}

static void assert_printed(struct diagnostic_list *list, enum diagnostic_severity severity_min, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    diagnostic_list_print(list, severity_min, output);
    fclose(output);
    assert_string_equal(text, expected);
    free(text);
}

static void prints_sorted_with_excerpts(void **state) {
    (void)state;
    struct diagnostic_list list;
    diagnostic_list_init(&list);
    diagnostic_list_add_source(&list, "b.yaml", SPAN_LITERAL("a: 1\r\nçç: x\n"));
    add(&list, DIAGNOSTIC_WARNING, "b.yaml", 2, 5, "second");
    add(&list, DIAGNOSTIC_ERROR, "b.yaml", 1, 4, "first");
    add(&list, DIAGNOSTIC_ERROR, NULL, 0, 0, "nowhere");
    add(&list, DIAGNOSTIC_INFO, "a.yaml", 0, 0, "hello\n\x1b[31m");
    assert_printed(&list, DIAGNOSTIC_INFO,
                   "a.yaml: info: Gateway a/b: hello\\x0A\\x1B[31m [FL0107]\n"
                   "    hint: do this\n"
                   "b.yaml:1:4: error: Gateway a/b: first [FL0107]\n"
                   "      1 | a: 1\n"
                   "        |    ^\n"
                   "    hint: do this\n"
                   "b.yaml:2:5: warning: Gateway a/b: second [FL0107]\n"
                   "      2 | çç: x\n"
                   "        |     ^\n"
                   "    hint: do this\n"
                   "error: Gateway a/b: nowhere [FL0107]\n"
                   "    hint: do this\n"
                   "2 errors, 1 warning, 1 info\n");
    assert_int_equal(diagnostic_list_errors(&list), 2);
    diagnostic_list_deinit(&list);
}

static void leaves_out_what_is_not_asked_for(void **state) {
    (void)state;
    struct diagnostic_list list;
    diagnostic_list_init(&list);
    add(&list, DIAGNOSTIC_INFO, "a.yaml", 0, 0, "x");
    assert_printed(&list, DIAGNOSTIC_WARNING, "");
    diagnostic_list_deinit(&list);
}

static void never_shows_what_may_be_a_key(void **state) {
    (void)state;
    struct diagnostic_list list;
    diagnostic_list_init(&list);
    diagnostic_list_add_source(&list, "s.yaml",
                               SPAN_LITERAL("k: MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7 z\np: hunter2\n"));
    add(&list, DIAGNOSTIC_ERROR, "s.yaml", 1, 4, "x");
    list.excerpts_hidden = true;
    add(&list, DIAGNOSTIC_ERROR, "s.yaml", 2, 4, "y");
    list.excerpts_hidden = false;
    assert_printed(&list, DIAGNOSTIC_INFO,
                   "s.yaml:1:4: error: Gateway a/b: x [FL0107]\n"
                   "      1 | k: **************************************************** z\n"
                   "        |    ^\n"
                   "    hint: do this\n"
                   "s.yaml:2:4: error: Gateway a/b: y [FL0107]\n"
                   "    hint: do this\n"
                   "2 errors\n");
    diagnostic_list_deinit(&list);
}

static void counts_past_the_ceiling(void **state) {
    (void)state;
    struct diagnostic_list list;
    diagnostic_list_init(&list);
    for (int i = 0; i < CONFIGURATION_DIAGNOSTICS_MAX + 5; i++)
        add(&list, DIAGNOSTIC_ERROR, "a.yaml", 1, 1, "x");
    assert_int_equal(list.count, CONFIGURATION_DIAGNOSTICS_MAX);
    assert_int_equal(list.dropped_count, 5);
    assert_int_equal(diagnostic_list_errors(&list), CONFIGURATION_DIAGNOSTICS_MAX + 5);
    diagnostic_list_deinit(&list);
}

static void long_lines_are_cut_around_the_place(void **state) {
    (void)state;
    struct diagnostic_list list;
    char line[1000];
    memset(line, '.', sizeof(line));
    line[500] = '!';
    diagnostic_list_init(&list);
    diagnostic_list_add_source(&list, "l.yaml", span_make(line, sizeof(line)));
    add(&list, DIAGNOSTIC_ERROR, "l.yaml", 1, 501, "x");
    add(&list, DIAGNOSTIC_ERROR, "l.yaml", 1, 5000, "past the end");
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    diagnostic_list_print(&list, DIAGNOSTIC_INFO, output);
    fclose(output);
    assert_true(size < 700);
    assert_non_null(strchr(text, '!'));
    free(text);
    diagnostic_list_deinit(&list);
}

static void one_line_for_logs(void **state) {
    (void)state;
    struct diagnostic_list list;
    diagnostic_list_init(&list);
    add(&list, DIAGNOSTIC_ERROR, "a.yaml", 3, 4, "x");
    struct span line = diagnostic_line(&list, &list.items[0]);
    assert_string_equal(line.data, "a.yaml:3:4: error: Gateway a/b: x [FL0107] (do this)");
    assert_string_equal(diagnostic_code_summary(DIAGNOSTIC_FIELD_VALUE), "a field's value is not allowed");
    diagnostic_list_deinit(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_sorted_with_excerpts),
        cmocka_unit_test(leaves_out_what_is_not_asked_for),
        cmocka_unit_test(never_shows_what_may_be_a_key),
        cmocka_unit_test(counts_past_the_ceiling),
        cmocka_unit_test(long_lines_are_cut_around_the_place),
        cmocka_unit_test(one_line_for_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
