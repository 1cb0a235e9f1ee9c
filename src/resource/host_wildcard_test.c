#include "resource/host_wildcard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
    const char *a;
    const char *b;
    bool overlap; /* Matches of Istio's host.Name */
    bool subset;  /* SubsetOf */
};

/* What Istio's own tests (pkg/config/host/name_test.go) ask of the two, and the other direction of each. */
static const struct row rows[] = {
    {"", "", true, true},
    {"", "foo.com", false, false},
    {"foo.com", "", false, false},
    {"foo.com", "foo.com", true, true},
    {"bar.com", "foo.com", false, false},
    {"foo.com", "bar.com", false, false},
    {"bar.foo.com", "foo.com", false, false},
    {"foo.com", "bar.foo.com", false, false},
    {"*.com", "foo.com", true, false},
    {"foo.com", "*.com", true, true},
    {"bar.com", "*.com", true, true},
    {"*.foo.com", "bar.foo.com", true, false},
    {"bar.foo.com", "*.foo.com", true, true},
    {"*", "foo.com", true, false},
    {"foo.com", "*", true, true},
    {"*", "*.com", true, false},
    {"*.com", "*", true, true},
    {"*", "com", true, false},
    {"com", "*", true, true},
    {"*", "*", true, true},
    {"*", "", true, false},
    {"", "*", true, true},
    {"*.com", "*.foo.com", true, false},
    {"*.foo.com", "*.com", true, true},
    {"foo.com", "*.foo.com", false, false},
    {"*.foo.com", "foo.com", false, false},
    {"*.foo.bar.baz", "baz", false, false},
    {"baz", "*.foo.bar.baz", false, false},
    {"*.foo.bar.baz", "*.baz", true, true},
    {"*.baz", "*.foo.bar.baz", true, false},
    {"foo.bar.baz", "*.baz", true, true},
    {"Foo.com", "foo.com", false, false},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span a = span_of(rows[i].a), b = span_of(rows[i].b);
        if (host_name_overlaps(a, b) != rows[i].overlap || host_name_is_subset(a, b) != rows[i].subset)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
