#include "server/last_good.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "text/yaml.h"

#define STALE_SUFFIX " (last good version)"

struct parsed_file *parsed_file_create(const struct source_file *source) {
    struct span path = span_of(source->path);
    struct parsed_file *file = memory_allocate_zeroed(1, sizeof(*file));
    file->reference_count = 1;
    file->path = memory_allocate_zeroed(1, path.size + sizeof(STALE_SUFFIX));
    memcpy(file->path, path.data, path.size);
    file->path_size = path.size;
    file->content_hash = source->content_hash;
    file->text = source_text_pin(source->shared);
    return file;
}

struct parsed_file *parsed_file_pin(struct parsed_file *file) {
    file->reference_count++;
    return file;
}

void parsed_file_unpin(struct parsed_file *file) {
    if (file == NULL)
        return;
    ASSERT(file->reference_count > 0);
    if (--file->reference_count > 0)
        return;
    source_text_unpin(file->text);
    free(file->path);
    free(file);
}

bool parsed_file_parse(const struct parsed_file *file, struct arena *nodes, struct arena *texts, struct diagnostic_list *diagnostics,
                       struct document_list *ret_documents) {
    return yaml_parse(nodes, texts, file->path, source_text_span(file->text), diagnostics, ret_documents);
}

void parsed_file_parse_again(const struct parsed_file *file, struct arena *nodes, struct arena *texts, struct document_list *ret_documents) {
    struct diagnostic_list ignored;
    diagnostic_list_init(&ignored);
    parsed_file_parse(file, nodes, texts, &ignored, ret_documents);
    diagnostic_list_deinit(&ignored);
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

struct good_object *good_object_create(struct span title, uint32_t line, uint32_t column, struct parsed_file *file) {
    struct good_object *object = memory_allocate(sizeof(*object) + title.size + 1);
    *object = (struct good_object){.file = parsed_file_pin(file), .line = line, .column = column, .title_size = title.size};
    memcpy(object->title, title.data, title.size);
    object->title[title.size] = '\0';
    return object;
}

void last_good_set_object(struct last_good *last_good, struct span title, uint32_t line, uint32_t column, struct parsed_file *file) {
    struct good_object *object = map_get(&last_good->objects, title);
    if (object == NULL)
        return;
    struct parsed_file *former = object->file;
    object->line = line;
    object->column = column;
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
