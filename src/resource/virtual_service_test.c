#include "resource/resource_fixture.h"

#define HEAD                                     \
    "apiVersion: networking.istio.io/v1alpha3\n" \
    "kind: VirtualService\n"                     \
    "metadata: {name: v, namespace: ns}\n"        \
    "spec:\n"                                    \
    "  hosts: [a.com]\n"                         \
    "  gateways: [g, other/g]\n"

static struct virtual_service *load_service(struct fixture *fixture, const char *text) {
    fixture_load(fixture, text);
    assert_int_equal(fixture->set.virtual_services.count, 1);
    return fixture->set.virtual_services.items[0];
}

static void reads_tls_and_tcp(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  exportTo: ['.']\n  tls:\n    - match:\n        - port: 10443\n          sniHosts: [a.com]\n"
                      "          gateways: [g]\n      route:\n        - destination: {host: s.n.svc, port: {number: 443}}\n"
                      "  tcp:\n    - route:\n        - destination: {host: t, subset: v1}\n          weight: 20\n"
                      "        - destination: {host: u}\n          weight: 80\n");
    fixture_assert_clean(fixture);
    assert_int_equal(service->hosts.count, 1);
    assert_text(service->gateways.items[1].text, "other/g");
    assert_int_equal(service->export_to.count, 1);
    assert_int_equal(service->tls_count, 1);
    assert_int_equal(service->tls[0].matches[0].port.value, 10443);
    assert_text(service->tls[0].matches[0].sni_hosts.items[0].text, "a.com");
    assert_text(service->tls[0].matches[0].gateways.items[0].text, "g");
    assert_text(service->tls[0].destinations[0].host.text, "s.n.svc");
    assert_true(service->tls[0].destinations[0].port.is_set);
    assert_false(service->tls[0].destinations[0].weight.is_set);
    assert_int_equal(service->tcp[0].destination_count, 2);
    assert_int_equal(service->tcp[0].match_count, 0);
    assert_text(service->tcp[0].destinations[0].subset.text, "v1");
    assert_int_equal(service->tcp[0].destinations[1].weight.value, 80);
}

static void reads_http_and_records_the_rest(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  http:\n    - name: first\n      match:\n        - uri: {prefix: /a}\n          ignoreUriCase: true\n"
                      "          port: 80\n          name: m\n        - uri: {exact: /b}\n"
                      "          headers: {x: {exact: z}}\n          method: {exact: GET}\n"
                      "          sourceLabels: {app: x}\n          sourceNamespace: ns\n"
                      "      timeout: 5s\n      rewrite: {uri: /}\n      route:\n        - destination: {host: s}\n"
                      "          headers: {request: {}}\n    - redirect: {uri: /x}\n    - delegate: {name: d}\n");
    fixture_assert_clean(fixture);
    assert_int_equal(service->http_count, 3);
    const struct http_route *route = &service->http[0];
    assert_false(service->meta.invalid);
    assert_text(route->name.text, "first");
    assert_int_equal(route->matches[0].uri.kind, STRING_MATCH_PREFIX);
    assert_text(route->matches[0].uri.value, "/a");
    assert_true(route->matches[0].ignore_uri_case.value);
    assert_int_equal(route->matches[0].unsupported.count, 0);
    assert_int_equal(route->matches[1].uri.kind, STRING_MATCH_EXACT);
    assert_int_equal(route->matches[1].unsupported.count, 0);
    assert_int_equal(route->matches[1].headers.count, 1);
    assert_text(route->matches[1].source_namespace.text, "ns");
    assert_int_equal(route->timeout_ns.value, 5000000000);
    assert_text(route->rewrite->uri.text, "/");
    assert_true(service->http[2].delegate->is_set);
    assert_text(service->http[2].delegate->name.text, "d");
    assert_int_equal(service->http[2].delegate->position.line, 25);
    assert_text(service->http[1].redirect->uri.text, "/x");
    assert_int_equal(service->http[1].destination_count, 0);
}

