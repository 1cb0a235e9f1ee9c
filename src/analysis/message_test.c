#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "analysis/message_print.h"

static struct arena arena;

static const struct object_meta gateway = {
    .kind = {"Gateway", 7}, .namespace = {"ns", 2}, .name = {"g", 1}, .title = {"Gateway ns/g", 12}, .position = {"g.yaml", 3, 1}};
static const struct object_meta service = {
    .kind = {"Service", 7}, .namespace = {"shop", 4}, .name = {"s", 1}, .title = {"Service shop/s", 14}, .position = {"s.yaml", 1, 1}};

static struct message_list sample(void) {
    struct message_list list = {.arena = &arena};
    arena_reset(&arena);
    message_add(&list, MESSAGE_PORT_NAME, &service, POSITION_NONE, "a <name> & \"more\"");
    message_add(&list, MESSAGE_REFERENCE_NOT_FOUND, &gateway, (struct position){"g.yaml", 9, 5}, "Referenced selector not found");
    message_add(&list, MESSAGE_GATEWAY_PORT, &gateway, POSITION_NONE, "port %d", 81);
    message_add(&list, MESSAGE_GATEWAY_PORT, &gateway, POSITION_NONE, "port %d", 81);
    message_list_sort(&list);
    return list;
}

static void assert_printed(void (*print)(const struct message_list *list, FILE *output), const struct message_list *list, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    assert_non_null(output);
    print(list, output);
    fclose(output);
    assert_string_equal(text, expected);
    free(text);
}

static void print_plain(const struct message_list *list, FILE *output) {
    message_print_log(list, false, output);
}

static void print_colored(const struct message_list *list, FILE *output) {
    message_print_log(list, true, output);
}

static void test_log(void **state) {
    (void)state;
    struct message_list list = sample(), empty = {.arena = &arena};
    assert_printed(print_plain, &list,
                   "Error [IST0101] (Gateway ns/g g.yaml:9) Referenced selector not found\n"
                   "Warning [IST0162] (Gateway ns/g g.yaml:3) port 81\n"
                   "Info [IST0118] (Service shop/s s.yaml:1) a <name> & \"more\"\n");
    assert_printed(print_colored, &list,
                   "\033[1;31mError\033[0m [IST0101] (Gateway ns/g g.yaml:9) Referenced selector not found\n"
                   "\033[33mWarning\033[0m [IST0162] (Gateway ns/g g.yaml:3) port 81\n"
                   "Info\033[0m [IST0118] (Service shop/s s.yaml:1) a <name> & \"more\"\n");
    assert_printed(print_plain, &empty, "\n");
}

static void test_control_bytes_do_not_reach_a_terminal(void **state) {
    (void)state;
    struct message_list list = {.arena = &arena};
    message_add(&list, MESSAGE_GATEWAY_PORT, &gateway, POSITION_NONE, "a\033[2Jb\nc");
    assert_printed(print_plain, &list, "Warning [IST0162] (Gateway ns/g g.yaml:3) a\\x1B[2Jb\\x0Ac\n");
}

static void test_json(void **state) {
    (void)state;
    struct message_list list = sample(), empty = {.arena = &arena};
    list.count = 1;
    assert_printed(message_print_json, &list,
                   "[\n\t{\n\t\t\"code\": \"IST0101\",\n"
                   "\t\t\"documentationUrl\": \"https://istio.io/latest/docs/reference/config/analysis/ist0101/\",\n"
                   "\t\t\"level\": \"Error\",\n\t\t\"message\": \"Referenced selector not found\",\n"
                   "\t\t\"origin\": \"Gateway ns/g\",\n\t\t\"reference\": \"g.yaml:9\"\n\t}\n]\n");
    list = sample();
    list.items += 2;
    list.count = 1;
    assert_printed(message_print_json, &list,
                   "[\n\t{\n\t\t\"code\": \"IST0118\",\n"
                   "\t\t\"documentationUrl\": \"https://istio.io/latest/docs/reference/config/analysis/ist0118/\",\n"
                   "\t\t\"level\": \"Info\",\n\t\t\"message\": \"a \\u003cname\\u003e \\u0026 \\\"more\\\"\",\n"
                   "\t\t\"origin\": \"Service shop/s\",\n\t\t\"reference\": \"s.yaml:1\"\n\t}\n]\n");
    assert_printed(message_print_json, &empty, "[]\n");
}

static void test_yaml(void **state) {
    (void)state;
    struct message_list list = sample(), empty = {.arena = &arena};
    list.count = 1;
    assert_printed(message_print_yaml, &list,
                   "- code: \"IST0101\"\n"
                   "  documentationUrl: \"https://istio.io/latest/docs/reference/config/analysis/ist0101/\"\n"
                   "  level: \"Error\"\n  message: \"Referenced selector not found\"\n"
                   "  origin: \"Gateway ns/g\"\n  reference: \"g.yaml:9\"\n");
    assert_printed(message_print_yaml, &empty, "[]\n");
}

static void test_filter(void **state) {
    static const struct {
        const char *suppression;
        const char *namespace;
        size_t left;
    } rows[] = {
        {"IST0162=Gateway ns/g", "", 2}, {"IST0162=Gateway ns/*", "", 2}, {"IST0162=*", "", 2},           {"IST0162=*/g", "", 2},
        {"IST0162=*way*g", "", 2},       {"IST0162=Gateway", "", 3},      {"IST0162=Gateway other/*", "", 3}, {"IST0101=*g*g", "", 3},
        {"IST0162=*ns/", "", 3},         {"IST9999=*", "", 3},            {"IST9999=*", "ns", 2},         {"IST9999=*", "shop", 1},
        {"IST0118=Service shop/s", "shop", 0}, {"IST9999=*", "elsewhere", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message_list list = sample();
        struct message_suppression suppression;
        assert_true(message_suppression_parse(span_of(rows[i].suppression), &suppression));
        message_list_filter(&list, &suppression, 1, span_of(rows[i].namespace));
        if (list.count != rows[i].left)
            fail_msg("%s %s leaves %zu", rows[i].suppression, rows[i].namespace, list.count);
    }
    struct message_suppression suppression;
    assert_false(message_suppression_parse(SPAN_LITERAL("IST0101"), &suppression));
}

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),  cmocka_unit_test(test_control_bytes_do_not_reach_a_terminal),
        cmocka_unit_test(test_json), cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
