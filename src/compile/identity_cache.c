#include "compile/identity_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

struct identity_cache_entry {
    struct list link;
    struct span name; /* the bytes follow the struct */
    uint8_t hash[TLS_SHA256_SIZE];
    struct tls_identity *identity;
    bool used; /* since the former sweep */
};

struct identity_cache {
    struct map by_name;
    struct list entries;
};

struct identity_cache *identity_cache_create(void) {
    struct identity_cache *cache = memory_allocate_zeroed(1, sizeof(*cache));
    map_init(&cache->by_name);
    list_init(&cache->entries);
    return cache;
}

static void entry_destroy(struct identity_cache *cache, struct identity_cache_entry *entry) {
    map_remove(&cache->by_name, entry->name);
    list_remove(&entry->link);
    tls_identity_unpin(entry->identity);
    free(entry);
}

void identity_cache_destroy(struct identity_cache *cache) {
    if (cache == NULL)
        return;
    LIST_FOR_EACH_SAFE(link, &cache->entries)
        entry_destroy(cache, CONTAINER_OF(link, struct identity_cache_entry, link));
    map_deinit(&cache->by_name);
    free(cache);
}

struct tls_identity *identity_cache_find(struct identity_cache *cache, struct span name,
                                         const uint8_t hash[TLS_SHA256_SIZE]) {
    struct identity_cache_entry *entry = map_get(&cache->by_name, name);
    if (entry == NULL || memcmp(entry->hash, hash, TLS_SHA256_SIZE) != 0)
        return NULL;
    entry->used = true;
    return entry->identity;
}

struct tls_identity *identity_cache_last(struct identity_cache *cache, struct span name) {
    struct identity_cache_entry *entry = map_get(&cache->by_name, name);
    if (entry == NULL)
        return NULL;
    entry->used = true;
    return entry->identity;
}

void identity_cache_put(struct identity_cache *cache, struct span name, const uint8_t hash[TLS_SHA256_SIZE],
                        struct tls_identity *identity) {
    struct identity_cache_entry *entry = map_get(&cache->by_name, name);
    if (entry == NULL) {
        entry = memory_allocate_zeroed(1, sizeof(*entry) + name.size);
        memcpy(entry + 1, name.data, name.size);
        entry->name = span_make(entry + 1, name.size);
        list_push_back(&cache->entries, &entry->link);
        map_set(&cache->by_name, entry->name, entry);
    }
    struct tls_identity *former = entry->identity;
    entry->identity = tls_identity_pin(identity);
    entry->used = true;
    memcpy(entry->hash, hash, TLS_SHA256_SIZE);
    tls_identity_unpin(former);
}

void identity_cache_sweep(struct identity_cache *cache) {
    LIST_FOR_EACH_SAFE(link, &cache->entries) {
        struct identity_cache_entry *entry = CONTAINER_OF(link, struct identity_cache_entry, link);
        if (!entry->used)
            entry_destroy(cache, entry);
        else
            entry->used = false;
    }
}
