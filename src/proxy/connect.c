#include "proxy/connect.h"

#include <errno.h>

#include "base/assert.h"
#include "os/socket.h"

static void connect_close(struct connect *connect) {
    if (connect->descriptor < 0)
        return;
    loop_forget(connect->context->loop, &connect->source);
    socket_close(connect->descriptor);
    connect->descriptor = -1;
}

static void connect_finish(struct connect *connect, enum connect_outcome outcome) {
    connect->outcome = outcome;
    timer_cancel(&connect->context->timers, &connect->timer);
    if (outcome != CONNECT_DONE)
        connect_close(connect);
    connect->done(connect, outcome);
}

void connect_take(struct connect *connect, struct transport *transport) {
    ASSERT(connect->outcome == CONNECT_DONE && connect->descriptor >= 0);
    connect->descriptor = -1;
    transport_init_connected(transport, connect->context, &connect->source, connect->events);
}

/* Told from the ready list: what failed or succeeded before connect_start returned. */
static void connect_ready(struct ready_link *link) {
    struct connect *connect = CONTAINER_OF(link, struct connect, ready);
    connect_finish(connect, connect->outcome);
}

static void connect_event(struct loop_source *source, unsigned events) {
    struct connect *connect = CONTAINER_OF(source, struct connect, source);
    connect->events |= events;
    if ((events & (LOOP_WRITABLE | LOOP_HANGUP)) == 0 || list_is_linked(&connect->ready.link))
        return;
    /* What failed says so by its events. */
    connect->error = events & LOOP_HANGUP ? socket_error(connect->descriptor) : 0;
    connect->delayed = true;
    connect_finish(connect, connect->error == 0 ? CONNECT_DONE : CONNECT_FAILED);
}

static void connect_expired(struct timer *timer) {
    struct connect *connect = CONTAINER_OF(timer, struct connect, timer);
    list_remove(&connect->ready.link);
    connect->delayed = true;
    connect_finish(connect, CONNECT_TIMED_OUT);
}

void connect_init(struct connect *connect, struct proxy_context *context, void (*done)(struct connect *connect, enum connect_outcome outcome)) {
    *connect = (struct connect){.context = context, .descriptor = -1, .done = done};
    connect->source.descriptor = -1;
    connect->ready.function = connect_ready;
    list_init(&connect->ready.link);
    timer_init(&connect->timer, connect_expired);
}

void connect_start(struct connect *connect, const struct network_address *address, uint64_t timeout_ns) {
    struct proxy_context *context = connect->context;
    ASSERT(connect->descriptor < 0 && !list_is_linked(&connect->ready.link));
    connect->error = 0;
    connect->events = 0;
    connect->delayed = false;
    int result = socket_connect(address, &connect->descriptor);
    if (result == 0 || result == -EINPROGRESS) {
        int added = loop_add(context->loop, &connect->source, connect->descriptor, connect_event);
        if (added < 0) {
            socket_close(connect->descriptor);
            connect->descriptor = -1;
            result = added;
        }
    }
    if (result == -EINPROGRESS) {
        if (timeout_ns > 0)
            timer_set(&context->timers, &connect->timer, context->now_ns, timeout_ns);
        return;
    }
    connect->outcome = result == 0 ? CONNECT_DONE : CONNECT_FAILED;
    connect->error = -result;
    context_make_ready(context, &connect->ready);
}

void connect_cancel(struct connect *connect) {
    list_remove(&connect->ready.link);
    timer_cancel(&connect->context->timers, &connect->timer);
    connect_close(connect);
}

struct connect_word {
    int error;
    struct span delayed, immediate;
};

#define CONNECT_WORD(error, text) \
    { error, SPAN_LITERAL("delayed_connect_error:_" text), SPAN_LITERAL("immediate_connect_error:_" text) }

static const struct connect_word connect_words[] = {
    /* Envoy's errorDetails: strerror's text, spaces replaced */
    CONNECT_WORD(ECONNREFUSED, "Connection_refused"),
    CONNECT_WORD(ECONNRESET, "Connection_reset_by_peer"),
    CONNECT_WORD(ECONNABORTED, "Software_caused_connection_abort"),
    CONNECT_WORD(ETIMEDOUT, "Connection_timed_out"),
    CONNECT_WORD(ENETUNREACH, "Network_is_unreachable"),
    CONNECT_WORD(ENETDOWN, "Network_is_down"),
    CONNECT_WORD(EHOSTUNREACH, "No_route_to_host"),
    CONNECT_WORD(EHOSTDOWN, "Host_is_down"),
    CONNECT_WORD(EADDRNOTAVAIL, "Cannot_assign_requested_address"),
    CONNECT_WORD(EADDRINUSE, "Address_already_in_use"),
    CONNECT_WORD(EAFNOSUPPORT, "Address_family_not_supported_by_protocol"),
    CONNECT_WORD(EACCES, "Permission_denied"),
    CONNECT_WORD(EPERM, "Operation_not_permitted"),
    CONNECT_WORD(EINVAL, "Invalid_argument"),
    CONNECT_WORD(EMFILE, "Too_many_open_files"),
    CONNECT_WORD(ENFILE, "Too_many_open_files_in_system"),
    CONNECT_WORD(ENOBUFS, "No_buffer_space_available"),
    CONNECT_WORD(ENOMEM, "Cannot_allocate_memory"),
    CONNECT_WORD(EPROTO, "Protocol_error"),
};

struct span connect_reason(const struct connect *connect) {
    if (connect->error == 0)
        return SPAN_EMPTY;
    for (size_t i = 0; i < ARRAY_SIZE(connect_words); i++)
        if (connect_words[i].error == connect->error)
            return connect->delayed ? connect_words[i].delayed : connect_words[i].immediate;
    return connect->delayed ? SPAN_LITERAL("delayed_connect_error:_Unknown_error") : SPAN_LITERAL("immediate_connect_error:_Unknown_error");
}
