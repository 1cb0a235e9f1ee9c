/* Annotations of Istio that it does not know: most likely misspelt, and without effect. */
#include "analysis/analysis.h"

/* Source: istio/api annotation/annotations.yaml. */
static const char *const known[] = {
    "alpha.istio.io/canonical-serviceaccounts",
    "alpha.istio.io/kubernetes-serviceaccounts",
    "ambient.istio.io/bypass-inbound-capture",
    "ambient.istio.io/dns-capture",
    "ambient.istio.io/redirection",
    "ambient.istio.io/waypoint-inbound-binding",
    "galley.istio.io/analyze-suppress",
    "gateway.istio.io/controller-version",
    "gateway.istio.io/name-override",
    "gateway.istio.io/service-account",
    "gateway.istio.io/tls-terminate-mode",
    "inject.istio.io/templates",
    "install.operator.istio.io/chart-owner",
    "install.operator.istio.io/owner-generation",
    "install.operator.istio.io/version",
    "istio.io/autoRegistrationGroup",
    "istio.io/connectedAt",
    "istio.io/disconnectedAt",
    "istio.io/dry-run",
    "istio.io/rev",
    "istio.io/workloadController",
    "kubernetes.io/ingress.class",
    "networking.istio.io/address-type",
    "networking.istio.io/exportTo",
    "networking.istio.io/service-type",
    "networking.istio.io/traffic-distribution",
    "prometheus.istio.io/merge-metrics",
    "proxy.istio.io/config",
    "proxy.istio.io/overrides",
    "readiness.status.sidecar.istio.io/applicationPorts",
    "readiness.status.sidecar.istio.io/failureThreshold",
    "readiness.status.sidecar.istio.io/initialDelaySeconds",
    "readiness.status.sidecar.istio.io/periodSeconds",
    "sidecar.istio.io/agentLogLevel",
    "sidecar.istio.io/bootstrapOverride",
    "sidecar.istio.io/componentLogLevel",
    "sidecar.istio.io/discoveryAddress",
    "sidecar.istio.io/enableCoreDump",
    "sidecar.istio.io/extraStatTags",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "sidecar.istio.io/logLevel",
    "sidecar.istio.io/nativeSidecar",
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyCPULimit",
    "sidecar.istio.io/proxyImage",
    "sidecar.istio.io/proxyImageType",
    "sidecar.istio.io/proxyMemory",
    "sidecar.istio.io/proxyMemoryLimit",
    "sidecar.istio.io/rewriteAppHTTPProbers",
    "sidecar.istio.io/statsCompression",
    "sidecar.istio.io/statsEvictionInterval",
    "sidecar.istio.io/statsHistogramBuckets",
    "sidecar.istio.io/statsInclusionPrefixes",
    "sidecar.istio.io/statsInclusionRegexps",
    "sidecar.istio.io/statsInclusionSuffixes",
    "sidecar.istio.io/status",
    "sidecar.istio.io/userVolume",
    "sidecar.istio.io/userVolumeMount",
    "status.sidecar.istio.io/port",
    "topology.istio.io/controlPlaneClusters",
    "traffic.istio.io/nodeSelector",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
};

static bool is_istios(struct span name) {
    size_t slash;
    return span_equal(name, SPAN_LITERAL("kubernetes.io/ingress.class")) ||
           (span_find_byte(name, '/', &slash) && span_ends_with(span_first(name, slash), SPAN_LITERAL("istio.io")));
}

static bool is_known(struct span name) {
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (span_equal(name, span_of(known[i])))
            return true;
    return false;
}

static void check_object(struct analysis *analysis, const struct object_meta *meta) {
    for (size_t i = 0; i < meta->annotations.count; i++) {
        const struct label *annotation = &meta->annotations.items[i];
        if (is_istios(annotation->key) && !is_known(annotation->key))
            message_add(&analysis->messages, MESSAGE_UNKNOWN_ANNOTATION, meta, annotation->position, "Unknown annotation: %.*s",
                        SPAN_ARGUMENTS(annotation->key));
    }
}

void analyze_annotations(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < resources->services.count; i++)
        check_object(analysis, &resources->services.items[i]->meta);
    for (size_t i = 0; i < resources->pods.count; i++)
        check_object(analysis, &resources->pods.items[i]->meta);
    for (size_t i = 0; i < resources->namespaces.count; i++)
        check_object(analysis, &resources->namespaces.items[i]->meta);
    for (size_t i = 0; i < analysis->others->count; i++)
        if (analysis->others->items[i]->other_kind == OTHER_DEPLOYMENT)
            check_object(analysis, &analysis->others->items[i]->meta);
}
