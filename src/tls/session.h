/* One TLS session as a state machine without a descriptor: ciphertext comes in and goes out through a `struct tls_io`
 * that lives only for the call, so an idle session holds no buffer. A session belongs to one thread.
 *
 * Every call may take bytes off the front of io->input and add bytes at io->output + io->output_size. Whatever the
 * status is, what was added must be sent (after FAILED it is the alert). Bytes that stay in io->input were not looked
 * at: the caller offers them again, with anything newer behind them. After WANT_INPUT the input is always used up. */
#ifndef FAIRLEAD_TLS_SESSION_H
#define FAIRLEAD_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/limits.h"
#include "base/span.h"
#include "tls/client_demand.h"
#include "tls/client_policy.h"
#include "tls/failure.h"
#include "tls/identity.h"
#include "tls/server_policy.h"

/* The window that all sessions of a worker write their ciphertext to, one after the other; it is sent (or copied)
 * before the next session gets it. */
struct tls_scratch {
    size_t output_size;
    char output[WORKER_WRITE_BYTES];
};

struct tls_io {
    struct span input; /* ciphertext from the peer, advanced as it is taken */
    char *output;      /* ciphertext for the peer */
    size_t output_capacity;
    size_t output_size; /* bytes of output that are filled, not reset by any call */
};

enum tls_status {
    TLS_STATUS_OK,
    TLS_STATUS_WANT_INPUT,  /* all input is used up, call again with more */
    TLS_STATUS_WANT_OUTPUT, /* the window is full: send it, then call again with an empty one */
    TLS_STATUS_CLOSED,      /* the peer sent close_notify: nothing more to read, writing is still allowed (RFC 8446
                               section 6.1) */
    TLS_STATUS_FAILED,      /* for good, see tls_session_error */
};

struct tls_session;

struct tls_server_options {
    struct tls_server_policy *policy;    /* pinned */
    struct tls_identity *identity;        /* not NULL; pinned */
    struct tls_identity *second_identity; /* pinned; with the other kind of key (RSA, ECDSA): the client gets the one that it can verify; NULL: none */
    struct tls_client_demand *demand;    /* pinned; NULL: the client is not asked for a certificate */
    const uint8_t *session_id_context;   /* TLS_SHA256_SIZE bytes, or NULL for the policy's */
};

/* A session that has taken no byte yet. A ticket of another context, or of a certificate with other names, resumes nothing. Never NULL. */
struct tls_session *tls_session_create_server(const struct tls_server_options *options);
/* The other side: the first tls_session_handshake, whose input is empty, writes the ClientHello. `server_name` is asked for (SNI, unless it is
 * an IP address) and, without names in the policy, wanted in the certificate; empty: neither. Copied. Pins `policy`. ALPN offers what the
 * policy says of `carried`. Never NULL. */
struct tls_session *tls_session_create_client(struct tls_client_policy *policy, struct span server_name, enum tls_carried carried);
/* Whether the handshake wants to be called though nothing came: a client that has not begun. */
bool tls_session_speaks_first(const struct tls_session *session);
/* Sends nothing. NULL is harmless. */
void tls_session_destroy(struct tls_session *session);

/* Goes on with the handshake. OK: it is complete (again OK when called again), and io->input may hold application data
 * already. */
MUST_USE enum tls_status tls_session_handshake(struct tls_session *session, struct tls_io *io);
/* Only after the handshake. Decrypts up to `capacity` (above 0) bytes, over as many records as it takes. OK: at least
 * one byte; more may wait in io->input or in the session. *ret_size is written on OK only. */
MUST_USE enum tls_status tls_session_read(struct tls_session *session, struct tls_io *io, char *ret_bytes,
                                          size_t capacity, size_t *ret_size);
/* Only after the handshake. Encrypts from the front of `plain` into records that fit the window. OK: all of it;
 * WANT_OUTPUT: the first *ret_consumed bytes (may be 0), and the caller must come back with the bytes behind them (at
 * the same or another address), as a record of them may be half sent. *ret_consumed is written on OK and WANT_OUTPUT.
 * Tickets and other messages that wait go out first; an empty `plain` sends just these. */
MUST_USE enum tls_status tls_session_write(struct tls_session *session, struct tls_io *io, struct span plain,
                                           size_t *ret_consumed);
/* Writes close_notify once, then OK; before the end of the handshake there is nothing to write and it is OK. FAILED
 * when a record is half sent: then the transport can only be cut. */
MUST_USE enum tls_status tls_session_shutdown(struct tls_session *session, struct tls_io *io);

bool tls_session_is_established(const struct tls_session *session);
/* Whether a read would tell something without new input, bytes of the peer or an end that came right behind them: ask
 * before sleeping on the socket. */
bool tls_session_has_pending(const struct tls_session *session);
/* Why it FAILED, in Envoy's words: "TLS_error:|268435703:SSL
 * routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end". Empty before. Lives as long as the session. */
struct span tls_session_error(const struct tls_session *session);
/* Why it failed; TLS_FAILURE_OTHER when it did not. */
enum tls_failure tls_session_failure(const struct tls_session *session);

/* These live as long as the session and are empty while unknown. The server name is as the client wrote it. */
struct span tls_session_server_name(const struct tls_session *session);
/* True when the name that the session itself understood is `sniffed` without regard to case (both may be empty), and a
 * second ClientHello (after HelloRetryRequest, RFC 8446 section 4.1.2) did not change it. To be asked when the
 * handshake is complete; if not so, close. */
bool tls_session_server_name_matches(const struct tls_session *session, struct span sniffed);
struct span tls_session_alpn(const struct tls_session *session);
/* "TLSv1.3" */
struct span tls_session_version(const struct tls_session *session);
/* The standard's name as Envoy logs it: "TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256". */
struct span tls_session_cipher(const struct tls_session *session);
/* The key exchange group: "X25519MLKEM768". */
struct span tls_session_group(const struct tls_session *session);
/* After the handshake: the identity that the peer gets to see (a server of ours asks for a client's only at times); NULL: a client has none. Lives as
 * long as the session. */
struct tls_identity *tls_session_own_identity(const struct tls_session *session);
/* Bytes; empty with tickets, which need none. */
struct span tls_session_id(const struct tls_session *session);
bool tls_session_was_resumed(const struct tls_session *session);

#endif
