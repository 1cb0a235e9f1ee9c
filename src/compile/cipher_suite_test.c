#include "compile/cipher_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"

static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool usable;
    } rows[] = {
        {"ECDHE-RSA-AES256-GCM-SHA384", true}, {"ECDHE-ECDSA-AES128-SHA", true}, {"AES256-SHA", true},
        {"ALL", true},                         {"-AES128-SHA", true},            {"[ECDHE-RSA-AES128-GCM-SHA256|AES128-SHA]", true},
        {"", false},                           {"NOT-A-SUITE", false},           {"ecdhe-rsa-aes256-gcm-sha384", false},
        {"ECDHE-RSA-AES128-SHA256", false}, /* the library has it, Istio leaves it out */
        {"ECDHE-RSA-AES256-GCM-SHA384 ", false},
        {"HIGH", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (cipher_suite_is_usable(span_of(rows[i].name)) != rows[i].usable)
            fail_msg("%s", rows[i].name);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
