/* Each analyzer with what it must say and what it must not, in the manner of Istio's grid: objects in, codes and lines out. Each object is one
 * line, and lines between them are separators: the first object is line 1, the second line 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "text/yaml.h"

#define OBJECT_IN(namespace, api, kind, name, rest) \
    "{apiVersion: " api ", kind: " kind ", metadata: {name: " name ", namespace: " namespace "}, " rest "}\n---\n"
#define OBJECT(api, kind, name, rest) OBJECT_IN("ns", api, kind, name, rest)
#define GATEWAY(name, spec) OBJECT("networking.istio.io/v1", "Gateway", name, "spec: {" spec "}")
#define VIRTUAL_SERVICE(name, spec) OBJECT("networking.istio.io/v1", "VirtualService", name, "spec: {" spec "}")
#define RULE(name, spec) OBJECT("networking.istio.io/v1", "DestinationRule", name, "spec: {" spec "}")
#define ENTRY(name, spec) OBJECT("networking.istio.io/v1", "ServiceEntry", name, "spec: {" spec "}")
#define SERVICE(name, spec) OBJECT("v1", "Service", name, "spec: {" spec "}")
#define POD(name, labels) "{apiVersion: v1, kind: Pod, metadata: {name: " name ", namespace: ns, labels: {" labels "}}, spec: {nodeName: node}}\n---\n"
#define INGRESS "selector: {istio: ingressgateway}"
#define HTTP(host) "servers: [{hosts: [" host "], port: {number: 80, name: http, protocol: HTTP}}]"
#define TO(destination) "http: [{route: [{destination: {" destination "}}]}]"

struct row {
    const char *name;
    const char *yaml;
    const char *expected; /* "CODE@line" in order, separated by blanks */
};

static void collect(const struct message_list *list, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.*s@%u", i == 0 ? "" : " ", SPAN_ARGUMENTS(list->items[i].code),
                                 list->items[i].position.line);
}

static void check(const struct row *row, void (*analyzer)(struct analysis *)) {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct resource_set set;
    struct document_list documents;
    struct other_object_list others = {0};
    struct analysis analysis;
    char said[1024];
    arena_init(&arena, 4096);
    diagnostic_list_init(&diagnostics);
    resource_set_init(&set, &arena);
    assert_true(yaml_parse(&arena, &arena, "f.yaml", span_of(row->yaml), &diagnostics, &documents));
    resource_set_add_documents(&set, &documents, &diagnostics);
    for (size_t i = 0; i < documents.count; i++)
        other_objects_add(&others, &arena, documents.items[i].root);
    analysis_init(&analysis, &set, &others, &diagnostics);
    analyzer(&analysis);
    message_list_sort(&analysis.messages);
    collect(&analysis.messages, said, sizeof(said));
    if (strcmp(said, row->expected) != 0)
        fail_msg("%s: said \"%s\", not \"%s\"", row->name, said, row->expected);
    analysis_deinit(&analysis);
    resource_set_deinit(&set);
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
}

static void check_rows(const struct row *rows, size_t count, void (*analyzer)(struct analysis *)) {
    for (size_t i = 0; i < count; i++)
        check(&rows[i], analyzer);
}
#define CHECK(rows, analyzer) check_rows(rows, ARRAY_SIZE(rows), analyzer)

static void gateway_ports(void **state) {
    static const struct row rows[] = {
        {"right", GATEWAY("g", INGRESS ", " HTTP("a.b")), ""},
        {"no such pod", GATEWAY("g", "selector: {istio: other}, " HTTP("a.b")), "IST0101@1"},
        {"no selector", GATEWAY("g", HTTP("a.b")), ""},
        {"not a port of the Service", GATEWAY("g", INGRESS ", servers: [{hosts: [a.b], port: {number: 81, name: http, protocol: HTTP}}]"), "IST0162@1"},
        {"its target port",
         GATEWAY("g", "selector: {app: x}, servers: [{hosts: [a.b], port: {number: 8080, name: http, protocol: HTTP}}]") POD("p", "app: x")
             SERVICE("s", "selector: {app: x}, ports: [{port: 80, targetPort: 8080}]"), ""},
        {"Service of another namespace",
         GATEWAY("g", "selector: {app: x}, " HTTP("a.b")) POD("p", "app: x")
             OBJECT_IN("other", "v1", "Service", "s", "spec: {selector: {app: x}, ports: [{port: 80}]}"), "IST0162@1"},
        {"UDP", GATEWAY("g", "selector: {app: x}, " HTTP("a.b")) POD("p", "app: x") SERVICE("s", "selector: {app: x}, ports: [{port: 80, protocol: UDP}]"),
         "IST0162@1"},
        {"one Service is enough",
         GATEWAY("g", "selector: {app: x}, " HTTP("a.b")) POD("p", "app: x") SERVICE("s", "selector: {app: x}, ports: [{port: 81}]")
             SERVICE("t", "selector: {app: x}, ports: [{port: 80}]"), ""},
    };
    (void)state;
    CHECK(rows, analyze_gateway_ports);
}

