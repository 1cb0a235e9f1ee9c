#include "worker/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/socket.h"

struct acceptor {
    struct acceptor_set *set;
    struct list link;
    struct loop_source source;
    int descriptor;
    uint32_t id;
    uint64_t turn; /* when connections waited last */
    int burst;     /* how many are taken in a turn */
    struct listener_key key;
    struct grave grave;
};

static void acceptor_readable(struct loop_source *source, unsigned events);

static void acceptor_listen(struct acceptor *acceptor) {
    int result = loop_add_level(acceptor->set->context->loop, &acceptor->source, acceptor->descriptor, acceptor_readable);
    if (result < 0)
        log_error("port %u is not served by one worker: %s", acceptor->key.port, strerror(-result));
}

static void acceptor_set_resume(struct timer *timer) {
    struct acceptor_set *set = CONTAINER_OF(timer, struct acceptor_set, pause);
    LIST_FOR_EACH(link, &set->acceptors)
        acceptor_listen(CONTAINER_OF(link, struct acceptor, link));
}

/* The sockets are level-triggered: without a pause they would wake the worker without end. */
static void acceptor_set_pause(struct acceptor_set *set, int error) {
    struct proxy_context *context = set->context;
    if (timer_is_set(&set->pause))
        return;
    if (context->now_ns >= context->next_warning_ns) {
        context->next_warning_ns = context->now_ns + SECONDS(1);
        log_warning("accepting pauses: %s", strerror(error));
    }
    LIST_FOR_EACH(link, &set->acceptors)
        loop_remove(context->loop, &CONTAINER_OF(link, struct acceptor, link)->source);
    timer_set(&context->timers, &set->pause, context->now_ns, WORKER_ACCEPT_PAUSE_NS);
}

/* True when one more may be tried. */
static bool acceptor_accept_one(struct acceptor *acceptor, bool retiring) {
    struct network_address peer;
    int descriptor = -1;
    int result = socket_accept(acceptor->descriptor, &descriptor, &peer);
    switch (-result) {
    case 0:
        connection_accept(acceptor->set->context, descriptor, &peer, &acceptor->key, retiring);
        return true;
    case EAGAIN:
        acceptor->burst = 0;
        return false;
    case EINVAL:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        acceptor_set_pause(acceptor->set, -result);
        return false;
    default:
        /* The network error of one connection that is gone already (accept(2), "Error handling"). */
        return true;
    }
}

/* One in the first turn in which some wait, as there is mostly one and to ask for another costs half of what accepting it would; twice as many in
 * each further turn in a row. */
static int acceptor_next_burst(struct acceptor *acceptor) {
    uint64_t turn = acceptor->set->context->turn;
    int burst = turn == acceptor->turn + 1 ? acceptor->burst * 2 : 1;
    acceptor->turn = turn;
    acceptor->burst = burst < 1 ? 1 : burst > WORKER_ACCEPTS_PER_TURN ? WORKER_ACCEPTS_PER_TURN : burst;
    return acceptor->burst;
}

static void acceptor_readable(struct loop_source *source, unsigned events) {
    (void)events;
    struct acceptor *acceptor = CONTAINER_OF(source, struct acceptor, source);
    struct newcomers *newcomers = &acceptor->set->context->newcomers;
    int burst = acceptor_next_burst(acceptor);
    /* Level-triggered: what waits in the queue is told of again. */
    if (!newcomers_have_time(newcomers))
        return;
    uint64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < burst && (i == 0 || clock_monotonic_ns() - start_ns < HANDSHAKE_ACCEPT_NS); i++)
        if (!acceptor_accept_one(acceptor, false))
            break;
    newcomers_spend(newcomers, start_ns);
}

void acceptor_set_init(struct acceptor_set *set, struct proxy_context *context) {
    set->context = context;
    list_init(&set->acceptors);
    timer_init(&set->pause, acceptor_set_resume);
}

void acceptor_add(struct acceptor_set *set, uint32_t id, int descriptor, const struct listener_key *key) {
    struct acceptor *acceptor = memory_allocate_zeroed(1, sizeof(*acceptor));
    acceptor->set = set;
    acceptor->source.descriptor = -1;
    acceptor->descriptor = descriptor;
    acceptor->id = id;
    acceptor->key = *key;
    list_push_back(&set->acceptors, &acceptor->link);
    if (!timer_is_set(&set->pause))
        acceptor_listen(acceptor);
}

static void acceptor_free(struct grave *grave) {
    free(CONTAINER_OF(grave, struct acceptor, grave));
}

static void acceptor_close(struct acceptor *acceptor) {
    struct proxy_context *context = acceptor->set->context;
    list_remove(&acceptor->link);
    loop_remove(context->loop, &acceptor->source);
    socket_close(acceptor->descriptor);
    acceptor->grave.free_owner = acceptor_free;
    context_bury(context, &acceptor->grave);
}

void acceptor_remove(struct acceptor_set *set, uint32_t id) {
    LIST_FOR_EACH_SAFE(link, &set->acceptors) {
        struct acceptor *acceptor = CONTAINER_OF(link, struct acceptor, link);
        if (acceptor->id != id)
            continue;
        /* No more than its queue can hold: those who keep calling must not keep it open. */
        for (int i = 0; i < SOCKET_BACKLOG && acceptor_accept_one(acceptor, true); i++)
            ;
        acceptor_close(acceptor);
        return;
    }
}

void acceptor_set_deinit(struct acceptor_set *set) {
    timer_cancel(&set->context->timers, &set->pause);
    LIST_FOR_EACH_SAFE(link, &set->acceptors)
        acceptor_close(CONTAINER_OF(link, struct acceptor, link));
}