#define TO_S "      route: [{destination: {host: s}}]\n"

struct mistake {
    const char *route; /* below HEAD, which has 6 lines */
    enum diagnostic_code code;
    uint32_t line;
};

static const struct mistake http_mistakes[] = {
    {"    - match: []\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - route: []\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - route: [{destination: {}}]\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - route: [{weight: 1}]\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - route: [{destination: {host: s}}]\n      redirect: {uri: /x}\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - route: [{destination: {host: s}}, {destination: {host: t}}]\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - route: [{destination: {host: s, port: 80}}]\n", DIAGNOSTIC_FIELD_TYPE, 8},
    {"    - route: [{destination: {host: s, port: {number: 0}}}]\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - route: [{destination: {host: s}, weight: -1}]\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - match: [{uri: /a}]\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_TYPE, 8},
    {"    - match: [{uri: {prefix: a, exact: b}}]\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - redirect: {uri: /x, redirectCode: 299}\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - redirect: {redirectCode: 301}\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - redirect: {uri: /x, scheme: ftp}\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - redirect: {uri: \"/x\\r\\ny\"}\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - redirect: {uri: /x}\n      rewrite: {uri: /y}\n", DIAGNOSTIC_FIELD_CONFLICT, 9},
    {"    - redirect: {port: 8443, derivePort: FROM_REQUEST_PORT}\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - match: [{uri: {exact: /x}}]\n      redirect: {prefixRewrite: /y}\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - directResponse: {status: 99}\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - directResponse: {body: {string: x}}\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - directResponse: {status: 200, body: {bytes: '%'}}\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - rewrite: {}\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - rewrite: {uri: /a b}\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - rewrite: {uriRegexRewrite: {match: a}}\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - retries: {perTryTimeout: 1s}\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - timeout: 5\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_FIELD_TYPE, 8},
    {"    - redirect: {derivePort: FROM_REQUEST_PORT, port: 8443}\n", DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - retries: {attempts: 1, retryOn: '5xx, reset'}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 1, retryOn: '5xx,'}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 1, retryOn: 5XX}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 1, retryOn: '599'}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 1, perTryTimeout: 0s}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 1, backoff: 1us}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: -1}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - retries: {attempts: 0, retryRemoteLocalities: true}\n" TO_S, DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - rewrite: {authority: a}\n      headers: {request: {set: {Host: b}}}\n" TO_S, DIAGNOSTIC_FIELD_CONFLICT, 9},
    {"    - headers: {request: {set: {host: a}, add: {':authority': b}}}\n" TO_S, DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - timeout: 1.0005s\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - mirror: {}\n" TO_S, DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - mirrors: [{percentage: {value: 1}}]\n" TO_S, DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - mirrors: [{destination: {host: m}, percentage: {value: 101}}]\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - mirror: {host: m}\n      mirrorPercentage: {value: -1}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 9},
    {"    - mirror: {host: m}\n      mirrorPercent: 101\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 9},
    {"    - mirror: {host: m}\n      mirrors: [{destination: {host: m}}]\n" TO_S, DIAGNOSTIC_FIELD_CONFLICT, 9},
    {"    - mirror: {host: m, port: {number: 0}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {}\n" TO_S, DIAGNOSTIC_FIELD_MISSING, 8},
    {"    - fault: {delay: {fixedDelay: 0s, percentage: {value: 1}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {delay: {fixedDelay: 1s, percentage: {value: 100.1}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {delay: {fixedDelay: 1s, percentage: {value: '1'}}}\n" TO_S, DIAGNOSTIC_FIELD_TYPE, 8},
    {"    - fault: {delay: {fixedDelay: 1s, percent: 101}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {delay: {exponentialDelay: 1s, percent: 1}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {abort: {httpStatus: 199, percentage: {value: 1}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {abort: {grpcStatus: NONE, percentage: {value: 1}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {abort: {http2Error: x, percentage: {value: 1}}}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - fault: {abort: {httpStatus: 500, grpcStatus: OK, percentage: {value: 1}}}\n" TO_S, DIAGNOSTIC_FIELD_CONFLICT, 8},
    {"    - redirect: {uri: /x}\n      fault: {abort: {httpStatus: 500, percentage: {value: 1}}}\n", DIAGNOSTIC_FIELD_CONFLICT, 9},
    {"    - corsPolicy: {allowOrigins: [{}]}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {allowOrigins: [{exact: ''}]}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {allowMethods: [get]}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {allowHeaders: ['a b']}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {exposeHeaders: ['']}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {maxAge: 1.5s}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {maxAge: 0s}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - corsPolicy: {unmatchedPreflights: DROP}\n" TO_S, DIAGNOSTIC_FIELD_VALUE, 8},
    {"    - match: [{uri: {regex: \"\"}}]\n      route: [{destination: {host: s}}]\n", DIAGNOSTIC_ROUTE_REGEX, 8},
};

