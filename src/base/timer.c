#include "base/timer.h"

#include "base/assert.h"
#include "base/clock.h"

/* Level 0 holds the next 256 ticks one by one, each further level 256 times the span of the one below. */
static void timer_place(struct timer_wheel *wheel, struct timer *timer) {
    uint64_t distance = timer->expires_tick - wheel->now_tick;
    int level = 0;
    while (level < TIMER_LEVELS - 1 && distance >= (1ULL << (8 * (level + 1))))
        level++;
    uint64_t tick = timer->expires_tick;
    uint64_t reach = wheel->now_tick + (1ULL << (8 * TIMER_LEVELS)) - 1;
    if (tick > reach)
        tick = reach; /* placed at the wheel's horizon, and again when that comes */
    list_push_back(&wheel->slots[level][(tick >> (8 * level)) % TIMER_SLOTS], &timer->link);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns) {
    for (int level = 0; level < TIMER_LEVELS; level++)
        for (int slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    wheel->now_tick = now_ns / NANOSECONDS_PER_MILLISECOND;
    wheel->count = 0;
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer)) {
    list_init(&timer->link);
    timer->expires_tick = 0;
    timer->function = function;
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer) {
    if (!timer_is_set(timer))
        return;
    list_remove(&timer->link);
    ASSERT(wheel->count > 0);
    wheel->count--;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t now_ns, uint64_t delay_ns) {
    timer_cancel(wheel, timer);
    uint64_t expires_ns;
    if (__builtin_add_overflow(now_ns, delay_ns, &expires_ns))
        expires_ns = UINT64_MAX - NANOSECONDS_PER_MILLISECOND;
    timer->expires_tick = (expires_ns + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND;
    if (timer->expires_tick <= wheel->now_tick)
        timer->expires_tick = wheel->now_tick + 1;
    timer_place(wheel, timer);
    wheel->count++;
}

/* Takes a slot's timers aside first: what they set anew must not be met again in this walk. */
static void timer_take_slot(struct list *slot, struct list *taken) {
    list_init(taken);
    if (list_is_empty(slot))
        return;
    *taken = *slot;
    taken->next->previous = taken;
    taken->previous->next = taken;
    list_init(slot);
}

static void timer_cascade(struct timer_wheel *wheel) {
    for (int level = 1; level < TIMER_LEVELS; level++) {
        if (wheel->now_tick % (1ULL << (8 * level)) != 0)
            return;
        struct list taken;
        timer_take_slot(&wheel->slots[level][(wheel->now_tick >> (8 * level)) % TIMER_SLOTS], &taken);
        for (struct list *link; (link = list_pop_front(&taken)) != NULL;)
            timer_place(wheel, CONTAINER_OF(link, struct timer, link));
    }
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ns) {
    uint64_t target = now_ns / NANOSECONDS_PER_MILLISECOND;
    while (wheel->now_tick < target) {
        if (wheel->count == 0) {
            wheel->now_tick = target;
            return;
        }
        wheel->now_tick++;
        timer_cascade(wheel);
        struct list taken;
        timer_take_slot(&wheel->slots[0][wheel->now_tick % TIMER_SLOTS], &taken);
        for (struct list *link; (link = list_pop_front(&taken)) != NULL;) {
            struct timer *timer = CONTAINER_OF(link, struct timer, link);
            wheel->count--;
            timer->function(timer);
        }
    }
}

uint64_t timer_wheel_wait_ns(const struct timer_wheel *wheel, uint64_t now_ns) {
    if (wheel->count == 0)
        return UINT64_MAX;
    uint64_t tick = wheel->now_tick + 1;
    while (tick % TIMER_SLOTS != 0 && list_is_empty(&wheel->slots[0][tick % TIMER_SLOTS]))
        tick++;
    uint64_t due_ns = tick * NANOSECONDS_PER_MILLISECOND;
    return due_ns > now_ns ? due_ns - now_ns : 0;
}
