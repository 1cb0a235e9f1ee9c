#include "proxy/context.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proxy/connection.h"

int context_init(struct proxy_context *context) {
    *context = (struct proxy_context){.now_ns = clock_monotonic_ns()};
    int result = loop_create(&context->loop);
    if (result < 0)
        return result;
    timer_wheel_init(&context->timers, context->now_ns);
    random_init(&context->random);
    balance_init(&context->balance, &context->random);
    pool_init(&context->chunks, sizeof(struct buffer_chunk), BUFFER_CHUNKS_MAX, BUFFER_CHUNKS_KEPT_MAX);
    http2_memory_init(&context->http2_memory);
    pool_init(&context->connections, sizeof(struct connection), WORKER_CONNECTIONS_MAX, WORKER_CONNECTIONS_KEPT_MAX);
    context->read_bytes = memory_allocate(WORKER_READ_BYTES);
    context->plain_bytes = memory_allocate(WORKER_READ_BYTES);
    context->write_bytes = memory_allocate(WORKER_WRITE_BYTES);
    list_init(&context->ready);
    list_init(&context->graveyard);
    list_init(&context->live_connections);
    newcomers_init(&context->newcomers);
    list_init(&context->snapshots);
    return 0;
}

void context_deinit(struct proxy_context *context) {
    ASSERT(list_is_empty(&context->ready));
    ASSERT(list_is_empty(&context->graveyard));
    ASSERT(list_is_empty(&context->live_connections));
    ASSERT(context->newcomers.count == 0);
    ASSERT(list_is_empty(&context->snapshots));
    http2_memory_deinit(&context->http2_memory);
    pool_deinit(&context->connections);
    pool_deinit(&context->chunks);
    balance_deinit(&context->balance);
    endpoint_table_unpin(context->endpoints);
    free(context->read_bytes);
    free(context->plain_bytes);
    free(context->write_bytes);
    loop_destroy(context->loop);
}

struct pinned_snapshot *context_pin_current(struct proxy_context *context) {
    if (context->current != NULL)
        context->current->pin_count++;
    return context->current;
}

void context_unpin(struct proxy_context *context, struct pinned_snapshot *snapshot) {
    ASSERT(snapshot->pin_count > 0);
    if (--snapshot->pin_count > 0)
        return;
    list_remove(&snapshot->link);
    context->snapshot_unused(context, snapshot);
}

void context_set_current(struct proxy_context *context, const struct snapshot *snapshot) {
    struct pinned_snapshot *former = context->current;
    context->current = NULL;
    if (snapshot != NULL) {
        struct pinned_snapshot *pinned = memory_allocate(sizeof(*pinned));
        *pinned = (struct pinned_snapshot){.snapshot = snapshot, .pin_count = 1};
        list_push_back(&context->snapshots, &pinned->link);
        context->current = pinned;
    }
    if (former != NULL)
        context_unpin(context, former);
}

uint64_t context_wall_ns(const struct proxy_context *context, uint64_t moment_ns) {
    return clock_wall_ns() - (context->now_ns - moment_ns);
}

const struct endpoint *context_pick_endpoint(struct proxy_context *context, const struct cluster *cluster, const struct network_address *tried,
                                             size_t tried_count) {
    if (cluster->name_count > 0)
        cluster = endpoint_table_find(context->endpoints, cluster->name);
    return cluster == NULL ? NULL : balance_pick(&context->balance, cluster, tried, tried_count);
}

void context_make_ready(struct proxy_context *context, struct ready_link *link) {
    if (!list_is_linked(&link->link))
        list_push_back(&context->ready, &link->link);
}

void context_run_ready(struct proxy_context *context) {
    size_t count = 0;
    LIST_FOR_EACH(link, &context->ready) {
        count++;
    }
    /* As many as there were: what becomes ready behind them waits for the next turn. */
    for (struct list *link; count > 0 && (link = list_pop_front(&context->ready)) != NULL; count--) {
        struct ready_link *ready = CONTAINER_OF(link, struct ready_link, link);
        ready->function(ready);
    }
}

void context_bury(struct proxy_context *context, struct grave *grave) {
    list_push_back(&context->graveyard, &grave->link);
}

void context_free_buried(struct proxy_context *context) {
    for (struct list *link; (link = list_pop_front(&context->graveyard)) != NULL;) {
        struct grave *grave = CONTAINER_OF(link, struct grave, link);
        grave->free_owner(grave);
    }
}

void context_count(struct proxy_context *context) {
    counter_set(&context->counters.buffer_bytes, context->chunks.live_count * BUFFER_CHUNK_BYTES);
    counter_set(&context->counters.handshakes_active, context->newcomers.count);
    counter_set(&context->counters.buffer_bytes_peak, context->chunks.live_peak * BUFFER_CHUNK_BYTES);
}
