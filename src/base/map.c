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
    free(map->places);
    *map = (struct map){0};
}

void map_copy(struct map *ret_map, const struct map *map) {
    *ret_map = *map;
    if (map->capacity == 0)
        return;
    ret_map->places = memory_allocate(map->capacity * sizeof(*map->places));
    memcpy(ret_map->places, map->places, map->capacity * sizeof(*map->places));
}

/* The place of the key, or the free place where it would go. The table always has a free place. */
static size_t map_find(const struct map *map, struct span key, uint32_t hash) {
    size_t mask = map->capacity - 1;
    size_t at = hash & mask;
    while (map->places[at].value != NULL &&
           !(map->places[at].hash == hash && span_equal(span_make(map->places[at].key, map->places[at].key_size), key)))
        at = (at + 1) & mask;
    return at;
}

void *map_get(const struct map *map, struct span key) {
    if (map->capacity == 0)
        return NULL;
    return map->places[map_find(map, key, (uint32_t)span_hash(key))].value;
}

/* No two keys are the same: the next free place is each one's. */
static void map_grow(struct map *map) {
    struct map old = *map;
    map->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    map->places = memory_allocate_zeroed(map->capacity, sizeof(*map->places));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.places[i].value == NULL)
            continue;
        size_t at = old.places[i].hash & (map->capacity - 1);
        while (map->places[at].value != NULL)
            at = (at + 1) & (map->capacity - 1);
        map->places[at] = old.places[i];
    }
    free(old.places);
}

void *map_set(struct map *map, struct span key, void *value) {
    ASSERT(value != NULL && key.size <= UINT32_MAX);
    if ((map->count + 1) * 4 > map->capacity * 3)
        map_grow(map);
    uint32_t hash = (uint32_t)span_hash(key);
    struct map_place *place = &map->places[map_find(map, key, hash)];
    void *former = place->value;
    if (former == NULL)
        map->count++;
    *place = (struct map_place){key.data, (uint32_t)key.size, hash, value};
    return former;
}

void *map_remove(struct map *map, struct span key) {
    if (map->capacity == 0)
        return NULL;
    size_t mask = map->capacity - 1;
    size_t hole = map_find(map, key, (uint32_t)span_hash(key));
    void *former = map->places[hole].value;
    if (former == NULL)
        return NULL;
    map->count--;
    /* Backward shift: every later entry of the run that may move into the hole does. */
    for (size_t place = (hole + 1) & mask; map->places[place].value != NULL; place = (place + 1) & mask) {
        size_t home = map->places[place].hash & mask;
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            map->places[hole] = map->places[place];
            hole = place;
        }
    }
    map->places[hole] = (struct map_place){0};
    return former;
}

bool map_next(const struct map *map, size_t *cursor, struct map_entry *ret_entry) {
    while (*cursor < map->capacity) {
        const struct map_place *place = &map->places[(*cursor)++];
        if (place->value != NULL) {
            *ret_entry = (struct map_entry){span_make(place->key, place->key_size), place->value};
            return true;
        }
    }
    return false;
}
