/* The process's session ticket keys, shared by all workers and all policies, so that a session resumes on any worker
 * and across reloads. A key seals for TLS_TICKET_ROTATION_NS and opens for as long again; a ticket opened by the former
 * key is replaced by a new one (RFC 5077 section 5.5). Keys live in memory only and are wiped. Any thread. */
#ifndef FAIRLEAD_TLS_TICKETS_H
#define FAIRLEAD_TLS_TICKETS_H

#include <stdint.h>

struct tls_tickets;

/* Never NULL. */
struct tls_tickets *tls_tickets_create(void);
/* No policy that was given these may be left. NULL is harmless. */
void tls_tickets_destroy(struct tls_tickets *tickets);

/* Makes a new key the sealing one at once; the former sealing key still opens, the one before it no longer. */
void tls_tickets_rotate(struct tls_tickets *tickets);
/* Rotates if the sealing key is older than TLS_TICKET_ROTATION_NS at `now_ns` (monotonic); older than twice that, no
 * key is kept. Every handshake that meets a ticket does this by itself. */
void tls_tickets_advance(struct tls_tickets *tickets, uint64_t now_ns);

#endif
