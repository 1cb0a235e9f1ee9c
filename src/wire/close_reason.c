#include "wire/close_reason.h"

#include "base/assert.h"

static const struct {
    struct span word;
    struct span counter;
    uint32_t flag;
} reasons[CLOSE_REASON_COUNT] = {
#define CLOSE_REASON_ROW(name, word, flag, counter) \
    [CLOSE_REASON_##name] = {{word, sizeof(word) - 1}, {counter, sizeof(counter) - 1}, RESPONSE_FLAG_##flag},
    CLOSE_REASON_TABLE(CLOSE_REASON_ROW)
#undef CLOSE_REASON_ROW
};

struct span close_reason_word(enum close_reason reason) {
    ASSERT(reason < CLOSE_REASON_COUNT);
    return reasons[reason].word;
}

uint32_t close_reason_flag(enum close_reason reason) {
    ASSERT(reason < CLOSE_REASON_COUNT);
    return reasons[reason].flag;
}

struct span close_reason_counter(enum close_reason reason) {
    ASSERT(reason < CLOSE_REASON_COUNT);
    return reasons[reason].counter;
}
