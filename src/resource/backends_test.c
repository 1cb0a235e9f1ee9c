/* Service, EndpointSlice, Endpoints, ServiceEntry and DestinationRule. */
#include "resource/resource_fixture.h"

static void reads_a_service(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n"
                          "    networking.istio.io/exportTo: \"., other\"\nspec:\n  type: NodePort\n"
                          "  clusterIP: None\n  selector: {app: x}\n  ports:\n    - port: 80\n"
                          "    - {name: web, port: 443, targetPort: 8443, protocol: UDP, nodePort: 30443}\n"
                          "    - {name: p, port: 1, targetPort: web, appProtocol: http}\n");
    fixture_assert_clean(fixture);
    const struct service *service = resource_set_find_service(&fixture->set, SPAN_LITERAL("default"), SPAN_LITERAL("s"));
    assert_non_null(service);
    assert_int_equal(service->type, SERVICE_NODE_PORT);
    assert_true(service->has_selector);
    assert_text(service->cluster_ip.text, "None");
    assert_int_equal(service->export_to.count, 2);
    assert_text(service->export_to.items[1].text, "other");
    assert_int_equal(service->port_count, 3);
    assert_int_equal(service->ports[0].target_port, 80);
    assert_text(service->ports[0].protocol.text, "TCP");
    assert_int_equal(service->ports[1].target_port, 8443);
    assert_text(service->ports[1].protocol.text, "UDP");
    assert_int_equal(service->ports[1].node_port, 30443);
    assert_int_equal(service->ports[2].target_port, 0);
    assert_text(service->ports[2].target_port_name.text, "web");
    assert_text(service->ports[2].app_protocol.text, "http");
}

static void broken_services_are_invalid(void **state) {
    static const char *const specs[] = {"{ports: [{name: x}]}",      "{ports: [{port: 0}]}",  "{ports: {port: 1}}",
                                        "{type: ExternalName}",      "{type: clusterip}",     "{selector: [a]}",
                                        "{ports: [{port: \"80\"}]}", "{selector: {a: true}}", "x"};
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        char text[400];
        snprintf(text, sizeof(text), "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: %s\n", specs[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        fixture_load(fixture, text);
        assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 1);
        assert_int_equal(fixture->diagnostics.items[0].position.line, strcmp(specs[i], "{type: ExternalName}") == 0 ? 1 : 4);
        assert_true(fixture->set.services.items[0]->meta.invalid);
    }
}

static void reads_a_slice(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: s-1\n"
                          "  labels: {kubernetes.io/service-name: s}\naddressType: IPv6\n"
                          "ports: [{name: https, port: 8443, protocol: TCP}, {}]\nendpoints:\n"
                          "  - addresses: ['::1']\n  - addresses: [a, b]\n    conditions: {ready: false, terminating: true}\n"
                          "    targetRef: {kind: Pod, name: p, namespace: ns}\n    nodeName: w\n    zone: z\n"
                          "  - addresses: [c]\n    conditions: {}\n");
    fixture_assert_clean(fixture);
    const struct endpoint_slice *slice = fixture->set.endpoint_slices.items[0];
    assert_text(slice->service_name, "s");
    assert_int_equal(slice->address_type, ENDPOINT_ADDRESS_IPV6);
    assert_int_equal(slice->group_count, 1);
    const struct endpoint_group *group = &slice->groups[0];
    assert_int_equal(group->port_count, 2);
    assert_int_equal(group->ports[0].number, 8443);
    assert_int_equal(group->ports[1].number, 0);
    assert_int_equal(group->endpoint_count, 3);
    assert_true(group->endpoints[0].ready && group->endpoints[0].serving && !group->endpoints[0].terminating);
    assert_true(!group->endpoints[1].ready && !group->endpoints[1].serving && group->endpoints[1].terminating);
    assert_int_equal(group->endpoints[1].addresses.count, 2);
    assert_text(group->endpoints[1].target_ref_name, "p");
    assert_text(group->endpoints[1].zone, "z");
    assert_true(group->endpoints[2].ready);
}

static void a_slice_of_no_service_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\naddressType: IPv4\n"
                          "endpoints: []\n");
    fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_FIELD_MISSING, 3, 18);
}

