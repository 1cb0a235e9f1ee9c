#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/limits.h"
#include "text/yaml.h"

struct fixture {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct document_list documents;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    arena_init(&fixture->arena, 4096);
    diagnostic_list_init(&fixture->diagnostics);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    diagnostic_list_deinit(&fixture->diagnostics);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

static bool parse(struct fixture *fixture, const char *text) {
    diagnostic_list_add_source(&fixture->diagnostics, "f.yaml", span_of(text));
    return yaml_parse(&fixture->arena, &fixture->arena, "f.yaml", span_of(text), &fixture->diagnostics, &fixture->documents);
}

static const struct node *root_of(struct fixture *fixture, const char *text) {
    assert_true(parse(fixture, text));
    assert_int_equal(fixture->documents.count, 1);
    return fixture->documents.items[0].root;
}

static void assert_span(struct span text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static const struct diagnostic *assert_error(struct fixture *fixture, enum diagnostic_code code, uint32_t line,
                                             uint32_t column) {
    assert_int_equal(fixture->diagnostics.count, 1);
    const struct diagnostic *item = &fixture->diagnostics.items[0];
    assert_int_equal(item->severity, DIAGNOSTIC_ERROR);
    assert_int_equal(item->code, code);
    assert_int_equal(item->position.line, line);
    assert_int_equal(item->position.column, column);
    assert_true(item->hint.size > 0);
    return item;
}

static void reads_documents_with_positions(void **state) {
    struct fixture *fixture = *state;
    assert_true(parse(fixture, "# c\n---\na:\n  - b: 1\n    ç: {x: \"2\"}\n---\n---\nc: d\n...\n"));
    assert_int_equal(fixture->documents.count, 2);
    const struct node *root = fixture->documents.items[0].root;
    assert_int_equal(root->position.line, 3);
    const struct node *item = node_get(root, SPAN_LITERAL("a"))->items[0];
    const struct node_field *field = node_get_field(item, SPAN_LITERAL("ç"));
    assert_int_equal(field->key_position.line, 5);
    assert_int_equal(field->key_position.column, 5);
    assert_int_equal(field->value->position.column, 8);
    assert_span(node_get_path(field->value, "x")->scalar, "2");
    assert_string_equal(field->value->position.file, "f.yaml");
}

struct scalar_case {
    const char *text;
    const char *type; /* as node_type_name says */
};

static void scalars_are_as_kubernetes_sees_them(void **state) {
    static const struct scalar_case cases[] = {
        {"true", "true or false"}, {"Yes", "true or false"}, {"off", "true or false"}, {"'true'", "a string"},
        {"tRue", "a string"},      {"12", "a number"},       {"-3", "a number"},       {"0x1F", "a number"},
        {"1.5", "a number"},       {"1e3", "a number"},      {"1.5s", "a string"},     {"\"12\"", "a string"},
        {"!!str 12", "a string"},  {"~", "null"},            {"null", "null"},         {"", "null"},
        {"'null'", "a string"},    {"1.2.3", "a string"},    {"010", "a number"},      {"089", "a number"},
        {"-", "a string"},         {".", "a string"},        {"0x", "a string"},       {"[]", "a list"},
        {"{}", "a mapping"},       {"a b", "a string"},      {"99999999999999999999", "a number"},
        {"!!int 3", "a number"},   {"::1", "a string"},      {"1_000", "a number"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[64];
        snprintf(text, sizeof(text), "k: %s\n", cases[i].text);
        if (strcmp(cases[i].text, "-") == 0)
            snprintf(text, sizeof(text), "k: '-'\n");
        const struct node *value = node_get(root_of(*state, text), SPAN_LITERAL("k"));
        assert_string_equal(node_type_name(value), cases[i].type);
    }
}

static void typed_reads_refuse_other_types(void **state) {
    struct fixture *fixture = *state;
    const struct node *root = root_of(fixture, "i: 42\nh: 0x10\nn: -9223372036854775808\nb: on\ns: 'x'\nd: 2.5\nq: '1'\n");
    int64_t integer = 7;
    double number = 7;
    bool flag = false;
    struct span text;
    assert_true(node_as_integer(node_get_present(root, "i"), &integer) && integer == 42);
    assert_true(node_as_integer(node_get_present(root, "h"), &integer) && integer == 16);
    assert_true(node_as_integer(node_get_present(root, "n"), &integer) && integer == INT64_MIN);
    assert_false(node_as_integer(node_get_present(root, "q"), &integer));
    assert_false(node_as_integer(node_get_present(root, "d"), &integer));
    assert_true(integer == INT64_MIN);
    assert_true(node_as_bool(node_get_present(root, "b"), &flag) && flag);
    assert_false(node_as_bool(node_get_present(root, "s"), &flag));
    assert_true(node_as_double(node_get_present(root, "d"), &number) && number > 2.4 && number < 2.6);
    assert_true(node_as_double(node_get_present(root, "i"), &number) && number > 41.9);
    assert_false(node_as_double(node_get_present(root, "s"), &number));
    assert_true(node_as_string(node_get_present(root, "s"), &text));
    assert_false(node_as_string(node_get_present(root, "i"), &text));
    assert_false(node_as_string(NULL, &text));
}

static void a_syntax_error_keeps_the_documents_before(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "a: 1\n---\nb: c: d\n---\ne: f\n"));
    assert_int_equal(fixture->documents.count, 1);
    const struct diagnostic *item = assert_error(fixture, DIAGNOSTIC_YAML_SYNTAX, 3, 5);
    assert_non_null(memmem(item->message.data, item->message.size, "':'", 3));
}

static void tabs_and_templates_are_named(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "a:\n\tb: 1\n"));
    const struct diagnostic *item = assert_error(fixture, DIAGNOSTIC_YAML_SYNTAX, 2, 1);
    assert_non_null(memmem(item->hint.data, item->hint.size, "spaces", 6));
    tear_down(state);
    set_up(state);
    fixture = *state;
    assert_false(parse(fixture, "a: {{ .Values.x }}\nb: 1\n"));
    assert_true(fixture->diagnostics.count >= 1);
    item = &fixture->diagnostics.items[fixture->diagnostics.count - 1];
    assert_non_null(memmem(item->hint.data, item->hint.size, "quote", 5) != NULL
                        ? item->hint.data
                        : memmem(item->hint.data, item->hint.size, "template", 8));
}

