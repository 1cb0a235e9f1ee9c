#include "proxy/destination_counters.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "wire/response_flag.h"

/* --- Outcomes --- */

#define CODE_SHIFT 32
#define GRPC_SHIFT 48
#define PROTOCOL_SHIFT 56
#define OTHER_BIT (1ULL << 62)
#define USED_BIT (1ULL << 63)

_Static_assert(RESPONSE_FLAG_COUNT <= CODE_SHIFT, "the flags fit below the code");

uint64_t outcome_pack(const struct outcome *outcome) {
    uint64_t protocol = (uint64_t)outcome->protocol << PROTOCOL_SHIFT;
    if (outcome->is_other)
        return USED_BIT | OTHER_BIT | protocol;
    return USED_BIT | protocol | (uint64_t)(uint8_t)(outcome->grpc_status + 1) << GRPC_SHIFT |
           (uint64_t)(outcome->response_code & 0xffff) << CODE_SHIFT | outcome->response_flags;
}

struct outcome outcome_unpack(uint64_t packed) {
    return (struct outcome){
        .response_code = (unsigned)(packed >> CODE_SHIFT) & 0xffff,
        .response_flags = (uint32_t)packed,
        .protocol = (enum counted_protocol)(packed >> PROTOCOL_SHIFT & 3),
        .grpc_status = (int)(packed >> GRPC_SHIFT & 0xff) - 1,
        .is_other = (packed & OTHER_BIT) != 0,
    };
}

/* --- Histograms --- */

/* Twice the bound, for Envoy's first one is half a unit. */
static const uint64_t doubled_bounds[HISTOGRAM_BOUNDS] = {1,     2,     10,    20,    50,     100,    200,     500,     1000,   2000,
                                                          5000,  10000, 20000, 60000, 120000, 600000, 1200000, 3600000, 7200000};

uint64_t histogram_bound(enum histogram_kind kind, size_t bucket) {
    ASSERT(bucket < HISTOGRAM_BOUNDS);
    return kind == HISTOGRAM_DURATION ? doubled_bounds[bucket] * (NANOSECONDS_PER_MILLISECOND / 2) : doubled_bounds[bucket] / 2;
}

/* Most requests are short and small: from below. */
static void histogram_count(struct histogram *histogram, enum histogram_kind kind, uint64_t value) {
    uint64_t unit = kind == HISTOGRAM_DURATION ? NANOSECONDS_PER_MILLISECOND / 2 : 1;
    uint64_t scaled = kind == HISTOGRAM_DURATION ? value : 2 * value;
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && scaled > doubled_bounds[bucket] * unit)
        bucket++;
    counter_add(&histogram->buckets[bucket], 1);
    counter_add(&histogram->sum, value);
}

/* --- Life --- */

void destination_counters_init(struct destination_counters *counters, unsigned worker_count) {
    counters->slots = memory_allocate_zeroed(worker_count, sizeof(*counters->slots));
    counters->slot_count = worker_count;
}

static void slot_free(struct destination_slot *slot) {
    for (struct outcome_chunk *chunk = atomic_load(&slot->outcomes.next), *next; chunk != NULL; chunk = next) {
        next = atomic_load(&chunk->next);
        free(chunk);
    }
    for (size_t i = 0; i < COUNTED_HTTP_PROTOCOLS; i++)
        free(atomic_load(&slot->histograms[i]));
    free(slot);
}

void destination_counters_deinit(struct destination_counters *counters) {
    for (unsigned i = 0; i < counters->slot_count; i++) {
        struct destination_slot *slot = atomic_load(&counters->slots[i]);
        if (slot != NULL)
            slot_free(slot);
    }
    free(counters->slots);
    *counters = (struct destination_counters){.slots = NULL};
}

bool destination_counters_are_free(const struct destination_counters *counters) {
    for (unsigned i = 0; i < counters->slot_count; i++) {
        const struct destination_slot *slot = atomic_load_explicit(&counters->slots[i], memory_order_acquire);
        /* Acquire: what the worker wrote before it let go is over. */
        if (slot != NULL && atomic_load_explicit(&slot->pins, memory_order_acquire) != 0)
            return false;
    }
    return true;
}

