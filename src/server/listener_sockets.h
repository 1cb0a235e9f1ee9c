/* The sockets of the listeners: one a worker and address (SO_REUSEPORT), keyed by address, outliving snapshots. An address that cannot be
 * bound harms only itself: it is said once and tried again. On the server's thread. */
#ifndef FAIRLEAD_SERVER_LISTENER_SOCKETS_H
#define FAIRLEAD_SERVER_LISTENER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/network_address.h"
#include "snapshot/snapshot.h"
#include "worker/worker.h"

struct listener_socket {
    struct network_address address; /* size 0: every address */
    char *bind;                     /* of the snapshot's listener: how workers find it again */
    uint32_t id;                    /* never used twice */
    bool wanted;                    /* by the newest snapshot */
    bool open;                      /* the workers have their sockets, or will with the snapshot that is being published */
    bool handed_over;
    int error;        /* of the last attempt, negative errno; 0: none */
    bool locked;      /* it failed because another instance has the address */
    int lock;         /* descriptor while open */
    int *descriptors; /* one a worker, until handed over */
};

#define LISTENER_RESERVED_PORTS_MAX 8

struct listener_sockets {
    struct listener_socket **items;
    size_t count;
    struct worker **workers;
    size_t worker_count;
    struct network_address default_address; /* of listeners that name none; its port does not count */
    uint16_t reserved_ports[LISTENER_RESERVED_PORTS_MAX]; /* the gateway's own: not for listeners */
    size_t reserved_port_count;
    uint32_t next_id;
};

void listener_sockets_init(struct listener_sockets *sockets, struct worker **workers, size_t worker_count,
                           const struct network_address *default_address);
/* A port of the gateway's own (status, administration, metrics); 0: none. */
void listener_sockets_reserve(struct listener_sockets *sockets, uint16_t port);
/* Lets go of the locks; the workers close their sockets themselves. */
void listener_sockets_deinit(struct listener_sockets *sockets);

/* Before the snapshot is published: opens what it adds (retrying what failed) and takes from the workers what it no longer names: they
 * drain its accept queue under the snapshot that they have. */
void listener_sockets_prepare(struct listener_sockets *sockets, const struct snapshot *snapshot);
/* After it is published: gives the workers what was opened. */
void listener_sockets_hand_over(struct listener_sockets *sockets);
/* Tries again what could not be bound; to be followed by hand_over. True when something was opened. */
bool listener_sockets_retry(struct listener_sockets *sockets);
/* How many addresses could not be bound, and how many of them because another instance holds them. */
size_t listener_sockets_failed(const struct listener_sockets *sockets, size_t *ret_locked);

/* Whether connections to this listener of the newest snapshot are accepted. */
bool listener_sockets_serve(const struct listener_sockets *sockets, const struct listener *listener);

/* Takes the lock of one address and says so when another instance has it. Negative errno. */
MUST_USE int listener_lock(const struct network_address *address, int *ret_descriptor);

#endif
