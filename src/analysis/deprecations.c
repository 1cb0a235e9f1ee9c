/* Fields and kinds that Istio is giving up. */
#include "analysis/analysis.h"

static void check_virtual_service(struct analysis *analysis, const struct virtual_service *service) {
    for (size_t i = 0; i < service->http_count; i++) {
        const struct node *percent = node_get_path(service->http[i].node, "fault.delay.percent");
        int64_t value;
        if (percent != NULL && node_as_integer(percent, &value) && value > 0)
            message_add(&analysis->messages, MESSAGE_DEPRECATED, &service->meta, percent->position,
                        "Deprecated: use HTTPRoute.fault.delay.percentage instead of percent");
    }
}

static void check_policy(struct analysis *analysis, const struct policy *policy) {
    const struct node *proxy = node_get_path(policy->spec, "outboundTrafficPolicy.egressProxy");
    if (policy->policy_kind == POLICY_SIDECAR && proxy != NULL)
        message_add(&analysis->messages, MESSAGE_DEPRECATED, &policy->meta, proxy->position,
                    "Deprecated: use a VirtualService instead of OutboundTrafficPolicy.egressProxy");
}

static void check_definition(struct analysis *analysis, const struct object_meta *meta) {
    static const char *const kinds[] = {"ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding"};
    struct span group, kind;
    if (!node_as_string(node_get_path(meta->root, "spec.group"), &group) || !node_as_string(node_get_path(meta->root, "spec.names.kind"), &kind) ||
        !span_equal(group, SPAN_LITERAL("rbac.istio.io")))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (span_equal(kind, span_of(kinds[i])))
            message_add(&analysis->messages, MESSAGE_DEPRECATED, meta, POSITION_NONE, "Deprecated: the kind %s of rbac.istio.io was removed", kinds[i]);
}

void analyze_deprecations(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < resources->virtual_services.count; i++)
        check_virtual_service(analysis, resources->virtual_services.items[i]);
    for (size_t i = 0; i < resources->policies.count; i++)
        check_policy(analysis, resources->policies.items[i]);
    for (size_t i = 0; i < analysis->others->count; i++)
        if (analysis->others->items[i]->other_kind == OTHER_CRD)
            check_definition(analysis, &analysis->others->items[i]->meta);
}
