#include "base/random.h"

#include <sys/random.h>

#include "base/assert.h"

void random_init(struct random *random) {
    ssize_t got = getrandom(random->state, sizeof(random->state), 0);
    ASSERT(got == (ssize_t)sizeof(random->state));
    random->state[0] |= 1; /* xoshiro256** must not start at all zeros */
}

static uint64_t rotate_left(uint64_t value, int count) {
    return (value << count) | (value >> (64 - count));
}

uint64_t random_next(struct random *random) {
    uint64_t *state = random->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound) {
    ASSERT(bound > 0);
    return (uint64_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}

void random_uuid(struct random *random, char ret_text[RANDOM_UUID_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    uint64_t words[2] = {random_next(random), random_next(random)};
    words[0] = (words[0] & ~0xf000ULL) | 0x4000ULL;
    words[1] = (words[1] & ~(3ULL << 62)) | (2ULL << 62);
    int place = 0;
    for (int nibble = 0; nibble < 32; nibble++) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
            ret_text[place++] = '-';
        ret_text[place++] = digits[(words[nibble / 16] >> (60 - 4 * (nibble % 16))) & 15];
    }
}
