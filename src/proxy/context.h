/* What one worker's connections share. One thread owns it all. The worker floor creates it; proxy uses it. */
#ifndef FAIRLEAD_PROXY_CONTEXT_H
#define FAIRLEAD_PROXY_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/timer.h"
#include "http/http2_memory.h"
#include "os/loop.h"
#include "proxy/http_date.h"
#include "proxy/balance.h"
#include "proxy/newcomers.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"
#include "wire/close_reason.h"

struct access_log_ring; /* proxy/access_log.h */
struct upstream_pool;   /* proxy/upstream.h */
struct mirror_pool;     /* proxy/mirror.h */

/* One snapshot as one worker sees it: pins are plain integers of this thread. */
struct pinned_snapshot {
    const struct snapshot *snapshot;
    uint32_t pin_count; /* exchanges, handshakes and young tunnels; plus one while it is the worker's current one */
    struct list link;   /* in proxy_context.snapshots */
};

struct proxy_counters {
    struct counter connections_accepted;
    struct counter connections_active;
    struct counter requests;
    struct counter responses_2xx, responses_3xx, responses_4xx, responses_5xx;
    struct counter handshakes, handshakes_resumed; /* of TLS, complete */
    struct counter upstream_connections, upstream_connections_active, upstream_connections_idle;
    struct counter upstream_connections_reused; /* lent again to a further request */
    struct counter upstream_connect_failures;   /* refused, timed out, or the handshake of TLS failed */
    struct counter upstream_retries;
    struct counter mirrors_sent, mirrors_dropped;
    struct counter handshakes_active; /* connections that have not finished their handshake, or not chosen a protocol */
    /* HTTP/2 streams that were refused for WORKER_EXCHANGES_MAX. */
    struct counter streams_refused;
    /* Bytes of all buffers, as chunks of memory: now, and at most so far. BUFFER_CHUNKS_MAX is their ceiling. */
    struct counter buffer_bytes, buffer_bytes_peak;
    /* HTTP sessions that ended on their own account: the peer broke the protocol, or met a limit against floods. Named by
     * close_reason_counter. */
    struct counter sessions_closed[CLOSE_REASON_COUNT];
    struct counter connections_closed[CLOSE_REASON_COUNT]; /* before a session or a tunnel began: a hello or a handshake that failed, say */
    struct counter upstream_sessions_closed[CLOSE_REASON_COUNT]; /* as sessions_closed, of upstreams */
};

struct proxy_context {
    unsigned worker_index; /* the slot of struct destination_counters that is ours */
    struct loop *loop;
    struct timer_wheel timers;
    uint64_t now_ns; /* monotonic, refreshed each turn */
    uint64_t turn;   /* counts the loop's turns */
    struct random random;
    struct pool chunks;      /* struct buffer_chunk */
    struct pool connections; /* struct connection */
    struct pool exchanges;   /* struct exchange */
    struct http2_memory http2_memory;
    char *read_bytes;        /* WORKER_READ_BYTES: where every socket is read into; valid until the next read */
    char *plain_bytes;       /* WORKER_READ_BYTES: where TLS plaintext is put */
    char *write_bytes;       /* WORKER_WRITE_BYTES: ciphertext on its way out */
    struct list ready;       /* struct ready_link: those that must run again though no edge will come */
    struct list graveyard;   /* struct grave: objects that die at the end of the turn */
    struct newcomers newcomers;
    struct list live_connections; /* struct connection, for drain and shutdown */
    struct pinned_snapshot *current;
    struct list snapshots;
    /* Called when pin_count reaches 0: the worker lets the snapshot go. */
    void (*snapshot_unused)(struct proxy_context *context, struct pinned_snapshot *snapshot);
    struct access_log_ring *access_log;
    struct upstream_pool *upstream;
    struct mirror_pool *mirrors;
    struct balance balance;
    struct endpoint_table *endpoints; /* of clusters that DNS resolves; NULL before the first */
    struct http_date date; /* the Date field of this second */
    struct proxy_counters counters;
    uint64_t next_connection_id;
    uint64_t next_warning_ns; /* log lines that peers can cause are at most one a second */
    bool draining; /* answers say connection: close, idle connections are closed */
};

/* Embedded: an object whose work was cut short by a budget or by back-pressure; its function runs in the next turn. */
struct ready_link {
    struct list link;
    void (*function)(struct ready_link *link);
};

/* Embedded: an object that is no longer used but may still be on the stack; freed at the end of the turn. */
struct grave {
    struct list link;
    void (*free_owner)(struct grave *grave);
};

/* Loop, timers, pools of chunks and connections, shared buffers, lists, balance. The exchange pool, the upstream pool, the access log ring, the
 * current snapshot and snapshot_unused are the worker's to set. Negative errno. */
MUST_USE int context_init(struct proxy_context *context);
/* Everything that lived in it must be gone. */
void context_deinit(struct proxy_context *context);
/* Once more of what was cut short: runs those that were ready when it was called, not those that they make ready. */
void context_run_ready(struct proxy_context *context);
/* Frees the buried. At the end of a turn, with nothing of theirs on the stack. */
void context_free_buried(struct proxy_context *context);
/* Shows in the counters what the buffers hold, and how many newcomers there are. At the end of a turn. */
void context_count(struct proxy_context *context);
/* The worker's next snapshot: pinned as the current one, while the former loses that pin. */
void context_set_current(struct proxy_context *context, const struct snapshot *snapshot);

/* The next endpoint of the cluster, its own or a resolved one, as balance_pick. A resolved one lives until the end of the turn at most. NULL: it
 * has none. */
const struct endpoint *context_pick_endpoint(struct proxy_context *context, const struct cluster *cluster, const struct network_address *tried,
                                             size_t tried_count);

/* The wall clock's time of a moment of this worker (monotonic), by the two clocks as they stand now: a line of the log asks for it, no request does. */
uint64_t context_wall_ns(const struct proxy_context *context, uint64_t moment_ns);

/* Counted for as long as it is current; NULL only before the first snapshot. */
struct pinned_snapshot *context_pin_current(struct proxy_context *context);
void context_unpin(struct proxy_context *context, struct pinned_snapshot *snapshot);
/* Puts it on the ready list unless it is there. */
void context_make_ready(struct proxy_context *context, struct ready_link *link);
void context_bury(struct proxy_context *context, struct grave *grave);

#endif
