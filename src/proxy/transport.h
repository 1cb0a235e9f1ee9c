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
    void *owner; /* whoever set the callbacks; the transport does not look at it */
    struct loop_source source;
    struct ready_link ready;
    struct tls_session *tls; /* owned; NULL for plaintext */
    struct buffer output;    /* plaintext waiting to be written; fill it with buffer_append, then transport_flush */
    struct buffer wire_output; /* ciphertext that the socket did not take */
    struct span unread;      /* heap copy of input read but not consumed (ciphertext with TLS); owned */
    struct span unread_plain; /* with TLS: heap copy of plaintext that was given back; owned */
    bool reading;            /* wants `readable`; false: paused by back-pressure */
    bool may_read, may_write; /* the last edge has not been used up */
    bool watches_output;      /* the loop tells when there is room again; from the first time that there is none */
    bool end_queued, end_sent; /* our half-close, after the output */
    bool peer_ended, broken;
    bool read_broken; /* broken for reading too; a transport broken while writing may still hold the peer's last bytes */
    bool hung_up;     /* the peer's end is behind the bytes that wait */
    bool reset;       /* close with a reset */
    bool failure_told;
    bool drained_due;      /* a call from outside relieved it: `drained` follows from the ready list */
    bool close_notify_sent, close_notify_seen;
    bool above_high_water;
    uint32_t read_bytes_max; /* of one reading; WORKER_READ_BYTES unless the owner wants less */
    size_t turn_bytes; /* used of WORKER_TURN_BYTES in this turn */
    int error;         /* errno of what broke it, 0 for TLS or none */
    /* Called by the loop or from the ready list, never from inside a call into this transport. The callee may deinit the transport, but its
     * memory stays until the end of the turn (context_bury). */
    void (*readable)(struct transport *transport);
    void (*drained)(struct transport *transport); /* output fell below the low water mark, or became empty */
    /* Broken while writing. `readable` was called just before if reading, so that an answer the peer gave before it closed is not lost. Told
     * once, also after a transport_flush or transport_write that returned false. */
    void (*failed)(struct transport *transport);
};

/* Takes over a connected, non-blocking descriptor; on failure (negative errno) it stays the caller's. The caller sets owner and callbacks
 * before the turn ends. */
MUST_USE int transport_init(struct transport *transport, struct proxy_context *context, int descriptor);
/* The same for a socket that is in the loop already, where it gives up its place; `events` are those of the loop that it was told. */
void transport_init_connected(struct transport *transport, struct proxy_context *context, struct loop_source *source, unsigned events);
/* Closes the descriptor at once, drops the output, ends the TLS session. Harmless twice. */
void transport_deinit(struct transport *transport);
/* Gives what is there: plaintext, in memory shared by the worker, valid until the next transport_read of any transport. */
enum transport_status transport_read(struct transport *transport, struct span *ret_bytes);
/* Bytes of the last read that the caller did not use come first in the next one. */
void transport_unread(struct transport *transport, struct span rest);
/* Writes as much of `output` as the socket takes now. False when it is broken. */
bool transport_flush(struct transport *transport);
/* Writes `bytes` straight from where they are as far as the socket takes them now, behind what is queued; queues a copy of the rest. False when it
 * is broken or the worker's memory ceiling is reached (then it is broken too). */
MUST_USE bool transport_write(struct transport *transport, struct span bytes);
/* From now on TLS: takes over a session that has seen no byte. */
void transport_start_tls(struct transport *transport, struct tls_session *session);
/* Goes on with the handshake over `first` (ciphertext that came before the session was made, NULL data later) and what the socket holds. OK:
 * complete; WAIT: call again when readable; ENDED and BROKEN: it failed. */
MUST_USE enum transport_status transport_handshake(struct transport *transport, struct span first);
/* Half-close (TLS: close_notify, then FIN) once the output is written. */
void transport_end(struct transport *transport);
/* The same, just before the transport is closed: what the close itself tells the peer needs no call of its own. Nothing may be queued or unread. */
void transport_end_by_close(struct transport *transport);
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
