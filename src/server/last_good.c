#include "server/last_good.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

#define STALE_SUFFIX " (last good version)"
#define PARSED_ARENA_BLOCK_BYTES (4 * 1024)

struct parsed_file *parsed_file_create(struct span path, uint64_t content_hash) {
    struct parsed_file *file = memory_allocate_zeroed(1, sizeof(*file));
    file->reference_count = 1;
    file->path = memory_allocate_zeroed(1, path.size + sizeof(STALE_SUFFIX));
    memcpy(file->path, path.data, path.size);
    file->path_size = path.size;
    file->content_hash = content_hash;
    arena_init(&file->arena, PARSED_ARENA_BLOCK_BYTES);
    return file;
}

struct parsed_file *parsed_file_pin(struct parsed_file *file) {
    file->reference_count++;
    return file;
}

/* Any of them may be a Secret's. */
static void wipe_scalars(const struct node *node) {
    if (node->kind == NODE_SCALAR)
        memory_wipe((void *)(uintptr_t)node->scalar.data, node->scalar.size);
    for (uint32_t i = 0; node->kind == NODE_SEQUENCE && i < node->count; i++)
        wipe_scalars(node->items[i]);
    for (uint32_t i = 0; node->kind == NODE_MAPPING && i < node->count; i++)
        wipe_scalars(node->fields[i].value);
}

void parsed_file_unpin(struct parsed_file *file) {
    if (file == NULL)
        return;
    ASSERT(file->reference_count > 0);
    if (--file->reference_count > 0)
        return;
    for (size_t i = 0; i < file->documents.count; i++)
        wipe_scalars(file->documents.items[i].root);
    arena_deinit(&file->arena);
    free(file->path);
    free(file);
}

void parsed_file_set_stale(struct parsed_file *file, bool stale) {
    file->path[file->path_size] = '\0';
    if (stale)
        memcpy(file->path + file->path_size, STALE_SUFFIX, sizeof(STALE_SUFFIX));
}

void last_good_init(struct last_good *last_good) {
    map_init(&last_good->files);
    map_init(&last_good->objects);
}

void last_good_deinit(struct last_good *last_good) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&last_good->objects, &cursor, &entry);) {
        struct good_object *object = entry.value;
        parsed_file_unpin(object->file);
        free(object->title);
        free(object);
    }
    for (size_t cursor = 0; map_next(&last_good->files, &cursor, &entry);)
        parsed_file_unpin(entry.value);
    map_deinit(&last_good->objects);
    map_deinit(&last_good->files);
}

static struct span path_of(const struct parsed_file *file) {
    return span_make(file->path, file->path_size);
}

struct parsed_file *last_good_file(const struct last_good *last_good, struct span path) {
    return map_get(&last_good->files, path);
}

void last_good_set_file(struct last_good *last_good, struct parsed_file *file) {
    /* The map borrows its keys: the former version's path goes with it, so it is taken out first. */
    struct parsed_file *former = map_remove(&last_good->files, path_of(file));
    map_set(&last_good->files, path_of(file), parsed_file_pin(file));
    parsed_file_unpin(former);
}

static struct parsed_file *next_unseen(const struct last_good *last_good) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&last_good->files, &cursor, &entry);)
        if (!((struct parsed_file *)entry.value)->seen)
            return entry.value;
    return NULL;
}

void last_good_forget_unseen(struct last_good *last_good) {
    struct parsed_file *file;
    while ((file = next_unseen(last_good)) != NULL) {
        map_remove(&last_good->files, path_of(file));
        parsed_file_unpin(file);
    }
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&last_good->files, &cursor, &entry);)
        ((struct parsed_file *)entry.value)->seen = false;
}

void last_good_set_object(struct last_good *last_good, struct span title, const struct node *root, struct parsed_file *file) {
    struct good_object *object = map_get(&last_good->objects, title);
    if (object == NULL)
        return;
    struct parsed_file *former = object->file;
    object->root = root;
    object->file = parsed_file_pin(file);
    parsed_file_unpin(former);
}

const struct good_object *last_good_object(const struct last_good *last_good, struct span title) {
    return map_get(&last_good->objects, title);
}

#define VISIT_ALL(array)                          \
    for (size_t i = 0; i < (array).count; i++)    \
        function(argument, &(array).items[i]->meta)

void resource_set_visit(const struct resource_set *set, void (*function)(void *argument, const struct object_meta *meta), void *argument) {
    VISIT_ALL(set->gateways);
    VISIT_ALL(set->virtual_services);
    VISIT_ALL(set->destination_rules);
    VISIT_ALL(set->service_entries);
    VISIT_ALL(set->services);
    VISIT_ALL(set->endpoint_slices);
    VISIT_ALL(set->endpoints);
    VISIT_ALL(set->secrets);
    VISIT_ALL(set->config_maps);
    VISIT_ALL(set->istio_operators);
    VISIT_ALL(set->policies);
    VISIT_ALL(set->pods);
    VISIT_ALL(set->workload_entries);
    VISIT_ALL(set->namespaces);
    VISIT_ALL(set->peer_authentications);
}
