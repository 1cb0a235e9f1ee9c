#include "proxy/transport_tls.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "proxy/transport_wire.h"
#include "tls/session.h"

static struct tls_io tls_io_make(struct transport *transport) {
    return (struct tls_io){.output = transport->context->write_bytes, .output_capacity = WORKER_WRITE_BYTES};
}

/* Sends what the session wrote and empties the window. */
static void tls_io_send(struct transport *transport, struct tls_io *io) {
    if (io->output_size > 0)
        (void)transport_wire_send(transport, span_make(io->output, io->output_size));
    io->output_size = 0;
}

static enum transport_status tls_fail(struct transport *transport) {
    transport->failure_told = true; /* the caller learns it from the status */
    transport->read_broken = true;
    transport_wire_break(transport, 0);
    return TRANSPORT_BROKEN;
}

static enum transport_status tls_read_kept(struct transport *transport, struct span *ret_bytes) {
    struct span kept = transport->unread_plain;
    char *bytes = transport->context->plain_bytes;
    ASSERT(kept.size <= WORKER_READ_BYTES);
    memcpy(bytes, kept.data, kept.size);
    free((void *)(uintptr_t)kept.data);
    transport->unread_plain = SPAN_EMPTY;
    *ret_bytes = span_make(bytes, kept.size);
    return TRANSPORT_OK;
}

enum transport_status transport_tls_read(struct transport *transport, struct span *ret_bytes) {
    if (transport->unread_plain.size > 0)
        return tls_read_kept(transport, ret_bytes);
    if (transport->close_notify_seen)
        return TRANSPORT_ENDED;
    if (transport->read_broken)
        return TRANSPORT_BROKEN;
    struct tls_io io = tls_io_make(transport);
    bool wants_input = !tls_session_has_pending(transport->tls);
    for (;;) {
        if (wants_input && io.input.size == 0) {
            enum transport_status status = transport_wire_receive(transport, &io.input);
            if (status != TRANSPORT_OK)
                return status;
        }
        size_t size = 0;
        enum tls_status status = tls_session_read(transport->tls, &io, transport->context->plain_bytes, WORKER_READ_BYTES, &size);
        tls_io_send(transport, &io);
        switch (status) {
        case TLS_STATUS_OK:
            transport_wire_keep(transport, io.input);
            *ret_bytes = span_make(transport->context->plain_bytes, size);
            return TRANSPORT_OK;
        case TLS_STATUS_WANT_INPUT:
            wants_input = true;
            continue;
        case TLS_STATUS_WANT_OUTPUT:
            wants_input = false;
            continue;
        case TLS_STATUS_CLOSED:
            transport->close_notify_seen = true;
            transport->peer_ended = true;
            return TRANSPORT_ENDED;
        case TLS_STATUS_FAILED:
            return tls_fail(transport);
        }
        UNREACHABLE();
    }
}

enum transport_status transport_handshake(struct transport *transport, struct span first) {
    struct tls_io io = tls_io_make(transport);
    io.input = first;
    for (;;) {
        if (io.input.size == 0 && !tls_session_speaks_first(transport->tls)) {
            enum transport_status status = transport_wire_receive(transport, &io.input);
            if (status != TRANSPORT_OK)
                return status;
        }
        enum tls_status status = tls_session_handshake(transport->tls, &io);
        tls_io_send(transport, &io);
        switch (status) {
        case TLS_STATUS_OK:
            transport_wire_keep(transport, io.input);
            return transport->broken ? TRANSPORT_BROKEN : TRANSPORT_OK;
        case TLS_STATUS_WANT_INPUT:
            ASSERT(io.input.size == 0);
            continue;
        case TLS_STATUS_WANT_OUTPUT:
            continue;
        case TLS_STATUS_CLOSED:
            return TRANSPORT_ENDED;
        case TLS_STATUS_FAILED:
            return tls_fail(transport);
        }
        UNREACHABLE();
    }
}

size_t transport_tls_write(struct transport *transport, struct span plain) {
    size_t taken = 0;
    while (!transport->broken && transport->may_write && transport->wire_output.size == 0 && taken < plain.size) {
        struct tls_io io = tls_io_make(transport);
        size_t consumed = 0;
        enum tls_status status = tls_session_write(transport->tls, &io, span_from(plain, taken), &consumed);
        tls_io_send(transport, &io);
        if (status == TLS_STATUS_FAILED) {
            transport_wire_break(transport, 0);
            return 0;
        }
        ASSERT(status == TLS_STATUS_OK || status == TLS_STATUS_WANT_OUTPUT);
        taken += consumed;
    }
    return taken;
}

/* Fills one window from the queue, chunk after chunk. False when the session failed. */
static bool tls_fill_window(struct transport *transport, struct tls_io *io) {
    while (transport->output.size > 0) {
        size_t consumed = 0;
        enum tls_status status = tls_session_write(transport->tls, io, buffer_front(&transport->output), &consumed);
        if (status == TLS_STATUS_FAILED)
            return false;
        ASSERT(status == TLS_STATUS_OK || status == TLS_STATUS_WANT_OUTPUT);
        buffer_consume(&transport->output, consumed);
        if (status == TLS_STATUS_WANT_OUTPUT)
            return true;
    }
    return true;
}

void transport_tls_flush(struct transport *transport) {
    if (!transport_wire_flush(transport, &transport->wire_output))
        return;
    while (!transport->broken && transport->may_write && transport->wire_output.size == 0 && transport->output.size > 0) {
        struct tls_io io = tls_io_make(transport);
        bool filled = tls_fill_window(transport, &io);
        tls_io_send(transport, &io);
        if (!filled)
            transport_wire_break(transport, 0);
    }
}

void transport_tls_end(struct transport *transport) {
    if (transport->close_notify_sent)
        return;
    transport->close_notify_sent = true;
    struct tls_io io = tls_io_make(transport);
    enum tls_status status;
    do {
        status = tls_session_shutdown(transport->tls, &io);
        tls_io_send(transport, &io);
    } while (status == TLS_STATUS_WANT_OUTPUT);
}
