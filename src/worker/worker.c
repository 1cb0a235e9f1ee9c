#include "worker/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/event.h"
#include "os/socket.h"
#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "worker/acceptor.h"
#include "worker/mailbox.h"

struct worker {
    unsigned id;
    pthread_t thread;
    struct mailbox mailbox;
    struct loop_source wake;
    struct acceptor_set acceptors;
    struct proxy_context context;
};

static void worker_let_go(struct snapshot *snapshot) {
    /* Release: the publisher frees it only after it saw all our reading done. */
    uint32_t holders = atomic_fetch_sub_explicit(&snapshot->holder_count, 1, memory_order_release);
    ASSERT(holders > 0);
}

static void worker_snapshot_unused(struct proxy_context *context, struct pinned_snapshot *pinned) {
    (void)context;
    worker_let_go((struct snapshot *)(uintptr_t)pinned->snapshot);
    free(pinned);
}

static void worker_obey(struct worker *worker, struct listener_command *commands, enum listener_command_kind kind) {
    for (struct listener_command *command = commands; command != NULL; command = command->next) {
        if (command->kind != kind)
            continue;
        if (kind == LISTENER_COMMAND_ADD)
            acceptor_add(&worker->acceptors, command->id, command->descriptor, &command->key);
        else
            acceptor_remove(&worker->acceptors, command->id);
    }
}

static void worker_free_commands(struct listener_command *commands) {
    while (commands != NULL) {
        struct listener_command *next = commands->next;
        free(commands);
        commands = next;
    }
}

static void worker_take_endpoints(struct worker *worker) {
    struct endpoint_table *table = mailbox_take_endpoints(&worker->mailbox);
    if (table == NULL)
        return;
    endpoint_table_unpin(worker->context.endpoints);
    worker->context.endpoints = table;
}

/* What goes away is drained under the former snapshot, which knows it, and what comes is accepted from under the new one. A socket may be added
 * and taken away again in one batch. */
static bool worker_take_mail(struct worker *worker) {
    worker_take_endpoints(worker);
    struct snapshot *snapshot = mailbox_take_snapshot(&worker->mailbox);
    struct listener_command *commands = mailbox_take_commands(&worker->mailbox);
    worker_obey(worker, commands, LISTENER_COMMAND_REMOVE);
    if (snapshot != NULL)
        context_set_current(&worker->context, snapshot);
    worker_obey(worker, commands, LISTENER_COMMAND_ADD);
    worker_obey(worker, commands, LISTENER_COMMAND_REMOVE);
    worker_free_commands(commands);
    return snapshot != NULL;
}

static void worker_begin_drain(struct worker *worker) {
    worker->context.draining = true;
    LIST_FOR_EACH_SAFE(link, &worker->context.live_connections)
        connection_drain(CONTAINER_OF(link, struct connection, live));
}

static void worker_woken(struct loop_source *source, unsigned events) {
    (void)events;
    struct worker *worker = CONTAINER_OF(source, struct worker, wake);
    event_clear(worker->mailbox.event);
    /* Again until the slot is empty: a listener must not be met before the snapshot that names it. */
    while (worker_take_mail(worker))
        ;
    if (!worker->context.draining && atomic_load_explicit(&worker->mailbox.drain, memory_order_acquire))
        worker_begin_drain(worker);
}

static void worker_turn(struct worker *worker) {
    struct proxy_context *context = &worker->context;
    bool has_work = !list_is_empty(&context->ready) || newcomers_wait(&context->newcomers);
    uint64_t wait_ns = has_work ? 0 : timer_wheel_wait_ns(&context->timers, context->newcomers.looked_ns);
    int result = loop_wait(context->loop, wait_ns);
    ASSERT(result >= 0);
    context->now_ns = clock_monotonic_ns();
    context->turn++;
    loop_deliver(context->loop);
    /* Bytes that came in time count before the deadline that passed meanwhile. */
    timer_wheel_advance(&context->timers, context->now_ns);
    context_run_ready(context);
    context_free_buried(context);
    newcomers_run(&context->newcomers, context->now_ns);
    context_free_buried(context);
    context_count(context);
}

