/* Connections that are still to say who they want and to shake hands: the dear ones, and the only ones that a stranger gets for nothing. While
 * others have work, they all together get HANDSHAKE_SHARE_PERCENT of the worker's time (accepting, sniffing, handshakes); what others leave idle is theirs
 * too. Their number has a ceiling, past which the one that waits longest without having answered us goes. One thread. */
#ifndef FAIRLEAD_PROXY_NEWCOMERS_H
#define FAIRLEAD_PROXY_NEWCOMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* Embedded in a connection. */
struct newcomer {
    struct list link;    /* in `unproven` or `proven` */
    struct list waiting; /* in `waiting`: has input to look at */
    /* In its turn: looks at what came. */
    void (*run)(struct newcomer *newcomer);
    /* The ceiling is reached: it must go, at the end of the turn. */
    void (*evict)(struct newcomer *newcomer);
};

struct newcomers {
    uint64_t (*clock_ns)(void); /* clock_monotonic_ns, but in tests */
    struct list unproven; /* the oldest first: may be a replayed hello, or nobody */
    struct list proven;   /* answered what we said, so there is somebody; the oldest first */
    size_t count;         /* of both */
    struct list waiting;
    uint64_t turn_spent_ns; /* what was done for newcomers in this turn outside of newcomers_run */
    int64_t credit_ns;      /* their share of what others used, not used yet; below 0: a debt */
    bool others_idle;       /* others had nothing to do in the last turn */
    uint64_t looked_ns;     /* the clock at the end of the last turn, for who needs it then */
};

void newcomers_init(struct newcomers *newcomers);
void newcomer_init(struct newcomer *newcomer, void (*run)(struct newcomer *newcomer), void (*evict)(struct newcomer *newcomer));
/* One more; may evict another. */
void newcomers_add(struct newcomers *newcomers, struct newcomer *newcomer);
/* It answered: no longer the first to go. */
void newcomers_prove(struct newcomers *newcomers, struct newcomer *newcomer);
/* It is through, or ended. Harmless when it was not among them. */
void newcomers_remove(struct newcomers *newcomers, struct newcomer *newcomer);
/* Something came for it: `run` follows when its turn comes. Harmless when it waits already, or is not among them: what came in the turn in which it
 * was evicted. */
void newcomers_queue(struct newcomers *newcomers, struct newcomer *newcomer);

/* Whether there is time for one more. */
static inline bool newcomers_have_time(const struct newcomers *newcomers) {
    return newcomers->others_idle || newcomers->credit_ns > 0;
}
/* Newcomers used the time since then (monotonic); to be told of what is done for them outside of newcomers_run, too. */
void newcomers_spend(struct newcomers *newcomers, uint64_t start_ns);
/* At the end of a turn, whose work for others began at `turn_start_ns`: runs the one that waits longest, if there is time. One a turn, so that
 * others wait for no more than one handshake. */
void newcomers_run(struct newcomers *newcomers, uint64_t turn_start_ns);
/* Whether one waits: the loop must not sleep. */
static inline bool newcomers_wait(const struct newcomers *newcomers) {
    return !list_is_empty(&newcomers->waiting);
}

#endif
