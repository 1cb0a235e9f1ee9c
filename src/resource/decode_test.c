#include "resource/resource_fixture.h"

#include "resource/decode.h"
#include "resource/duration.h"
#include "resource/protocol_class.h"

struct duration_case {
    const char *text;
    int64_t ns;
};

static void durations_are_read(void **state) {
    (void)state;
    static const struct duration_case cases[] = {
        {"10s", 10000000000},   {"1.5s", 1500000000}, {"1m30s", 90000000000},    {"250ms", 250000000},
        {"1h", 3600000000000},  {"0", 0},             {"0s", 0},                 {"5us", 5000},
        {"7ns", 7},             {".5s", 500000000},   {"1h1m1s1ms", 3661001000000}, {"0.0000000001s", 0},
        {"2562047h", 9223369200000000000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ns = -1;
        assert_true(duration_parse(span_of(cases[i].text), &ns));
        assert_true(ns == cases[i].ns);
    }
}

static void what_is_no_duration_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "10", "s", "10x", "-1s", "1s ", " 1s", "1.s.", ".s", "1s2", "9223372037s9223372037s",
                                        "99999999999999999999s", "2562048h", "1 s", "10S"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        int64_t ns = 42;
        assert_false(duration_parse(span_of(texts[i]), &ns));
        assert_true(ns == 42);
    }
}

static void the_nearest_name_is_found(void **state) {
    (void)state;
    static const char *const names[] = {"hosts", "port", "tls", "credentialName", "credentialNames"};
    assert_string_equal(decode_nearest(SPAN_LITERAL("host"), names, sizeof(names[0]), ARRAY_SIZE(names)), "hosts");
    assert_string_equal(decode_nearest(SPAN_LITERAL("credentialname"), names, sizeof(names[0]), ARRAY_SIZE(names)),
                        "credentialName");
    assert_string_equal(decode_nearest(SPAN_LITERAL("credential_names"), names, sizeof(names[0]), ARRAY_SIZE(names)),
                        "credentialNames");
    assert_null(decode_nearest(SPAN_LITERAL("selector"), names, sizeof(names[0]), ARRAY_SIZE(names)));
    assert_null(decode_nearest(SPAN_EMPTY, names, sizeof(names[0]), ARRAY_SIZE(names)));
}

static void protocols_have_their_class(void **state) {
    (void)state;
    assert_int_equal(protocol_class_of(SPAN_LITERAL("http")), PROTOCOL_CLASS_HTTP);
    assert_int_equal(protocol_class_of(SPAN_LITERAL("GRPC-Web")), PROTOCOL_CLASS_HTTP);
    assert_int_equal(protocol_class_of(SPAN_LITERAL("Https")), PROTOCOL_CLASS_TLS);
    assert_int_equal(protocol_class_of(SPAN_LITERAL("TCP")), PROTOCOL_CLASS_OTHER);
    assert_int_equal(protocol_class_of(SPAN_LITERAL("SMTP")), PROTOCOL_CLASS_UNKNOWN);
    assert_int_equal(protocol_class_of(SPAN_EMPTY), PROTOCOL_CLASS_UNKNOWN);
}

static struct label_set labels_of(struct label *items, size_t count) {
    return (struct label_set){items, count};
}

static void label_sets_contain_their_subsets(void **state) {
    (void)state;
    struct label all[] = {{SPAN_LITERAL("a"), SPAN_LITERAL("1"), POSITION_NONE},
                          {SPAN_LITERAL("b"), SPAN_LITERAL("2"), POSITION_NONE}};
    struct label other[] = {{SPAN_LITERAL("b"), SPAN_LITERAL("3"), POSITION_NONE}};
    struct label_set set = labels_of(all, 2);
    struct label_set part = labels_of(all + 1, 1);
    struct label_set none = labels_of(NULL, 0);
    struct label_set wrong = labels_of(other, 1);
    assert_true(label_set_contains(&set, &part));
    assert_true(label_set_contains(&set, &none));
    assert_false(label_set_contains(&set, &wrong));
    assert_false(label_set_contains(&part, &set));
}

static void age_then_name_then_namespace(void **state) {
    (void)state;
    struct object_meta old = {.creation_time_s = 1, .name = SPAN_LITERAL("z")};
    struct object_meta young = {.creation_time_s = 2, .name = SPAN_LITERAL("a")};
    struct object_meta same = {.creation_time_s = 2, .name = SPAN_LITERAL("b"), .namespace = SPAN_LITERAL("a")};
    assert_true(object_meta_compare_age(&old, &young) < 0);
    assert_true(object_meta_compare_age(&same, &young) > 0);
    assert_int_equal(object_meta_compare_age(&same, &same), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),         cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(the_nearest_name_is_found),  cmocka_unit_test(protocols_have_their_class),
        cmocka_unit_test(label_sets_contain_their_subsets), cmocka_unit_test(age_then_name_then_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
