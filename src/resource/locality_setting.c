#include "resource/locality_setting.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))

/* --- Localities --- */

/* "region/zone/subzone", of which the last part may be a '*'. */
static bool check_locality(struct decoder *decoder, struct span locality, struct position position) {
    struct span rest = locality, part;
    if (locality.size == 0) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position, "write region/zone/subzone", "the locality is empty");
        return false;
    }
    while (span_split(&rest, '/', &part)) {
        size_t star;
        bool holds_star = span_find_byte(part, '*', &star);
        bool is_last = rest.data == NULL;
        if (part.size > 0 && (!holds_star || (is_last && star == part.size - 1)))
            continue;
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position, "write region/zone/subzone, the last of them perhaps as *",
                     "'%.*s' is no locality", SHOWN(locality));
        return false;
    }
    return true;
}

static bool localities_overlap(struct span a, struct span b) {
    struct span rest_a = a, rest_b = b, part_a, part_b;
    while (span_split(&rest_a, '/', &part_a) && span_split(&rest_b, '/', &part_b)) {
        struct span star = SPAN_LITERAL("*");
        if (span_equal(part_a, star) || span_equal(part_b, star))
            return true;
        if (!span_equal(part_a, part_b))
            return false;
    }
    return true;
}

/* --- distribute --- */

static void decode_weights(struct decoder *decoder, const struct node *node, void *target) {
    struct label_set *keys = target;
    int64_t total = 0;
    if (!node_is_mapping(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write 'locality: weight' lines", "a mapping is expected here, not %s",
                     node_type_name(node));
        return;
    }
    keys->items = arena_new_array(decoder->arena, struct label, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct located_number weight = {0};
        decode_number(decoder, field->value, 1, 100, &weight);
        total += weight.value;
        if (check_locality(decoder, field->key, field->key_position))
            keys->items[keys->count++] = (struct label){field->key, SPAN_EMPTY, field->key_position};
    }
    if (total != 100)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "let the weights add up to 100", "the weights add up to %lld, not 100",
                     (long long)total);
    for (size_t i = 0; i < keys->count; i++)
        for (size_t j = 0; j < i; j++)
            if (localities_overlap(keys->items[i].key, keys->items[j].key))
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, keys->items[i].position, "keep one of them",
                             "the localities '%.*s' and '%.*s' overlap", SHOWN(keys->items[j].key), SHOWN(keys->items[i].key));
}

struct distribution {
    struct located from;
    struct label_set to;
};

static void decode_distribution(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("from", FIELD_STRING, struct distribution, from),
        FIELD_CALL_AT("to", decode_weights, struct distribution, to),
    };
    const struct distribution *distribution = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && check_locality(decoder, distribution->from.text, distribution->from.text.size > 0 ? distribution->from.position : node->position) &&
        distribution->to.count == 0 && node_get_present(node, "to") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add to", "the distribution leads nowhere");
}

static void decode_distribute(struct decoder *decoder, const struct node *node, void *target) {
    size_t count;
    (void)target;
    struct distribution *items = decode_items(decoder, node, sizeof(*items), decode_distribution, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (items[i].from.text.size > 0 && items[j].from.text.size > 0 && localities_overlap(items[i].from.text, items[j].from.text))
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, items[i].from.position, "keep one of them",
                             "the localities '%.*s' and '%.*s' overlap", SHOWN(items[j].from.text), SHOWN(items[i].from.text));
}

/* --- failover --- */

struct failover {
    struct located from, to;
};

static void check_region(struct decoder *decoder, const struct located *region) {
    size_t at;
    if (span_find_byte(region->text, '/', &at) || span_find_byte(region->text, '*', &at))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, region->position, "write the name of a region alone",
                     "'%.*s' is no region: failover is between whole regions", SHOWN(region->text));
}

static void decode_failover(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("from", FIELD_STRING, struct failover, from),
        FIELD_AT("to", FIELD_STRING, struct failover, to),
    };
    const struct failover *failover = target;
    DECODE_MAPPING(decoder, node, fields, target);
    check_region(decoder, &failover->from);
    check_region(decoder, &failover->to);
    if (failover->from.text.size > 0 && span_equal(failover->from.text, failover->to.text))
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, failover->to.position, "name another region", "the failover leads to the region itself");
}

static void decode_failovers(struct decoder *decoder, const struct node *node, void *target) {
    size_t count;
    (void)target;
    (void)decode_items(decoder, node, sizeof(struct failover), decode_failover, &count);
}

static bool is_topology_label(struct span label) {
    static const char *const labels[] = {"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"};
    size_t equal;
    if (span_find_byte(label, '=', &equal))
        label = span_first(label, equal);
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (span_equal(label, span_of(labels[i])))
            return true;
    return false;
}

struct setting {
    struct located_list failover_priority;
    struct located_flag enabled;
};

static void check_priority(struct decoder *decoder, const struct setting *setting, const char *reason) {
    for (size_t i = 0; i < setting->failover_priority.count; i++)
        if (is_topology_label(setting->failover_priority.items[i].text))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, setting->failover_priority.items[i].position, "keep one of them", "%s", reason);
}

static void decode_setting(struct decoder *decoder, const struct node *node, struct setting *setting) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("distribute", decode_distribute),
        FIELD_CALL_WHOLE("failover", decode_failovers),
        FIELD_AT("failoverPriority", FIELD_STRINGS, struct setting, failover_priority),
        FIELD_AT("enabled", FIELD_FLAG, struct setting, enabled),
        FIELD_OF_TYPE("minClusterSize", FIELD_IGNORED),
        FIELD_OF_TYPE("routingEnabled", FIELD_IGNORED),
    };
    DECODE_MAPPING(decoder, node, fields, setting);
    const struct node *failover = node_get_present(node, "failover");
    if (failover != NULL && node_get_present(node, "distribute") != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, failover->position, "keep one of them",
                     "failover cannot be used together with distribute");
}

void locality_setting_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct setting setting = {0};
    (void)target;
    decode_setting(decoder, node, &setting);
    if (node_get_present(node, "failover") != NULL)
        check_priority(decoder, &setting, "failover cannot be used together with a topology label in failoverPriority");
}

void zone_aware_setting_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct setting setting = {0};
    (void)target;
    decode_setting(decoder, node, &setting);
    check_priority(decoder, &setting, "zone aware balancing looks at the topology itself: failoverPriority cannot hold its labels");
}

void locality_setting_check(struct decoder *decoder, const struct node *policy) {
    static const char *const fields[] = {"failover", "failoverPriority"};
    const struct node *balancer = node_get_present(policy, "loadBalancer");
    const struct node *locality = node_get_present(balancer, "localityLbSetting");
    const struct node *zone_aware = node_get_present(balancer, "zoneAwareLbSetting");
    if (locality != NULL && zone_aware != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, zone_aware->position, "keep one of them",
                     "zoneAwareLbSetting cannot be used together with localityLbSetting");
    const struct node *setting = locality != NULL ? locality : zone_aware;
    if (setting == NULL || node_get_present(policy, "outlierDetection") != NULL)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct node *node = node_get_present(setting, fields[i]);
        if (node == NULL)
            continue;
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add outlierDetection",
                       "without outlierDetection no endpoint ever counts as failed, and nothing fails over");
        return;
    }
}
