#include "resource/load_balancer.h"

#include "base/clock.h"

/* Envoy's ceiling for Maglev tables. */
#define MAGLEV_TABLE_SIZE_MAX 5000011

struct hash_settings {
    struct located header_name, query_parameter_name;
    struct located_flag use_source_ip;
    struct located_number minimum_ring_size, ring_hash_size;
};

/* --- consistentHash --- */

struct cookie {
    struct located name, path;
    struct located_number ttl_ns;
};

struct cookie_attribute {
    struct located name, value;
};

static void decode_attribute(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("name", FIELD_STRING, struct cookie_attribute, name),
        FIELD_AT("value", FIELD_STRING, struct cookie_attribute, value),
    };
    const struct cookie_attribute *attribute = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && attribute->name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "name it", "an attribute of the cookie has no name");
}

static void decode_attributes(struct decoder *decoder, const struct node *node, void *target) {
    size_t count;
    (void)target;
    struct cookie_attribute *items = decode_items(decoder, node, sizeof(*items), decode_attribute, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (items[i].name.text.size > 0 && span_equal_ignore_case(items[i].name.text, items[j].name.text))
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, items[i].name.position, "keep one of them",
                             "the attribute '%.*s' of the cookie is there twice", SPAN_ARGUMENTS(span_excerpt(items[i].name.text, 80)));
}

static void decode_cookie(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("name", FIELD_STRING, struct cookie, name),
        FIELD_AT("path", FIELD_STRING, struct cookie, path),
        FIELD_DURATION_AT("ttl", struct cookie, ttl_ns, 0),
        FIELD_CALL_WHOLE("attributes", decode_attributes),
    };
    struct cookie cookie = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &cookie);
    if (node_is_mapping(node) && cookie.name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add name", "the cookie has no name");
}

static void decode_ring_hash(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {FIELD_NUMBER_AT("minimumRingSize", struct hash_settings, ring_hash_size, 0, INT64_MAX)};
    DECODE_MAPPING(decoder, node, fields, target);
}

static bool is_prime(int64_t number) {
    if (number < 2)
        return false;
    for (int64_t divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return false;
    return true;
}

static void decode_maglev(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number size = {0};
    static const struct field fields[] = {{"tableSize", FIELD_NUMBER, 0, 0, INT64_MAX, NULL, 0}};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &size);
    if (!node_is_mapping(node))
        return;
    if (size.value == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set a prime, such as 65537", "the tableSize is not set");
    else if (size.value >= MAGLEV_TABLE_SIZE_MAX)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, size.position, "use a smaller prime, such as 65537", "the tableSize must be below 5000011");
    else if (!is_prime(size.value))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, size.position, "use a prime, such as 65537", "the tableSize %lld is no prime",
                     (long long)size.value);
}

void consistent_hash_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("httpHeaderName", FIELD_STRING, struct hash_settings, header_name),
        FIELD_CALL_WHOLE("httpCookie", decode_cookie),
        FIELD_AT("useSourceIp", FIELD_FLAG, struct hash_settings, use_source_ip),
        FIELD_AT("httpQueryParameterName", FIELD_STRING, struct hash_settings, query_parameter_name),
        FIELD_CALL_WHOLE("ringHash", decode_ring_hash),
        FIELD_CALL_WHOLE("maglev", decode_maglev),
        FIELD_NUMBER_AT("minimumRingSize", struct hash_settings, minimum_ring_size, 0, INT64_MAX),
    };
    static const char *const keys[] = {"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"};
    static const char *const tables[] = {"ringHash", "maglev"};
    struct hash_settings settings = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &settings);
    DECODE_ONE_OF(decoder, node, keys);
    DECODE_ONE_OF(decoder, node, tables);
    if (settings.minimum_ring_size.value == 0)
        return;
    decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, settings.minimum_ring_size.position, "use ringHash: {minimumRingSize: ...}",
                   "minimumRingSize is deprecated here");
    if (node_get_present(node, "ringHash") != NULL || node_get_present(node, "maglev") != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, settings.minimum_ring_size.position, "keep ringHash or maglev",
                     "only one of minimumRingSize, ringHash and maglev may be set");
}

/* --- warmup --- */

static void decode_percent(struct decoder *decoder, const struct node *node, void *target) {
    double percent;
    (void)target;
    if (!node_as_double(node, &percent))
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write a number, as in 10", "a number is expected here, not %s", node_type_name(node));
    else if (!(percent <= 100))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use 0 to 100", "%g is more than 100 percent", percent);
}

static void decode_aggression(struct decoder *decoder, const struct node *node, void *target) {
    double aggression;
    (void)target;
    if (!node_as_double(node, &aggression))
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write a number, as in 1.0", "a number is expected here, not %s", node_type_name(node));
    else if (!(aggression > 0))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use a number above 0", "the aggression must be above 0");
}

void warmup_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        {"duration", FIELD_DURATION, 0, MILLISECONDS(1), INT64_MAX, NULL, 0},
        FIELD_CALL_WHOLE("minimumPercent", decode_percent),
        FIELD_CALL_WHOLE("aggression", decode_aggression),
    };
    struct located_number duration = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &duration);
    if (node_is_mapping(node) && node_get_present(node, "duration") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add duration", "the warmup has no duration");
}
