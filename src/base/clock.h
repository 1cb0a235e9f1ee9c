/* Time. Monotonic time drives deadlines and durations, wall time only what a person reads. Any thread. */
#ifndef FAIRLEAD_BASE_CLOCK_H
#define FAIRLEAD_BASE_CLOCK_H

#include <stdint.h>

#define NANOSECONDS_PER_MILLISECOND 1000000ULL
#define NANOSECONDS_PER_SECOND 1000000000ULL
#define SECONDS(count) ((uint64_t)(count)*NANOSECONDS_PER_SECOND)
#define MILLISECONDS(count) ((uint64_t)(count)*NANOSECONDS_PER_MILLISECOND)

uint64_t clock_monotonic_ns(void);
/* Since the epoch of UTC. */
uint64_t clock_wall_ns(void);

#endif