static void reads_fault_and_cors(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  http:\n    - fault:\n        delay: {fixedDelay: 2s, percent: 7, percentage: {value: 12.5}}\n"
                      "        abort: {grpcStatus: UNAVAILABLE, percentage: {value: 0.0001}}\n"
                      "      corsPolicy:\n        allowOrigin: [old]\n        allowOrigins: [{prefix: 'https://'}, {regex: '.*'}]\n"
                      "        allowMethods: [GET, '*']\n        allowHeaders: [x-a, '*']\n        exposeHeaders: [x-b]\n        maxAge: 24h\n"
                      "        allowCredentials: true\n        unmatchedPreflights: IGNORE\n" TO_S
                      "    - fault: {delay: {percent: 7, fixedDelay: 1ms}}\n      corsPolicy: {allowOrigin: ['*']}\n" TO_S
                      "    - fault: {abort: {httpStatus: 503, percentage: {}}}\n" TO_S);
    fixture_assert_clean(fixture);
    const struct http_fault *fault = service->http[0].fault;
    assert_int_equal(fault->delay_ns.value, 2000000000);
    assert_int_equal(fault->delay_share.value, 125000);
    assert_int_equal(fault->grpc_status.value, 14);
    assert_int_equal(fault->abort_share.value, 1);
    const struct http_cors *cors = service->http[0].cors;
    assert_int_equal(cors->allow_origin_count, 2);
    assert_int_equal(cors->allow_origins[0].kind, STRING_MATCH_PREFIX);
    assert_int_equal(cors->allow_methods.count, 2);
    assert_int_equal(cors->max_age_ns.value / 1000000000, 86400);
    assert_true(cors->allow_credentials.value);
    assert_true(cors->answers_unmatched_preflights);
    assert_int_equal(service->http[1].fault->delay_share.value, 70000);
    assert_text(service->http[1].cors->allow_origins[0].value, "*");
    assert_false(service->http[1].cors->answers_unmatched_preflights);
    assert_true(service->http[2].fault->abort_share.is_set);
    assert_int_equal(service->http[2].fault->abort_share.value, 0);
}

static void every_word_for_retries_is_known(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  http:\n    - retries:\n        attempts: 3\n        retryIgnorePreviousHosts: false\n        retryRemoteLocalities: true\n"
                      "        retryOn: 5xx,gateway-error,reset,reset-before-request,connect-failure,retriable-4xx,refused-stream,"
                      "retriable-status-codes,retriable-headers,envoy-ratelimited,http3-post-connect-failure,cancelled,deadline-exceeded,"
                      "internal,resource-exhausted,unavailable,418,503\n" TO_S);
    fixture_assert_clean(fixture);
    assert_true(service->http[0].retries->retry_ignore_previous_hosts.is_set);
    assert_false(service->http[0].retries->retry_ignore_previous_hosts.value);
}

