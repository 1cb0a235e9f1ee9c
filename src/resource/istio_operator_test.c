/* IstioOperator: ingress gateways, overlays, and the mesh configuration. */
#include "resource/resource_fixture.h"

#include "resource/overlay.h"

#define HEAD "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o, namespace: istio-system}\nspec:\n"

static struct ingress_gateway_list gateways_of(struct fixture *fixture, const char *text) {
    struct ingress_gateway_list list;
    fixture_load(fixture, text);
    resource_ingress_gateways(&fixture->set, &list);
    return list;
}

static void assert_port(const struct service *service, size_t index, const char *name, uint32_t number,
                        uint32_t target_port) {
    assert_true(index < service->port_count);
    assert_text(service->ports[index].name.text, name);
    assert_int_equal(service->ports[index].number, number);
    assert_int_equal(service->ports[index].target_port, target_port);
}

static void nothing_gives_the_default_profile(void **state) {
    struct ingress_gateway_list list = gateways_of(*state, "");
    assert_int_equal(list.count, 1);
    assert_true(list.items[0]->assumed);
    assert_text(list.items[0]->name, "istio-ingressgateway");
    assert_text(list.items[0]->namespace, "istio-system");
    assert_int_equal(list.items[0]->labels.count, 2);
    const struct service *service = list.items[0]->service;
    assert_int_equal(service->port_count, 3);
    assert_port(service, 0, "status-port", 15021, 15021);
    assert_port(service, 1, "http2", 80, 8080);
    assert_port(service, 2, "https", 443, 8443);
    assert_false(service->meta.invalid);
    assert_true(service->meta.assumed);
    assert_int_equal(service->type, SERVICE_LOAD_BALANCER);
    assert_true(label_set_contains(&list.items[0]->labels, &service->selector));
    fixture_assert_clean(*state);
}

static void profiles_decide_the_default(void **state) {
    struct ingress_gateway_list list = gateways_of(*state, HEAD "  profile: demo\n");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0]->service->port_count, 5);
    assert_port(list.items[0]->service, 4, "tls", 15443, 15443);
    fixture_tear_down(state);
    fixture_set_up(state);
    list = gateways_of(*state, HEAD "  profile: minimal\n");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0]->service->port_count, 3);
    assert_true(list.items[0]->assumed);
}

static void entries_are_named_labelled_and_sorted(void **state) {
    struct ingress_gateway_list list =
        gateways_of(*state, HEAD "  components:\n    ingressGateways:\n    - {name: z, namespace: b}\n"
                                 "    - {name: unused, enabled: false}\n"
                                 "    - name: a\n      namespace: b\n      label: {istio: mine, x: z}\n"
                                 "      k8s: {service: {type: NodePort, ports: [{name: https, port: 443, targetPort: 1443}]},\n"
                                 "            serviceAnnotations: {k: v}}\n    - {name: c, enabled: true}\n");
    fixture_assert_clean(*state);
    assert_int_equal(list.count, 3);
    assert_text(list.items[0]->name, "a");
    assert_text(list.items[1]->name, "z");
    assert_text(list.items[2]->namespace, "istio-system");
    struct span value;
    assert_true(label_set_get(&list.items[0]->labels, SPAN_LITERAL("istio"), &value));
    assert_text(value, "mine");
    assert_int_equal(list.items[0]->labels.count, 3);
    assert_int_equal(list.items[0]->service->port_count, 1);
    assert_port(list.items[0]->service, 0, "https", 443, 1443);
    assert_int_equal(list.items[0]->service->type, SERVICE_NODE_PORT);
    assert_int_equal(list.items[0]->service->meta.annotations.count, 1);
}

static void values_stand_below_the_entry(void **state) {
    struct ingress_gateway_list list = gateways_of(
        *state, HEAD "  values: {gateways: {istio-ingressgateway: {type: ClusterIP, ports: [{name: v, port: 8}]}}}\n"
                     "  components:\n    ingressGateways:\n    - {name: a}\n"
                     "    - {name: b, k8s: {service: {ports: [{name: k, port: 9}]}}}\n");
    fixture_assert_clean(*state);
    assert_port(list.items[0]->service, 0, "v", 8, 8);
    assert_int_equal(list.items[0]->service->type, SERVICE_CLUSTER_IP);
    assert_port(list.items[1]->service, 0, "k", 9, 9);
}

