#include "proxy/newcomers.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/limits.h"

void newcomers_init(struct newcomers *newcomers) {
    *newcomers = (struct newcomers){.clock_ns = clock_monotonic_ns, .others_idle = true, .looked_ns = clock_monotonic_ns()};
    list_init(&newcomers->unproven);
    list_init(&newcomers->proven);
    list_init(&newcomers->waiting);
}

void newcomer_init(struct newcomer *newcomer, void (*run)(struct newcomer *newcomer), void (*evict)(struct newcomer *newcomer)) {
    list_init(&newcomer->link);
    list_init(&newcomer->waiting);
    newcomer->run = run;
    newcomer->evict = evict;
}

static struct newcomer *oldest(const struct newcomers *newcomers) {
    const struct list *head = list_is_empty(&newcomers->unproven) ? &newcomers->proven : &newcomers->unproven;
    return CONTAINER_OF(head->next, struct newcomer, link);
}

void newcomers_add(struct newcomers *newcomers, struct newcomer *newcomer) {
    ASSERT(!list_is_linked(&newcomer->link));
    if (newcomers->count == WORKER_HANDSHAKES_MAX) {
        struct newcomer *evicted = oldest(newcomers);
        evicted->evict(evicted);
        ASSERT(newcomers->count < WORKER_HANDSHAKES_MAX);
    }
    list_push_back(&newcomers->unproven, &newcomer->link);
    newcomers->count++;
}

void newcomers_prove(struct newcomers *newcomers, struct newcomer *newcomer) {
    if (!list_is_linked(&newcomer->link))
        return;
    list_remove(&newcomer->link);
    list_push_back(&newcomers->proven, &newcomer->link);
}

void newcomers_remove(struct newcomers *newcomers, struct newcomer *newcomer) {
    list_remove(&newcomer->waiting);
    if (!list_is_linked(&newcomer->link))
        return;
    list_remove(&newcomer->link);
    newcomers->count--;
}

void newcomers_queue(struct newcomers *newcomers, struct newcomer *newcomer) {
    if (list_is_linked(&newcomer->link) && !list_is_linked(&newcomer->waiting))
        list_push_back(&newcomers->waiting, &newcomer->waiting);
}

/* --- Time --- */

void newcomers_spend(struct newcomers *newcomers, uint64_t start_ns) {
    uint64_t spent_ns = newcomers->clock_ns() - start_ns;
    newcomers->credit_ns -= (int64_t)spent_ns;
    newcomers->turn_spent_ns += spent_ns;
}

/* A turn of others earns newcomers their share of it; one without work is theirs, and what they do in it costs them nothing. A worker that loses its
 * processor amid a turn gives them more than their share once, which the ceiling bounds. */
static void count_turn(struct newcomers *newcomers, uint64_t turn_ns) {
    uint64_t others_ns = turn_ns > newcomers->turn_spent_ns ? turn_ns - newcomers->turn_spent_ns : 0;
    newcomers->turn_spent_ns = 0;
    newcomers->others_idle = others_ns < HANDSHAKE_IDLE_TURN_NS;
    newcomers->credit_ns += (int64_t)(others_ns * HANDSHAKE_SHARE_PERCENT / (100 - HANDSHAKE_SHARE_PERCENT));
    if (newcomers->credit_ns > HANDSHAKE_CREDIT_NS_MAX)
        newcomers->credit_ns = HANDSHAKE_CREDIT_NS_MAX;
    if (newcomers->others_idle && newcomers->credit_ns < 0)
        newcomers->credit_ns = 0;
}

void newcomers_run(struct newcomers *newcomers, uint64_t turn_start_ns) {
    uint64_t start_ns = newcomers->clock_ns();
    newcomers->looked_ns = start_ns;
    count_turn(newcomers, start_ns - turn_start_ns);
    struct list *link = newcomers_have_time(newcomers) ? list_pop_front(&newcomers->waiting) : NULL;
    if (link == NULL)
        return;
    struct newcomer *newcomer = CONTAINER_OF(link, struct newcomer, waiting);
    newcomer->run(newcomer);
    newcomers->looked_ns = newcomers->clock_ns();
    newcomers->credit_ns -= (int64_t)(newcomers->looked_ns - start_ns);
}