static void reads_mirrors(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  http:\n    - mirror: {host: m, subset: v2, port: {number: 81}}\n      mirrorPercentage: {value: 0.1}\n" TO_S
                      "    - mirrors: [{destination: {host: m}}, {destination: {host: m}, percentage: {value: 50}}]\n" TO_S);
    fixture_assert_clean(fixture);
    const struct http_mirrors *mirrors = service->http[0].mirrors;
    assert_text(mirrors->single.destination.host.text, "m");
    assert_text(mirrors->single.destination.subset.text, "v2");
    assert_int_equal(mirrors->single.destination.port.value, 81);
    assert_int_equal(mirrors->single.share.value, 1000);
    mirrors = service->http[1].mirrors;
    assert_int_equal(mirrors->count, 2);
    assert_false(mirrors->items[0].share.is_set);
    assert_int_equal(mirrors->items[1].share.value, 500000);
}

static void the_old_share_of_a_mirror_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(fixture, HEAD "  http:\n    - mirror: {host: m}\n      mirror_percent: 30\n" TO_S);
    fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_FIELD_VALUE, 9, 23);
    assert_int_equal(service->http[0].mirrors->deprecated_share.value, 300000);
}

static void a_fault_that_never_happens_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service =
        load_service(fixture, HEAD "  http:\n    - fault: {abort: {httpStatus: 500}}\n" TO_S "    - fault: {abort: {percentage: {value: 1}}}\n" TO_S
                                   "    - fault: {delay: {fixedDelay: 1s}}\n" TO_S);
    assert_int_equal(fixture->diagnostics.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fixture->diagnostics.items[i].severity, DIAGNOSTIC_WARNING);
    }
    assert_false(service->meta.invalid);
}

static void a_mistake_in_a_route_disables_the_object(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(http_mistakes); i++) {
        char text[2000];
        snprintf(text, sizeof(text), HEAD "  http:\n%s    - route: [{destination: {host: good}}]\n", http_mistakes[i].route);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        struct virtual_service *service = load_service(fixture, text);
        if (fixture->diagnostics.count == 0)
            fail_msg("nothing is said of %s", http_mistakes[i].route);
        assert_int_equal(fixture->diagnostics.items[0].severity, DIAGNOSTIC_ERROR);
        assert_int_equal(fixture->diagnostics.items[0].code, http_mistakes[i].code);
        assert_int_equal(fixture->diagnostics.items[0].position.line, http_mistakes[i].line);
        assert_true(service->meta.invalid);
    }
}

static void tls_routes_need_a_match_with_names(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service =
        load_service(fixture, HEAD "  tls:\n    - route: [{destination: {host: s}}]\n"
                                   "    - match: [{port: 443}]\n      route: [{destination: {host: s}}]\n"
                                   "    - match: [{sniHosts: [a]}]\n      route: []\n"
                                   "  tcp:\n    - match: [{port: 1}]\n");
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 5);
    assert_true(service->meta.invalid);
}

static void subnets_restrict(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(
        fixture, HEAD "  tcp:\n    - match: [{sourceSubnet: 10.0.0.0/8}]\n      route: [{destination: {host: s}}]\n");
    fixture_assert_clean(fixture);
    assert_true(service->tcp[0].matches[0].unsupported.first->restricts_or_encrypts);
}

static void a_service_without_routes_is_invalid(void **state) {
    struct fixture *fixture = *state;
    struct virtual_service *service = load_service(fixture, HEAD);
    fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_MISSING, 1, 1);
    assert_true(service->meta.invalid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_tls_and_tcp),
        FIXTURE_TEST(reads_fault_and_cors),
        FIXTURE_TEST(reads_mirrors),
        FIXTURE_TEST(the_old_share_of_a_mirror_is_warned_of),
        FIXTURE_TEST(every_word_for_retries_is_known),
        FIXTURE_TEST(a_fault_that_never_happens_is_warned_of),
        FIXTURE_TEST(reads_http_and_records_the_rest),
        FIXTURE_TEST(a_mistake_in_a_route_disables_the_object),
        FIXTURE_TEST(tls_routes_need_a_match_with_names),
        FIXTURE_TEST(subnets_restrict),
        FIXTURE_TEST(a_service_without_routes_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
