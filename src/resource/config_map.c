#include "resource/config_map.h"

#include "resource/embedded_yaml.h"
#include "resource/object_decode.h"

static void decode_data(struct decoder *decoder, const struct node *node, void *target) {
    struct config_map *map = target;
    const struct node *mesh = node_get_present(node, "mesh");
    if (mesh != NULL && decode_string(decoder, mesh, &map->mesh))
        map->mesh_node = embedded_yaml_parse(decoder, map->mesh, "data.mesh");
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
