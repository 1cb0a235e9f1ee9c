#include "analysis/gateway_pods.h"

const struct workload *gateway_select_pod(struct analysis *analysis, const struct gateway *gateway) {
    const struct workload *pod = workloads_select(&analysis->workloads, &gateway->selector);
    if (pod == NULL)
        message_add(&analysis->messages, MESSAGE_REFERENCE_NOT_FOUND, &gateway->meta, gateway->selector.items[0].position,
                    "Referenced selector not found: \"%.*s\"", SPAN_ARGUMENTS(selector_print(&analysis->arena, &gateway->selector)));
    return pod;
}
