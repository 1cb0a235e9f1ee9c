/* A pool of equal objects with a ceiling, one a worker and type. Freed objects are kept for reuse (poisoned under ASan). Not thread-safe. */
#ifndef FAIRLEAD_BASE_POOL_H
#define FAIRLEAD_BASE_POOL_H

#include <stddef.h>

#include "base/compiler.h"

struct pool_item {
    struct pool_item *next;
};

struct pool {
    struct pool_item *free_items;
    size_t item_size;
    size_t count_max;   /* ceiling of live objects */
    size_t kept_max;    /* freed objects beyond this go back to the heap */
    size_t live_count;
    size_t live_peak; /* the most that lived at a time */
    size_t kept_count;
};

void pool_init(struct pool *pool, size_t item_size, size_t count_max, size_t kept_max);
/* Every object must have been released. */
void pool_deinit(struct pool *pool);
/* NOT zeroed; NULL when the ceiling is reached. */
MUST_USE void *pool_take(struct pool *pool);
void pool_release(struct pool *pool, void *item);

#endif
