#include "compile/upstream_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

/* A policy by its hash, or a text by its name. */
struct cache_entry {
    struct list link;
    struct map *map;
    struct span key; /* the bytes follow the struct */
    struct tls_client_policy *policy;
    char *text;
    size_t text_size;
    bool used; /* since the former sweep */
};

struct upstream_cache {
    struct map policies;
    struct map texts;
    struct list entries;
};

struct upstream_cache *upstream_cache_create(void) {
    struct upstream_cache *cache = memory_allocate_zeroed(1, sizeof(*cache));
    map_init(&cache->policies);
    map_init(&cache->texts);
    list_init(&cache->entries);
    return cache;
}

static void entry_destroy(struct cache_entry *entry) {
    map_remove(entry->map, entry->key);
    list_remove(&entry->link);
    tls_client_policy_unpin(entry->policy);
    free(entry->text);
    free(entry);
}

void upstream_cache_destroy(struct upstream_cache *cache) {
    if (cache == NULL)
        return;
    LIST_FOR_EACH_SAFE(link, &cache->entries)
        entry_destroy(CONTAINER_OF(link, struct cache_entry, link));
    map_deinit(&cache->policies);
    map_deinit(&cache->texts);
    free(cache);
}

static struct cache_entry *entry_of(struct upstream_cache *cache, struct map *map, struct span key) {
    struct cache_entry *entry = map_get(map, key);
    if (entry == NULL) {
        entry = memory_allocate_zeroed(1, sizeof(*entry) + key.size);
        memcpy(entry + 1, key.data, key.size);
        entry->key = span_make(entry + 1, key.size);
        entry->map = map;
        list_push_back(&cache->entries, &entry->link);
        map_set(map, entry->key, entry);
    }
    entry->used = true;
    return entry;
}

bool upstream_cache_policy(struct upstream_cache *cache, const struct tls_client_policy_options *options,
                           struct tls_identity_error *ret_error, struct tls_client_policy **ret_policy) {
    uint8_t hash[TLS_SHA256_SIZE];
    if (cache == NULL)
        return tls_client_policy_create(options, ret_error, ret_policy);
    tls_client_policy_hash_options(options, hash);
    struct span key = span_make(hash, sizeof(hash));
    struct tls_client_policy *made;
    if (map_get(&cache->policies, key) == NULL) {
        if (!tls_client_policy_create(options, ret_error, &made))
            return false;
        entry_of(cache, &cache->policies, key)->policy = made;
    }
    *ret_policy = tls_client_policy_pin(entry_of(cache, &cache->policies, key)->policy);
    return true;
}

void upstream_cache_keep_text(struct upstream_cache *cache, struct span name, struct span text) {
    struct cache_entry *entry = entry_of(cache, &cache->texts, name);
    char *copy = memory_allocate(text.size + 1);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    free(entry->text);
    entry->text = copy;
    entry->text_size = text.size;
}

bool upstream_cache_last_text(struct upstream_cache *cache, struct span name, struct span *ret_text) {
    struct cache_entry *entry = map_get(&cache->texts, name);
    if (entry == NULL)
        return false;
    entry->used = true;
    *ret_text = span_make(entry->text, entry->text_size);
    return true;
}

void upstream_cache_sweep(struct upstream_cache *cache) {
    LIST_FOR_EACH_SAFE(link, &cache->entries) {
        struct cache_entry *entry = CONTAINER_OF(link, struct cache_entry, link);
        if (!entry->used)
            entry_destroy(entry);
        else
            entry->used = false;
    }
}
