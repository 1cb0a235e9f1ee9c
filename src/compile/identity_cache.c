#include "compile/identity_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

struct identity_cache_entry {
    struct list link;
    struct span name; /* the bytes follow the struct */
    uint8_t hash[TLS_SHA256_SIZE];
    struct tls_identity *identity; /* one of the two */
    struct tls_trust *trust;
    bool used; /* since the former sweep */
};

struct identity_cache {
    struct map identities; /* by name */
    struct map trusts;     /* by name */
    struct list entries;
    uint64_t made_count;
};

struct identity_cache *identity_cache_create(void) {
    struct identity_cache *cache = memory_allocate_zeroed(1, sizeof(*cache));
    map_init(&cache->identities);
    map_init(&cache->trusts);
    list_init(&cache->entries);
    return cache;
}

static void entry_destroy(struct identity_cache *cache, struct identity_cache_entry *entry) {
    map_remove(entry->trust != NULL ? &cache->trusts : &cache->identities, entry->name);
    list_remove(&entry->link);
    tls_identity_unpin(entry->identity);
    tls_trust_unpin(entry->trust);
    free(entry);
}

void identity_cache_destroy(struct identity_cache *cache) {
    if (cache == NULL)
        return;
    LIST_FOR_EACH_SAFE(link, &cache->entries)
        entry_destroy(cache, CONTAINER_OF(link, struct identity_cache_entry, link));
    map_deinit(&cache->identities);
    map_deinit(&cache->trusts);
    free(cache);
}

/* The entry of the name, unless a hash is given that is not its own. */
static struct identity_cache_entry *entry_find(struct map *by_name, struct span name, const uint8_t *hash) {
    struct identity_cache_entry *entry = map_get(by_name, name);
    if (entry == NULL || (hash != NULL && memcmp(entry->hash, hash, TLS_SHA256_SIZE) != 0))
        return NULL;
    entry->used = true;
    return entry;
}

static struct identity_cache_entry *entry_put(struct identity_cache *cache, struct map *by_name, struct span name, const uint8_t *hash) {
    struct identity_cache_entry *entry = map_get(by_name, name);
    if (entry == NULL) {
        entry = memory_allocate_zeroed(1, sizeof(*entry) + name.size);
        memcpy(entry + 1, name.data, name.size);
        entry->name = span_make(entry + 1, name.size);
        list_push_back(&cache->entries, &entry->link);
        map_set(by_name, entry->name, entry);
    }
    entry->used = true;
    memcpy(entry->hash, hash, TLS_SHA256_SIZE);
    return entry;
}

struct tls_identity *identity_cache_find(struct identity_cache *cache, struct span name,
                                         const uint8_t hash[TLS_SHA256_SIZE]) {
    const struct identity_cache_entry *entry = entry_find(&cache->identities, name, hash);
    return entry == NULL ? NULL : entry->identity;
}

struct tls_identity *identity_cache_last(struct identity_cache *cache, struct span name) {
    const struct identity_cache_entry *entry = entry_find(&cache->identities, name, NULL);
    return entry == NULL ? NULL : entry->identity;
}

void identity_cache_put(struct identity_cache *cache, struct span name, const uint8_t hash[TLS_SHA256_SIZE],
                        struct tls_identity *identity) {
    struct identity_cache_entry *entry = entry_put(cache, &cache->identities, name, hash);
    struct tls_identity *former = entry->identity;
    entry->identity = tls_identity_pin(identity);
    tls_identity_unpin(former);
    cache->made_count++;
}

uint64_t identity_cache_made_count(const struct identity_cache *cache) {
    return cache->made_count;
}

struct tls_trust *identity_cache_find_trust(struct identity_cache *cache, struct span name, const uint8_t hash[TLS_SHA256_SIZE]) {
    const struct identity_cache_entry *entry = entry_find(&cache->trusts, name, hash);
    return entry == NULL ? NULL : entry->trust;
}

struct tls_trust *identity_cache_last_trust(struct identity_cache *cache, struct span name) {
    const struct identity_cache_entry *entry = entry_find(&cache->trusts, name, NULL);
    return entry == NULL ? NULL : entry->trust;
}

void identity_cache_put_trust(struct identity_cache *cache, struct span name, struct tls_trust *trust) {
    struct identity_cache_entry *entry = entry_put(cache, &cache->trusts, name, tls_trust_hash(trust));
    struct tls_trust *former = entry->trust;
    entry->trust = tls_trust_pin(trust);
    tls_trust_unpin(former);
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
