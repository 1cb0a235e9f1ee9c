#include "proxy/tunnel.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct tunnel_side {
    struct transport *transport;
    uint64_t read_bytes;
    struct counter *counter; /* of them; NULL: none */
    bool ended; /* nothing more will be read from it */
    bool dead;  /* nothing can be written to it either */
};

struct tunnel {
    struct proxy_context *context;
    struct tunnel_side downstream, upstream;
    struct ready_link start;
    struct timer idle;
    uint64_t moved_ns; /* when a byte last moved */
    enum tunnel_end end;
    bool closed_told;
    struct grave grave;
    void *owner;
    void (*closed)(void *owner, enum tunnel_end end);
};

static struct tunnel_side *tunnel_side_of(struct tunnel *tunnel, const struct transport *transport) {
    return tunnel->downstream.transport == transport ? &tunnel->downstream : &tunnel->upstream;
}

static struct tunnel_side *tunnel_other(struct tunnel *tunnel, const struct tunnel_side *side) {
    return side == &tunnel->downstream ? &tunnel->upstream : &tunnel->downstream;
}

static bool tunnel_side_is_done(const struct tunnel_side *side) {
    return side->dead || (side->ended && side->transport->end_sent);
}

static void tunnel_tell_closed(struct tunnel *tunnel, enum tunnel_end end) {
    if (tunnel->closed_told)
        return;
    tunnel->closed_told = true;
    if (tunnel->end == TUNNEL_END_NONE)
        tunnel->end = end;
    timer_cancel(&tunnel->context->timers, &tunnel->idle);
    list_remove(&tunnel->start.link);
    transport_pause(tunnel->downstream.transport);
    transport_pause(tunnel->upstream.transport);
    tunnel->closed(tunnel->owner, tunnel->end);
}

static void tunnel_check_done(struct tunnel *tunnel) {
    if (tunnel_side_is_done(&tunnel->downstream) && tunnel_side_is_done(&tunnel->upstream))
        tunnel_tell_closed(tunnel, TUNNEL_END_ORDERLY);
}

static void tunnel_end_reading(struct tunnel *tunnel, struct tunnel_side *side) {
    side->ended = true;
    struct tunnel_side *other = tunnel_other(tunnel, side);
    if (other->dead)
        return;
    /* The last thing that was left to do: the owner closes it in this turn. */
    bool is_last = side->transport->end_sent && other->transport->peer_ended && transport_output_size(other->transport) == 0;
    if (is_last && other->transport->tls == NULL)
        transport_end_by_close(other->transport);
    else
        transport_end(other->transport);
}

/* One side is gone both ways: the other one gets what is still queued for it, then its end. */
static void tunnel_side_died(struct tunnel *tunnel, struct tunnel_side *side) {
    if (side->dead)
        return;
    side->dead = true;
    if (tunnel->end == TUNNEL_END_NONE)
        tunnel->end = side == &tunnel->downstream ? TUNNEL_END_DOWNSTREAM_BROKEN : TUNNEL_END_UPSTREAM_BROKEN;
    struct tunnel_side *other = tunnel_other(tunnel, side);
    tunnel_end_reading(tunnel, side);
    other->ended = true; /* there is nobody to give its bytes to */
    transport_pause(other->transport);
    tunnel_check_done(tunnel);
}

static void tunnel_pump(struct tunnel *tunnel, struct tunnel_side *from) {
    struct tunnel_side *to = tunnel_other(tunnel, from);
    while (!from->ended && !tunnel->closed_told) {
        if (to->transport->above_high_water || to->transport->broken) {
            /* Until it drained, or until its failure is told. */
            transport_pause(from->transport);
            return;
        }
        struct span bytes;
        switch (transport_read(from->transport, &bytes)) {
        case TRANSPORT_OK:
            from->read_bytes += bytes.size;
            if (from->counter != NULL)
                counter_add(from->counter, bytes.size);
            tunnel->moved_ns = tunnel->context->now_ns;
            if (!transport_write(to->transport, bytes))
                continue;
            break;
        case TRANSPORT_WAIT:
            return;
        case TRANSPORT_ENDED:
            tunnel_end_reading(tunnel, from);
            tunnel_check_done(tunnel);
            return;
        case TRANSPORT_BROKEN:
            tunnel_side_died(tunnel, from);
            return;
        }
    }
}

