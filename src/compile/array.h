/* A growing array in an arena. The abandoned smaller copies stay in the arena: fine for what a compile makes. */
#ifndef FAIRLEAD_COMPILE_ARRAY_H
#define FAIRLEAD_COMPILE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/span.h"

#define ARRAY_OF(type)   \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

static inline void *array_grown(struct arena *arena, const void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return NULL;
    *capacity = *capacity == 0 ? 4 : 2 * *capacity;
    void *grown = arena_allocate_array(arena, *capacity, size, alignof(max_align_t));
    if (count > 0)
        memcpy(grown, items, count * size);
    return grown;
}

#define ARRAY_APPEND(arena, array, value)                                                                             \
    do {                                                                                                              \
        void *array_grown_items =                                                                                     \
            array_grown((arena), (array)->items, (array)->count, &(array)->capacity, sizeof((array)->items[0]));      \
        if (array_grown_items != NULL)                                                                                \
            (array)->items = array_grown_items;                                                                       \
        (array)->items[(array)->count++] = (value);                                                                   \
    } while (0)

struct span_list {
    struct span *items;
    size_t count;
    size_t capacity;
};

static inline bool span_list_contains(const struct span_list *list, struct span text) {
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i], text))
            return true;
    return false;
}

/* As qsort, but defined for no items at all. */
static inline void array_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    if (count > 1)
        qsort(items, count, size, compare);
}

#endif
