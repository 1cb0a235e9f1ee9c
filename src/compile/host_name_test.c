#include "compile/host_name.h"

#include "compile/test_world.h"

static void subset_follows_the_suffix(void **state) {
    (void)state;
    static const struct {
        const char *narrow;
        const char *wide;
        bool subset;
    } rows[] = {
        {"a.com", "a.com", true},      {"a.com", "b.com", false},       {"a.com", "*", true},
        {"*", "*", true},              {"*", "a.com", false},           {"x.a.com", "*.a.com", true},
        {"x.y.a.com", "*.a.com", true}, {"a.com", "*.a.com", false},    {"*.a.com", "*.com", true},
        {"*.com", "*.a.com", false},   {"*.a.com", "x.a.com", false},   {"barfoo.com", "*foo.com", true},
        {"A.com", "a.com", false},     {"*.a.com", "*.a.com", true},    {"*.b.com", "*.a.com", false},
        {"*foo.com", "*.foo.com", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(host_name_is_subset(span_of(rows[i].narrow), span_of(rows[i].wide)), rows[i].subset);
}

static struct span_list list_of(struct span *items, size_t count) {
    return (struct span_list){.items = items, .count = count, .capacity = count};
}

static void intersection_takes_the_narrower(void **state) {
    (void)state;
    static const struct {
        const char *a[2];
        const char *b[2];
        const char *both[3];
    } rows[] = {
        {{"*.a.com", NULL}, {"x.a.com", "y.b.com"}, {"x.a.com"}},
        {{"x.a.com", NULL}, {"*.a.com", NULL}, {"x.a.com"}},
        {{"*", NULL}, {"*", NULL}, {"*"}},
        {{"*.a.com", "x.a.com"}, {"x.a.com", NULL}, {"x.a.com"}},
        {{"a.com", NULL}, {"b.com", NULL}, {NULL}},
        {{"foo.bar", NULL}, {"*", NULL}, {"foo.bar"}},
        {{"*", NULL}, {"a.com", "*.b.com"}, {"a.com", "*.b.com"}},
        {{"foo.com", "bar.com"}, {"bar.com", NULL}, {"bar.com"}},
        {{"foo.com", "bar.com"}, {"*.com", NULL}, {"foo.com", "bar.com"}},
        {{"*.com", NULL}, {"foo.com", "bar.com"}, {"foo.com", "bar.com"}},
        {{"foo.com", "*.net"}, {"*.com", "bar.net"}, {"foo.com", "bar.net"}},
        {{"foo.com", "*.net"}, {"*.bar.net", NULL}, {"*.bar.net"}},
        {{"*", "foo.com"}, {"foo.com", NULL}, {"foo.com"}},
        {{"foo.com", NULL}, {"Foo.com", NULL}, {NULL}},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct span a[] = {span_of(rows[i].a[0]), span_of(rows[i].a[1])};
        struct span b[] = {span_of(rows[i].b[0]), span_of(rows[i].b[1])};
        struct span_list first = list_of(a, rows[i].a[1] == NULL ? 1 : 2);
        struct span_list second = list_of(b, rows[i].b[1] == NULL ? 1 : 2);
        struct span_list names;
        host_name_intersect(&arena, &first, &second, &names);
        size_t expected = 0;
        while (rows[i].both[expected] != NULL)
            expected++;
        assert_int_equal(names.count, expected);
        for (size_t name = 0; name < expected; name++)
            assert_span(names.items[name], rows[i].both[name]);
    }
    arena_deinit(&arena);
}

static void only_names_without_a_dot_are_resolved(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct span domain = SPAN_LITERAL("cluster.local");
    struct span namespace = SPAN_LITERAL("ns");
    assert_span(host_name_resolve(&arena, SPAN_LITERAL("shop"), namespace, domain), "shop.ns.svc.cluster.local");
    assert_span(host_name_resolve(&arena, SPAN_LITERAL("shop.prod"), namespace, domain), "shop.prod");
    assert_span(host_name_resolve(&arena, SPAN_LITERAL("*"), namespace, domain), "*");
    assert_span(host_name_resolve(&arena, SPAN_LITERAL("fd00::1"), namespace, domain), "fd00::1");
    arena_deinit(&arena);
}

static void names_that_sni_can_match(void **state) {
    (void)state;
    assert_true(host_name_is_servable(SPAN_LITERAL("*")));
    assert_true(host_name_is_servable(SPAN_LITERAL("a.com")));
    assert_true(host_name_is_servable(SPAN_LITERAL("*.a.com")));
    assert_false(host_name_is_servable(SPAN_LITERAL("*a.com")));
    assert_false(host_name_is_servable(SPAN_LITERAL("a.*.com")));
    assert_false(host_name_is_servable(SPAN_LITERAL("*.*.com")));
    assert_false(host_name_is_servable(SPAN_LITERAL("")));
    assert_false(host_name_is_servable(SPAN_LITERAL("*.")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subset_follows_the_suffix),
        cmocka_unit_test(intersection_takes_the_narrower),
        cmocka_unit_test(only_names_without_a_dot_are_resolved),
        cmocka_unit_test(names_that_sni_can_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
