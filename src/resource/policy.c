#include "resource/policy.h"

#include "base/assert.h"
#include "resource/object_decode.h"

struct policy_entry {
    enum policy_kind policy_kind;
    const char *kind;
    bool restricts;
};

/* Indexed by enum policy_kind. */
static const struct policy_entry entries[] = {
    {POLICY_AUTHORIZATION, "AuthorizationPolicy", true},
    {POLICY_REQUEST_AUTHENTICATION, "RequestAuthentication", true},
    {POLICY_ENVOY_FILTER, "EnvoyFilter", true},
    {POLICY_WASM_PLUGIN, "WasmPlugin", true},
    {POLICY_TRAFFIC_EXTENSION, "TrafficExtension", true},
    {POLICY_TELEMETRY, "Telemetry", false},
    {POLICY_SIDECAR, "Sidecar", false},
    {POLICY_PROXY_CONFIG, "ProxyConfig", false},
};

const char *policy_kind_name(enum policy_kind kind) {
    ASSERT((size_t)kind < ARRAY_SIZE(entries) && entries[kind].policy_kind == kind);
    return entries[kind].kind;
}

static const struct policy_entry *find_entry(struct span kind) {
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        if (span_equal(kind, span_of(entries[i].kind)))
            return &entries[i];
    UNREACHABLE();
}

/* Only what decides where it applies is read; a selector that cannot be read applies everywhere. */
struct object_meta *policy_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    const struct policy_entry *entry = find_entry(meta->kind);
    struct policy *policy = arena_new(decoder->arena, struct policy);
    policy->meta = *meta;
    policy->policy_kind = entry->policy_kind;
    policy->restricts = entry->restricts;
    policy->spec = decode_get_mapping(decoder, root, "spec");
    static const char *const paths[] = {"selector.matchLabels", "workloadSelector.labels"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        const struct node *labels = node_get_path(policy->spec, paths[i]);
        if (labels != NULL)
            decode_labels(decoder, labels, &policy->selector);
    }
    policy->has_selector = policy->selector.count > 0;
    policy->has_target_refs =
        node_get_present(policy->spec, "targetRef") != NULL || node_get_present(policy->spec, "targetRefs") != NULL;
    const struct node *action = node_get_present(policy->spec, "action");
    if (action != NULL)
        decode_string(decoder, action, &policy->action);
    return &policy->meta;
}
