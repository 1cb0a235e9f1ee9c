/* What the Gateway API's own objects say: kinds whose definition is too old for Istio, and conditions that are not met. */
#include "analysis/analysis.h"

/* --- IST0176 --- */

static const struct {
    const char *name;
    uint64_t minimum[3];
    const char *text;
} minimums[] = {
    {"grpcroutes.gateway.networking.k8s.io", {1, 1, 0}, "v1.1.0"},
    {"backendtlspolicies.gateway.networking.k8s.io", {1, 4, 0}, "v1.4.0"},
    {"tlsroutes.gateway.networking.k8s.io", {1, 5, 0}, "v1.5.0"},
    {"tcproutes.gateway.networking.k8s.io", {1, 6, 0}, "v1.6.0"},
};

/* "v1.2.3-rc.1" without what follows the '-'. */
static bool parse_version(struct span text, uint64_t *ret_parts) {
    size_t end;
    if (span_starts_with(text, SPAN_LITERAL("v")))
        text = span_from(text, 1);
    if (span_find_byte(text, '-', &end) || span_find_byte(text, '+', &end))
        text = span_first(text, end);
    struct span part;
    size_t count = 0;
    while (count < 3 && span_split(&text, '.', &part))
        if (!span_to_u64(part, &ret_parts[count++]))
            return false;
    return count == 3;
}

static bool is_below(const uint64_t *version, const uint64_t *minimum) {
    for (size_t i = 0; i < 3; i++)
        if (version[i] != minimum[i])
            return version[i] < minimum[i];
    return false;
}

static void check_definition(struct analysis *analysis, const struct object_meta *meta) {
    struct span version;
    uint64_t parts[3];
    if (!label_set_get(&meta->annotations, SPAN_LITERAL("gateway.networking.k8s.io/bundle-version"), &version) || !parse_version(version, parts))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(minimums); i++)
        if (span_equal(meta->name, span_of(minimums[i].name)) && is_below(parts, minimums[i].minimum))
            message_add(&analysis->messages, MESSAGE_CRD_VERSION, meta, POSITION_NONE,
                        "The Gateway API CRD %s version %.*s is below the minimum version %s: Istio ignores the kind", minimums[i].name,
                        SPAN_ARGUMENTS(version), minimums[i].text);
}

/* --- IST0171 --- */

static struct span text_of(const struct node *condition, const char *key) {
    struct span text;
    return node_as_string(node_get_present(condition, key), &text) ? text : SPAN_EMPTY;
}

static void check_conditions(struct analysis *analysis, const struct object_meta *meta, const struct node *conditions,
                             const char *const *types, size_t type_count) {
    for (uint32_t i = 0; node_is_sequence(conditions) && i < conditions->count; i++) {
        const struct node *condition = conditions->items[i];
        for (size_t type = 0; type < type_count; type++) {
            if (!span_equal(text_of(condition, "type"), span_of(types[type])) || !span_equal(text_of(condition, "status"), SPAN_LITERAL("False")))
                continue;
            message_add(&analysis->messages, MESSAGE_NEGATIVE_CONDITION, meta, POSITION_NONE,
                        "The condition %s is not met: %.*s: %.*s", types[type], SPAN_ARGUMENTS(text_of(condition, "reason")),
                        SPAN_ARGUMENTS(text_of(condition, "message")));
        }
    }
}

static void check_api_object(struct analysis *analysis, const struct other_object *object) {
    static const char *const types[] = {"Accepted", "Programmed", "ResolvedRefs"};
    const struct node *root = object->meta.root;
    const struct node *parents = node_get_path(root, "status.parents");
    if (object->other_kind == OTHER_API_GATEWAY)
        check_conditions(analysis, &object->meta, node_get_path(root, "status.conditions"), types, ARRAY_SIZE(types));
    for (uint32_t i = 0; object->other_kind != OTHER_API_GATEWAY && node_is_sequence(parents) && i < parents->count; i++)
        check_conditions(analysis, &object->meta, node_get_present(parents->items[i], "conditions"), types, ARRAY_SIZE(types));
}

static void check_waypoint(struct analysis *analysis, const struct object_meta *meta) {
    static const char *const types[] = {"istio.io/WaypointBound"};
    check_conditions(analysis, meta, node_get_path(meta->root, "status.conditions"), types, ARRAY_SIZE(types));
}

void analyze_gateway_api(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < analysis->others->count; i++) {
        const struct other_object *object = analysis->others->items[i];
        if (object->other_kind == OTHER_CRD)
            check_definition(analysis, &object->meta);
        else if (object->other_kind == OTHER_API_GATEWAY || object->other_kind == OTHER_HTTP_ROUTE || object->other_kind == OTHER_GRPC_ROUTE)
            check_api_object(analysis, object);
    }
    for (size_t i = 0; i < resources->services.count; i++)
        check_waypoint(analysis, &resources->services.items[i]->meta);
    for (size_t i = 0; i < resources->service_entries.count; i++)
        check_waypoint(analysis, &resources->service_entries.items[i]->meta);
    for (size_t i = 0; i < resources->workload_entries.count; i++)
        check_waypoint(analysis, &resources->workload_entries.items[i]->meta);
}
