#include "resource/config_map.h"

#include "resource/object_decode.h"
#include "text/yaml.h"

/* The text has lines of its own: its diagnostics name it as a file beside the one it lies in. */
static const struct node *parse_mesh(struct decoder *decoder, struct located text) {
    const char *outer = text.position.file == NULL ? "" : text.position.file;
    const char *file = arena_print(decoder->arena, "%s(data.mesh)", outer).data;
    struct document_list documents;
    diagnostic_list_add_source(decoder->diagnostics, file, text.text);
    if (!yaml_parse(decoder->arena, file, text.text, decoder->diagnostics, &documents)) {
        decoder->failed = true;
        return NULL;
    }
    return documents.count == 0 ? NULL : documents.items[0].root;
}

static void decode_data(struct decoder *decoder, const struct node *node, void *target) {
    struct config_map *map = target;
    const struct node *mesh = node_get_present(node, "mesh");
    if (mesh != NULL && decode_string(decoder, mesh, &map->mesh))
        map->mesh_node = parse_mesh(decoder, map->mesh);
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
