#include "proxy/transport.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/socket.h"
#include "proxy/transport_tls.h"
#include "proxy/transport_wire.h"
#include "tls/session.h"

size_t transport_output_size(const struct transport *transport) {
    return transport->output.size + transport->wire_output.size;
}

/* Marks the crossing of the high water upwards and of the low water downwards; true for the latter. */
static bool transport_sank(struct transport *transport) {
    size_t size = transport_output_size(transport);
    if (transport->above_high_water && size < BUFFER_LOW_WATER_BYTES) {
        transport->above_high_water = false;
        return true;
    }
    if (size > BUFFER_HIGH_WATER_BYTES)
        transport->above_high_water = true;
    return false;
}

static void transport_send_end(struct transport *transport) {
    if (!transport->end_queued || transport->end_sent || transport->broken || transport->output.size > 0)
        return;
    if (transport->tls != NULL && !transport->close_notify_sent)
        transport_tls_end(transport);
    if (transport_output_size(transport) > 0 || transport->broken)
        return;
    socket_end(transport->source.descriptor);
    transport->end_sent = true;
}

static bool transport_move_output(struct transport *transport) {
    if (transport->broken)
        return false;
    if (transport->tls != NULL)
        transport_tls_flush(transport);
    else
        (void)transport_wire_flush(transport, &transport->output);
    transport_send_end(transport);
    return !transport->broken;
}

/* A relief that the owner did not wait for in this call is told later. */
static bool transport_relieved(struct transport *transport) {
    if (transport_sank(transport)) {
        transport->drained_due = true;
        context_make_ready(transport->context, &transport->ready);
    }
    return !transport->broken;
}

bool transport_flush(struct transport *transport) {
    (void)transport_move_output(transport);
    return transport_relieved(transport);
}

bool transport_write(struct transport *transport, struct span bytes) {
    ASSERT(!transport->end_queued);
    if (transport->broken)
        return false;
    if (transport->output.size == 0)
        bytes = span_from(bytes, transport->tls != NULL ? transport_tls_write(transport, bytes) : transport_wire_write(transport, bytes));
    if (!transport->broken && !buffer_append(&transport->output, bytes))
        transport_wire_break(transport, ENOBUFS);
    return transport_relieved(transport);
}

static bool transport_has_input(const struct transport *transport) {
    return transport->may_read || transport->unread.size > 0 || transport->unread_plain.size > 0 ||
           (transport->tls != NULL && tls_session_is_established(transport->tls) && tls_session_has_pending(transport->tls));
}

static bool transport_is_dead(const struct transport *transport) {
    return transport->source.descriptor < 0;
}

static void transport_tell_failure(struct transport *transport) {
    transport->failure_told = true;
    if (transport->reading && !transport->read_broken && transport->readable != NULL) {
        transport->may_read = true;
        transport->hung_up = true;
        transport->readable(transport);
        if (transport_is_dead(transport))
            return;
    }
    if (transport->failed != NULL)
        transport->failed(transport);
}

static void transport_run(struct transport *transport) {
    size_t queued = transport_output_size(transport);
    bool ending = transport->end_queued && !transport->end_sent;
    if (transport->may_write && (queued > 0 || ending)) {
        (void)transport_move_output(transport);
        if (transport_sank(transport) || transport_output_size(transport) == 0)
            transport->drained_due = true;
    }
    if (transport->broken && !transport->failure_told) {
        transport_tell_failure(transport);
        return;
    }
    if (transport->drained_due) {
        transport->drained_due = false;
        if (transport->drained != NULL)
            transport->drained(transport);
        if (transport_is_dead(transport))
            return;
    }
    if (transport->reading && transport->readable != NULL && transport_has_input(transport))
        transport->readable(transport);
}

static void transport_event(struct loop_source *source, unsigned events) {
    struct transport *transport = CONTAINER_OF(source, struct transport, source);
    transport->turn_bytes = 0;
    if ((events & LOOP_READABLE) && !transport->peer_ended)
        transport->may_read = true;
    if (events & LOOP_ENDED)
        transport->hung_up = true;
    if (events & LOOP_WRITABLE)
        transport->may_write = !transport->broken;
    if ((events & LOOP_HANGUP) && (!transport->reading || transport->peer_ended) && !transport->broken) {
        int error = socket_error(transport->source.descriptor);
        if (error != 0)
            transport_wire_break(transport, error);
    }
    transport_run(transport);
}

