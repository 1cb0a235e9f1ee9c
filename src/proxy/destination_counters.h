/* What is counted of the traffic to one destination (a host, whatever ports and subsets of it are routed to): requests by their outcome, their
 * durations and sizes, TCP connections and bytes. One slot a worker, which alone writes it, with relaxed stores; another thread reads and sums.
 *
 * The server owns the struct destination_counters and points to it from the clusters of each snapshot. A worker reaches it through a snapshot that
 * it holds; what may outlive the snapshot (a long request, a tunnel) pins the slot, by a counter that the server looks at before it frees. */
#ifndef FAIRLEAD_PROXY_DESTINATION_COUNTERS_H
#define FAIRLEAD_PROXY_DESTINATION_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

/* Envoy's bounds, in milliseconds or bytes; and one more for what is above. */
#define HISTOGRAM_BOUNDS 19
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

enum histogram_kind { HISTOGRAM_DURATION, HISTOGRAM_REQUEST_BYTES, HISTOGRAM_RESPONSE_BYTES, HISTOGRAM_KINDS };
enum counted_protocol { COUNTED_HTTP, COUNTED_GRPC, COUNTED_TCP };
#define COUNTED_HTTP_PROTOCOLS 2

struct histogram {
    struct counter buckets[HISTOGRAM_BUCKETS]; /* each for itself, not cumulative */
    struct counter sum;                        /* nanoseconds or bytes */
};

struct request_histograms {
    struct histogram of[HISTOGRAM_KINDS];
};

/* How requests or connections ended, in one number; 0 is none. */
struct outcome {
    unsigned response_code; /* 0: none; of requests */
    uint32_t response_flags;
    enum counted_protocol protocol;
    int grpc_status; /* -1: none */
    bool is_other;   /* stands for those past DESTINATION_OUTCOMES_MAX; only the protocol counts */
};
uint64_t outcome_pack(const struct outcome *outcome);
struct outcome outcome_unpack(uint64_t packed);

#define OUTCOMES_PER_CHUNK 4

struct outcome_count {
    _Atomic uint64_t outcome; /* 0: free, and so are all behind it */
    struct counter count;
};

struct outcome_chunk {
    struct outcome_count items[OUTCOMES_PER_CHUNK];
    _Atomic(struct outcome_chunk *) next;
};

struct destination_slot {
    _Atomic uint64_t pins;
    struct counter tcp_opened, tcp_received_bytes, tcp_sent_bytes;
    struct outcome_chunk outcomes;
    uint32_t outcome_count; /* the worker's own */
    _Atomic(struct request_histograms *) histograms[COUNTED_HTTP_PROTOCOLS]; /* by enum counted_protocol; NULL: nothing yet */
};

struct destination_counters {
    _Atomic(struct destination_slot *) *slots; /* one a worker; NULL: it saw no traffic */
    unsigned slot_count;
};

/* The upper bound of a bucket in the unit of the histogram's sum. Not of the last one. */
uint64_t histogram_bound(enum histogram_kind kind, size_t bucket);

/* The server's thread. */
void destination_counters_init(struct destination_counters *counters, unsigned worker_count);
void destination_counters_deinit(struct destination_counters *counters);
/* No worker has pinned its slot. Then, and when no snapshot that is held points to the counters, they may go. */
bool destination_counters_are_free(const struct destination_counters *counters);

/* Worker `index` alone: its slot, made at its first use. NULL for NULL. */
struct destination_slot *destination_slot_of(struct destination_counters *counters, unsigned index);
/* For what outlives the snapshot. */
void destination_slot_pin(struct destination_slot *slot);
void destination_slot_unpin(struct destination_slot *slot);

struct counted_request {
    struct outcome outcome;
    uint64_t duration_ns, received_bytes, sent_bytes;
};
void destination_slot_count_request(struct destination_slot *slot, const struct counted_request *request);
void destination_slot_count_outcome(struct destination_slot *slot, const struct outcome *outcome);

#endif
