#include "compile/upstream_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

struct cache_entry {
    struct list link;
    struct tls_client_policy *policy; /* whose hash is the key */
    bool used;                        /* since the former sweep */
};

struct upstream_cache {
    struct map policies;
    struct list entries;
};

struct upstream_cache *upstream_cache_create(void) {
    struct upstream_cache *cache = memory_allocate_zeroed(1, sizeof(*cache));
    map_init(&cache->policies);
    list_init(&cache->entries);
    return cache;
}

static struct span key_of(const struct tls_client_policy *policy) {
    return span_make(tls_client_policy_hash(policy), TLS_SHA256_SIZE);
}

static void entry_destroy(struct upstream_cache *cache, struct cache_entry *entry) {
    map_remove(&cache->policies, key_of(entry->policy));
    list_remove(&entry->link);
    tls_client_policy_unpin(entry->policy);
    free(entry);
}

void upstream_cache_destroy(struct upstream_cache *cache) {
    if (cache == NULL)
        return;
    LIST_FOR_EACH_SAFE(link, &cache->entries)
        entry_destroy(cache, CONTAINER_OF(link, struct cache_entry, link));
    map_deinit(&cache->policies);
    free(cache);
}

static struct cache_entry *entry_create(struct upstream_cache *cache, struct tls_client_policy *policy) {
    struct cache_entry *entry = memory_allocate_zeroed(1, sizeof(*entry));
    entry->policy = policy;
    list_push_back(&cache->entries, &entry->link);
    map_set(&cache->policies, key_of(policy), entry);
    return entry;
}

bool upstream_cache_policy(struct upstream_cache *cache, const struct tls_client_policy_options *options,
                           struct tls_identity_error *ret_error, struct tls_client_policy **ret_policy) {
    uint8_t hash[TLS_SHA256_SIZE];
    struct tls_client_policy *made;
    if (cache == NULL)
        return tls_client_policy_create(options, ret_error, ret_policy);
    tls_client_policy_hash_options(options, hash);
    struct cache_entry *entry = map_get(&cache->policies, span_make(hash, sizeof(hash)));
    if (entry == NULL) {
        if (!tls_client_policy_create(options, ret_error, &made))
            return false;
        entry = entry_create(cache, made);
    }
    entry->used = true;
    *ret_policy = tls_client_policy_pin(entry->policy);
    return true;
}

void upstream_cache_sweep(struct upstream_cache *cache) {
    LIST_FOR_EACH_SAFE(link, &cache->entries) {
        struct cache_entry *entry = CONTAINER_OF(link, struct cache_entry, link);
        if (!entry->used)
            entry_destroy(cache, entry);
        else
            entry->used = false;
    }
}