static void reads_endpoints(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: s}\nsubsets:\n"
                          "  - addresses: [{ip: 10.0.0.1}, {ip: 10.0.0.2, nodeName: w}]\n"
                          "    notReadyAddresses: [{ip: 10.0.0.3}]\n    ports: [{name: http, port: 80}]\n"
                          "  - ports: [{port: 81}]\n");
    fixture_assert_clean(fixture);
    const struct endpoint_slice *slice = fixture->set.endpoints.items[0];
    assert_int_equal(slice->meta.resource_kind, RESOURCE_ENDPOINTS);
    assert_text(slice->service_name, "s");
    assert_int_equal(slice->group_count, 2);
    assert_int_equal(slice->groups[0].endpoint_count, 3);
    assert_text(slice->groups[0].endpoints[1].addresses.items[0].text, "10.0.0.2");
    assert_true(slice->groups[0].endpoints[1].ready);
    assert_false(slice->groups[0].endpoints[2].ready);
    assert_int_equal(slice->groups[1].endpoint_count, 0);
}

#define ENTRY "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\nspec:\n"

static void reads_a_service_entry(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, ENTRY "  hosts: [a.com]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  ports:\n"
                                "    - {number: 443, name: https, protocol: TLS, targetPort: 8443}\n  endpoints:\n"
                                "    - address: 127.0.0.1\n      ports: {https: 9443}\n      weight: 5\n"
                                "      locality: r/z\n      labels: {version: v1}\n  exportTo: ['*']\n");
    fixture_assert_clean(fixture);
    const struct service_entry *entry = fixture->set.service_entries.items[0];
    assert_int_equal(entry->location, SERVICE_ENTRY_MESH_INTERNAL);
    assert_int_equal(entry->resolution, SERVICE_ENTRY_STATIC);
    assert_int_equal(entry->ports[0].target_port.value, 8443);
    assert_text(entry->endpoints[0].address.text, "127.0.0.1");
    assert_int_equal(entry->endpoints[0].ports[0].number, 9443);
    assert_text(entry->endpoints[0].ports[0].name.text, "https");
    assert_int_equal(entry->endpoints[0].weight.value, 5);
}

static void broken_service_entries_are_invalid(void **state) {
    static const char *const specs[] = {
        "  ports: []\n",
        "  hosts: ['*']\n",
        "  hosts: [a.com]\n  resolution: static\n",
        "  hosts: [a.com]\n  ports: [{number: 80, name: a, protocol: SMTP}]\n",
        "  hosts: [a.com]\n  ports: [{number: 80, name: a}, {number: 80, name: b}]\n",
        "  hosts: [a.com]\n  ports: [{name: a}]\n",
        "  hosts: [a.com]\n  endpoints: [{}]\n",
        "  hosts: [a.com]\n  endpoints: [{address: 1.1.1.1, ports: {a: 0}}]\n",
        "  hosts: [a.com]\n  resolution: DNS_ROUND_ROBIN\n  endpoints: [{address: a}, {address: b}]\n",
        "  hosts: [a.com]\n  endpoints: [{address: 1.1.1.1}]\n",
        "  hosts: [a.com]\n  resolution: STATIC\n  endpoints: [{address: 1.1.1.1}]\n  workloadSelector: {labels: {a: b}}\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        char text[400];
        snprintf(text, sizeof(text), ENTRY "%s", specs[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        fixture_load(fixture, text);
        assert_true(fixture->diagnostics.counts[DIAGNOSTIC_ERROR] >= 1);
        assert_true(fixture->set.service_entries.items[0]->meta.invalid);
    }
}

#define RULE "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec:\n"

static void reads_a_destination_rule(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, RULE "  host: s\n  trafficPolicy:\n    loadBalancer: {simple: ROUND_ROBIN}\n"
                               "    tls: {mode: DISABLE}\n    connectionPool: {tcp: {maxConnections: 1}, http: {h2UpgradePolicy: UPGRADE}}\n"
                               "    portLevelSettings:\n      - port: {number: 443}\n        tls: {mode: SIMPLE, sni: x}\n"
                               "  subsets:\n    - name: v1\n      labels: {version: v1}\n"
                               "      trafficPolicy: {tls: {mode: MUTUAL, credentialName: c}}\n");
    fixture_assert_clean(fixture);
    const struct destination_rule *rule = fixture->set.destination_rules.items[0];
    const struct traffic_policy *policy = rule->traffic_policy;
    assert_text(rule->host.text, "s");
    assert_int_equal(policy->load_balancer, LOAD_BALANCER_ROUND_ROBIN);
    assert_non_null(policy->tls);
    assert_int_equal(policy->tls->mode, CLIENT_TLS_DISABLE);
    assert_int_equal(policy->unsupported.count, 1);
    assert_text(policy->unsupported.first->path, "spec.trafficPolicy.connectionPool.tcp");
    assert_int_equal(policy->connection_pool->http2_upgrade, HTTP2_UPGRADE_ALWAYS);
    assert_false(policy->unsupported.first->restricts_or_encrypts);
    assert_int_equal(policy->port_level_count, 1);
    assert_int_equal(policy->port_level[0].port.value, 443);
    assert_int_equal(policy->port_level[0].tls->mode, CLIENT_TLS_SIMPLE);
    assert_text(policy->port_level[0].tls->sni.text, "x");
    assert_int_equal(rule->subset_count, 1);
    assert_int_equal(rule->subsets[0].traffic_policy->tls->mode, CLIENT_TLS_MUTUAL);
    assert_false(rule->subsets[0].traffic_policy->tls->broken);
}

static void an_unreadable_tls_mode_may_encrypt(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, RULE "  host: s\n  trafficPolicy: {tls: {mode: simple}}\n");
    const struct destination_rule *rule = fixture->set.destination_rules.items[0];
    fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_VALUE, 6, 31);
    assert_true(rule->traffic_policy->tls->broken);
}

