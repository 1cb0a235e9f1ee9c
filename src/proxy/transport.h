/* A byte stream over a connected socket, with TLS on top or without: reading into the worker's shared buffers, queued writing, budgets,
 * back-pressure and half-close. Used for both sides. One thread. */
#ifndef FAIRLEAD_PROXY_TRANSPORT_H
#define FAIRLEAD_PROXY_TRANSPORT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/network_address.h"
#include "base/span.h"
#include "proxy/context.h"

struct tls_session;

enum transport_status {
    TRANSPORT_OK,    /* bytes were given */
    TRANSPORT_WAIT,  /* nothing now; `readable` will be called */
    TRANSPORT_ENDED, /* the peer closed its side in order (FIN, close_notify) */
    TRANSPORT_BROKEN, /* reset, TLS failure: only closing is left */
};

struct transport {
    struct proxy_context *context;
    struct loop_source source;
    struct ready_link ready;
    struct tls_session *tls; /* owned; NULL for plaintext */
    struct buffer output;    /* plaintext waiting to be written; fill it with buffer_append, then transport_flush */
    struct buffer wire_output; /* ciphertext that the socket did not take */
    struct span unread;      /* heap copy of input read but not consumed (ciphertext with TLS); owned */
    bool reading;            /* wants `readable`; false: paused by back-pressure */
    bool may_read, may_write; /* the last edge has not been used up */
    bool end_queued, end_sent; /* our half-close, after the output */
    bool peer_ended, broken;
    bool above_high_water;
    size_t turn_bytes; /* used of WORKER_TURN_BYTES in this turn */
    int error;         /* errno of what broke it, 0 for TLS or none */
    /* Called by the loop or from the ready list, never from inside a call into this transport. */
    void (*readable)(struct transport *transport);
    void (*drained)(struct transport *transport); /* output fell below the low water mark, or became empty */
    void (*failed)(struct transport *transport);  /* broken while writing */
};

/* Takes over a connected, non-blocking descriptor. Negative errno. */
MUST_USE int transport_init(struct transport *transport, struct proxy_context *context, int descriptor);
/* Closes the descriptor at once, drops the output, ends the TLS session. Harmless twice. */
void transport_deinit(struct transport *transport);
/* Gives what is there: plaintext, in memory shared by the worker, valid until the next transport_read of any transport. */
enum transport_status transport_read(struct transport *transport, struct span *ret_bytes);
/* Bytes of the last read that the caller did not use come first in the next one. */
void transport_unread(struct transport *transport, struct span rest);
/* Writes as much of `output` as the socket takes now. False when it is broken. */
bool transport_flush(struct transport *transport);
/* Half-close (TLS: close_notify, then FIN) once the output is written. */
void transport_end(struct transport *transport);
/* Stops and starts delivery of `readable`. Resume makes it ready at once if bytes may be waiting. */
void transport_pause(struct transport *transport);
void transport_resume(struct transport *transport);
/* Bytes queued in both buffers. */
size_t transport_output_size(const struct transport *transport);
/* Aborts with a reset instead of an orderly close. */
void transport_set_reset(struct transport *transport);
struct network_address transport_local_address(const struct transport *transport);
struct network_address transport_peer_address(const struct transport *transport);

#endif
