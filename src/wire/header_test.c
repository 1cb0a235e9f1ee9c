#include "wire/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/character.h"

static void test_every_token_is_found_by_its_name(void **state UNUSED) {
    for (unsigned token = 1; token < HEADER_TOKEN_COUNT; token++)
        assert_int_equal(header_token_of(header_token_name((enum header_token)token)), token);
}

static void test_other_names_have_no_token(void **state UNUSED) {
    static const char *const names[] = {"", "x", "hosts", "hos", "tost", "Host", "x-request-ie", "x-forwarded-for2", "content-lengtH"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(header_token_of(span_of(names[i])), HEADER_OTHER);
    char text[300];
    memset(text, 'x', sizeof(text));
    for (size_t size = 0; size <= sizeof(text); size++)
        assert_int_equal(header_token_of(span_make(text, size)), HEADER_OTHER);
    assert_int_equal(header_token_name(HEADER_OTHER).size, 0);
}

static void test_properties(void **state UNUSED) {
    assert_true(header_token_properties(HEADER_CONNECTION) & HEADER_PROPERTY_HOP_BY_HOP);
    assert_true(header_token_properties(HEADER_TRANSFER_ENCODING) & HEADER_PROPERTY_NO_TRAILER);
    assert_true(header_token_properties(HEADER_X_ENVOY_INTERNAL) & HEADER_PROPERTY_FROM_INSIDE);
    assert_false(header_token_properties(HEADER_X_FORWARDED_FOR) & HEADER_PROPERTY_FROM_INSIDE);
    assert_int_equal(header_token_properties(HEADER_OTHER), 0);
}

static const struct {
    const char *list, *members;
} lists[] = {
    {"", ""},
    {"a", "a;"},
    {"a,b", "a;b;"},
    {" a\t, b ", "a;b;"},
    {",,a,, ,b,", "a;b;"},
    {"a;q=\"1,2\",b", "a;q=\"1,2\";b;"},
    {"\"a\\\",b\",c", "\"a\\\",b\";c;"},
    {"\"a,b", "\"a,b;"},
    {"\"a\\", "\"a\\;"},
};

static void test_lists(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char text[100] = "";
        struct span rest = span_of(lists[i].list), member;
        while (header_list_next(&rest, &member)) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "%.*s;", SPAN_ARGUMENTS(member));
        }
        assert_string_equal(text, lists[i].members);
    }
    assert_true(header_list_contains(SPAN_LITERAL("a, Close"), SPAN_LITERAL("close")));
    assert_false(header_list_contains(SPAN_LITERAL("a, closed"), SPAN_LITERAL("close")));
    assert_false(header_list_contains(SPAN_LITERAL("\"x, close\""), SPAN_LITERAL("close")));
}

static void test_names_and_values(void **state UNUSED) {
    assert_true(header_name_is_valid(SPAN_LITERAL("x-A_1")));
    assert_false(header_name_is_valid(SPAN_LITERAL("")));
    assert_false(header_name_is_valid(SPAN_LITERAL("x a")));
    assert_false(header_name_is_valid(SPAN_LITERAL("x:")));
    assert_true(header_value_is_valid(SPAN_LITERAL("")));
    assert_true(header_value_is_valid(SPAN_LITERAL("a b\tc")));
    assert_false(header_value_is_valid(SPAN_LITERAL(" a")));
    assert_false(header_value_is_valid(SPAN_LITERAL("a\r\nb: c")));
}

/* The eight-at-a-time scan against the table, for every byte at every place. */
static void test_field_value_scan(void **state UNUSED) {
    char text[24];
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t place = 0; place < sizeof(text); place++) {
            memset(text, 'a', sizeof(text));
            text[place] = (char)byte;
            bool wanted = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
            assert_int_equal(character_all_field_value(span_make(text, sizeof(text))), wanted);
            memset(text, 0xff, sizeof(text));
            text[place] = (char)byte;
            assert_int_equal(character_all_field_value(span_make(text, sizeof(text))), wanted);
        }
}

static void test_character_classes(void **state UNUSED) {
    for (unsigned byte = 0; byte < 256; byte++) {
        bool alphanumeric = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
        bool token = alphanumeric || (byte != 0 && strchr("!#$%&'*+-.^_`|~", (int)byte) != NULL);
        assert_int_equal(character_is((char)byte, CHARACTER_TOKEN), token);
        assert_int_equal(character_token_lower[byte], token ? (uint8_t)byte_to_lower((char)byte) : 0);
        assert_int_equal(character_is((char)byte, CHARACTER_UNRESERVED), alphanumeric || (byte != 0 && strchr("-._~", (int)byte) != NULL));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_token_is_found_by_its_name),
        cmocka_unit_test(test_other_names_have_no_token),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names_and_values),
        cmocka_unit_test(test_field_value_scan),
        cmocka_unit_test(test_character_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