static void transport_ready(struct ready_link *link) {
    struct transport *transport = CONTAINER_OF(link, struct transport, ready);
    transport->turn_bytes = 0;
    transport_run(transport);
}

static void transport_reset(struct transport *transport, struct proxy_context *context) {
    *transport = (struct transport){.context = context, .reading = true, .may_write = true, .read_bytes_max = WORKER_READ_BYTES};
    transport->source.descriptor = -1;
    transport->ready.function = transport_ready;
    list_init(&transport->ready.link);
    buffer_init(&transport->output, &context->chunks);
    buffer_init(&transport->wire_output, &context->chunks);
}

void transport_init_connected(struct transport *transport, struct proxy_context *context, struct loop_source *source, unsigned events) {
    transport_reset(transport, context);
    loop_move(context->loop, source, &transport->source, transport_event);
    transport->watches_output = true;
    transport->hung_up = (events & LOOP_ENDED) != 0;
    if (events & LOOP_READABLE) {
        transport->may_read = true;
        context_make_ready(context, &transport->ready);
    }
}

int transport_init(struct transport *transport, struct proxy_context *context, int descriptor) {
    transport_reset(transport, context);
    return loop_add_input(context->loop, &transport->source, descriptor, transport_event);
}

static void transport_free_span(struct span *span) {
    free((void *)(uintptr_t)span->data);
    *span = SPAN_EMPTY;
}

void transport_deinit(struct transport *transport) {
    if (transport->context == NULL || transport_is_dead(transport))
        return;
    int descriptor = transport->source.descriptor;
    list_remove(&transport->ready.link);
    loop_forget(transport->context->loop, &transport->source);
    if (transport->reset)
        socket_set_reset(descriptor);
    socket_close(descriptor);
    buffer_reset(&transport->output);
    buffer_reset(&transport->wire_output);
    transport_free_span(&transport->unread);
    transport_free_span(&transport->unread_plain);
    tls_session_destroy(transport->tls);
    transport->tls = NULL;
    transport->broken = true;
    transport->read_broken = true;
}

enum transport_status transport_read(struct transport *transport, struct span *ret_bytes) {
    if (transport->tls != NULL)
        return transport_tls_read(transport, ret_bytes);
    return transport_wire_receive(transport, ret_bytes);
}

void transport_unread(struct transport *transport, struct span rest) {
    if (transport->tls == NULL) {
        transport_wire_keep(transport, rest);
        return;
    }
    ASSERT(transport->unread_plain.size == 0);
    if (rest.size == 0)
        return;
    char *copy = memory_allocate(rest.size);
    memcpy(copy, rest.data, rest.size);
    transport->unread_plain = span_make(copy, rest.size);
}

void transport_start_tls(struct transport *transport, struct tls_session *session) {
    ASSERT(transport->tls == NULL && transport_output_size(transport) == 0);
    transport->tls = session;
}

void transport_end(struct transport *transport) {
    if (transport->end_queued)
        return;
    transport->end_queued = true;
    (void)transport_flush(transport);
}

void transport_end_by_close(struct transport *transport) {
    ASSERT(transport_output_size(transport) == 0 && transport->tls == NULL && transport->peer_ended);
    transport->end_queued = true;
    transport->end_sent = true;
}

void transport_pause(struct transport *transport) {
    transport->reading = false;
}

void transport_resume(struct transport *transport) {
    if (transport->reading)
        return;
    transport->reading = true;
    if (transport_has_input(transport))
        context_make_ready(transport->context, &transport->ready);
}

void transport_set_reset(struct transport *transport) {
    transport->reset = true;
}

struct network_address transport_local_address(const struct transport *transport) {
    return socket_local_address(transport->source.descriptor);
}

struct network_address transport_peer_address(const struct transport *transport) {
    return socket_peer_address(transport->source.descriptor);
}
