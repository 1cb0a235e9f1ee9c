#include "compile/compile.h"

#include "compile/background.h"
#include "compile/compiler.h"
#include "compile/identity_cache.h"
#include "compile/listeners.h"
#include "compile/policies.h"
#include "compile/settings.h"
#include "compile/upstream_cache.h"
#include "compile/virtual_hosts.h"

static int compare_listeners(const void *left, const void *right) {
    const struct listener *a = *(struct listener *const *)left;
    const struct listener *b = *(struct listener *const *)right;
    return a->port != b->port ? (int)a->port - (int)b->port : span_compare(a->bind, b->bind);
}

static int compare_clusters(const void *left, const void *right) {
    return span_compare((*(struct cluster *const *)left)->name, (*(struct cluster *const *)right)->name);
}

static int compare_route_tables(const void *left, const void *right) {
    return span_compare((*(struct route_table *const *)left)->name, (*(struct route_table *const *)right)->name);
}

/* Moves an array out of the scratch arena. */
#define ADOPT(compiler, type, array, ret_items, ret_count)                                      \
    do {                                                                                        \
        *(ret_items) = arena_new_array((compiler)->arena, type, (array)->count);                \
        if ((array)->count > 0)                                                                 \
            memcpy(*(ret_items), (array)->items, (array)->count * sizeof((array)->items[0]));   \
        *(ret_count) = (array)->count;                                                          \
    } while (0)

static void finish(struct compiler *compiler) {
    struct snapshot *snapshot = compiler->snapshot;
    array_sort(compiler->listeners.items, compiler->listeners.count, sizeof(struct listener *), compare_listeners);
    array_sort(compiler->clusters.items, compiler->clusters.count, sizeof(struct cluster *), compare_clusters);
    array_sort(compiler->route_tables.items, compiler->route_tables.count, sizeof(struct route_table *),
               compare_route_tables);
    ADOPT(compiler, struct listener *, &compiler->listeners, &snapshot->listeners, &snapshot->listener_count);
    ADOPT(compiler, struct cluster *, &compiler->clusters, &snapshot->clusters, &snapshot->cluster_count);
    ADOPT(compiler, struct route_table *, &compiler->route_tables, &snapshot->route_tables, &snapshot->route_table_count);
    size_t object_count;
    ADOPT(compiler, struct origin_object, &compiler->origin_objects, &snapshot->origin_objects, &object_count);
    ADOPT(compiler, struct origin_place, &compiler->origins, &snapshot->origins, &snapshot->origin_count);
    snapshot_seal(snapshot);
}

/* What stands in the whole object and is not served; parts report their own. */
static void report_gateway_fields(struct compiler *compiler) {
    const struct resource_set *resources = compiler->resources;
    for (size_t i = 0; i < resources->gateways.count; i++) {
        const struct object_meta *meta = &resources->gateways.items[i]->meta;
        for (const struct unsupported *item = meta->unsupported.first; item != NULL; item = item->next)
            compiler_report(compiler,
                            item->restricts_or_encrypts ? compiler_restriction_severity(compiler) : DIAGNOSTIC_WARNING,
                            DIAGNOSTIC_UNSUPPORTED_FIELD, item->position, meta, "", "%.*s is not supported yet%s",
                            SPAN_ARGUMENTS(item->path),
                            item->restricts_or_encrypts ? ": its connections are closed" : " and has no effect");
    }
}

static void compile_all(struct compiler *compiler) {
    compile_settings(compiler);
    compile_policies(compiler);
    compile_ports(compiler);
    report_gateway_fields(compiler);
    compile_gateways(compiler);
    compile_virtual_services(compiler);
    service_registry_init(compiler, &compiler->registry);
    compile_route_tables(compiler);
    compile_listeners(compiler);
    report_unserved_virtual_services(compiler);
    service_registry_deinit(&compiler->registry);
    compile_background(compiler);
    finish(compiler);
    if (compiler->options->is_part)
        return;
    if (compiler->options->identities != NULL)
        identity_cache_sweep(compiler->options->identities);
    if (compiler->options->upstreams != NULL)
        upstream_cache_sweep(compiler->options->upstreams);
}

bool compile(const struct resource_set *resources, const struct compile_options *options,
             struct diagnostic_list *diagnostics, struct snapshot **ret_snapshot) {
    struct compiler compiler CLEANUP(compiler_deinit);
    if (options->files != NULL && !options->is_part)
        input_files_reset(options->files);
    compiler_init(&compiler, resources, options, diagnostics);
    resource_mesh_config(resources, diagnostics, &compiler.mesh);
    if (!compile_gateway_choice(&compiler)) {
        snapshot_destroy(compiler.snapshot);
        return false;
    }
    if (compiler.gateway->proxy_config != NULL)
        mesh_config_apply_proxy(&compiler.mesh, resources->arena, compiler.gateway->proxy_config, compiler.gateway->title, diagnostics);
    compile_all(&compiler);
    *ret_snapshot = compiler.snapshot;
    return true;
}