static void worker_end(struct worker *worker) {
    struct proxy_context *context = &worker->context;
    acceptor_set_deinit(&worker->acceptors);
    for (struct listener_command *command = mailbox_take_commands(&worker->mailbox), *next; command != NULL; command = next) {
        next = command->next;
        if (command->kind == LISTENER_COMMAND_ADD)
            socket_close(command->descriptor);
        free(command);
    }
    LIST_FOR_EACH_SAFE(link, &context->live_connections)
        connection_close(CONTAINER_OF(link, struct connection, live), CLOSE_REASON_SHUT_DOWN, false);
    context_free_buried(context);
    struct snapshot *unseen = mailbox_take_snapshot(&worker->mailbox);
    if (unseen != NULL)
        worker_let_go(unseen);
    exchange_context_deinit(context);
    context_set_current(context, NULL);
    loop_remove(context->loop, &worker->wake);
    context_deinit(context);
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    char name[16];
    (void)snprintf(name, sizeof(name), "worker/%u", worker->id);
    (void)pthread_setname_np(pthread_self(), name);
    while (!atomic_load_explicit(&worker->mailbox.stop, memory_order_acquire))
        worker_turn(worker);
    worker_end(worker);
    return NULL;
}

static int worker_start(struct worker *worker) {
    struct proxy_context *context = &worker->context;
    acceptor_set_init(&worker->acceptors, context);
    context->snapshot_unused = worker_snapshot_unused;
    context->access_log = access_log_ring_create();
    exchange_context_init(context);
    worker->wake.descriptor = -1;
    int result = loop_add_level(context->loop, &worker->wake, worker->mailbox.event, worker_woken);
    if (result == 0)
        result = -pthread_create(&worker->thread, NULL, worker_main, worker);
    if (result == 0)
        return 0;
    loop_remove(context->loop, &worker->wake);
    exchange_context_deinit(context);
    access_log_ring_destroy(context->access_log);
    return result;
}

int worker_create(unsigned id, struct worker **ret_worker) {
    struct worker *worker = memory_allocate_zeroed(1, sizeof(*worker));
    worker->id = id;
    int result = mailbox_init(&worker->mailbox);
    if (result < 0) {
        free(worker);
        return result;
    }
    result = context_init(&worker->context);
    worker->context.worker_index = id;
    if (result == 0) {
        result = worker_start(worker);
        if (result < 0)
            context_deinit(&worker->context);
    }
    if (result < 0) {
        mailbox_deinit(&worker->mailbox);
        free(worker);
        return result;
    }
    *ret_worker = worker;
    return 0;
}

void worker_publish(struct worker *worker, struct snapshot *snapshot) {
    struct snapshot *overtaken = mailbox_send_snapshot(&worker->mailbox, snapshot);
    if (overtaken != NULL)
        worker_let_go(overtaken);
}

void worker_publish_endpoints(struct worker *worker, struct endpoint_table *table) {
    mailbox_send_endpoints(&worker->mailbox, table);
}

void worker_add_listener(struct worker *worker, uint32_t id, int descriptor, struct span bind, uint16_t port) {
    struct listener_command command = {.kind = LISTENER_COMMAND_ADD, .id = id, .descriptor = descriptor};
    if (!listener_key_make(bind, port, &command.key)) {
        log_error("port %u is not served: %.*s is too long for an address", port, SPAN_ARGUMENTS(bind));
        socket_close(descriptor);
        return;
    }
    mailbox_send_command(&worker->mailbox, &command);
}

void worker_remove_listener(struct worker *worker, uint32_t id) {
    struct listener_command command = {.kind = LISTENER_COMMAND_REMOVE, .id = id, .descriptor = -1};
    mailbox_send_command(&worker->mailbox, &command);
}

void worker_drain(struct worker *worker) {
    mailbox_send_drain(&worker->mailbox);
}

void worker_stop(struct worker *worker) {
    mailbox_send_stop(&worker->mailbox);
    int result = pthread_join(worker->thread, NULL);
    ASSERT(result == 0);
}

void worker_destroy(struct worker *worker) {
    mailbox_deinit(&worker->mailbox);
    access_log_ring_destroy(worker->context.access_log);
    free(worker);
}

struct access_log_ring *worker_access_log(struct worker *worker) {
    return worker->context.access_log;
}

uint64_t worker_connections(const struct worker *worker) {
    return counter_read(&worker->context.counters.connections_active);
}

const struct proxy_counters *worker_counters(const struct worker *worker) {
    return &worker->context.counters;
}
