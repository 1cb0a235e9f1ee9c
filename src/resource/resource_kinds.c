#include "resource/resource_kinds.h"

#define NETWORKING "networking.istio.io"
#define NETWORKING_VERSIONS {"v1", "v1beta1", "v1alpha3", NULL}
#define SECURITY "security.istio.io"
#define EXTENSIONS "extensions.istio.io"

static const struct resource_kind_entry entries[] = {
    {"Gateway", NETWORKING, NETWORKING_VERSIONS, RESOURCE_GATEWAY, true, gateway_decode},
    {"VirtualService", NETWORKING, NETWORKING_VERSIONS, RESOURCE_VIRTUAL_SERVICE, true, virtual_service_decode},
    {"DestinationRule", NETWORKING, NETWORKING_VERSIONS, RESOURCE_DESTINATION_RULE, true, destination_rule_decode},
    {"ServiceEntry", NETWORKING, NETWORKING_VERSIONS, RESOURCE_SERVICE_ENTRY, true, service_entry_decode},
    {"WorkloadEntry", NETWORKING, NETWORKING_VERSIONS, RESOURCE_WORKLOAD_ENTRY, true, workload_entry_decode},
    {"Service", "", {"v1"}, RESOURCE_SERVICE, true, service_decode},
    {"EndpointSlice", "discovery.k8s.io", {"v1", "v1beta1"}, RESOURCE_ENDPOINT_SLICE, true, endpoint_slice_decode},
    {"Endpoints", "", {"v1"}, RESOURCE_ENDPOINTS, true, endpoints_decode},
    {"Secret", "", {"v1"}, RESOURCE_SECRET, true, secret_decode},
    {"ConfigMap", "", {"v1"}, RESOURCE_CONFIG_MAP, true, config_map_decode},
    {"IstioOperator", "install.istio.io", {"v1alpha1"}, RESOURCE_ISTIO_OPERATOR, true, istio_operator_decode},
    {"AuthorizationPolicy", SECURITY, {"v1", "v1beta1"}, RESOURCE_POLICY, true, policy_decode},
    {"RequestAuthentication", SECURITY, {"v1", "v1beta1"}, RESOURCE_POLICY, true, policy_decode},
    {"PeerAuthentication", SECURITY, {"v1", "v1beta1"}, RESOURCE_PEER_AUTHENTICATION, true, peer_authentication_decode},
    {"EnvoyFilter", NETWORKING, {"v1alpha3"}, RESOURCE_POLICY, true, policy_decode},
    {"Sidecar", NETWORKING, NETWORKING_VERSIONS, RESOURCE_POLICY, true, policy_decode},
    {"ProxyConfig", NETWORKING, {"v1beta1"}, RESOURCE_POLICY, true, policy_decode},
    {"WasmPlugin", EXTENSIONS, {"v1alpha1"}, RESOURCE_POLICY, true, policy_decode},
    {"TrafficExtension", EXTENSIONS, {"v1alpha1"}, RESOURCE_POLICY, true, policy_decode},
    {"Telemetry", "telemetry.istio.io", {"v1", "v1alpha1"}, RESOURCE_POLICY, true, policy_decode},
    {"Pod", "", {"v1"}, RESOURCE_POD, true, pod_decode},
    {"Namespace", "", {"v1"}, RESOURCE_NAMESPACE, false, namespace_decode},
};

/* Of Istio's groups, but of no concern to a gateway's traffic yet. */
static const char *const other_istio_kinds[] = {"WorkloadGroup"};

static void split_api_version(struct span api_version, struct span *ret_group, struct span *ret_version) {
    size_t slash;
    *ret_group = SPAN_EMPTY;
    *ret_version = api_version;
    if (span_find_byte(api_version, '/', &slash)) {
        *ret_group = span_first(api_version, slash);
        *ret_version = span_from(api_version, slash + 1);
    }
}

static bool has_version(const struct resource_kind_entry *entry, struct span version) {
    for (size_t i = 0; i < ARRAY_SIZE(entry->versions) && entry->versions[i] != NULL; i++)
        if (span_equal(span_of(entry->versions[i]), version))
            return true;
    return false;
}

static bool is_other_istio_kind(struct span kind) {
    for (size_t i = 0; i < ARRAY_SIZE(other_istio_kinds); i++)
        if (span_equal(kind, span_of(other_istio_kinds[i])))
            return true;
    return false;
}

enum resource_kind_match resource_kind_find(struct span api_version, struct span kind,
                                            const struct resource_kind_entry **ret_entry) {
    struct span group;
    struct span version;
    split_api_version(api_version, &group, &version);
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        if (!span_equal(kind, span_of(entries[i].kind)) || !span_equal(group, span_of(entries[i].group)))
            continue;
        *ret_entry = &entries[i];
        return has_version(&entries[i], version) ? RESOURCE_KIND_KNOWN : RESOURCE_KIND_VERSION;
    }
    if (!span_ends_with(group, SPAN_LITERAL(".istio.io")) || is_other_istio_kind(kind))
        return RESOURCE_KIND_UNKNOWN;
    const char *near = decode_nearest(kind, &entries[0].kind, sizeof(entries[0]), ARRAY_SIZE(entries));
    *ret_entry = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        if (entries[i].kind == near)
            *ret_entry = &entries[i];
    return RESOURCE_KIND_MISSPELT;
}
