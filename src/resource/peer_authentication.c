#include "resource/peer_authentication.h"

#include "resource/object_decode.h"

static const struct enum_name modes[] = {
    {"UNSET", MUTUAL_TLS_UNSET},
    {"DISABLE", MUTUAL_TLS_DISABLE},
    {"PERMISSIVE", MUTUAL_TLS_PERMISSIVE},
    {"STRICT", MUTUAL_TLS_STRICT},
};

static void decode_mode_name(struct decoder *decoder, const struct node *node, void *target) {
    int value;
    if (DECODE_ENUM(decoder, node, modes, &value))
        *(enum mutual_tls_mode *)target = (enum mutual_tls_mode)value;
}

static void decode_mode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {FIELD_CALL_WHOLE("mode", decode_mode_name)};
    DECODE_MAPPING(decoder, node, fields, target);
}

static bool parse_port(struct span text, uint16_t *ret_port) {
    uint64_t number;
    if (!span_to_u64(text, &number) || number == 0 || number > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)number;
    return true;
}

static void decode_ports(struct decoder *decoder, const struct node *node, void *target) {
    struct peer_authentication *peer = target;
    if (!node_is_mapping(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write 'port number: {mode: ...}' lines",
                     "a mapping is expected here, not %s", node_type_name(node));
        return;
    }
    peer->ports = arena_new_array(decoder->arena, struct port_mutual_tls, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct port_mutual_tls port = {.mode = MUTUAL_TLS_UNSET};
        if (!parse_port(field->key, &port.port)) {
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, field->key_position, "write a number from 1 to 65535",
                         "'%.*s' is no port of a workload", SPAN_ARGUMENTS(field->key));
            continue;
        }
        if (!node_is_null(field->value))
            decode_mode(decoder, field->value, &port.mode);
        peer->ports[peer->port_count++] = port;
    }
}

static void decode_selector(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {FIELD_AT("matchLabels", FIELD_LABELS, struct peer_authentication, selector)};
    DECODE_MAPPING(decoder, node, fields, target);
}

struct object_meta *peer_authentication_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("selector", decode_selector),
        FIELD_CALL_AT("mtls", decode_mode, struct peer_authentication, mode),
        FIELD_CALL_WHOLE("portLevelMtls", decode_ports),
    };
    struct peer_authentication *peer = arena_new(decoder->arena, struct peer_authentication);
    peer->meta = *meta;
    decoder->unsupported = &peer->meta.unsupported;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), peer);
    /* Source: Istio's ValidatePeerAuthentication. */
    if (!decoder->failed && peer->port_count > 0 && peer->selector.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, meta->position, "add selector.matchLabels, or set mtls alone",
                     "portLevelMtls needs a selector: ports are those of certain workloads");
    return &peer->meta;
}
