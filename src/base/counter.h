/* A counter with one writer (its worker) and any number of readers: relaxed stores, so no atomic read-modify-write on the request path. */
#ifndef FAIRLEAD_BASE_COUNTER_H
#define FAIRLEAD_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

static inline uint64_t counter_read(const struct counter *counter) {
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Owner thread only. */
static inline void counter_add(struct counter *counter, uint64_t amount) {
    atomic_store_explicit(&counter->value, counter_read(counter) + amount, memory_order_relaxed);
}

static inline void counter_set(struct counter *counter, uint64_t value) {
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static inline void counter_subtract(struct counter *counter, uint64_t amount) {
    atomic_store_explicit(&counter->value, counter_read(counter) - amount, memory_order_relaxed);
}

#endif