static void tls_blocks_that_contradict_themselves_are_broken(void **state) {
    static const char *const blocks[] = {
        "{mode: SIMPLE, credentialName: c, caCertificates: /f}",
        "{mode: MUTUAL}",
        "{mode: MUTUAL, clientCertificate: /f}",
        "{mode: SIMPLE, insecureSkipVerify: true, caCertificates: /f}",
        "{mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}",
        "[SIMPLE]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        char text[400];
        snprintf(text, sizeof(text), RULE "  host: s\n  trafficPolicy: {tls: %s}\n", blocks[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        fixture_load(fixture, text);
        assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 1);
        assert_true(fixture->set.destination_rules.items[0]->traffic_policy->tls->broken);
    }
}

static void reads_a_pod(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\nspec:\n  serviceAccountName: sa\n"
                          "  containers: [{ports: [{containerPort: 80}, {name: http, containerPort: 8080}]}]\n"
                          "  initContainers: [{ports: [{name: once, containerPort: 1}]},"
                          " {restartPolicy: Always, ports: [{name: side, containerPort: 9, protocol: UDP}]}]\n"
                          "status: {podIP: 10.0.0.1, phase: Running, conditions: [{type: Ready, status: 'False'}]}\n");
    fixture_assert_clean(fixture);
    const struct pod *pod = fixture->set.pods.items[0];
    assert_text(pod->service_account, "sa");
    assert_text(pod->address.text, "10.0.0.1");
    assert_false(pod->ready);
    assert_int_equal(pod_find_port(pod, SPAN_LITERAL("http"), SPAN_LITERAL("TCP")), 8080);
    assert_int_equal(pod_find_port(pod, SPAN_LITERAL("once"), SPAN_LITERAL("TCP")), 0);
    assert_int_equal(pod_find_port(pod, SPAN_LITERAL("side"), SPAN_LITERAL("TCP")), 0);
    assert_int_equal(pod_find_port(pod, SPAN_LITERAL("side"), SPAN_LITERAL("UDP")), 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_a_service),
        FIXTURE_TEST(broken_services_are_invalid),
        FIXTURE_TEST(reads_a_slice),
        FIXTURE_TEST(a_slice_of_no_service_is_warned_of),
        FIXTURE_TEST(reads_endpoints),
        FIXTURE_TEST(reads_a_service_entry),
        FIXTURE_TEST(broken_service_entries_are_invalid),
        FIXTURE_TEST(reads_a_destination_rule),
        FIXTURE_TEST(an_unreadable_tls_mode_may_encrypt),
        FIXTURE_TEST(tls_blocks_that_contradict_themselves_are_broken),
        FIXTURE_TEST(reads_a_pod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
