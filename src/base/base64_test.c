#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"

struct row {
    const char *text;
    const char *bytes; /* NULL: it is none */
};

static void decodes_what_go_decodes(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
        {"Zm9v\n", "foo"},
        {"Z\nm\r\n9\nv", "foo"},
        {"Zm9v\nYmFyYmF6\nYQ=\n=\n", "foobarbaza"},
        {"Z", NULL},
        {"Zm9", NULL},
        {"Zm9vY", NULL},
        {"Zg=", NULL},
        {"Zg===", NULL},
        {"Z===", NULL},
        {"====", NULL},
        {"Zg==Zm9v", NULL},
        {"Zg==\nZm9v", NULL},
        {"Zg=v", NULL},
        {"=Zm9", NULL},
        {"Zm9v Zm9v", NULL},
        {"Zm9v-_-_", NULL},
        {"Zm9v\x80m9v", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char bytes[32];
        size_t size = 99;
        assert_int_equal(base64_decode(span_of(rows[i].text), bytes, &size), rows[i].bytes != NULL);
        if (rows[i].bytes != NULL) {
            assert_int_equal(size, strlen(rows[i].bytes));
            assert_memory_equal(bytes, rows[i].bytes, size);
        }
    }
}

/* A byte that is no digit is found wherever it stands. */
static void finds_every_byte_that_is_no_digit(void **state) {
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t place = 0; place < 8; place++)
        for (int byte = 1; byte < 256; byte++) {
            char text[] = "Zm9vYmFy", bytes[8];
            size_t size;
            text[place] = (char)byte;
            bool is_digit = strchr(digits, byte) != NULL;
            bool pads = byte == '=' && place == 7;
            assert_int_equal(base64_decode(span_of(text), bytes, &size), is_digit || pads);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_go_decodes),
        cmocka_unit_test(finds_every_byte_that_is_no_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
