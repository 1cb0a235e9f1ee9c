/* What the server hands to a worker while it runs: one slot for the newest snapshot, one for the newest endpoint table, a queue of listener sockets to add and to remove, and
 * two wishes. The sender never waits, nor does the receiver: plain atomic exchanges and one eventfd. One sender, one receiver. */
#ifndef FAIRLEAD_WORKER_MAILBOX_H
#define FAIRLEAD_WORKER_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "proxy/connection.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"

enum listener_command_kind { LISTENER_COMMAND_ADD, LISTENER_COMMAND_REMOVE };

struct listener_command {
    struct listener_command *next;
    enum listener_command_kind kind;
    uint32_t id;
    /* Of ADD. */
    int descriptor;
    struct listener_key key;
};

struct mailbox {
    int event;
    _Atomic(struct snapshot *) snapshot;
    _Atomic(struct endpoint_table *) endpoints;
    _Atomic(struct listener_command *) commands; /* newest first */
    atomic_bool drain, stop;
};

/* Negative errno. */
MUST_USE int mailbox_init(struct mailbox *mailbox);
/* Nothing may be left in it. */
void mailbox_deinit(struct mailbox *mailbox);

/* The sender's side. Returns the snapshot that was overtaken unseen, NULL when there was none. */
struct snapshot *mailbox_send_snapshot(struct mailbox *mailbox, struct snapshot *snapshot);
/* Takes over a reference; the one that was overtaken unseen is let go. */
void mailbox_send_endpoints(struct mailbox *mailbox, struct endpoint_table *table);
/* Copies the command. */
void mailbox_send_command(struct mailbox *mailbox, const struct listener_command *command);
void mailbox_send_drain(struct mailbox *mailbox);
void mailbox_send_stop(struct mailbox *mailbox);

/* The receiver's side: NULL when there is none. */
struct snapshot *mailbox_take_snapshot(struct mailbox *mailbox);
/* With its reference. To be taken before the snapshot: a table that was sent behind a snapshot may lack what only the former one names. */
struct endpoint_table *mailbox_take_endpoints(struct mailbox *mailbox);
/* Oldest first, linked by next; the receiver frees each. What was sent before the snapshot that was just taken is among them or was taken. */
struct listener_command *mailbox_take_commands(struct mailbox *mailbox);

#endif