#define TLS_SERVER(credential) \
    INGRESS ", servers: [{hosts: [a.b], port: {number: 443, name: h, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: " credential "}}]"
#define SECRET(namespace, name, data) OBJECT_IN(namespace, "v1", "Secret", name, "type: kubernetes.io/tls, stringData: {" data "}")

static void gateway_secrets(void **state) {
    static const struct row rows[] = {
        {"no Secrets at all are not judged", GATEWAY("g", TLS_SERVER("c")), ""},
        {"in the wrong namespace", GATEWAY("g", TLS_SERVER("c")) SECRET("ns", "c", "a: b"), "IST0101@1"},
        {"without keys", GATEWAY("g", TLS_SERVER("c")) SECRET("istio-system", "c", "a: b"), "IST0161@1"},
        {"no certificate", GATEWAY("g", TLS_SERVER("ns/c")) SECRET("ns", "c", "tls.crt: a, tls.key: b"), "IST0161@1"},
        {"no such pod", GATEWAY("g", "selector: {a: b}, " HTTP("a.b")) SECRET("ns", "c", "a: b"), "IST0101@1"},
    };
    (void)state;
    CHECK(rows, analyze_gateway_secrets);
}

static void gateway_certificates(void **state) {
    static const struct row rows[] = {
        {"both say it", GATEWAY("g", TLS_SERVER("c")) GATEWAY("h", TLS_SERVER("c")), "IST0138@1 IST0138@3"},
        {"two certificates", GATEWAY("g", TLS_SERVER("c")) GATEWAY("h", TLS_SERVER("d")), ""},
        {"the wider selector says it",
         GATEWAY("g", TLS_SERVER("c"))
             GATEWAY("h", "selector: {istio: ingressgateway, app: x}, servers: [{hosts: [c.d], port: {number: 443, name: h, protocol: HTTPS}, "
                          "tls: {mode: SIMPLE, credentialName: c}}]"), "IST0138@1"},
        {"files",
         GATEWAY("g", INGRESS ", servers: [{hosts: [a.b], port: {number: 443, name: h, protocol: HTTPS}, tls: {mode: SIMPLE, serverCertificate: /a, "
                              "privateKey: /b}}]")
             GATEWAY("h", INGRESS ", servers: [{hosts: [c.d], port: {number: 443, name: h, protocol: HTTPS}, tls: {mode: SIMPLE, "
                                  "serverCertificate: /a, privateKey: /b}}]"), "IST0138@1 IST0138@3"},
    };
    (void)state;
    CHECK(rows, analyze_gateway_certificates);
}

static void gateway_conflicts(void **state) {
    static const struct row rows[] = {
        {"one host and port", GATEWAY("g", INGRESS ", " HTTP("a.b")) GATEWAY("h", INGRESS ", " HTTP("a.b")), "IST0145@1 IST0145@3"},
        {"two hosts", GATEWAY("g", INGRESS ", " HTTP("a.b")) GATEWAY("h", INGRESS ", " HTTP("c.d")), ""},
        {"wildcards are texts", GATEWAY("g", INGRESS ", " HTTP("'*.b'")) GATEWAY("h", INGRESS ", " HTTP("a.b")), ""},
        {"two workloads", GATEWAY("g", INGRESS ", " HTTP("a.b")) GATEWAY("h", "selector: {a: b}, " HTTP("a.b")), ""},
        {"two binds",
         GATEWAY("g", INGRESS ", " HTTP("a.b"))
             GATEWAY("h", INGRESS ", servers: [{hosts: [a.b], bind: 127.0.0.1, port: {number: 80, name: http, protocol: HTTP}}]"), ""},
        {"a part of the selector with a pod",
         GATEWAY("g", "selector: {app: x}, " HTTP("a.b")) GATEWAY("h", "selector: {app: x, v: '1'}, " HTTP("a.b")) POD("p", "app: x, v: '1'"),
         "IST0145@1 IST0145@3"},
        {"a part of the selector without a pod",
         GATEWAY("g", "selector: {app: x}, " HTTP("a.b")) GATEWAY("h", "selector: {app: x, v: '1'}, " HTTP("a.b")) POD("p", "app: x"), ""},
    };
    (void)state;
    CHECK(rows, analyze_gateway_conflicts);
}

