/* A timer wheel: hierarchical, one a worker, millisecond ticks. Set and cancel are constant time; a timer never fires early. Not thread-safe. */
#ifndef FAIRLEAD_BASE_TIMER_H
#define FAIRLEAD_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define TIMER_LEVELS 4
#define TIMER_SLOTS 256

struct timer {
    struct list link;
    uint64_t expires_tick;
    /* Called once from timer_wheel_advance with the timer already unset: it may set itself again or free its owner. */
    void (*function)(struct timer *timer);
};

struct timer_wheel {
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    uint64_t now_tick; /* all timers up to this tick have fired */
    uint64_t count;
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);
/* Fires what is due. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns);
/* Nanoseconds from now_ns until the wheel next needs advancing (a lower bound of the next expiry, at least the next cascade);
 * UINT64_MAX when no timer is set. */
uint64_t timer_wheel_wait_ns(const struct timer_wheel *wheel, uint64_t now_ns);

void timer_init(struct timer *timer, void (*function)(struct timer *timer));
/* Sets or moves: fires at or after now_ns + delay_ns. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t now_ns, uint64_t delay_ns);
/* Harmless when it is not set. */
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);
static inline bool timer_is_set(const struct timer *timer) {
    return list_is_linked(&timer->link);
}

#endif
