#include "proxy/transport_wire.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "os/socket.h"

#define WIRE_VECTORS_MAX 16

static enum transport_status wire_receive_kept(struct transport *transport, struct span *ret_bytes) {
    /* A long hello and what came right behind it may exceed one reading. */
    struct span kept = transport->unread, part = span_first(kept, WORKER_READ_BYTES);
    char *bytes = transport->context->read_bytes, *memory = (char *)(uintptr_t)kept.data;
    memcpy(bytes, part.data, part.size);
    transport->unread = SPAN_EMPTY;
    if (part.size == kept.size) {
        free(memory);
    } else {
        memmove(memory, memory + part.size, kept.size - part.size);
        transport->unread = span_make(memory, kept.size - part.size);
    }
    *ret_bytes = span_make(bytes, part.size);
    return TRANSPORT_OK;
}

enum transport_status transport_wire_receive(struct transport *transport, struct span *ret_bytes) {
    if (transport->unread.size > 0)
        return wire_receive_kept(transport, ret_bytes);
    if (transport->read_broken)
        return TRANSPORT_BROKEN;
    if (!transport->may_read)
        return transport->peer_ended ? TRANSPORT_ENDED : TRANSPORT_WAIT;
    if (transport->turn_bytes >= WORKER_TURN_BYTES) {
        context_make_ready(transport->context, &transport->ready);
        return TRANSPORT_WAIT;
    }
    char *bytes = transport->context->read_bytes;
    ssize_t size = socket_read(transport->source.descriptor, bytes, transport->read_bytes_max);
    if (size > 0) {
        /* A short read has emptied the socket; what comes later raises a new edge, unless its end was announced already. */
        if (size < transport->read_bytes_max && !transport->hung_up)
            transport->may_read = false;
        transport->turn_bytes += (size_t)size;
        *ret_bytes = span_make(bytes, (size_t)size);
        return TRANSPORT_OK;
    }
    if (size == -EINTR)
        return transport_wire_receive(transport, ret_bytes);
    transport->may_read = false;
    if (size == -EAGAIN)
        return TRANSPORT_WAIT;
    if (size == 0) {
        transport->peer_ended = true;
        return TRANSPORT_ENDED;
    }
    transport->read_broken = true;
    transport->broken = true;
    transport->failure_told = true;
    transport->error = (int)-size;
    return TRANSPORT_BROKEN;
}

void transport_wire_keep(struct transport *transport, struct span bytes) {
    /* With TLS nothing is left over of a read that the session answered from what it held, while ciphertext may still wait here. */
    if (bytes.size == 0)
        return;
    ASSERT(transport->unread.size == 0);
    char *copy = memory_allocate(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    transport->unread = span_make(copy, bytes.size);
}

void transport_wire_break(struct transport *transport, int error) {
    transport->broken = true;
    transport->may_write = false;
    if (transport->error == 0)
        transport->error = error;
    buffer_reset(&transport->output);
    buffer_reset(&transport->wire_output);
    if (!transport->failure_told)
        context_make_ready(transport->context, &transport->ready);
}

/* Room raises an edge. Most connections never fill their socket, so that an accepted one is watched for it only from the first time on. */
static void wire_filled(struct transport *transport) {
    transport->may_write = false;
    if (transport->watches_output)
        return;
    transport->watches_output = true;
    int result = loop_watch_output(transport->context->loop, &transport->source);
    if (result < 0)
        transport_wire_break(transport, -result);
}

/* Bytes taken; 0 when the socket takes none now or is broken. */
static size_t wire_written(struct transport *transport, ssize_t written, size_t wanted) {
    if (written == -EAGAIN) {
        wire_filled(transport);
        return 0;
    }
    if (written < 0) {
        transport_wire_break(transport, (int)-written);
        return 0;
    }
    if ((size_t)written < wanted)
        wire_filled(transport);
    transport->turn_bytes += (size_t)written;
    return (size_t)written;
}

size_t transport_wire_write(struct transport *transport, struct span bytes) {
    if (transport->broken || !transport->may_write || bytes.size == 0)
        return 0;
    return wire_written(transport, socket_write(transport->source.descriptor, bytes.data, bytes.size), bytes.size);
}

bool transport_wire_send(struct transport *transport, struct span bytes) {
    if (transport->wire_output.size == 0)
        bytes = span_from(bytes, transport_wire_write(transport, bytes));
    if (transport->broken)
        return false;
    if (buffer_append(&transport->wire_output, bytes))
        return true;
    transport_wire_break(transport, ENOBUFS);
    return false;
}

bool transport_wire_flush(struct transport *transport, struct buffer *buffer) {
    while (!transport->broken && transport->may_write && buffer->size > 0) {
        struct iovec vectors[WIRE_VECTORS_MAX];
        int count = buffer_vectors(buffer, vectors, WIRE_VECTORS_MAX);
        size_t wanted = 0;
        for (int i = 0; i < count; i++)
            wanted += vectors[i].iov_len;
        ssize_t written = count == 1 ? socket_write(transport->source.descriptor, vectors[0].iov_base, wanted)
                                     : socket_write_vectors(transport->source.descriptor, vectors, count);
        size_t taken = wire_written(transport, written, wanted);
        if (!transport->broken)
            buffer_consume(buffer, taken);
    }
    return !transport->broken;
}
