#include "compile/auto_passthrough.h"

#include "compile/clusters.h"
#include "compile/compiler.h"
#include "compile/destination_rules.h"
#include "compile/host_name.h"

static int compare_names(const void *left, const void *right) {
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

/* Sorted: the registry's own order is no order. */
static void list_hosts(struct compiler *compiler, const struct span_list *covering, struct span_list *ret_hosts) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&compiler->registry.hosts, &cursor, &entry);) {
        bool is_covered = false;
        for (size_t i = 0; i < covering->count; i++)
            is_covered = is_covered || host_name_is_subset(entry.key, covering->items[i]);
        if (is_covered && !host_name_is_wildcard(entry.key))
            ARRAY_APPEND(&compiler->scratch, ret_hosts, entry.key);
    }
    array_sort(ret_hosts->items, ret_hosts->count, sizeof(struct span), compare_names);
}

static bool is_in_mesh(const struct registry_service *service) {
    return service->service != NULL ? service->service->type != SERVICE_EXTERNAL_NAME
                                    : service->entry->location == SERVICE_ENTRY_MESH_INTERNAL;
}

static void add_port(struct compiler *compiler, const struct passed_cluster *wanted, struct passed_port_list *ports) {
    struct passed_port port = {.destinations = {.items = arena_new(compiler->arena, struct weighted_cluster), .count = 1, .weight_total = 1}};
    const struct cluster *cluster = compile_passed_cluster(compiler, wanted);
    port.server_name = cluster->name;
    port.destinations.items[0] = (struct weighted_cluster){.cluster = cluster, .cluster_name = cluster->name, .weight = 1};
    ARRAY_APPEND(&compiler->scratch, ports, port);
}

void compile_passed_ports(struct compiler *compiler, const struct span_list *hosts, struct passed_port_list *ret_ports) {
    struct span_list found = {0};
    list_hosts(compiler, hosts, &found);
    for (size_t i = 0; i < found.count; i++) {
        struct passed_cluster wanted = {.host = found.items[i]};
        struct destination_subset_list subsets = {0};
        wanted.service = service_registry_find(&compiler->registry, wanted.host, compiler->gateway_namespace);
        if (!is_in_mesh(wanted.service))
            continue;
        destination_subsets_find(compiler, wanted.host, wanted.service->meta->namespace, &subsets);
        for (wanted.port_index = 0; passed_port_exists(&wanted); wanted.port_index++) {
            if (!passed_port_is_stream(&wanted))
                continue;
            wanted.subset = NULL;
            add_port(compiler, &wanted, ret_ports);
            for (size_t j = 0; j < subsets.count; j++) {
                wanted.subset = subsets.items[j];
                add_port(compiler, &wanted, ret_ports);
            }
        }
    }
}