#define API_GATEWAY(name, listener) \
    OBJECT("gateway.networking.k8s.io/v1", "Gateway", name, "spec: {listeners: [{name: l, port: 80, protocol: HTTP" listener "}]}")

static void virtual_service_gateways(void **state) {
    static const struct row rows[] = {
        {"right", GATEWAY("g", HTTP("'*.b'")) VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g, mesh], " TO("host: s")), ""},
        {"missing", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), "IST0101@1 IST0132@1"},
        {"missing namespace",
         OBJECT_IN("other", "networking.istio.io/v1", "Gateway", "g", "spec: {" HTTP("a.b") "}") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")),
         "IST0101@3 IST0132@3"},
        {"another host", GATEWAY("g", HTTP("c.d")) VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), "IST0132@3"},
        {"the own namespace", GATEWAY("g", HTTP("./a.b")) VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [ns/g], " TO("host: s")), ""},
        {"another namespace", GATEWAY("g", HTTP("other/a.b")) VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), "IST0132@3"},
        {"everything", GATEWAY("g", HTTP("'*/*'")) VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), ""},
        {"an empty name", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [''], " TO("host: s")), "IST0101@1 IST0132@1"},
        {"of the Gateway API", API_GATEWAY("g", "") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), ""},
        {"of the Gateway API, another host", API_GATEWAY("g", ", hostname: c.d") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), "IST0132@3"},
    };
    (void)state;
    CHECK(rows, analyze_virtual_service_gateways);
}

static void virtual_service_destinations(void **state) {
    static const struct row rows[] = {
        {"without any Service nothing is judged", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), ""},
        {"right", SERVICE("s", "ports: [{port: 80}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), ""},
        {"in full", SERVICE("s", "ports: [{port: 80}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s.ns.svc.cluster.local")), ""},
        {"missing", SERVICE("s", "ports: [{port: 80}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: t")), "IST0101@3"},
        {"mirror", SERVICE("s", "ports: [{port: 80}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{mirror: {host: t}, route: [{destination: {host: s}}]}]"),
         "IST0101@3"},
        {"no such port", SERVICE("s", "ports: [{port: 80}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, port: {number: 81}")), "IST0101@3"},
        {"which port", SERVICE("s", "ports: [{port: 80, name: a}, {port: 81, name: b}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), "IST0112@3"},
        {"tls and tcp", SERVICE("s", "ports: [{port: 80}]")
             VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], tls: [{match: [{sniHosts: [a.b]}], route: [{destination: {host: t}}]}], tcp: [{route: [{destination: {host: u}}]}]"),
         "IST0101@3 IST0101@3"},
        {"a wildcard of a ServiceEntry", ENTRY("e", "hosts: ['*.c'], ports: [{number: 80, name: h, protocol: HTTP}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: x.c")), ""},
        {"a host that is not exported here",
         OBJECT_IN("other", "networking.istio.io/v1", "ServiceEntry", "e", "spec: {hosts: [x.c], exportTo: ['.'], ports: [{number: 80, name: h, protocol: HTTP}]}")
             VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: x.c")), "IST0101@3"},
        {"a subset that a gateway does not see",
         VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")) VIRTUAL_SERVICE("w", "hosts: [s], " TO("host: s, subset: v1")), "IST0140@1"},
        {"a subset at the gateway", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, subset: v1")) VIRTUAL_SERVICE("w", "hosts: [s], " TO("host: s, subset: v1")), ""},
    };
    (void)state;
    CHECK(rows, analyze_virtual_service_destinations);
}

static void virtual_service_subsets(void **state) {
    static const struct row rows[] = {
        {"right", RULE("d", "host: s, subsets: [{name: v1}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, subset: v1")), ""},
        {"in full", RULE("d", "host: s.ns.svc.cluster.local, subsets: [{name: v1}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, subset: v1")), ""},
        {"no rule", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, subset: v1")), "IST0101@1"},
        {"another subset", RULE("d", "host: s, subsets: [{name: v2}]") VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s, subset: v1")), "IST0101@3"},
        {"mirror", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{mirror: {host: t, subset: v1}, route: [{destination: {host: s}}]}]"), "IST0101@1"},
    };
    (void)state;
    CHECK(rows, analyze_virtual_service_subsets);
}

static void schema(void **state) {
    static const struct row rows[] = {
        {"right", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], " TO("host: s")), ""},
        {"errors", VIRTUAL_SERVICE("v", "hosts: [a_b, c.d], gateways: [g], http: [{timeout: 5, route: [{destination: {host: s}}]}]"), "IST0106@1 IST0106@1"},
        {"warnings", ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: TCP}]"), "IST0133@1"},
        {"hidden rules",
         VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{route: [{destination: {host: s}}]}, {match: [{uri: {prefix: /}}], route: [{destination: {host: s}}]}]"),
         "IST0130@1"},
        {"hidden matches",
         VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{match: [{uri: {prefix: /}}], route: [{destination: {host: s}}]}, "
                              "{match: [{uri: {prefix: /a}}], route: [{destination: {host: s}}]}]"),
         "IST0131@1"},
    };
    (void)state;
    CHECK(rows, analyze_schema);
}

