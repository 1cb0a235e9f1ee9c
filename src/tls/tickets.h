/* The process's session ticket keys, shared by all workers and all policies, so that a session resumes on any worker
 * and across reloads. A key seals for TLS_TICKET_ROTATION_NS and opens for as long again; a ticket opened by the former
 * key is replaced by a new one (RFC 5077 section 5.5). Keys live in memory only and are wiped. Keys that several
 * processes share come from outside (tls_tickets_share), and so does their rotation. Any thread. */
#ifndef FAIRLEAD_TLS_TICKETS_H
#define FAIRLEAD_TLS_TICKETS_H

#include <stdint.h>

/* One key as nginx and Envoy write it: 16 bytes of name, 32 of HMAC-SHA-256 key, 32 of AES-256 key; random. */
#define TLS_TICKET_KEY_SIZE 80

struct tls_tickets;

/* TLS_TICKET_KEY_SIZE bytes each. The present one seals; all open. Before a rotation the next one must be known to every process that shares
 * them, after it the previous one for as long as tickets are to live. */
struct tls_shared_keys {
    const uint8_t *present;
    const uint8_t *previous; /* NULL: none */
    const uint8_t *next;     /* NULL: none */
};

/* Never NULL. */
struct tls_tickets *tls_tickets_create(void);
/* No policy that was given these may be left. NULL is harmless. */
void tls_tickets_destroy(struct tls_tickets *tickets);

/* From now on these keys and no others; they are copied, and no longer change by themselves. */
void tls_tickets_share(struct tls_tickets *tickets, const struct tls_shared_keys *keys);
/* Makes a new key the sealing one at once; the former sealing key still opens, the one before it no longer. */
void tls_tickets_rotate(struct tls_tickets *tickets);
/* Rotates if the sealing key is older than TLS_TICKET_ROTATION_NS at `now_ns` (monotonic); older than twice that, no
 * key is kept. Shared keys stay as they are. Every handshake that meets a ticket does this by itself. */
void tls_tickets_advance(struct tls_tickets *tickets, uint64_t now_ns);

#endif
