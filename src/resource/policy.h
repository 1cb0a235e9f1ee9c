/* Objects that change what a gateway lets through or does, of kinds that are not served yet: enough is read to find what they govern, so
 * that the compiler can fail closed (rule 17). */
#ifndef FAIRLEAD_RESOURCE_POLICY_H
#define FAIRLEAD_RESOURCE_POLICY_H

#include "resource/object.h"

enum policy_kind {
    POLICY_AUTHORIZATION,          /* security.istio.io AuthorizationPolicy: restricts */
    POLICY_REQUEST_AUTHENTICATION, /* security.istio.io RequestAuthentication: restricts */
    POLICY_ENVOY_FILTER,           /* networking.istio.io EnvoyFilter: may restrict */
    POLICY_WASM_PLUGIN,            /* extensions.istio.io WasmPlugin: may restrict */
    POLICY_TRAFFIC_EXTENSION,      /* extensions.istio.io TrafficExtension: may restrict */
    POLICY_TELEMETRY,              /* telemetry.istio.io Telemetry */
    POLICY_SIDECAR,                /* networking.istio.io Sidecar: does not apply to gateways */
    POLICY_PROXY_CONFIG            /* networking.istio.io ProxyConfig */
};

struct policy {
    struct object_meta meta;
    enum policy_kind policy_kind;
    bool restricts; /* it must fail closed where it applies */
    /* Without selector and without targetRefs: all workloads of its namespace, of the whole mesh in the root namespace. EnvoyFilter and
     * Sidecar write workloadSelector.labels, the others selector.matchLabels. */
    bool has_selector;
    struct label_set selector;
    bool has_target_refs; /* then it applies to those only: Gateway API and waypoints, Services */
    struct located action; /* AuthorizationPolicy: "" is ALLOW */
    const struct node *spec; /* NULL when not written */
};

const char *policy_kind_name(enum policy_kind kind);

#endif