static void bad_utf8_is_an_error(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "a: 1\nb: \xff\n"));
    assert_int_equal(fixture->documents.count, 0);
    assert_error(fixture, DIAGNOSTIC_YAML_SYNTAX, 2, 4);
}

static void duplicate_keys_leave_the_document_out(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "a: 1\nb: 2\na: 3\n---\nc: 1\n"));
    assert_int_equal(fixture->documents.count, 1);
    assert_error(fixture, DIAGNOSTIC_YAML_DUPLICATE_KEY, 3, 1);
}

static void duplicate_keys_are_found_among_many(void **state) {
    struct fixture *fixture = *state;
    char text[4000];
    size_t size = 0;
    for (int i = 0; i < 100; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "k%d: 1\n", i);
    assert_true(parse(fixture, text));
    assert_int_equal(fixture->documents.items[0].root->count, 100);
    snprintf(text + size, sizeof(text) - size, "k50: 1\n");
    assert_false(parse(fixture, text));
    assert_error(fixture, DIAGNOSTIC_YAML_DUPLICATE_KEY, 101, 1);
}

static void aliases_and_merge_keys_are_resolved(void **state) {
    struct fixture *fixture = *state;
    const struct node *root = root_of(fixture, "base: &b {x: 1, y: 2}\none: *b\ntwo:\n  <<: *b\n  y: 3\n"
                                               "three:\n  <<: [{x: 9}, *b]\n");
    assert_span(node_get_path(root, "one.x")->scalar, "1");
    assert_span(node_get_path(root, "two.x")->scalar, "1");
    assert_span(node_get_path(root, "two.y")->scalar, "3");
    assert_span(node_get_path(root, "three.x")->scalar, "9");
    assert_span(node_get_path(root, "three.y")->scalar, "2");
}