static void destination_rule_tls(void **state) {
    static const struct row rows[] = {
        {"verified", RULE("d", "host: s, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /a}}"), ""},
        {"not verified", RULE("d", "host: s, trafficPolicy: {tls: {mode: SIMPLE}}"), "IST0128@1"},
        {"MUTUAL", RULE("d", "host: s, trafficPolicy: {tls: {mode: MUTUAL, credentialName: c}}"), "IST0128@1"},
        {"a port", RULE("d", "host: s, trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]}"), "IST0129@1"},
        {"a Secret of selected workloads", RULE("d", "host: s, workloadSelector: {matchLabels: {a: b}}, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}"), ""},
        {"the mesh's", RULE("d", "host: s, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"), ""},
        {"subsets are not looked at", RULE("d", "host: s, subsets: [{name: a, trafficPolicy: {tls: {mode: SIMPLE}}}]"), ""},
    };
    (void)state;
    CHECK(rows, analyze_destination_rule_tls);
}

#define NODE "{apiVersion: v1, kind: Node, metadata: {name: node, labels: {topology.kubernetes.io/region: r}}}\n---\n"

static void destination_rule_subsets(void **state) {
    static const struct row rows[] = {
        {"right", SERVICE("s", "ports: [{port: 80}]") POD("p", "v: one") RULE("d", "host: s, subsets: [{name: a, labels: {v: one}}]"), ""},
        {"no pod", SERVICE("s", "ports: [{port: 80}]") POD("p", "v: one") RULE("d", "host: s, subsets: [{name: a, labels: {v: two}}]"), "IST0173@5"},
        {"no pods at all are not judged", SERVICE("s", "ports: [{port: 80}]") RULE("d", "host: s, subsets: [{name: a, labels: {v: two}}]"), ""},
        {"no host", SERVICE("s", "ports: [{port: 80}]") RULE("d", "host: t"), "IST0174@3"},
        {"of the pod's node", SERVICE("s", "ports: [{port: 80}]") POD("p", "v: one") NODE
             RULE("d", "host: s, subsets: [{name: a, labels: {topology.kubernetes.io/region: r, kubernetes.io/hostname: node}}]"), ""},
        {"of the ServiceEntry's selector", ENTRY("e", "hosts: [x.c], resolution: STATIC, workloadSelector: {labels: {app: x}}, ports: [{number: 80, name: h, protocol: HTTP}]")
             POD("p", "v: one") RULE("d", "host: x.c, subsets: [{name: a, labels: {v: one}}]"), "IST0173@5"},
    };
    (void)state;
    CHECK(rows, analyze_destination_rule_subsets);
}

