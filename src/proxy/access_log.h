/* Access log lines: what one request or connection leaves behind, rendered by a compiled format into the worker's ring. */
#ifndef FAIRLEAD_PROXY_ACCESS_LOG_H
#define FAIRLEAD_PROXY_ACCESS_LOG_H

#include <stdint.h>

#include "base/network_address.h"
#include "base/span.h"
#include "snapshot/access_log_format.h"

struct message_head; /* wire/message.h */
struct access_log_ring;
struct tls_facts;    /* proxy/tls_facts.h */
struct tls_identity; /* tls/identity.h */
struct tls_peer;     /* tls/peer.h */
struct tls_session;  /* tls/session.h */

/* Everything a line may say. Spans are borrowed until access_log_write returns; absent values are empty spans (printed null or "-"). */
struct access_log_record {
    uint64_t start_wall_ns;
    uint64_t start_ns, request_end_ns, response_start_ns, end_ns; /* monotonic; 0: did not happen */
    const struct message_head *request;  /* as forwarded (after the gateway's own rules); NULL for connections */
    const struct message_head *response; /* as sent to the client; NULL when none was */
    const struct message_head *response_trailers;
    struct span protocol; /* "HTTP/1.1"; empty for connections */
    struct span upstream_protocol; /* of the last try; empty before one went out */
    unsigned response_code;
    uint32_t response_flags; /* bits of wire/response_flag.h */
    struct span response_code_details;
    struct span connection_termination_details;
    struct span upstream_transport_failure_reason;
    uint64_t bytes_received, bytes_sent;
    struct span upstream_host, upstream_cluster;
    struct network_address upstream_local;
    unsigned attempt_count; /* tries so far */
    struct network_address downstream_local, downstream_remote, downstream_direct_remote;
    struct span requested_server_name;
    struct span route_name;
    bool coalesced; /* the request was routed by another server than the connection's own */
    struct span tls_version, tls_cipher;
    struct span downstream_transport_failure_reason;
    const struct tls_session *downstream_session;   /* NULL: plaintext */
    const struct tls_identity *downstream_identity; /* that the gateway showed; NULL: none */
    const struct tls_peer *downstream_peer;         /* the client's certificate; NULL: none */
    const struct tls_facts *upstream_tls;           /* NULL: plaintext, or nobody asks */
    uint64_t connection_id;
};

/* A single-producer, single-consumer ring of finished lines; ACCESS_LOG_RING_BYTES. The worker writes, the log writer's thread reads. */
struct access_log_ring *access_log_ring_create(void);
void access_log_ring_destroy(struct access_log_ring *ring);
/* Renders and queues one line; a full ring drops it and counts. Worker thread. Never blocks. */
void access_log_write(struct access_log_ring *ring, const struct access_log_format *format, const struct access_log_record *record);
/* The reader's side, another thread. How many bytes of whole lines lie in it. */
size_t access_log_ring_size(const struct access_log_ring *ring);
/* The first of them, as many of `size` (at most what there is) as lie in one piece: where the ring begins anew, the rest follows when these are
 * consumed. Valid until then. */
struct span access_log_ring_front(const struct access_log_ring *ring, size_t size);
/* Their place is the worker's again. */
void access_log_ring_consume(struct access_log_ring *ring, size_t size);
/* Lines dropped so far. Any thread. */
uint64_t access_log_ring_dropped(const struct access_log_ring *ring);

#endif