static void unknown_aliases_are_errors(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "host: *.example.com\n"));
    assert_int_equal(fixture->documents.count, 0);
    const struct diagnostic *item = assert_error(fixture, DIAGNOSTIC_YAML_SYNTAX, 1, 8);
    assert_non_null(memmem(item->hint.data, item->hint.size, "quote", 5));
    tear_down(state);
    set_up(state);
    fixture = *state;
    assert_false(parse(fixture, "a: &x 1\n---\nhost: *x\n"));
    assert_int_equal(fixture->documents.count, 1);
    assert_error(fixture, DIAGNOSTIC_YAML_ALIAS, 3, 7);
}

static void an_alias_inside_its_own_anchor_is_an_error(void **state) {
    struct fixture *fixture = *state;
    assert_false(parse(fixture, "a: &x [*x]\n"));
    assert_error(fixture, DIAGNOSTIC_YAML_ALIAS, 1, 8);
}

static void multiplying_aliases_meet_the_ceiling(void **state) {
    struct fixture *fixture = *state;
    char text[4000];
    size_t size = (size_t)snprintf(text, sizeof(text), "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
                                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_false(parse(fixture, text));
    assert_int_equal(fixture->documents.count, 0);
    assert_int_equal(fixture->diagnostics.items[0].code, DIAGNOSTIC_YAML_CEILING);
}

static void deep_nesting_meets_the_ceiling(void **state) {
    struct fixture *fixture = *state;
    char text[2 * CONFIGURATION_DEPTH_MAX + 8];
    memset(text, '[', CONFIGURATION_DEPTH_MAX);
    memset(text + CONFIGURATION_DEPTH_MAX, ']', CONFIGURATION_DEPTH_MAX);
    text[2 * CONFIGURATION_DEPTH_MAX] = '\0';
    assert_true(parse(fixture, text));
    char deeper[2 * CONFIGURATION_DEPTH_MAX + 16];
    snprintf(deeper, sizeof(deeper), "[%s]", text);
    assert_false(parse(fixture, deeper));
    assert_error(fixture, DIAGNOSTIC_YAML_CEILING, 1, CONFIGURATION_DEPTH_MAX + 1);
}

static void json_is_yaml(void **state) {
    struct fixture *fixture = *state;
    const struct node *root = root_of(fixture, "{\n\t\"a\": [1, true, \"x\\u00e9\"],\n\t\"b\": null\n}\n");
    assert_int_equal(node_get(root, SPAN_LITERAL("a"))->count, 3);
    assert_span(node_get(root, SPAN_LITERAL("a"))->items[2]->scalar, "x\xc3\xa9");
    assert_null(node_get_present(root, "b"));
    assert_non_null(node_get(root, SPAN_LITERAL("b")));
}

static void nothing_is_no_document(void **state) {
    struct fixture *fixture = *state;
    assert_true(parse(fixture, ""));
    assert_int_equal(fixture->documents.count, 0);
    assert_true(parse(fixture, "# only a comment\n---\n"));
    assert_int_equal(fixture->documents.count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_documents_with_positions),
        TEST(scalars_are_as_kubernetes_sees_them),
        TEST(typed_reads_refuse_other_types),
        TEST(a_syntax_error_keeps_the_documents_before),
        TEST(tabs_and_templates_are_named),
        TEST(bad_utf8_is_an_error),
        TEST(duplicate_keys_leave_the_document_out),
        TEST(duplicate_keys_are_found_among_many),
        TEST(aliases_and_merge_keys_are_resolved),
        TEST(unknown_aliases_are_errors),
        TEST(an_alias_inside_its_own_anchor_is_an_error),
        TEST(multiplying_aliases_meet_the_ceiling),
        TEST(deep_nesting_meets_the_ceiling),
        TEST(json_is_yaml),
        TEST(nothing_is_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
