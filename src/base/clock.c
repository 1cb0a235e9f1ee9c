#include "base/clock.h"

#include <time.h>

static uint64_t clock_read(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void) {
    return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void) {
    return clock_read(CLOCK_REALTIME);
}
