#include "source/source_cache.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

/* What changes when a file does. */
struct source_cache_status {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct source_cache_entry {
    struct source_cache_status status;
    uint64_t content_hash;
    size_t path_size;
    char path[];
};

void source_cache_init(struct source_cache *cache) {
    map_init(&cache->entries);
    map_init(&cache->former);
}

static void free_entries(struct map *map) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(map, &cursor, &entry);)
        free(entry.value);
    map_deinit(map);
    map_init(map);
}

void source_cache_deinit(struct source_cache *cache) {
    free_entries(&cache->entries);
    free_entries(&cache->former);
}

void source_cache_begin(struct source_cache *cache) {
    cache->former = cache->entries;
    map_init(&cache->entries);
}

void source_cache_end(struct source_cache *cache) {
    free_entries(&cache->former);
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_status(const struct source_cache_status *a, const struct stat *b) {
    return a->device == b->st_dev && a->inode == b->st_ino && a->size == b->st_size && same_time(a->modified, b->st_mtim) &&
           same_time(a->changed, b->st_ctim);
}

bool source_cache_find(struct source_cache *cache, const char *path, const struct stat *status, uint64_t *ret_content_hash) {
    struct source_cache_entry *entry = map_get(&cache->former, span_of(path));
    if (entry == NULL || !same_status(&entry->status, status))
        return false;
    map_remove(&cache->former, span_of(path));
    map_set(&cache->entries, span_make(entry->path, entry->path_size), entry);
    *ret_content_hash = entry->content_hash;
    return true;
}

void source_cache_note(struct source_cache *cache, const char *path, const struct stat *status, uint64_t content_hash) {
    uint64_t written_ns = (uint64_t)status->st_ctim.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)status->st_ctim.tv_nsec;
    if (written_ns + SOURCE_SETTLED_NS > clock_wall_ns())
        return;
    size_t size = strlen(path);
    struct source_cache_entry *entry = memory_allocate(sizeof(*entry) + size + 1);
    *entry = (struct source_cache_entry){.status = {status->st_dev, status->st_ino, status->st_size, status->st_mtim, status->st_ctim},
                                         .content_hash = content_hash, .path_size = size};
    memcpy(entry->path, path, size + 1);
    free(map_set(&cache->entries, span_make(entry->path, size), entry));
}
