#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options.h"

#define ARGUMENTS(...) ((char *const[]){__VA_ARGS__}), (int)(sizeof((char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct arena arena;

static struct options parse(enum options_command command, char *const *arguments, int count) {
    struct options options;
    struct options_error error = {""};
    if (!options_parse(command, count, arguments, &arena, &options, &error))
        fail_msg("%s", error.text);
    return options;
}

static void assert_mistake(enum options_command command, const char *part, char *const *arguments, int count) {
    struct options options = {.status_port = 7};
    struct options_error error = {""};
    assert_false(options_parse(command, count, arguments, &arena, &options, &error));
    assert_int_equal(options.status_port, 7);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

static char f[] = "-f", a[] = "a", b[] = "b", c[] = "c", dash[] = "-";

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

static void test_paths(void **state) {
    (void)state;
    char strict[] = "--strict-sni";
    struct options options = parse(OPTIONS_RUN, ARGUMENTS(f, a, b, strict, f, dash, c));
    assert_int_equal(options.path_count, 4);
    assert_string_equal(options.paths[0], "a");
    assert_string_equal(options.paths[1], "b");
    assert_string_equal(options.paths[2], "-");
    assert_string_equal(options.paths[3], "c");
    assert_true(options.strict_sni);
    assert_mistake(OPTIONS_RUN, "no configuration", ARGUMENTS(strict));
    assert_mistake(OPTIONS_RUN, "unexpected argument a", ARGUMENTS(a));
    assert_mistake(OPTIONS_RUN, "-f needs a value", ARGUMENTS(f));
    assert_mistake(OPTIONS_RUN, "-f needs a value", ARGUMENTS(f, strict));
}

static void test_defaults(void **state) {
    (void)state;
    struct options options = parse(OPTIONS_RUN, ARGUMENTS(f, a));
    assert_int_equal(options.status_port, 15021);
    assert_int_equal(options.concurrency, 0);
    assert_int_equal(options.bind.size, 0);
    assert_int_equal(options.log_level, LOG_INFO);
    assert_false(options.allow_unsupported);
}

static void test_values(void **state) {
    (void)state;
    char concurrency[] = "--concurrency", four[] = "4", bind[] = "--bind=::1", port[] = "--status-port", number[] = "1",
         labels[] = "--labels", pairs[] = "istio=ingressgateway,app=x,empty=", level[] = "--log-level=debug", gateway[] = "--gateway",
         name[] = "ns/g", namespace[] = "--namespace=ns", allow[] = "--allow-unsupported";
    struct options options =
        parse(OPTIONS_RUN, ARGUMENTS(f, a, concurrency, four, bind, port, number, labels, pairs, level, gateway, name, namespace, allow));
    assert_int_equal(options.concurrency, 4);
    assert_int_equal(options.bind.size, 16);
    assert_int_equal(options.bind.bytes[15], 1);
    assert_int_equal(options.status_port, 1);
    assert_int_equal(options.labels.count, 3);
    assert_true(span_equal(options.labels.items[0].key, SPAN_LITERAL("istio")));
    assert_true(span_equal(options.labels.items[1].value, SPAN_LITERAL("x")));
    assert_int_equal(options.labels.items[2].value.size, 0);
    assert_int_equal(options.log_level, LOG_DEBUG);
    assert_true(span_equal(options.gateway, SPAN_LITERAL("ns/g")));
    assert_true(span_equal(options.namespace, SPAN_LITERAL("ns")));
    assert_true(options_compile(&options).allow_unsupported);
}

static void test_mistakes(void **state) {
    (void)state;
    char unknown[] = "--unknown", zero[] = "--concurrency=0", many[] = "--concurrency=257", bind[] = "--bind=host", port[] = "--status-port=65536",
         labels[] = "--labels=a", level[] = "--log-level=loud", flag[] = "--strict-sni=yes", four[] = "--concurrency=4", empty[] = "--gateway=";
    assert_mistake(OPTIONS_RUN, "unknown option --unknown", ARGUMENTS(f, a, unknown));
    assert_mistake(OPTIONS_RUN, "from 1 to 256", ARGUMENTS(f, a, zero));
    assert_mistake(OPTIONS_RUN, "from 1 to 256", ARGUMENTS(f, a, many));
    assert_mistake(OPTIONS_RUN, "want an IPv4 or IPv6 address", ARGUMENTS(f, a, bind));
    assert_mistake(OPTIONS_RUN, "want a port number", ARGUMENTS(f, a, port));
    assert_mistake(OPTIONS_RUN, "want key=value", ARGUMENTS(f, a, labels));
    assert_mistake(OPTIONS_RUN, "want debug", ARGUMENTS(f, a, level));
    assert_mistake(OPTIONS_RUN, "takes no value", ARGUMENTS(f, a, flag));
    assert_mistake(OPTIONS_RUN, "name is empty", ARGUMENTS(f, a, empty));
    assert_mistake(OPTIONS_CHECK, "unknown option --concurrency", ARGUMENTS(f, a, four));
}

static void test_help_wins(void **state) {
    (void)state;
    char help[] = "--help", unknown[] = "--unknown";
    assert_true(parse(OPTIONS_DUMP, ARGUMENTS(unknown, help)).help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),    cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),   cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_help_wins, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
