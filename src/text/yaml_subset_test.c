#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "text/yaml_library.h"
#include "text/yaml_subset.h"

static void assert_same_place(struct position a, struct position b) {
    assert_int_equal(a.line, b.line);
    assert_int_equal(a.column, b.column);
}

static void assert_same_text(struct span a, struct span b) {
    assert_int_equal(a.size, b.size);
    if (a.size > 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_same_tree(const struct node *a, const struct node *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->plain, b->plain);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->weight, b->weight);
    assert_same_place(a->position, b->position);
    if (a->kind == NODE_SCALAR)
        assert_same_text(a->scalar, b->scalar);
    for (uint32_t i = 0; a->kind == NODE_SEQUENCE && i < a->count; i++)
        assert_same_tree(a->items[i], b->items[i]);
    for (uint32_t i = 0; a->kind == NODE_MAPPING && i < a->count; i++) {
        assert_same_text(a->fields[i].key, b->fields[i].key);
        assert_same_place(a->fields[i].key_position, b->fields[i].key_position);
        assert_same_tree(a->fields[i].value, b->fields[i].value);
    }
}

static bool parse_both(const char *text) {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct document_list quick, whole;
    arena_init(&arena, 4096);
    diagnostic_list_init(&diagnostics);
    bool is_read = yaml_subset_parse(&arena, &arena, "f.yaml", span_of(text), &quick);
    if (is_read) {
        assert_true(yaml_library_parse(&arena, &arena, "f.yaml", span_of(text), &diagnostics, &whole));
        assert_int_equal(diagnostics.count, 0);
        assert_int_equal(quick.count, whole.count);
        for (size_t i = 0; i < quick.count; i++)
            assert_same_tree(quick.items[i].root, whole.items[i].root);
    }
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
    return is_read;
}

static void reads_what_is_usual_as_libyaml_does(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a: b",
        "a: b # c\n# d\n\n  # e\nc: d\n",
        "---\na: b\n---\n# nothing\n---\nc: d\n---",
        "--- # first\n- a\n- - b\n  -   - c\n-\n  d: e\n  f:\n- g: h\n  i:\n  - j\n",
        "a:\nb:\n- c\n-\n- d:\n    e\n  f: g\nh:\n    -  i\n",
        "a:\n  b:\n    c: 1\n  d: ~\n  null: x\n",
        "url: http://example.com:80/#top\ntime: 10:20:30\nminus: -1\nflag: --flag\ntilde: ~x\nhash: a#b\nspaces:  a  b \n",
        "'a b': 'c # d: \\e'\n\"f\": \"g \\\"h\\\" \\\\ \\/ \\n\\t\\r \\u0041 'i'\"\n",
        "a : b\n\"c\" : d\n",
        "a: {}\nb: []\nc: [a.b, \"*\", 'x', -1, 1e3, true, null]\nd: {a: b, \"c\":1, \"d\": [{e: f}]}\n",
        "{\n \"a\": [\n  1,\n  {\"b\": \"c\"}\n ], # d\n \"e\": null\n}\n",
        "a: {\nb: c,\n  d: [\n1]\n}\ne: f\n",
        "  a: b\n  c:\n  - d\n",
        "---a: b\n",
        "- a: b\n  c: d\n- e\n- {f: g}\n- [h]\n- \"i\"\n",
        "a.b/c-d_e: $f\nx: (y)\nz: <b>\n=: ^\n",
        "# nothing\n",
        "\n---\n---\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!parse_both(texts[i]))
            fail_msg("not read: %s", texts[i]);
}

static void leaves_the_rest_to_libyaml(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "a", "a: &b c\n", "a: *b\n", "a: !!str b\n", "a: |\n  b\n", "a: >\n  b\n", "? a\n", "a: b\n  c\n", "- a\n  b\n", "a:\n  b\n  c\n",
        "<<: {a: b}\n", "a: b\na: c\n", "{a: b, a: c}\n", "a: b\n...\n", "... : b\n", "%YAML 1.1\n---\na: b\n", "a:\tb\n", "a: b\r\n", "a: \xc3\xa9\n",
        "# \xc2\x85\na: b\n", "a: b: c\n", "a: - b\n", "a: \"b\n", "a: \"b\n  c\"\n", "a: \"\\x41\"\n", "a: \"\\u00e9\"\n", "a: 'b''c'\n", "a: 'b' c\n", "a: \"b\"c\n",
        "a: {b}\n", "a: {b: }\n", "a: [b: c]\n", "a: [b,]\n", "a: [b c]\n", "a: {b:c}\n", "a: [b\n", "a: [b] c\n", "{a: b}: c\n", "a: {\n---\n}\n", "a: @b\n", "a: `b\n",
        "a: ,b\n", "a:b\n", "a:\n b: c\n  d: e\n", "a:\n  b: c\n d: e\n", "  a: b\nc: d\n", "- a\nb: c\n", "a: b\n- c\n", "--- a\n", "--- a: b\n", "a: ]\n", "\"a\":b\n",
        "a: b\n\"c\nd\": e\n", "[a]: b\n", "a: \x01\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (parse_both(texts[i]))
            fail_msg("read: %s", texts[i]);
}

static void too_long_a_key_is_libyamls_to_refuse(void **state) {
    (void)state;
    char text[1200];
    memset(text, 'k', sizeof(text));
    memcpy(text + 1100, ": v\n", 5);
    assert_false(parse_both(text));
    memset(text + 1, ' ', 1099);
    assert_false(parse_both(text));
    memset(text, 'k', 1100);
    memcpy(text + 900, ": v\n", 5);
    assert_true(parse_both(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_usual_as_libyaml_does),
        cmocka_unit_test(leaves_the_rest_to_libyaml),
        cmocka_unit_test(too_long_a_key_is_libyamls_to_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
