#include "compile/compiler.h"

#include "base/limits.h"

void compiler_init(struct compiler *compiler, const struct resource_set *resources,
                   const struct compile_options *options, struct diagnostic_list *diagnostics) {
    *compiler = (struct compiler){.resources = resources, .options = options, .diagnostics = diagnostics};
    arena_init(&compiler->scratch, SNAPSHOT_ARENA_BLOCK_BYTES);
    map_init(&compiler->clusters_by_name);
    map_init(&compiler->services_by_gateway);
    map_init(&compiler->route_servers_by_name);
    map_init(&compiler->route_tables_by_name);
    map_init(&compiler->reported);
    map_init(&compiler->origin_numbers);
    map_init(&compiler->tls_policies);
    map_init(&compiler->regexes);
    map_init(&compiler->credentials);
    map_init(&compiler->trusts);
    map_init(&compiler->peer_authentications);
    compiler->snapshot = snapshot_create();
    compiler->arena = &compiler->snapshot->arena;
    (void)compiler_origin_titled(compiler, SPAN_EMPTY, POSITION_NONE); /* id 0: from nowhere */
}

void compiler_deinit(struct compiler *compiler) {
    map_deinit(&compiler->trusts);
    map_deinit(&compiler->peer_authentications);
    map_deinit(&compiler->credentials);
    map_deinit(&compiler->tls_policies);
    map_deinit(&compiler->regexes);
    map_deinit(&compiler->reported);
    map_deinit(&compiler->origin_numbers);
    map_deinit(&compiler->clusters_by_name);
    map_deinit(&compiler->services_by_gateway);
    map_deinit(&compiler->route_servers_by_name);
    map_deinit(&compiler->route_tables_by_name);
    arena_deinit(&compiler->scratch);
}

bool compiler_first_report(struct compiler *compiler, enum diagnostic_code code, struct position position,
                           const struct object_meta *meta) {
    struct span key = arena_print(&compiler->scratch, "%d %u:%u %s %.*s", (int)code, position.line, position.column,
                                  position.file == NULL ? "" : position.file, SPAN_ARGUMENTS(meta->title));
    return map_set(&compiler->reported, key, compiler) == NULL;
}

enum diagnostic_severity compiler_missing_severity(const struct compiler *compiler, enum resource_kind kind) {
    return compiler->resources->any[kind] ? DIAGNOSTIC_ERROR : DIAGNOSTIC_WARNING;
}

enum diagnostic_severity compiler_restriction_severity(const struct compiler *compiler) {
    return compiler->options->allow_unsupported ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR;
}

uint32_t compiler_origin(struct compiler *compiler, const struct object_meta *meta, struct position position) {
    return compiler_origin_titled(compiler, meta->title, position_or(position, meta->position));
}

/* An object is known by where its title and its file's path lie, which is the same as long as it is compiled. */
static uint32_t find_origin_object(struct compiler *compiler, struct span title, const char *file) {
    const uintptr_t parts[] = {(uintptr_t)title.data, title.size, (uintptr_t)file};
    struct span key = span_make(parts, sizeof(parts));
    const uint32_t *known = map_get(&compiler->origin_numbers, key);
    if (known != NULL)
        return *known;
    struct origin_object object = {arena_copy(compiler->arena, title), arena_copy(compiler->arena, span_of(file))};
    ARRAY_APPEND(&compiler->scratch, &compiler->origin_objects, object);
    uint32_t *number = arena_new(&compiler->scratch, uint32_t);
    *number = (uint32_t)(compiler->origin_objects.count - 1);
    map_set(&compiler->origin_numbers, arena_copy(&compiler->scratch, key), number);
    return *number;
}

uint32_t compiler_origin_titled(struct compiler *compiler, struct span title, struct position place) {
    struct origin_place origin = {.object = find_origin_object(compiler, title, place.file), .line = place.line};
    ARRAY_APPEND(&compiler->scratch, &compiler->origins, origin);
    return (uint32_t)(compiler->origins.count - 1);
}

bool compiler_read_file(struct compiler *compiler, struct span path, struct span *ret_text) {
    return input_files_read(compiler->options->files, &compiler->scratch, path, ret_text);
}

bool compiler_exported(const struct compiler *compiler, const struct located_list *export_to,
                       const struct located_list *mesh_default, struct span namespace) {
    const struct located_list *list = export_to->count > 0 ? export_to : mesh_default;
    if (list->count == 0)
        return true;
    bool own = span_equal(namespace, compiler->gateway_namespace);
    for (size_t i = 0; i < list->count; i++) {
        struct span entry = list->items[i].text;
        if (span_equal(entry, SPAN_LITERAL("*")) || (own && span_equal(entry, SPAN_LITERAL("."))) ||
            span_equal(entry, compiler->gateway_namespace))
            return true;
    }
    return false;
}
