/* Fast random numbers for balancing, jitter and request ids: unpredictable seeds, not for keys. One state a worker. Not thread-safe. */
#ifndef FAIRLEAD_BASE_RANDOM_H
#define FAIRLEAD_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* Seeded by the kernel. */
void random_init(struct random *random);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
#define RANDOM_UUID_SIZE 36
/* A version 4 UUID, 36 characters, no terminator (RFC 9562 section 5.4). */
void random_uuid(struct random *random, char ret_text[RANDOM_UUID_SIZE]);

#endif