static void service_entries(void **state) {
    static const struct row rows[] = {
        {"HTTP", ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: HTTP}]"), ""},
        {"TCP", ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: tcp}]"), "IST0134@1"},
        {"TCP with addresses", ENTRY("e", "hosts: [x.c], addresses: [10.0.0.1], ports: [{number: 80, name: h, protocol: TCP}]"), ""},
        {"an allocated address", OBJECT("networking.istio.io/v1", "ServiceEntry", "e",
                                        "spec: {hosts: [x.c], ports: [{number: 80, name: h, protocol: TCP}]}, status: {addresses: [{value: 240.0.0.1}]}"), ""},
        {"addresses of the proxies' own",
         ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: TCP}]")
             OBJECT_IN("istio-system", "install.istio.io/v1alpha1", "IstioOperator", "o",
                       "spec: {meshConfig: {defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'true', ISTIO_META_DNS_AUTO_ALLOCATE: 'true'}}}}"), ""},
        {"two protocols", ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: HTTP}]") ENTRY("f", "hosts: [x.c], ports: [{number: 80, name: h, protocol: http2}]"),
         "IST0177@1 IST0177@3"},
        {"one protocol", ENTRY("e", "hosts: [x.c], ports: [{number: 80, name: h, protocol: HTTP}]") ENTRY("f", "hosts: [x.c], ports: [{number: 80, name: h, protocol: http}]"), ""},
        {"two namespaces that do not see each other",
         ENTRY("e", "hosts: [x.c], exportTo: ['.'], ports: [{number: 80, name: h, protocol: HTTP}]")
             ENTRY("f", "hosts: [x.c], exportTo: [other], ports: [{number: 80, name: h, protocol: TLS}]"), ""},
        {"one that sees all", ENTRY("e", "hosts: [x.c], exportTo: ['.'], ports: [{number: 80, name: h, protocol: HTTP}]")
             ENTRY("f", "hosts: [x.c], exportTo: ['*'], ports: [{number: 80, name: h, protocol: TLS}]"), "IST0177@1 IST0177@3"},
    };
    (void)state;
    CHECK(rows, analyze_service_entries);
}

static void service_ports(void **state) {
    static const struct row rows[] = {
        {"a prefix", SERVICE("s", "ports: [{name: http-web, port: 80}]"), ""},
        {"any case", SERVICE("s", "ports: [{name: HTTP2, port: 80}]"), ""},
        {"no prefix", SERVICE("s", "ports: [{name: web, port: 80}]"), "IST0118@1"},
        {"no name", SERVICE("s", "ports: [{port: 80}]"), "IST0118@1"},
        {"appProtocol", SERVICE("s", "ports: [{name: web, port: 80, appProtocol: kubernetes.io/h2c}]"), ""},
        {"UDP", SERVICE("s", "ports: [{name: web, port: 80, protocol: UDP}]"), ""},
        {"Kubernetes' own", OBJECT_IN("kube-system", "v1", "Service", "s", "spec: {ports: [{name: web, port: 80}]}"), ""},
        {"a known number", SERVICE("s", "ports: [{name: db, port: 3306}]"), ""},
        {"ExternalName", SERVICE("s", "type: ExternalName, externalName: a.b, ports: [{name: web, port: 80}]"), "IST0150@1"},
        {"ExternalName tcp", SERVICE("s", "type: ExternalName, externalName: a.b, ports: [{name: tcp, port: 80}]"), "IST0150@1"},
        {"ExternalName with a protocol", SERVICE("s", "type: ExternalName, externalName: a.b, ports: [{name: tcp-x, port: 80}]"), ""},
        {"Istio's own", "{apiVersion: v1, kind: Service, metadata: {name: s, labels: {istio: pilot}}, spec: {ports: [{name: web, port: 80}]}}\n", ""},
    };
    (void)state;
    CHECK(rows, analyze_service_ports);
}

#define CRD(name, version)                                                                                                                 \
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: " name ".gateway.networking.k8s.io, annotations: " \
    "{gateway.networking.k8s.io/bundle-version: " version "}}}\n---\n"

