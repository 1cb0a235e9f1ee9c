#include "proxy/balance.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"

struct balance_turn {
    uint32_t next; /* taken modulo the endpoint count of the day */
    char name[];
};

void balance_init(struct balance *balance, struct random *random) {
    map_init(&balance->turns);
    balance->random = random;
}

void balance_deinit(struct balance *balance) {
    size_t cursor = 0;
    struct map_entry entry;
    while (map_next(&balance->turns, &cursor, &entry))
        free(entry.value);
    map_deinit(&balance->turns);
}

static struct balance_turn *balance_turn_of(struct balance *balance, struct span name) {
    struct balance_turn *turn = map_get(&balance->turns, name);
    if (turn != NULL)
        return turn;
    if (balance->turns.count >= BALANCE_CLUSTERS_MAX) {
        /* Names of clusters long gone: forgetting them all costs one turn each. */
        balance_deinit(balance);
        map_init(&balance->turns);
    }
    turn = memory_allocate(sizeof(*turn) + name.size);
    memcpy(turn->name, name.data, name.size);
    turn->next = (uint32_t)random_next(balance->random);
    map_set(&balance->turns, span_make(turn->name, name.size), turn);
    return turn;
}

static bool balance_was_tried(const struct endpoint *endpoint, const struct network_address *tried, size_t tried_count) {
    for (size_t i = 0; i < tried_count; i++)
        if (network_address_equal(&endpoint->address, &tried[i]))
            return true;
    return false;
}

static const struct endpoint *balance_draw(struct balance *balance, const struct cluster *cluster) {
    uint64_t point = random_next(balance->random) % cluster->weight_total;
    size_t i = 0;
    while (i + 1 < cluster->endpoint_count && point >= cluster->endpoints[i].weight)
        point -= cluster->endpoints[i++].weight;
    return &cluster->endpoints[i];
}

/* By weight: a draw each; one that was tried already is drawn again, a few times. */
static const struct endpoint *balance_pick_weighted(struct balance *balance, const struct cluster *cluster,
                                                    const struct network_address *tried, size_t tried_count) {
    const struct endpoint *endpoint = balance_draw(balance, cluster);
    for (size_t i = 0; i < BALANCE_DRAWS_MAX && balance_was_tried(endpoint, tried, tried_count); i++)
        endpoint = balance_draw(balance, cluster);
    return endpoint;
}

const struct endpoint *balance_pick(struct balance *balance, const struct cluster *cluster, const struct network_address *tried,
                                    size_t tried_count) {
    if (cluster->endpoint_count == 0)
        return NULL;
    if (cluster->endpoint_count == 1)
        return &cluster->endpoints[0];
    if (cluster->weight_total > 0)
        return balance_pick_weighted(balance, cluster, tried, tried_count);
    struct balance_turn *turn = balance_turn_of(balance, cluster->name);
    for (size_t i = 0; i < cluster->endpoint_count; i++) {
        const struct endpoint *endpoint = &cluster->endpoints[turn->next++ % cluster->endpoint_count];
        if (!balance_was_tried(endpoint, tried, tried_count))
            return endpoint;
    }
    return &cluster->endpoints[turn->next++ % cluster->endpoint_count];
}