/* --- A worker's side --- */

struct destination_slot *destination_slot_of(struct destination_counters *counters, unsigned index) {
    if (counters == NULL)
        return NULL;
    ASSERT(index < counters->slot_count);
    struct destination_slot *slot = atomic_load_explicit(&counters->slots[index], memory_order_relaxed);
    if (LIKELY(slot != NULL))
        return slot;
    slot = memory_allocate_zeroed(1, sizeof(*slot));
    atomic_store_explicit(&counters->slots[index], slot, memory_order_release);
    return slot;
}

static void pins_set(struct destination_slot *slot, uint64_t pins) {
    atomic_store_explicit(&slot->pins, pins, memory_order_release);
}

void destination_slot_pin(struct destination_slot *slot) {
    pins_set(slot, atomic_load_explicit(&slot->pins, memory_order_relaxed) + 1);
}

void destination_slot_unpin(struct destination_slot *slot) {
    uint64_t pins = atomic_load_explicit(&slot->pins, memory_order_relaxed);
    ASSERT(pins > 0);
    pins_set(slot, pins - 1);
}

static struct outcome_chunk *chunk_after(struct outcome_chunk *chunk) {
    struct outcome_chunk *next = atomic_load_explicit(&chunk->next, memory_order_relaxed);
    if (next == NULL) {
        next = memory_allocate_zeroed(1, sizeof(*next));
        atomic_store_explicit(&chunk->next, next, memory_order_release);
    }
    return next;
}

/* The place of this outcome, in the order in which outcomes came up: the usual one is at the front. A free place is taken. */
static struct outcome_count *outcome_place(struct destination_slot *slot, uint64_t outcome) {
    for (struct outcome_chunk *chunk = &slot->outcomes;; chunk = chunk_after(chunk)) {
        for (size_t i = 0; i < OUTCOMES_PER_CHUNK; i++) {
            struct outcome_count *item = &chunk->items[i];
            uint64_t present = atomic_load_explicit(&item->outcome, memory_order_relaxed);
            if (present == outcome)
                return item;
            if (present != 0)
                continue;
            if (slot->outcome_count >= DESTINATION_OUTCOMES_MAX && (outcome & OTHER_BIT) == 0)
                return NULL;
            slot->outcome_count++;
            atomic_store_explicit(&item->outcome, outcome, memory_order_release);
            return item;
        }
    }
}

void destination_slot_count_outcome(struct destination_slot *slot, const struct outcome *outcome) {
    struct outcome_count *item = outcome_place(slot, outcome_pack(outcome));
    if (item == NULL) {
        struct outcome other = {.protocol = outcome->protocol, .is_other = true};
        item = outcome_place(slot, outcome_pack(&other));
    }
    counter_add(&item->count, 1);
}

void destination_slot_count_request(struct destination_slot *slot, const struct counted_request *request) {
    enum counted_protocol protocol = request->outcome.protocol;
    ASSERT(protocol < COUNTED_HTTP_PROTOCOLS);
    destination_slot_count_outcome(slot, &request->outcome);
    struct request_histograms *histograms = atomic_load_explicit(&slot->histograms[protocol], memory_order_relaxed);
    if (UNLIKELY(histograms == NULL)) {
        histograms = memory_allocate_zeroed(1, sizeof(*histograms));
        atomic_store_explicit(&slot->histograms[protocol], histograms, memory_order_release);
    }
    histogram_count(&histograms->of[HISTOGRAM_DURATION], HISTOGRAM_DURATION, request->duration_ns);
    histogram_count(&histograms->of[HISTOGRAM_REQUEST_BYTES], HISTOGRAM_REQUEST_BYTES, request->received_bytes);
    histogram_count(&histograms->of[HISTOGRAM_RESPONSE_BYTES], HISTOGRAM_RESPONSE_BYTES, request->sent_bytes);
}