static void gateway_api(void **state) {
    static const struct row rows[] = {
        {"an old definition", CRD("tlsroutes", "v1.4.0"), "IST0176@1"},
        {"new enough", CRD("tlsroutes", "v1.5.0-rc.1") CRD("grpcroutes", "v1.10.0"), ""},
        {"no version", CRD("tlsroutes", "latest"), ""},
        {"no minimum", CRD("httproutes", "v0.1.0"), ""},
        {"a condition of a Gateway", OBJECT("gateway.networking.k8s.io/v1", "Gateway", "g",
                                            "status: {conditions: [{type: Programmed, status: 'False', reason: Invalid, message: no address}]}"), "IST0171@1"},
        {"a condition that is met", OBJECT("gateway.networking.k8s.io/v1", "Gateway", "g", "status: {conditions: [{type: Programmed, status: 'True'}]}"), ""},
        {"another type", OBJECT("gateway.networking.k8s.io/v1", "Gateway", "g", "status: {conditions: [{type: Conflicted, status: 'False'}]}"), ""},
        {"a condition of a route", OBJECT("gateway.networking.k8s.io/v1", "HTTPRoute", "r",
                                          "status: {parents: [{conditions: [{type: ResolvedRefs, status: 'False', reason: BackendNotFound}]}]}"), "IST0171@1"},
        {"a waypoint", OBJECT("v1", "Service", "s", "spec: {ports: [{name: http, port: 80}]}, status: {conditions: [{type: istio.io/WaypointBound, status: 'False'}]}"), "IST0171@1"},
    };
    (void)state;
    CHECK(rows, analyze_gateway_api);
}

static void deprecations(void **state) {
    static const struct row rows[] = {
        {"percent", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{fault: {delay: {fixedDelay: 1s, percent: 5}}, route: [{destination: {host: s}}]}]"), "IST0002@1"},
        {"percentage", VIRTUAL_SERVICE("v", "hosts: [a.b], gateways: [g], http: [{fault: {delay: {fixedDelay: 1s, percentage: {value: 5}}}, route: [{destination: {host: s}}]}]"), ""},
        {"egressProxy", OBJECT("networking.istio.io/v1", "Sidecar", "s", "spec: {outboundTrafficPolicy: {egressProxy: {host: x}}}"), "IST0002@1"},
        {"a removed kind", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: r}, spec: {group: rbac.istio.io, names: {kind: ServiceRole}}}\n", "IST0002@1"},
    };
    (void)state;
    CHECK(rows, analyze_deprecations);
}

static void annotations(void **state) {
    static const struct row rows[] = {
        {"known", "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {networking.istio.io/exportTo: '*', example.com/x: y}}, spec: {}}\n", ""},
        {"misspelt", "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {networking.istio.io/exportto: '*'}}, spec: {}}\n", "IST0108@1"},
        {"of a Deployment", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: s, annotations: {sidecar.istio.io/injectt: 'true'}}}\n", "IST0108@1"},
        {"of other kinds", "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, annotations: {sidecar.istio.io/injectt: 'true'}}}\n", ""},
        {"suppressed", "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {x.istio.io/y: z, galley.istio.io/analyze-suppress: 'IST0103, IST0108'}}, spec: {}}\n", ""},
        {"all suppressed", "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {x.istio.io/y: z, galley.istio.io/analyze-suppress: '*'}}, spec: {}}\n", ""},
        {"another suppressed", "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {x.istio.io/y: z, galley.istio.io/analyze-suppress: IST0103}}, spec: {}}\n", "IST0108@1"},
    };
    (void)state;
    CHECK(rows, analyze_annotations);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateway_ports),
        cmocka_unit_test(gateway_secrets),
        cmocka_unit_test(gateway_certificates),
        cmocka_unit_test(gateway_conflicts),
        cmocka_unit_test(virtual_service_gateways),
        cmocka_unit_test(virtual_service_destinations),
        cmocka_unit_test(virtual_service_subsets),
        cmocka_unit_test(schema),
        cmocka_unit_test(destination_rule_tls),
        cmocka_unit_test(destination_rule_subsets),
        cmocka_unit_test(service_entries),
        cmocka_unit_test(service_ports),
        cmocka_unit_test(gateway_api),
        cmocka_unit_test(deprecations),
        cmocka_unit_test(annotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
