#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/decimal.h"
#include "base/escape.h"
#include "base/network_address.h"

static void prints_numbers_as_printf_does(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024);
    uint64_t value = 0;
    for (int i = 0; i < 200; i++) {
        char expected[32], digits[DECIMAL_DIGITS_MAX];
        int size = snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
        assert_int_equal(decimal_print(value, digits), size);
        assert_memory_equal(digits, expected, (size_t)size);
        assert_true(span_equal(arena_decimal(&arena, value), span_of(expected)));
        value = i % 3 == 0 ? value * 7 + 9 : i % 3 == 1 ? value + 1 : value * 10;
    }
    char digits[DECIMAL_DIGITS_MAX];
    assert_int_equal(decimal_print(UINT64_MAX, digits), DECIMAL_DIGITS_MAX);
    assert_memory_equal(digits, "18446744073709551615", DECIMAL_DIGITS_MAX);
    arena_deinit(&arena);
}

static void prints_addresses(void **state) {
    (void)state;
    static const struct {
        const char *host;
        uint16_t port;
        const char *text;
    } cases[] = {
        {"0.0.0.0", 0, "0.0.0.0:0"},
        {"255.255.255.255", 65535, "255.255.255.255:65535"},
        {"10.9.100.1", 80, "10.9.100.1:80"},
        {"::", 1, "[::]:1"},
        {"fd00::1:2", 8443, "[fd00::1:2]:8443"},
        {"1111:2222:3333:4444:5555:6666:7777:8888", 65535, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535"},
        {"::ffff:10.0.0.1", 9, "[::ffff:10.0.0.1]:9"},
    };
    char text[NETWORK_ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct network_address address;
        assert_true(network_address_parse(span_of(cases[i].host), cases[i].port, &address));
        assert_int_equal(network_address_print(&address, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        assert_int_equal(network_address_print_host(&address, text), strlen(cases[i].host));
        assert_string_equal(text, cases[i].host);
    }
    struct network_address none = {.size = 0};
    assert_int_equal(network_address_print(&none, text), 0);
    assert_string_equal(text, "");
}

/* Each byte at each place of a text that is longer than what is looked at at once. */
static void finds_what_must_be_escaped(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char text[20];
            memset(text, place % 2 == 0 ? ' ' : '~', sizeof(text));
            text[place] = (char)byte;
            bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
            assert_int_equal(escape_plain_size(span_make(text, sizeof(text))), plain ? sizeof(text) : place);
            assert_int_equal(escape_plain_size(span_make(text, place + 1)), plain ? place + 1 : place);
        }
    }
    assert_int_equal(escape_plain_size(SPAN_EMPTY), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_numbers_as_printf_does),
        cmocka_unit_test(prints_addresses),
        cmocka_unit_test(finds_what_must_be_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
