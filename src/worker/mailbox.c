#include "worker/mailbox.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/event.h"

int mailbox_init(struct mailbox *mailbox) {
    int result = event_open(&mailbox->event);
    if (result < 0)
        return result;
    atomic_init(&mailbox->snapshot, NULL);
    atomic_init(&mailbox->endpoints, NULL);
    atomic_init(&mailbox->commands, NULL);
    atomic_init(&mailbox->drain, false);
    atomic_init(&mailbox->stop, false);
    return 0;
}

void mailbox_deinit(struct mailbox *mailbox) {
    ASSERT(mailbox_take_snapshot(mailbox) == NULL);
    ASSERT(mailbox_take_commands(mailbox) == NULL);
    endpoint_table_unpin(mailbox_take_endpoints(mailbox));
    event_close(mailbox->event);
}

struct snapshot *mailbox_send_snapshot(struct mailbox *mailbox, struct snapshot *snapshot) {
    struct snapshot *overtaken = atomic_exchange_explicit(&mailbox->snapshot, snapshot, memory_order_acq_rel);
    event_signal(mailbox->event);
    return overtaken;
}

void mailbox_send_endpoints(struct mailbox *mailbox, struct endpoint_table *table) {
    endpoint_table_unpin(atomic_exchange_explicit(&mailbox->endpoints, table, memory_order_acq_rel));
    event_signal(mailbox->event);
}

void mailbox_send_command(struct mailbox *mailbox, const struct listener_command *command) {
    struct listener_command *copy = memory_allocate(sizeof(*copy));
    *copy = *command;
    copy->next = atomic_load_explicit(&mailbox->commands, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&mailbox->commands, &copy->next, copy, memory_order_release, memory_order_relaxed))
        ;
    event_signal(mailbox->event);
}

void mailbox_send_drain(struct mailbox *mailbox) {
    atomic_store_explicit(&mailbox->drain, true, memory_order_release);
    event_signal(mailbox->event);
}

void mailbox_send_stop(struct mailbox *mailbox) {
    atomic_store_explicit(&mailbox->stop, true, memory_order_release);
    event_signal(mailbox->event);
}

struct snapshot *mailbox_take_snapshot(struct mailbox *mailbox) {
    return atomic_exchange_explicit(&mailbox->snapshot, NULL, memory_order_acq_rel);
}

struct endpoint_table *mailbox_take_endpoints(struct mailbox *mailbox) {
    return atomic_exchange_explicit(&mailbox->endpoints, NULL, memory_order_acq_rel);
}

struct listener_command *mailbox_take_commands(struct mailbox *mailbox) {
    struct listener_command *newest = atomic_exchange_explicit(&mailbox->commands, NULL, memory_order_acquire);
    struct listener_command *oldest = NULL;
    while (newest != NULL) {
        struct listener_command *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}
