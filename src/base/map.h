/* A hash map from bytes to a pointer, open addressing, growing by doubling. Keys are borrowed: they must outlive the map, and be shorter than 4 GiB. Not thread-safe;
 * concurrent lookups without writers are safe. */
#ifndef FAIRLEAD_BASE_MAP_H
#define FAIRLEAD_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* As it lies in the map: small, for its many places are looked up at random. */
struct map_place {
    const char *key;
    uint32_t key_size;
    uint32_t hash; /* the lower half */
    void *value; /* NULL marks a free place */
};

struct map {
    struct map_place *places;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

struct map_entry {
    struct span key;
    void *value;
};

void map_init(struct map *map);
void map_deinit(struct map *map);
/* `ret_map` is not initialised; keys and values stay whose they are. */
void map_copy(struct map *ret_map, const struct map *map);
/* NULL when absent. */
void *map_get(const struct map *map, struct span key);
/* Sets or replaces; `value` must not be NULL. Returns the former value or NULL. */
void *map_set(struct map *map, struct span key, void *value);
/* Returns the removed value or NULL. */
void *map_remove(struct map *map, struct span key);
/* Walks all entries in no particular order: start with *cursor = 0; false at the end. */
bool map_next(const struct map *map, size_t *cursor, struct map_entry *ret_entry);

#endif