static void overlays_replace_the_ports(void **state) {
    struct ingress_gateway_list list = gateways_of(
        *state, HEAD "  components:\n    ingressGateways:\n    - name: a\n      k8s:\n        hpaSpec: {minReplicas: 2}\n"
                     "        overlays:\n        - {kind: Deployment, name: a, patches: [{path: spec.replicas, value: 3}]}\n"
                     "        - {kind: Service, name: other, patches: [{path: spec.ports, value: []}]}\n"
                     "        - apiVersion: v1\n          kind: Service\n          name: a\n          patches:\n"
                     "          - path: spec.ports\n            value:\n            - {name: https, port: 443, targetPort: 8443}\n"
                     "            - {name: tls-passthrough, port: 10443, targetPort: 8443}\n"
                     "          - path: spec.ports.[name:https].nodePort\n            value: 30443\n"
                     "          - path: metadata.annotations.foo\\.bar/baz\n            value: x\n");
    fixture_assert_clean(*state);
    const struct service *service = list.items[0]->service;
    assert_int_equal(service->port_count, 2);
    assert_port(service, 1, "tls-passthrough", 10443, 8443);
    assert_int_equal(service->ports[0].node_port, 30443);
    assert_text(service->meta.annotations.items[0].key, "foo.bar/baz");
}

static void a_broken_entry_harms_itself_alone(void **state) {
    struct fixture *fixture = *state;
    struct ingress_gateway_list list =
        gateways_of(fixture, HEAD "  components:\n    ingressGateways:\n"
                                  "    - {name: a, k8s: {service: {ports: [{port: x}]}}}\n    - {name: b}\n");
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_TYPE, 7, 48);
    assert_text(item->resource, "IstioOperator istio-system/o");
    assert_int_equal(list.count, 2);
    assert_true(list.items[0]->service->meta.invalid);
    assert_false(list.items[1]->service->meta.invalid);
}

/* --- Patches --- */

struct patch_case {
    const char *object;
    const char *path;
    const char *value;  /* NULL: delete */
    const char *result; /* NULL: a mistake */
};

static void print_node(FILE *output, const struct node *node) {
    if (node->kind == NODE_SCALAR)
        fprintf(output, "%.*s", SPAN_ARGUMENTS(node->scalar));
    else if (node->kind == NODE_NULL)
        fprintf(output, "~");
    else
        fputc(node->kind == NODE_MAPPING ? '{' : '[', output);
    for (uint32_t i = 0; i < node->count; i++) {
        fprintf(output, "%s", i == 0 ? "" : ",");
        if (node->kind == NODE_MAPPING)
            fprintf(output, "%.*s:", SPAN_ARGUMENTS(node->fields[i].key));
        print_node(output, node->kind == NODE_MAPPING ? node->fields[i].value : node->items[i]);
    }
    if (node->kind == NODE_MAPPING || node->kind == NODE_SEQUENCE)
        fputc(node->kind == NODE_MAPPING ? '}' : ']', output);
}

static const struct patch_case patches[] = {
    {"{a: {b: 1}}", "a.b", "2", "{a:{b:2}}"},
    {"{a: {b: 1}}", "a.c.d", "2", "{a:{b:1,c:{d:2}}}"},
    {"{a: {b: 1}}", "a.b", NULL, "{a:{}}"},
    {"{a: {b: 1}}", "a.x.y", NULL, "{a:{b:1,x:{}}}"},
    {"{a: [1, 2, 3]}", "a.[1]", "9", "{a:[1,9,3]}"},
    {"{a: [1, 2, 3]}", "a[1]", "9", "{a:[1,9,3]}"},
    {"{a: [1]}", "a.[-1]", "9", "{a:[1,9]}"},
    {"{a: [1]}", "a.[7]", "9", "{a:[1,9]}"},
    {"{a: [1, 2]}", "a.[0]", NULL, "{a:[2]}"},
    {"{a: [{n: x, v: 1}, {n: y}]}", "a.[n:y].v", "2", "{a:[{n:x,v:1},{n:y,v:2}]}"},
    {"{a: [{n: x, v: 1}, {n: y}]}", "a[n:x]", NULL, "{a:[{n:y}]}"},
    {"{a: [{n: 80}]}", "a.[n:80].v", "1", "{a:[{n:80,v:1}]}"},
    {"{a: {}}", "a.b\\.c/d", "1", "{a:{b.c/d:1}}"},
    {"{a: {}}", "a", "{x: [1]}", "{a:{x:[1]}}"},
    {"{a: {}}", "a", "\"x: 1\\ny: 2\\n\"", "{a:{x:1,y:2}}"},
    {"{}", "a.[-1].b", "1", "{a:[{b:1}]}"},
    {"{a: ~}", "a.b", "1", "{a:{b:1}}"},
    {"{a: [{n: x}]}", "a.[n:z].v", "2", NULL},
    {"{a: 1}", "a.b", "2", NULL},
    {"{a: {}}", "a.[0]", "2", NULL},
    {"{a: []}", "a.b", "2", NULL},
    {"{a: []}", "a.[0", "2", NULL},
    {"{a: []}", "a.[x]", "2", NULL},
    {"{a: []}", "a.[:x]", "2", NULL},
    {"{a: []}", "", "2", NULL},
    {"{a: []}", "...", "2", NULL},
};