static void tunnel_readable(struct transport *transport) {
    struct tunnel *tunnel = transport->owner;
    tunnel_pump(tunnel, tunnel_side_of(tunnel, transport));
}

static void tunnel_drained(struct transport *transport) {
    struct tunnel *tunnel = transport->owner;
    struct tunnel_side *side = tunnel_side_of(tunnel, transport);
    tunnel->moved_ns = tunnel->context->now_ns;
    struct tunnel_side *source = tunnel_other(tunnel, side);
    if (!source->ended && !transport->above_high_water)
        transport_resume(source->transport);
    tunnel_check_done(tunnel);
}

static void tunnel_failed(struct transport *transport) {
    struct tunnel *tunnel = transport->owner;
    tunnel_side_died(tunnel, tunnel_side_of(tunnel, transport));
}

static void tunnel_start(struct ready_link *link) {
    struct tunnel *tunnel = CONTAINER_OF(link, struct tunnel, start);
    /* Bytes that waited in the transports' own queues may be written now, too. */
    (void)transport_flush(tunnel->downstream.transport);
    (void)transport_flush(tunnel->upstream.transport);
    tunnel_pump(tunnel, &tunnel->downstream);
    tunnel_pump(tunnel, &tunnel->upstream);
}

static void tunnel_idle(struct timer *timer) {
    struct tunnel *tunnel = CONTAINER_OF(timer, struct tunnel, idle);
    struct proxy_context *context = tunnel->context;
    uint64_t idle_ns = context->now_ns - tunnel->moved_ns;
    if (idle_ns >= DEADLINE_IDLE_NS)
        tunnel_tell_closed(tunnel, TUNNEL_END_IDLE);
    else
        timer_set(&context->timers, &tunnel->idle, context->now_ns, DEADLINE_IDLE_NS - idle_ns);
}

static void tunnel_take_over(struct tunnel *tunnel, struct transport *transport) {
    transport->owner = tunnel;
    transport->readable = tunnel_readable;
    transport->drained = tunnel_drained;
    transport->failed = tunnel_failed;
    transport->reading = true;
    /* Bytes that are only copied should still be in the processor's nearest cache when they are written. */
    if (transport->tls == NULL)
        transport->read_bytes_max = TUNNEL_READ_BYTES;
}

static void tunnel_free(struct grave *grave) {
    free(CONTAINER_OF(grave, struct tunnel, grave));
}

struct tunnel *tunnel_create(struct proxy_context *context, struct transport *downstream, struct transport *upstream, void *owner,
                             void (*closed)(void *owner, enum tunnel_end end)) {
    struct tunnel *tunnel = memory_allocate(sizeof(*tunnel));
    *tunnel = (struct tunnel){.context = context,
                              .downstream.transport = downstream,
                              .upstream.transport = upstream,
                              .start.function = tunnel_start,
                              .moved_ns = context->now_ns,
                              .grave.free_owner = tunnel_free,
                              .owner = owner,
                              .closed = closed};
    list_init(&tunnel->start.link);
    list_init(&tunnel->grave.link);
    timer_init(&tunnel->idle, tunnel_idle);
    timer_set(&context->timers, &tunnel->idle, context->now_ns, DEADLINE_IDLE_NS);
    tunnel_take_over(tunnel, downstream);
    tunnel_take_over(tunnel, upstream);
    context_make_ready(context, &tunnel->start);
    return tunnel;
}

static void tunnel_let_go(struct transport *transport) {
    transport->owner = NULL;
    transport->readable = NULL;
    transport->drained = NULL;
    transport->failed = NULL;
}

void tunnel_destroy(struct tunnel *tunnel) {
    tunnel->closed_told = true;
    timer_cancel(&tunnel->context->timers, &tunnel->idle);
    list_remove(&tunnel->start.link);
    tunnel_let_go(tunnel->downstream.transport);
    tunnel_let_go(tunnel->upstream.transport);
    context_bury(tunnel->context, &tunnel->grave);
}

void tunnel_count(struct tunnel *tunnel, struct counter *received, struct counter *sent) {
    tunnel->downstream.counter = received;
    tunnel->upstream.counter = sent;
}

uint64_t tunnel_received_bytes(const struct tunnel *tunnel) {
    return tunnel->downstream.read_bytes;
}

uint64_t tunnel_sent_bytes(const struct tunnel *tunnel) {
    return tunnel->upstream.read_bytes;
}
