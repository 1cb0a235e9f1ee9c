#include "analysis/rule_overlap.h"

#include "resource/resource_fixture.h"

#define HEAD                               \
    "apiVersion: networking.istio.io/v1\n" \
    "kind: VirtualService\n"               \
    "metadata: {name: v, namespace: ns}\n" \
    "spec:\n"                              \
    "  hosts: [a.com]\n"                   \
    "  gateways: [g]\n"
#define ROUTE "route: [{destination: {host: s}}]}\n"

struct found {
    struct arena *arena;
    char text[2048]; /* a line an overlap: its code and sentence */
};

static void note(void *argument, const struct rule_overlap *overlap) {
    struct found *found = argument;
    struct span sentence = rule_overlap_print(found->arena, overlap);
    size_t used = strlen(found->text);
    assert_true(position_is_known(overlap->position));
    snprintf(found->text + used, sizeof(found->text) - used, "%s %u: %.*s\n", rule_overlap_is_unreachable(overlap) ? "0130" : "0131",
             overlap->position.line, SPAN_ARGUMENTS(sentence));
}

static void expect(struct fixture *fixture, const char *rules, const char *expected) {
    struct found found = {.arena = &fixture->arena};
    char text[4096];
    snprintf(text, sizeof(text), "%s%s", HEAD, rules);
    fixture_load(fixture, text);
    fixture_assert_clean(fixture);
    rule_overlap_find(fixture->set.virtual_services.items[fixture->set.virtual_services.count - 1], &fixture->arena, note, &found);
    assert_string_equal(found.text, expected);
}

static void finds_nothing_where_nothing_overlaps(void **state) {
    expect(*state,
           "  http:\n"
           "    - {match: [{uri: {prefix: /a/b}}, {uri: {prefix: /c}, headers: {x: {exact: b}}}], " ROUTE
           "    - {match: [{uri: {prefix: /a}}, {uri: {prefix: /c}}, {uri: {prefix: /d}, port: 80}], " ROUTE
           "    - {match: [{uri: {prefix: /d/e}, port: 81}, {uri: {exact: /a}}, {uri: {prefix: /a/c}, method: {exact: POST}}], " ROUTE
           "    - {" ROUTE,
           "");
}

static void finds_rules_behind_one_without_matches(void **state) {
    expect(*state,
           "  http:\n"
           "    - {name: all, " ROUTE
           "    - {match: [{uri: {prefix: /a}}, {uri: {exact: /b}}], " ROUTE
           "    - {" ROUTE,
           "0130 9: rule #1 is never used: rule \"all\" before it takes everything, for it has no matches\n"
           "0130 9: rule #1 is never used: rule \"all\" before it takes everything, for it has no matches\n"
           "0130 10: rule #2 is never used: only the last rule can have no matches\n");
}

/* Names, the order of keys, and defaults that are written out do not make a match another one. */
static void finds_repeated_matches(void **state) {
    expect(*state,
           "  http:\n"
           "    - {match: [{name: m, uri: {exact: /a}, port: 80}, {uri: {exact: /b}}], " ROUTE
           "    - {match: [{port: 80, ignoreUriCase: false, uri: {exact: /a}}], " ROUTE
           "    - {name: r, match: [{name: q, uri: {exact: /b}}, {uri: {exact: /c}}], " ROUTE,
           "0131 9: match #0 of rule #1 is never used: rule #0 has it as match \"m\"\n"
           "0130 9: rule #1 is never used: earlier rules have all of its matches\n"
           "0131 10: match \"q\" of rule \"r\" is never used: rule #0 has it as match #1\n");
}

static void finds_prefixes_within_prefixes(void **state) {
    expect(*state,
           "  http:\n"
           "    - {match: [{uri: {prefix: /a}}, {uri: {prefix: /h}, headers: {x: {exact: bc}}}], " ROUTE
           "    - {match: [{uri: {prefix: /a/b}, method: {exact: GET}}, {uri: {prefix: /a/p}, port: 80}], " ROUTE
           "    - {match: [{uri: {prefix: /h/i}, headers: {x: {exact: b}}}, {uri: {prefix: /h/j}, headers: {x: {prefix: b}}}], " ROUTE
           "    - {match: [{uri: {prefix: /h/k}, headers: {z: {exact: bc}}}, {uri: {prefix: /h/l}, headers: {x: {regex: q}}}], " ROUTE,
           "0131 9: match #0 of rule #1 is never used: its prefix /a/b starts with prefix /a of match #0 of rule #0\n"
           "0131 10: match #0 of rule #2 is never used: its prefix /h/i starts with prefix /h of match #1 of rule #0\n"
           "0131 11: match #1 of rule #3 is never used: its prefix /h/l starts with prefix /h of match #1 of rule #0\n");
}

/* Each protocol for itself. */
static void finds_repeated_matches_of_tls_and_tcp(void **state) {
    expect(*state,
           "  tls:\n"
           "    - {match: [{sniHosts: [a.com]}, {sniHosts: [a.com], port: 443}], " ROUTE
           "    - {match: [{sniHosts: [a.com]}], " ROUTE
           "  tcp:\n"
           "    - {match: [{port: 443}], " ROUTE
           "    - {match: [{port: 443}, {port: 444}], " ROUTE
           "    - {" ROUTE
           "    - {" ROUTE,
           "0131 9: match #0 of rule #1 is never used: rule #0 has it as match #0\n"
           "0130 9: rule #1 is never used: earlier rules have all of its matches\n"
           "0131 12: match #0 of rule #1 is never used: rule #0 has it as match #0\n"
           "0130 14: rule #3 is never used: only the last rule can have no matches\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(finds_nothing_where_nothing_overlaps),  FIXTURE_TEST(finds_rules_behind_one_without_matches),
        FIXTURE_TEST(finds_repeated_matches),                FIXTURE_TEST(finds_prefixes_within_prefixes),
        FIXTURE_TEST(finds_repeated_matches_of_tls_and_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
