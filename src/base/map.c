#include "base/map.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

/* Many maps hold one or two: a host of its own table, say. */
#define CAPACITY_MIN 4

void map_init(struct map *map) {
    *map = (struct map){0};
}

void map_deinit(struct map *map) {
    free(map->entries);
    *map = (struct map){0};
}

void map_copy(struct map *ret_map, const struct map *map) {
    *ret_map = *map;
    if (map->capacity == 0)
        return;
    ret_map->entries = memory_allocate(map->capacity * sizeof(*map->entries));
    memcpy(ret_map->entries, map->entries, map->capacity * sizeof(*map->entries));
}

/* The place of the key, or the free place where it would go. The table always has a free place. */
static size_t map_place(const struct map *map, struct span key, uint64_t hash) {
    size_t mask = map->capacity - 1;
    size_t place = hash & mask;
    while (map->entries[place].value != NULL &&
           !(map->entries[place].hash == hash && span_equal(map->entries[place].key, key)))
        place = (place + 1) & mask;
    return place;
}

void *map_get(const struct map *map, struct span key) {
    if (map->capacity == 0)
        return NULL;
    return map->entries[map_place(map, key, span_hash(key))].value;
}

static void map_grow(struct map *map) {
    struct map old = *map;
    map->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    map->entries = memory_allocate_zeroed(map->capacity, sizeof(*map->entries));
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].value != NULL)
            map->entries[map_place(map, old.entries[i].key, old.entries[i].hash)] = old.entries[i];
    free(old.entries);
}

void *map_set(struct map *map, struct span key, void *value) {
    ASSERT(value != NULL);
    if ((map->count + 1) * 4 > map->capacity * 3)
        map_grow(map);
    uint64_t hash = span_hash(key);
    struct map_entry *entry = &map->entries[map_place(map, key, hash)];
    void *former = entry->value;
    if (former == NULL)
        map->count++;
    *entry = (struct map_entry){key, hash, value};
    return former;
}

void *map_remove(struct map *map, struct span key) {
    if (map->capacity == 0)
        return NULL;
    size_t mask = map->capacity - 1;
    size_t hole = map_place(map, key, span_hash(key));
    void *former = map->entries[hole].value;
    if (former == NULL)
        return NULL;
    map->count--;
    /* Backward shift: every later entry of the run that may move into the hole does. */
    for (size_t place = (hole + 1) & mask; map->entries[place].value != NULL; place = (place + 1) & mask) {
        size_t home = map->entries[place].hash & mask;
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            map->entries[hole] = map->entries[place];
            hole = place;
        }
    }
    map->entries[hole] = (struct map_entry){0};
    return former;
}

bool map_next(const struct map *map, size_t *cursor, struct map_entry *ret_entry) {
    while (*cursor < map->capacity) {
        struct map_entry *entry = &map->entries[(*cursor)++];
        if (entry->value != NULL) {
            *ret_entry = *entry;
            return true;
        }
    }
    return false;
}
