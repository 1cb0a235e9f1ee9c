#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/limits.h"
#include "text/json.h"

static int set_up(void **state) {
    struct arena *arena = calloc(1, sizeof(*arena));
    arena_init(arena, 4096);
    *state = arena;
    return 0;
}

static int tear_down(void **state) {
    arena_deinit(*state);
    free(*state);
    return 0;
}

static struct node *from_json(struct arena *arena, const char *text) {
    struct node *root = NULL;
    assert_true(json_parse(arena, span_of(text), (struct position){"f", 7, 2}, NULL, &root));
    return root;
}

static void json_keeps_the_order_of_keys(void **state) {
    const struct node *root = from_json(*state, "{\"z\": \"1\", \"a\": {\"y\": 2.5, \"b\": [true, null]}, \"z2\": -4}");
    assert_int_equal(root->count, 3);
    assert_string_equal(root->fields[0].key.data, "z");
    assert_string_equal(root->fields[1].key.data, "a");
    assert_string_equal(root->fields[2].key.data, "z2");
    assert_int_equal(root->fields[2].value->position.line, 7);
    assert_string_equal(node_type_name(root->fields[0].value), "a string");
    assert_string_equal(node_type_name(root->fields[2].value), "a number");
    assert_string_equal(node_type_name(node_get_path(root, "a.b")->items[0]), "true or false");
    assert_string_equal(node_type_name(node_get_path(root, "a.b")->items[1]), "null");
}

static void broken_json_is_refused(void **state) {
    static const char *const texts[] = {"", "{", "{\"a\":}", "{} x", "'a'", "{\"a\": 01}", "[1,]"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct diagnostic_list diagnostics;
        diagnostic_list_init(&diagnostics);
        struct node *root = NULL;
        assert_false(json_parse(*state, span_of(texts[i]), POSITION_NONE, &diagnostics, &root));
        assert_null(root);
        assert_int_equal(diagnostic_list_errors(&diagnostics), 1);
        diagnostic_list_deinit(&diagnostics);
    }
}

static void deep_json_is_refused(void **state) {
    char text[400];
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    struct node *root = NULL;
    assert_false(json_parse(*state, span_make(text, 400), POSITION_NONE, NULL, &root));
    assert_true(json_parse(*state, span_make(text + 150, 100), POSITION_NONE, NULL, &root));
}

static void building_and_removing(void **state) {
    struct arena *arena = *state;
    struct node *list = node_new_sequence(arena, POSITION_NONE);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++)
            node_append(arena, list, node_new_plain(arena, arena_print(arena, "%d", i), POSITION_NONE));
        while (list->count > 3)
            assert_true(node_remove_item(list, 0));
    }
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[2]->scalar.data, "9");
    assert_false(node_remove_item(list, 3));
    struct node *mapping = node_new_mapping(arena, POSITION_NONE);
    node_set(arena, mapping, SPAN_LITERAL("a"), list);
    node_set(arena, mapping, SPAN_LITERAL("b"), node_new_null(arena, POSITION_NONE));
    node_set(arena, mapping, SPAN_LITERAL("a"), node_new_string(arena, SPAN_LITERAL("x"), POSITION_NONE));
    assert_int_equal(mapping->count, 2);
    assert_true(node_remove(mapping, SPAN_LITERAL("a")));
    assert_false(node_remove(mapping, SPAN_LITERAL("a")));
    assert_int_equal(mapping->count, 1);
}

static void merging_replaces_lists_and_joins_mappings(void **state) {
    struct arena *arena = *state;
    struct node *under = from_json(arena, "{\"a\": {\"x\": 1, \"y\": 2}, \"l\": [1, 2], \"k\": true}");
    struct node *over = from_json(arena, "{\"a\": {\"y\": 3, \"z\": 4}, \"l\": [9]}");
    struct node *merged = node_merge(arena, under, over);
    assert_string_equal(node_get_path(merged, "a.x")->scalar.data, "1");
    assert_string_equal(node_get_path(merged, "a.y")->scalar.data, "3");
    assert_string_equal(node_get_path(merged, "a.z")->scalar.data, "4");
    assert_int_equal(node_get_path(merged, "l")->count, 1);
    assert_non_null(node_get_path(merged, "k"));
    assert_string_equal(node_get_path(under, "a.y")->scalar.data, "2");
}

static void copies_share_no_node(void **state) {
    struct arena *arena = *state;
    struct node *original = from_json(arena, "{\"a\": {\"x\": [1]}}");
    struct node *copy = node_copy(arena, original);
    node_append(arena, copy->fields[0].value->fields[0].value, node_new_null(arena, POSITION_NONE));
    assert_int_equal(node_get_path(original, "a.x")->count, 1);
    assert_int_equal(node_get_path(copy, "a.x")->count, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(json_keeps_the_order_of_keys), TEST(broken_json_is_refused),
        TEST(deep_json_is_refused),         TEST(building_and_removing),
        TEST(copies_share_no_node),         TEST(merging_replaces_lists_and_joins_mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
