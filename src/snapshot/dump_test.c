#include "snapshot/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

static char *dump_of(const struct snapshot *snapshot) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    assert_non_null(output);
    snapshot_dump(snapshot, output);
    fclose(output);
    return text;
}

static struct snapshot *empty_snapshot(void) {
    struct snapshot *snapshot = snapshot_create();
    snapshot->settings.gateway_name = SPAN_LITERAL("g");
    snapshot->settings.gateway_namespace = SPAN_LITERAL("ns");
    snapshot->settings.server_header = SPAN_LITERAL("istio-envoy");
    snapshot->settings.termination_drain_duration_ns = SECONDS(5);
    return snapshot;
}

#define EMPTY_TEXT                                                                             \
    "gateway ns/g\n  trusted proxies: 0\n  server header: istio-envoy\n"                       \
    "  path normalization: base\n  drain: 5s\naccess log: none\n"

static void an_empty_snapshot(void **state) {
    (void)state;
    struct snapshot *snapshot = empty_snapshot();
    snapshot_seal(snapshot);
    char *text = dump_of(snapshot);
    assert_string_equal(text, EMPTY_TEXT);
    free(text);
    snapshot_destroy(snapshot);
}

static void control_bytes_are_escaped(void **state) {
    (void)state;
    struct snapshot *snapshot = empty_snapshot();
    snapshot->settings.server_header = SPAN_LITERAL("a\nb\x1b[31m");
    snapshot_seal(snapshot);
    char *text = dump_of(snapshot);
    assert_non_null(strstr(text, "server header: a\\nb\\x1b[31m\n"));
    free(text);
    snapshot_destroy(snapshot);
}

static void a_whole_snapshot(void **state) {
    (void)state;
    struct snapshot *snapshot = empty_snapshot();
    struct endpoint endpoint = {.address_text = SPAN_LITERAL("10.0.0.1:80")};
    struct cluster cluster = {.name = SPAN_LITERAL("outbound|80||web"), .connect_timeout_ns = MILLISECONDS(1500), .endpoints = &endpoint, .endpoint_count = 1};
    struct cluster empty = {.name = SPAN_LITERAL("x"), .protocol = CLUSTER_HTTP2, .refusal = SPAN_LITERAL("tls is not supported")};
    struct cluster *clusters[] = {&cluster, &empty};
    struct weighted_cluster weighted[] = {{&cluster, cluster.name, 1, 0, NULL}, {NULL, SPAN_LITERAL("outbound|1||none"), 2, 0, NULL}};
    uint16_t codes[] = {503};
    struct match_condition conditions[] = {
        {.subject = MATCH_METHOD, .text = {.kind = TEXT_MATCH_EXACT, .value = SPAN_LITERAL("GET")}},
        {.subject = MATCH_HEADER, .name = SPAN_LITERAL("x"), .text = {.kind = TEXT_MATCH_REGEX, .value = SPAN_LITERAL("a.*")}, .inverted = true},
        {.subject = MATCH_QUERY_PARAMETER, .name = SPAN_LITERAL("q"), .text = {.kind = TEXT_MATCH_PRESENT}},
    };
    struct route routes[] = {
        {.match = {.path_match = PATH_MATCH_ANY, .conditions = conditions, .condition_count = 3}, .action = ROUTE_REFUSE, .refusal = SPAN_LITERAL("r")},
        {.name = SPAN_LITERAL("r"),
         .match = {.path_match = PATH_MATCH_EXACT, .path = SPAN_LITERAL("/a"), .ignore_case = true},
         .destinations = {weighted, 2, 3},
         .timeout_ns = SECONDS(2),
         .retry = {.attempts = 2, .retry_on = RETRY_ON_5XX | RETRY_ON_RESET, .status_codes = codes, .status_code_count = 1}},
        {.match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/")}, .action = ROUTE_REFUSE, .refusal = SPAN_LITERAL("no")},
    };
    struct virtual_host host = {.domain = SPAN_LITERAL("*"), .require_tls = true, .routes = routes, .route_count = 3};
    struct virtual_host *hosts[] = {&host};
    struct route_table table = {.name = SPAN_LITERAL("http.80"), .virtual_hosts = hosts, .virtual_host_count = 1};
    struct route_table *tables[] = {&table};
    struct span names[] = {SPAN_LITERAL("a.com")};
    struct filter_chain https = {.name = SPAN_LITERAL("s"), .kind = FILTER_CHAIN_HTTPS, .server_names = names, .server_name_count = 1, .routes = &table, .credential_name = SPAN_LITERAL("c")};
    struct filter_chain tcp = {.name = SPAN_LITERAL("t"), .kind = FILTER_CHAIN_TCP, .destinations = {weighted, 1, 1}, .refusal = SPAN_LITERAL("why")};
    struct filter_chain *chains[] = {&https, &tcp};
    struct listener listener = {.port = 80, .filter_chains = chains, .filter_chain_count = 2};
    struct listener *listeners[] = {&listener};
    snapshot->listeners = listeners;
    snapshot->listener_count = 1;
    snapshot->route_tables = tables;
    snapshot->route_table_count = 1;
    snapshot->clusters = clusters;
    snapshot->cluster_count = 2;
    snapshot_seal(snapshot);
    char *text = dump_of(snapshot);
    assert_string_equal(text, EMPTY_TEXT
                        "listener * port 80, inspects TLS\n"
                        "  chain HTTPS of s\n    sni: a.com\n    credential: c\n    certificate: none, handshakes are closed\n    routes: http.80\n"
                        "  chain TCP of t\n    sni: any or none\n    refused: why\n    to outbound|80||web\n"
                        "routes http.80\n  host *, redirects to https\n"
                        "    route any\n      if method exact GET\n      unless header x regex a.*\n      if query q present\n      refused: r\n"
                        "    route exact /a in any case named r\n      to outbound|80||web weight 1 of 3\n"
                        "      to outbound|1||none weight 2 of 3 (no such cluster)\n      retries: 2 on 5xx,reset,503\n      timeout: 2s\n"
                        "    route prefix /\n      refused: no\n"
                        "cluster outbound|80||web\n  protocol: HTTP/1.1\n  connect timeout: 1500ms\n  endpoint 10.0.0.1:80\n"
                        "cluster x\n  protocol: HTTP/2\n  connect timeout: 0s\n  refused: tls is not supported\n  no endpoint\n");
    free(text);
    snapshot_destroy(snapshot);
}

static void the_default_access_log(void **state) {
    (void)state;
    struct snapshot *snapshot = empty_snapshot();
    snapshot->settings.access_log_path = SPAN_LITERAL("/dev/stdout");
    snapshot->access_log = access_log_format_default(&snapshot->arena, true);
    snapshot_seal(snapshot);
    char *text = dump_of(snapshot);
    assert_non_null(strstr(text, "access log: JSON to /dev/stdout\n"));
    assert_non_null(strstr(text, "  \"duration\": %DURATION%\n"));
    free(text);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_snapshot),
        cmocka_unit_test(control_bytes_are_escaped),
        cmocka_unit_test(a_whole_snapshot),
        cmocka_unit_test(the_default_access_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
