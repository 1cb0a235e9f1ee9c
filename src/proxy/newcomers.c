#include "proxy/newcomers.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/limits.h"

void newcomers_init(struct newcomers *newcomers) {
    *newcomers = (struct newcomers){
        .clock_ns = clock_monotonic_ns, .allowance_ns = HANDSHAKE_WINDOW_NS, .window_start_ns = clock_monotonic_ns()};
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
    if (!list_is_linked(&newcomer->waiting))
        list_push_back(&newcomers->waiting, &newcomer->waiting);
}

/* --- Time --- */

/* What others use, of a thousand. Falls slowly: while newcomers are busy, others that wait for each answer before they ask again use less than they
 * would, which must not count as theirs to lose. */
static void note_others(struct newcomers *newcomers, uint64_t window_ns) {
    uint64_t used = newcomers->others_ns * 1000 / window_ns;
    uint64_t faded = newcomers->others_permille - (newcomers->others_permille + HANDSHAKE_FADE_WINDOWS - 1) / HANDSHAKE_FADE_WINDOWS;
    newcomers->others_permille = (uint32_t)(used > faded ? used : faded);
    newcomers->others_ns = 0;
}

/* All that others leave of a window and a tenth less, but never less than the share. */
static int64_t allowance_of(uint32_t others_permille) {
    int64_t left_ns = HANDSHAKE_WINDOW_NS / 1000 * (1000 - (int64_t)others_permille * 11 / 10);
    int64_t share_ns = HANDSHAKE_WINDOW_NS * HANDSHAKE_SHARE_PERCENT / 100;
    return left_ns > share_ns ? left_ns : share_ns;
}

static void count_window(struct newcomers *newcomers, uint64_t now_ns) {
    uint64_t window_ns = now_ns - newcomers->window_start_ns;
    if (window_ns < HANDSHAKE_WINDOW_NS)
        return;
    note_others(newcomers, window_ns);
    int64_t debt_ns = newcomers->allowance_ns < 0 ? newcomers->allowance_ns : 0;
    newcomers->allowance_ns = debt_ns + allowance_of(newcomers->others_permille);
    newcomers->window_start_ns = now_ns;
}

void newcomers_spend(struct newcomers *newcomers, uint64_t start_ns) {
    uint64_t spent_ns = newcomers->clock_ns() - start_ns;
    newcomers->allowance_ns -= (int64_t)spent_ns;
    newcomers->turn_spent_ns += spent_ns;
}

void newcomers_run(struct newcomers *newcomers, uint64_t turn_start_ns) {
    uint64_t start_ns = newcomers->clock_ns();
    newcomers->others_ns += start_ns - turn_start_ns - newcomers->turn_spent_ns;
    newcomers->turn_spent_ns = 0;
    count_window(newcomers, start_ns);
    struct list *link = newcomers_have_time(newcomers) ? list_pop_front(&newcomers->waiting) : NULL;
    if (link == NULL)
        return;
    struct newcomer *newcomer = CONTAINER_OF(link, struct newcomer, waiting);
    newcomer->run(newcomer);
    newcomers->allowance_ns -= (int64_t)(newcomers->clock_ns() - start_ns);
}

uint64_t newcomers_wait_ns(const struct newcomers *newcomers, uint64_t now_ns) {
    if (list_is_empty(&newcomers->waiting))
        return UINT64_MAX;
    uint64_t end_ns = newcomers->window_start_ns + HANDSHAKE_WINDOW_NS;
    return newcomers_have_time(newcomers) || now_ns >= end_ns ? 0 : end_ns - now_ns;
}
