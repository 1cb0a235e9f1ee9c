#include "resource/name_syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
    const char *text;
    bool right;
};

static void check(const struct row *rows, size_t count, bool (*predicate)(struct span text)) {
    for (size_t i = 0; i < count; i++)
        if (predicate(span_of(rows[i].text)) != rows[i].right)
            fail_msg("%s", rows[i].text);
}
#define CHECK(rows, predicate) check(rows, sizeof(rows) / sizeof(rows[0]), predicate)

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_labels_of_names(void **state) {
    static const struct row rows[] = {{"a", true},  {"A-1", true}, {A63, true},   {A63 "a", false}, {"", false},   {"-a", false},
                                      {"a-", false}, {"a.b", false}, {"a_b", false}, {"*", false},     {"\xc3\xa4", false}};
    (void)state;
    CHECK(rows, name_is_dns_label);
}

static void test_full_names(void **state) {
    static const struct row rows[] = {{"a", true},      {"a.b.c", true}, {"istio.io.", true}, {"", false},      {".", false},   {"a..b", false}, {".a", false},
                                      {"a.12", false},  {"12", false},   {"1a.b2", true},     {"a.12.", false}, {"*.a", false}, {A63 "." A63 "." A63 "." A63, true},
                                      {A63 "." A63 "." A63 "." A63 ".a", false}};
    (void)state;
    CHECK(rows, name_is_fqdn);
}

static void test_wildcards(void **state) {
    static const struct row rows[] = {{"*", true},       {"*.a.b", true},  {"*abc.d", true},  {"*-abc.d", true}, {"foo.*.com", false}, {"**.a", false}, {"*.", false},
                                      {"a*.b", false},   {"a.b", true},    {"short", true},   {"10.0.0.1", false}, {"*.12", false},      {"", false},     {"*a", true}};
    static const struct row partial[] = {{"*", false}, {"*.a", false}, {"*-a.b", true}, {"a.*", true}, {"*.a*", true}, {"", false}};
    (void)state;
    CHECK(rows, name_is_wildcard_domain);
    CHECK(partial, name_is_partial_wildcard);
}

static void test_addresses(void **state) {
    static const struct row rows[] = {{"10.0.0.1", true}, {"::1", true}, {"10.0.0.0/8", true}, {"10.0.0.0/33", false}, {"fd00::/64", true}, {"fd00::/129", false},
                                      {"10.0.0.0/", false}, {"a/8", false}, {"10.0.0.0/8/8", false}, {"", false}};
    (void)state;
    CHECK(rows, name_is_subnet);
}

static void test_labels_of_objects(void **state) {
    static const struct row keys[] = {{"app", true}, {"app.kubernetes.io/name", true}, {"a_b.c-d", true}, {"/a", false}, {"a/", false}, {"a/b/c", false},
                                      {"a b", false}, {"", false}, {"-a", false}, {A63, true}, {A63 "a", false}, {"a_b/c", false}};
    static const struct row values[] = {{"", true}, {"v1.2_3", true}, {"a b", false}, {"-", false}, {A63 "a", false}};
    (void)state;
    CHECK(keys, name_is_label_key);
    CHECK(values, name_is_label_value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_of_names), cmocka_unit_test(test_full_names),       cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_addresses),       cmocka_unit_test(test_labels_of_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