static struct node *parse(struct fixture *fixture, const char *text) {
    struct document_list documents;
    assert_true(yaml_parse(&fixture->arena, &fixture->arena, "p", span_of(text), &fixture->diagnostics, &documents));
    return documents.items[0].root;
}

static void patches_are_applied(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
        const struct patch_case *patch = &patches[i];
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        struct decoder decoder = {.arena = &fixture->arena, .diagnostics = &fixture->diagnostics};
        struct node *object = parse(fixture, patch->object);
        const struct node *value = patch->value == NULL ? NULL : parse(fixture, patch->value);
        overlay_apply(&decoder, object, span_of(patch->path), (struct position){"p", 3, 4}, value);
        assert_int_equal(decoder.failed, patch->result == NULL);
        if (patch->result == NULL) {
            fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_OVERLAY, 3, 4);
            continue;
        }
        char *text = NULL;
        size_t size = 0;
        FILE *output = open_memstream(&text, &size);
        print_node(output, object);
        fclose(output);
        assert_string_equal(text, patch->result);
        free(text);
    }
}

/* --- The mesh configuration --- */

static struct mesh_config mesh_of(struct fixture *fixture, const char *text) {
    struct mesh_config mesh;
    fixture_load(fixture, text);
    resource_mesh_config(&fixture->set, &fixture->diagnostics, &mesh);
    return mesh;
}

static void mesh_defaults(void **state) {
    struct mesh_config mesh = mesh_of(*state, "");
    fixture_assert_clean(*state);
    assert_int_equal(mesh.access_log_file.text.size, 0);
    assert_true(mesh.connect_timeout_ns == 10000000000);
    assert_true(mesh.termination_drain_duration_ns == 5000000000);
    assert_true(mesh.enable_auto_mtls);
    assert_text(mesh.root_namespace, "istio-system");
    assert_false(position_is_known(mesh.position));
}

static void reads_the_mesh_configuration(void **state) {
    struct mesh_config mesh = mesh_of(
        *state, HEAD "  meshConfig:\n    accessLogFile: /dev/stdout\n    accessLogEncoding: JSON\n    accessLogFormat: '{}'\n"
                     "    connectTimeout: 3s\n    defaultHttpRetryPolicy: {attempts: 0, retryOn: 5xx, perTryTimeout: 2s}\n"
                     "    defaultConfig:\n      terminationDrainDuration: 20s\n      concurrency: 2\n      tracing: {}\n"
                     "      gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: APPEND_FORWARD}\n"
                     "      proxyHeaders:\n        server: {value: x, disabled: false}\n        requestId: {disabled: true}\n"
                     "        attemptCount: {disabled: true}\n        forwardedClientCert: SANITIZE\n"
                     "        xForwardedHost: {enabled: true}\n        setCurrentClientCertDetails: {dns: true}\n"
                     "    pathNormalization: {normalization: MERGE_SLASHES}\n    h2UpgradePolicy: UPGRADE\n"
                     "    tlsDefaults: {minProtocolVersion: TLSV1_3}\n    rootNamespace: root\n    somethingNew: 1\n"
                     "  values: {meshConfig: {connectTimeout: 4s}}\n");
    fixture_assert_clean(*state);
    assert_text(mesh.access_log_file.text, "/dev/stdout");
    assert_int_equal(mesh.access_log_encoding, ACCESS_LOG_JSON);
    assert_text(mesh.access_log_format.text, "{}");
    assert_true(mesh.connect_timeout_ns == 4000000000);
    assert_true(mesh.default_http_retry_policy.is_set && mesh.default_http_retry_policy.attempts.is_set);
    assert_int_equal(mesh.default_http_retry_policy.attempts.value, 0);
    assert_true(mesh.termination_drain_duration_ns == 20000000000);
    assert_int_equal(mesh.concurrency, 2);
    assert_int_equal(mesh.num_trusted_proxies, 2);
    assert_int_equal(mesh.forward_client_cert_details, FORWARD_CLIENT_CERT_APPEND_FORWARD);
    assert_text(mesh.proxy_headers.server_value.text, "x");
    assert_false(mesh.proxy_headers.server_disabled.value);
    assert_true(mesh.proxy_headers.request_id_disabled.value);
    assert_true(mesh.proxy_headers.attempt_count_disabled.value);
    assert_true(mesh.proxy_headers.x_forwarded_host.value);
    assert_true(mesh.proxy_headers.client_cert_dns.value);
    assert_int_equal(mesh.proxy_headers.forwarded_client_cert, FORWARD_CLIENT_CERT_SANITIZE);
    assert_int_equal(mesh.path_normalization, MESH_PATH_NORMALIZATION_MERGE_SLASHES);
    assert_true(mesh.h2_upgrade);
    assert_int_equal(mesh.tls_min_protocol_version, GATEWAY_TLS_V1_3);
    assert_text(mesh.root_namespace, "root");
    assert_text(mesh.origin, "IstioOperator istio-system/o");
}

