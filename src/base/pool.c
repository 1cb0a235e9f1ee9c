#include "base/pool.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/poison.h"

void pool_init(struct pool *pool, size_t item_size, size_t count_max, size_t kept_max) {
    ASSERT(item_size >= sizeof(struct pool_item));
    *pool = (struct pool){.item_size = item_size, .count_max = count_max, .kept_max = kept_max};
}

void pool_deinit(struct pool *pool) {
    ASSERT(pool->live_count == 0);
    while (pool->free_items != NULL) {
        struct pool_item *item = pool->free_items;
        memory_unpoison(item, pool->item_size);
        pool->free_items = item->next;
        free(item);
    }
    pool->kept_count = 0;
}

void *pool_take(struct pool *pool) {
    if (pool->live_count >= pool->count_max)
        return NULL;
    pool->live_count++;
    if (pool->live_count > pool->live_peak)
        pool->live_peak = pool->live_count;
    if (pool->free_items == NULL)
        return memory_allocate(pool->item_size);
    struct pool_item *item = pool->free_items;
    memory_unpoison(item, pool->item_size);
    pool->free_items = item->next;
    pool->kept_count--;
    return item;
}

void pool_release(struct pool *pool, void *item) {
    ASSERT(pool->live_count > 0);
    pool->live_count--;
    if (pool->kept_count >= pool->kept_max) {
        free(item);
        return;
    }
    struct pool_item *kept = item;
    kept->next = pool->free_items;
    pool->free_items = kept;
    pool->kept_count++;
    memory_poison(item, pool->item_size);
}
