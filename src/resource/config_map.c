#include "resource/config_map.h"

#include "resource/embedded_yaml.h"
#include "resource/object_decode.h"

static bool holds_mesh(const struct object_meta *meta) {
    return span_equal(meta->name, SPAN_LITERAL("istio"));
}

bool config_map_is_wanted(const struct object_meta *meta, const struct node *root) {
    const struct node *data = node_get_present(root, "data");
    return holds_mesh(meta) || (node_is_mapping(data) && (node_get_present(data, "cacert") != NULL || node_get_present(data, "ca.crt") != NULL));
}

static void decode_text(struct decoder *decoder, const struct node *data, const char *key, struct located *target) {
    const struct node *text = node_get_present(data, key);
    if (text != NULL)
        (void)decode_string(decoder, text, target);
}

static void decode_data(struct decoder *decoder, const struct node *node, void *target) {
    struct config_map *map = target;
    const struct node *mesh = node_get_present(node, "mesh");
    if (mesh != NULL && holds_mesh(&map->meta) && decode_string(decoder, mesh, &map->mesh))
        map->mesh_node = embedded_yaml_parse(decoder, map->mesh, "data.mesh");
    decode_text(decoder, node, "cacert", &map->cacert);
    decode_text(decoder, node, "crl", &map->crl);
    decode_text(decoder, node, "ca.crt", &map->ca_crt);
    decode_text(decoder, node, "ca.crl", &map->ca_crl);
}

struct object_meta *config_map_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct field fields[] = {
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED), FIELD_OF_TYPE("kind", FIELD_IGNORED),
        FIELD_OF_TYPE("metadata", FIELD_IGNORED),   FIELD_OF_TYPE("immutable", FIELD_IGNORED),
        FIELD_OF_TYPE("binaryData", FIELD_IGNORED), FIELD_CALL_WHOLE("data", decode_data),
    };
    struct config_map *map = arena_new(decoder->arena, struct config_map);
    map->meta = *meta;
    DECODE_MAPPING(decoder, root, fields, map);
    return &map->meta;
}