static void mesh_mistakes_keep_the_default(void **state) {
    struct fixture *fixture = *state;
    struct mesh_config mesh = mesh_of(fixture, HEAD "  meshConfig:\n    connectTimeout: 10\n    accessLogEncoding: json\n"
                                                    "    accesLogFile: /x\n    pathNormalization: x\n");
    assert_true(mesh.connect_timeout_ns == 10000000000);
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 3);
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_WARNING], 1);
}

#define MAP "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |-\n"

static void the_config_map_counts_without_an_operator(void **state) {
    struct mesh_config mesh = mesh_of(*state, MAP "    accessLogFile: /dev/stderr\n  meshNetworks: 'networks: {}'\n");
    fixture_assert_clean(*state);
    assert_text(mesh.access_log_file.text, "/dev/stderr");
    assert_text(mesh.origin, "ConfigMap istio-system/istio");
}

static void the_operator_wins(void **state) {
    struct fixture *fixture = *state;
    struct mesh_config mesh =
        mesh_of(fixture, HEAD "  meshConfig: {accessLogFile: /a}\n" MAP "    accessLogFile: /dev/stderr\n");
    assert_text(mesh.access_log_file.text, "/a");
    fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_MESH_CONFIG_OVERRIDDEN, 9, 18);
}

static void a_broken_mesh_text_is_named(void **state) {
    struct fixture *fixture = *state;
    mesh_of(fixture, MAP "    a: b: c\n");
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_YAML_SYNTAX, 1, 5);
    assert_string_equal(item->position.file, "f.yaml(data.mesh)");
}

static void other_config_maps_are_not_read(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {mesh: 'a: b: c'}\n");
    fixture_assert_clean(fixture);
    assert_int_equal(fixture->set.config_maps.count, 0);
}

static void config_maps_of_authorities_are_kept(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: a}\ndata: {mesh: 'a: b: c', ca.crt: one, ca.crl: two, cacert: three, more: 1}\n");
    fixture_assert_clean(fixture);
    const struct config_map *map = resource_set_find_config_map(&fixture->set, SPAN_LITERAL("a"), SPAN_LITERAL("other"));
    assert_non_null(map);
    assert_null(map->mesh_node);
    assert_text(map->ca_crt.text, "one");
    assert_text(map->ca_crl.text, "two");
    assert_text(map->cacert.text, "three");
    assert_int_equal(map->crl.text.size, 0);
    assert_null(resource_set_find_config_map(&fixture->set, SPAN_LITERAL("b"), SPAN_LITERAL("other")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(nothing_gives_the_default_profile),
        FIXTURE_TEST(profiles_decide_the_default),
        FIXTURE_TEST(entries_are_named_labelled_and_sorted),
        FIXTURE_TEST(values_stand_below_the_entry),
        FIXTURE_TEST(overlays_replace_the_ports),
        FIXTURE_TEST(a_broken_entry_harms_itself_alone),
        FIXTURE_TEST(patches_are_applied),
        FIXTURE_TEST(mesh_defaults),
        FIXTURE_TEST(reads_the_mesh_configuration),
        FIXTURE_TEST(mesh_mistakes_keep_the_default),
        FIXTURE_TEST(the_config_map_counts_without_an_operator),
        FIXTURE_TEST(the_operator_wins),
        FIXTURE_TEST(a_broken_mesh_text_is_named),
        FIXTURE_TEST(other_config_maps_are_not_read),
        FIXTURE_TEST(config_maps_of_authorities_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
