#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_writer.h"

static void test_nesting(void **state) {
    (void)state;
    struct builder text = {0};
    struct json_writer json = json_writer_make(&text);
    json_object_begin(&json);
    json_put_text(&json, "a", SPAN_LITERAL("b"));
    json_put_array(&json, "list");
    json_number(&json, 18446744073709551615U);
    json_signed(&json, -1);
    json_object_begin(&json);
    json_object_end(&json);
    json_array_end(&json);
    json_put_object(&json, "o");
    json_put_bool(&json, "yes", true);
    json_key(&json, "nothing");
    json_null(&json);
    json_object_end(&json);
    json_put_array(&json, "empty");
    json_array_end(&json);
    json_object_end(&json);
    json_finish(&json);
    builder_put_byte(&text, '\0');
    assert_string_equal(text.data, "{\n  \"a\": \"b\",\n  \"list\": [\n    18446744073709551615,\n    -1,\n    {}\n  ],\n"
                                   "  \"o\": {\n    \"yes\": true,\n    \"nothing\": null\n  },\n  \"empty\": []\n}\n");
    builder_deinit(&text);
}

/* RFC 8259 section 7; and what is no UTF-8 must not reach a reader. */
static void test_escaping(void **state) {
    (void)state;
    static const struct {
        struct span text;
        const char *json;
    } cases[] = {
        {SPAN_LITERAL(""), "\"\"\n"},
        {SPAN_LITERAL("a\"b\\c\n\r\t"), "\"a\\\"b\\\\c\\n\\r\\t\"\n"},
        {SPAN_LITERAL("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\"\n"},
        {SPAN_LITERAL("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"\n"},
        {SPAN_LITERAL("\xff" "a\xc3"), "\"\xef\xbf\xbd" "a\xef\xbf\xbd\"\n"},
        {SPAN_LITERAL("\xe2\x80\xa8"), "\"\\u2028\"\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct builder text = {0};
        struct json_writer json = json_writer_make(&text);
        json_text(&json, cases[i].text);
        json_finish(&json);
        builder_put_byte(&text, '\0');
        assert_string_equal(text.data, cases[i].json);
        builder_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nesting), cmocka_unit_test(test_escaping)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
