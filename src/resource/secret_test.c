#include "resource/resource_fixture.h"

#define HEAD "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: s}\n"

static const struct secret *load_secret(struct fixture *fixture, const char *text) {
    fixture_load(fixture, text);
    return resource_set_find_secret(&fixture->set, SPAN_LITERAL("default"), SPAN_LITERAL("s"));
}

static void decodes_data(void **state) {
    struct fixture *fixture = *state;
    const struct secret *secret = load_secret(
        fixture, HEAD "data:\n  a: aGVsbG8=\n  b: aGVsbG8h\n  c: aGVsbA==\n  d: ''\n  e:\n  f: |\n    aGVs\n    bG8=\n");
    fixture_assert_clean(fixture);
    assert_text(secret->type.text, "kubernetes.io/tls");
    assert_text(secret_get(secret, SPAN_LITERAL("a"))->value, "hello");
    assert_text(secret_get(secret, SPAN_LITERAL("b"))->value, "hello!");
    assert_text(secret_get(secret, SPAN_LITERAL("c"))->value, "hell");
    assert_int_equal(secret_get(secret, SPAN_LITERAL("d"))->value.size, 0);
    assert_int_equal(secret_get(secret, SPAN_LITERAL("e"))->value.size, 0);
    assert_text(secret_get(secret, SPAN_LITERAL("f"))->value, "hello");
    assert_null(secret_get(secret, SPAN_LITERAL("g")));
}

static void string_data_wins(void **state) {
    struct fixture *fixture = *state;
    const struct secret *secret =
        load_secret(fixture, HEAD "stringData: {a: plain, n: \"1\"}\ndata: {a: aGVsbG8=, b: aGVsbG8h}\n");
    fixture_assert_clean(fixture);
    assert_text(secret_get(secret, SPAN_LITERAL("a"))->value, "plain");
    assert_text(secret_get(secret, SPAN_LITERAL("b"))->value, "hello!");
    assert_int_equal(secret->entry_count, 3);
}

static void broken_base64_disables_its_entry_alone(void **state) {
    static const char *const values[] = {"'@crt x@'", "aGVsbG8", "aGVsbG8==", "a", "====", "aGVs=bG8", "aGVsbG8=a", "'aG Vs'",
                                         "aGVsbG8-", "aGVs====", "aGVsbA=="};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char text[300];
        snprintf(text, sizeof(text), HEAD "data:\n  good: aGVsbG8=\n  bad: %s\n", values[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        const struct secret *secret = load_secret(fixture, text);
        bool is_good = i + 1 == ARRAY_SIZE(values);
        assert_int_equal(fixture->diagnostics.count, is_good ? 0 : 1);
        assert_false(secret->meta.invalid);
        assert_int_equal(secret_get(secret, SPAN_LITERAL("bad"))->invalid, !is_good);
        assert_false(secret_get(secret, SPAN_LITERAL("good"))->invalid);
        if (is_good)
            continue;
        fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_VALUE, 7, 8);
        assert_true(fixture->diagnostics.items[0].excerpt_hidden);
    }
}

static void values_are_never_printed(void **state) {
    struct fixture *fixture = *state;
    load_secret(fixture, HEAD "stringData:\n  a: [hunter2]\n  b: 1234567\ndata:\n  c: sesame!\nunknown: hunter2\n");
    assert_true(fixture->diagnostics.count >= 4);
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    diagnostic_list_print(&fixture->diagnostics, DIAGNOSTIC_INFO, output);
    fclose(output);
    assert_null(strstr(text, "hunter2"));
    assert_null(strstr(text, "1234567"));
    assert_null(strstr(text, "sesame"));
    free(text);
    assert_false(fixture->diagnostics.excerpts_hidden);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(decodes_data),
        FIXTURE_TEST(string_data_wins),
        FIXTURE_TEST(broken_base64_disables_its_entry_alone),
        FIXTURE_TEST(values_are_never_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
