/* Session ticket keys that replicas share (--ticket-keys): three of them, from a folder (a mounted Secret, say) or from a Secret of the input.
 * On the server's thread. */
#ifndef FAIRLEAD_SERVER_TICKET_KEYS_H
#define FAIRLEAD_SERVER_TICKET_KEYS_H

#include <stdint.h>

#include "compile/input_files.h"
#include "resource/resource_set.h"
#include "text/diagnostic.h"
#include "tls/tickets.h"

struct ticket_keys {
    struct span place;     /* a folder, or "secret:NAME" of the gateway's namespace; empty: none, the process makes its own */
    uint64_t present_hash; /* of the present key, so that its age in this process is known; 0: none was usable yet */
    uint64_t since_wall_ns;
};

/* Reads the keys `current`, `previous` and `next` (TLS_TICKET_KEY_SIZE bytes each; the first must be there) and gives them to `tickets`, which may
 * be NULL (fairlead check). What cannot be used is a diagnostic, and the former keys stay in use; so is a present key that has not been changed
 * for TLS_TICKET_STALE_NS. Files are noted in `files`, and so watched. To be called at each load. Returns after how long the present key is
 * stale, 0 when it is already, or when there is none. */
uint64_t ticket_keys_load(struct ticket_keys *keys, struct tls_tickets *tickets, const struct resource_set *set, struct span namespace,
                          struct input_files *files, struct diagnostic_list *diagnostics);

#endif
