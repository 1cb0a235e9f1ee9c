#include "resource/destination_rule.h"

#include "resource/connection_pool.h"
#include "resource/destination_rule_check.h"
#include "resource/load_balancer.h"
#include "resource/locality_setting.h"
#include "resource/object_decode.h"
#include "resource/outlier_detection.h"

static const struct enum_name load_balancers[] = {
    {"UNSPECIFIED", LOAD_BALANCER_UNSPECIFIED}, {"LEAST_CONN", LOAD_BALANCER_LEAST_CONN},
    {"LEAST_REQUEST", LOAD_BALANCER_LEAST_REQUEST}, {"RANDOM", LOAD_BALANCER_RANDOM},
    {"ROUND_ROBIN", LOAD_BALANCER_ROUND_ROBIN}, {"PASSTHROUGH", LOAD_BALANCER_PASSTHROUGH},
};

static void decode_simple(struct decoder *decoder, const struct node *node, void *target) {
    struct traffic_policy *policy = target;
    int value;
    if (!DECODE_ENUM(decoder, node, load_balancers, &value))
        return;
    policy->load_balancer = (enum load_balancer_simple)value;
    /* Endpoints take turns, whatever is asked for. */
    if (policy->load_balancer != LOAD_BALANCER_ROUND_ROBIN && policy->load_balancer != LOAD_BALANCER_UNSPECIFIED)
        decode_unsupported(decoder, node->position, false);
}

static void decode_load_balancer(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("simple", decode_simple),
        FIELD_CHECKED("consistentHash", FIELD_UNSUPPORTED, consistent_hash_decode),
        FIELD_CHECKED("localityLbSetting", FIELD_UNSUPPORTED, locality_setting_decode),
        FIELD_CHECKED("zoneAwareLbSetting", FIELD_UNSUPPORTED, zone_aware_setting_decode),
        FIELD_OF_TYPE("warmupDurationSecs", FIELD_UNSUPPORTED),
        FIELD_CHECKED("warmup", FIELD_UNSUPPORTED, warmup_decode),
    };
    static const char *const kinds[] = {"simple", "consistentHash"};
    struct traffic_policy *policy = target;
    policy->load_balancer_position = node->position;
    DECODE_MAPPING(decoder, node, fields, policy);
    DECODE_ONE_OF(decoder, node, kinds);
}

static void decode_port_level(struct decoder *decoder, const struct node *node, void *target);

static void decode_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("number", struct traffic_policy, port, 1, 65535),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static const struct field policy_fields[] = {
    FIELD_CALL_WHOLE("loadBalancer", decode_load_balancer),
    FIELD_CALL_AT("tls", client_tls_decode, struct traffic_policy, tls),
    FIELD_CALL_WHOLE("portLevelSettings", decode_port_level),
    FIELD_CALL_AT("connectionPool", connection_pool_decode, struct traffic_policy, connection_pool),
    FIELD_CHECKED("outlierDetection", FIELD_UNSUPPORTED, outlier_detection_decode),
    FIELD_CHECKED("tunnel", FIELD_RESTRICTION, tunnel_decode),
    FIELD_CHECKED("proxyProtocol", FIELD_RESTRICTION, upstream_proxy_protocol_decode),
    FIELD_OF_TYPE("retryBudget", FIELD_UNSUPPORTED),
};

static const struct field port_policy_fields[] = {
    FIELD_CALL_WHOLE("port", decode_port),
    FIELD_CALL_WHOLE("loadBalancer", decode_load_balancer),
    FIELD_CALL_AT("tls", client_tls_decode, struct traffic_policy, tls),
    FIELD_CALL_AT("connectionPool", connection_pool_decode, struct traffic_policy, connection_pool),
    FIELD_CHECKED("outlierDetection", FIELD_UNSUPPORTED, outlier_detection_decode),
};

static void decode_port_policy(struct decoder *decoder, const struct node *node, void *target) {
    struct traffic_policy *policy = target;
    struct unsupported_list *outer = decoder->unsupported;
    policy->position = node->position;
    decoder->unsupported = &policy->unsupported;
    DECODE_MAPPING(decoder, node, port_policy_fields, policy);
    decoder->unsupported = outer;
    port_policy_check(decoder, node);
}

static void decode_port_level(struct decoder *decoder, const struct node *node, void *target) {
    struct traffic_policy *policy = target;
    policy->port_level =
        decode_items(decoder, node, sizeof(struct traffic_policy), decode_port_policy, &policy->port_level_count);
}

static struct traffic_policy *decode_policy(struct decoder *decoder, const struct node *node) {
    struct traffic_policy *policy = arena_new(decoder->arena, struct traffic_policy);
    struct unsupported_list *outer = decoder->unsupported;
    policy->position = node->position;
    decoder->unsupported = &policy->unsupported;
    DECODE_MAPPING(decoder, node, policy_fields, policy);
    decoder->unsupported = outer;
    traffic_policy_check(decoder, node);
    return policy;
}

static void decode_rule_policy(struct decoder *decoder, const struct node *node, void *target) {
    struct destination_rule *rule = target;
    rule->traffic_policy = decode_policy(decoder, node);
}

static void decode_subset_policy(struct decoder *decoder, const struct node *node, void *target) {
    struct destination_subset *subset = target;
    subset->traffic_policy = decode_policy(decoder, node);
}

static void decode_subset(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("name", FIELD_STRING, struct destination_subset, name),
        FIELD_AT("labels", FIELD_LABELS, struct destination_subset, labels),
        FIELD_CALL_WHOLE("trafficPolicy", decode_subset_policy),
    };
    struct destination_subset *subset = target;
    subset->position = node->position;
    DECODE_MAPPING(decoder, node, fields, subset);
    if (node_is_mapping(node) && subset->name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "give it a name", "the subset has no name");
}

static void decode_subsets(struct decoder *decoder, const struct node *node, void *target) {
    struct destination_rule *rule = target;
    rule->subsets = decode_items(decoder, node, sizeof(struct destination_subset), decode_subset, &rule->subset_count);
}

static void decode_workload_selector(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("matchLabels", FIELD_LABELS, struct destination_rule, workload_selector),
    };
    struct destination_rule *rule = target;
    rule->has_workload_selector = true;
    rule->workload_selector_position = node->position;
    DECODE_MAPPING(decoder, node, fields, rule);
}

struct object_meta *destination_rule_decode(struct decoder *decoder, const struct object_meta *meta,
                                            const struct node *root) {
    static const struct field fields[] = {
        FIELD_AT("host", FIELD_STRING, struct destination_rule, host),
        FIELD_AT("exportTo", FIELD_STRINGS, struct destination_rule, export_to),
        FIELD_CALL_WHOLE("trafficPolicy", decode_rule_policy),
        FIELD_CALL_WHOLE("subsets", decode_subsets),
        FIELD_CALL_WHOLE("workloadSelector", decode_workload_selector),
    };
    struct destination_rule *rule = arena_new(decoder->arena, struct destination_rule);
    rule->meta = *meta;
    decoder->unsupported = &rule->meta.unsupported;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), rule);
    destination_rule_check(decoder, rule);
    return &rule->meta;
}
