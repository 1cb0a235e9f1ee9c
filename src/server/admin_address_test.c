#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/admin_address.h"

static void test_addresses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *address; /* NULL: refused */
        const char *path;
        bool local;
    } cases[] = {
        {"127.0.0.1:15000", "127.0.0.1:15000", NULL, true},
        {"15001", "127.0.0.1:15001", NULL, true},
        {"[::1]:15000", "[::1]:15000", NULL, true},
        {"0.0.0.0:15000", "0.0.0.0:15000", NULL, false},
        {"[::]:80", "[::]:80", NULL, false},
        {"10.0.0.1:80", "10.0.0.1:80", NULL, false},
        {"off", "", NULL, true},
        {"unix:/run/a.sock", "", "/run/a.sock", true},
        {"unix:", NULL, NULL, false},
        {"", NULL, NULL, false},
        {"127.0.0.1", NULL, NULL, false},
        {"127.0.0.1:", NULL, NULL, false},
        {"127.0.0.1:0", NULL, NULL, false},
        {"127.0.0.1:65536", NULL, NULL, false},
        {":15000", NULL, NULL, false},
        {"::1:15000", NULL, NULL, false},
        {"[::1]", NULL, NULL, false},
        {"localhost:15000", NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct admin_address address;
        bool valid = admin_address_parse(cases[i].text, &address);
        if (valid != (cases[i].address != NULL))
            fail_msg("%s: %s", cases[i].text, valid ? "taken" : "refused");
        if (!valid)
            continue;
        char text[NETWORK_ADDRESS_TEXT_MAX];
        text[network_address_print(&address.address, text)] = '\0';
        assert_string_equal(text, cases[i].address);
        assert_int_equal(admin_address_is_local(&address), cases[i].local);
        assert_int_equal(address.path == NULL, cases[i].path == NULL);
        if (address.path != NULL)
            assert_string_equal(address.path, cases[i].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
