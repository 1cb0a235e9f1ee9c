/* An HTTP session over a downstream transport: bytes in, bytes out once a turn, deadlines, lingering. The exchanges do the rest. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "http/http1_server.h"
#include "http/http2_server.h"
#include "proxy/exchange_internal.h"

enum http_phase {
    HTTP_SERVING,
    HTTP_LINGERING, /* the last bytes go out, then our half-close; input is thrown away */
    HTTP_CLOSED,    /* the owner was told */
};

/* What the timer waits for. IDLE is set lazily: it looks at `activity_ns` when it fires. HTTP/2 knows TICK and LINGER only. */
enum http_deadline { HTTP_DEADLINE_IDLE, HTTP_DEADLINE_HEAD, HTTP_DEADLINE_HALF_CLOSED, HTTP_DEADLINE_TICK, HTTP_DEADLINE_LINGER };

/* RFC 9113 section 3.4: how a client with prior knowledge begins, and no HTTP/1 request does. */
#define PREFACE SPAN_LITERAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

struct http_connection {
    struct proxy_context *context;
    struct transport *transport;
    const struct downstream_facts *facts;
    void *owner;
    void (*closed)(void *owner);
    struct pinned_snapshot *(*begin)(void *owner, const struct filter_chain **ret_chain);
    union {
        struct http1_server http1;
        struct http2_server http2;
    } engine;
    struct http_server *server; /* in `engine` */
    bool multiplexed;           /* HTTP/2 */
    bool undecided;             /* no ALPN said which, and so far all bytes are those of the preface: */
    uint8_t preface_size;       /* so many; none of them was given to a session */
    struct ready_link ready;    /* HTTP/2: settles once a turn */
    struct list exchanges; /* under way, the oldest first; HTTP/1: one at most */
    enum http_phase phase;
    enum http_deadline deadline;
    struct timer timer;
    struct grave grave;
    uint64_t activity_ns;
    size_t linger_output;  /* bytes that were left when the linger timer was set */
    bool receiving;        /* inside the session: settle later */
    bool held;             /* by the upstream's back-pressure */
    bool waits_for_stream; /* unread bytes of the next request */
};

/* --- What exchanges ask --- */

const struct downstream_facts *http_connection_facts(const struct http_connection *http) {
    return http->facts;
}

struct network_address http_connection_local(const struct http_connection *http) {
    return downstream_local(http->facts, http->transport);
}

void http_connection_add(struct http_connection *http, struct exchange *exchange) {
    list_push_back(&http->exchanges, &exchange->link);
}

void http_connection_remove(struct http_connection *http, struct exchange *exchange) {
    list_remove(&exchange->link);
    if (!http->multiplexed)
        http_connection_hold(exchange, false);
}

/* The oldest exchange; NULL when none is under way. */
static struct exchange *oldest_exchange(const struct http_connection *http) {
    return list_is_empty(&http->exchanges) ? NULL : CONTAINER_OF(http->exchanges.next, struct exchange, link);
}

struct pinned_snapshot *http_connection_begin(struct http_connection *http, const struct filter_chain **ret_chain) {
    return http->begin(http->owner, ret_chain);
}

struct proxy_context *http_connection_context(struct http_connection *http) {
    return http->context;
}

void http_connection_flush(struct http_connection *http) {
    if (!http->receiving)
        http_server_produce(http->server);
    (void)transport_flush(http->transport);
}

void http_connection_end_output(struct http_connection *http) {
    if (http->phase == HTTP_SERVING && !http->multiplexed)
        transport_end(http->transport);
}

void http_connection_set_reset(struct http_connection *http) {
    if (!http->multiplexed)
        transport_set_reset(http->transport);
}

bool http_connection_is_multiplexed(const struct http_connection *http) {
    return http->multiplexed;
}

bool http_connection_is_behind(const struct exchange *exchange) {
    const struct http_connection *http = exchange->http;
    if (http->multiplexed)
        return http_server_stream_is_behind(exchange->stream);
    return transport_output_size(http->transport) > BUFFER_HIGH_WATER_BYTES;
}

static void update_reading(struct http_connection *http) {
    if (http->phase == HTTP_SERVING && (http->held || http->waits_for_stream))
        transport_pause(http->transport);
    else if (!http->transport->peer_ended)
        transport_resume(http->transport);
}

void http_connection_hold(struct exchange *exchange, bool hold) {
    struct http_connection *http = exchange->http;
    if (http->multiplexed) {
        if (exchange->held != hold)
            (hold ? http_server_pause : http_server_resume)(exchange->stream);
        exchange->held = hold;
        return;
    }
    if (http->phase != HTTP_SERVING || http->held == hold)
        return;
    http->held = hold;
    update_reading(http);
}

/* --- Closing --- */

static void set_deadline(struct http_connection *http, enum http_deadline deadline, uint64_t delay_ns) {
    http->deadline = deadline;
    timer_set(&http->context->timers, &http->timer, http->context->now_ns, delay_ns);
}

static void close_now(struct http_connection *http) {
    if (http->phase == HTTP_CLOSED)
        return;
    http->phase = HTTP_CLOSED;
    timer_cancel(&http->context->timers, &http->timer);
    http->closed(http->owner);
}

static void linger_check(struct http_connection *http) {
    const struct transport *transport = http->transport;
    if (transport->broken || (transport->peer_ended && transport->end_sent))
        close_now(http);
}

static void linger_begin(struct http_connection *http) {
    http->phase = HTTP_LINGERING;
    http->held = false;
    http->waits_for_stream = false;
    transport_end(http->transport);
    http->linger_output = transport_output_size(http->transport);
    set_deadline(http, HTTP_DEADLINE_LINGER, DEADLINE_LINGER_NS);
    update_reading(http);
    linger_check(http);
}

static void linger_read(struct http_connection *http) {
    struct span bytes;
    while (http->transport->reading && transport_read(http->transport, &bytes) == TRANSPORT_OK)
        continue;
    if (http->transport->peer_ended)
        transport_pause(http->transport);
    linger_check(http);
}

/* Two seconds count from the moment when our last byte went out, or no further byte goes. */
static void linger_expired(struct http_connection *http) {
    size_t left = transport_output_size(http->transport);
    if (left == 0 || left == http->linger_output) {
        close_now(http);
        return;
    }
    http->linger_output = left;
    set_deadline(http, HTTP_DEADLINE_LINGER, DEADLINE_LINGER_NS);
}

static void client_gone(struct http_connection *http, enum close_reason reason) {
    LIST_FOR_EACH_SAFE(link, &http->exchanges)
        exchange_client_gone(CONTAINER_OF(link, struct exchange, link), reason);
    close_now(http);
}

/* --- Settling --- */

/* The exchange whose head is still on its way; NULL when there is none. */
static struct exchange *exchange_in_head(const struct http_connection *http) {
    LIST_FOR_EACH(link, &http->exchanges) {
        struct exchange *exchange = CONTAINER_OF(link, struct exchange, link);
        if (exchange->request == NULL && exchange->response == NULL)
            return exchange;
    }
    return NULL;
}

static void update_deadline(struct http_connection *http) {
    if (http->multiplexed)
        return;
    bool in_head = (http->undecided && http->preface_size > 0) || exchange_in_head(http) != NULL;
    if (in_head && http->deadline != HTTP_DEADLINE_HEAD)
        set_deadline(http, HTTP_DEADLINE_HEAD, DEADLINE_REQUEST_HEAD_NS);
    else if (!in_head && http->deadline == HTTP_DEADLINE_HEAD)
        set_deadline(http, HTTP_DEADLINE_IDLE, DEADLINE_IDLE_NS);
}

static void settle_open(struct http_connection *http, enum http_session_status status) {
    if (http->waits_for_stream && status != HTTP_SESSION_PAUSED) {
        http->waits_for_stream = false;
        update_reading(http);
    }
    update_deadline(http);
}

/* Writes until the socket is full or the session has nothing more to say. A failure is told through `failed`, after what can still be read. */
static void flush_all(struct http_connection *http) {
    do {
        http_server_produce(http->server);
        if (http_server_status(http->server) == HTTP_SESSION_BROKEN || http->transport->output.size == 0)
            return;
    } while (transport_flush(http->transport) && http->multiplexed && http->transport->output.size == 0);
}

static void settle_now(struct http_connection *http) {
    if (http->phase == HTTP_CLOSED || http->receiving)
        return;
    if (http->phase == HTTP_LINGERING) {
        linger_check(http);
        return;
    }
    LIST_FOR_EACH(link, &http->exchanges)
        attempt_flush(CONTAINER_OF(link, struct exchange, link));
    flush_all(http);
    enum http_session_status status = http_server_status(http->server);
    switch (status) {
    case HTTP_SESSION_OPEN:
    case HTTP_SESSION_PAUSED:
    case HTTP_SESSION_TUNNEL: settle_open(http, status); return;
    case HTTP_SESSION_CLOSING:
    case HTTP_SESSION_LINGER: linger_begin(http); return;
    case HTTP_SESSION_BROKEN: close_now(http); return;
    }
}

static void settle_ready(struct ready_link *ready) {
    settle_now(CONTAINER_OF(ready, struct http_connection, ready));
}

void http_connection_settle_later(struct http_connection *http) {
    http->activity_ns = http->context->now_ns;
    context_make_ready(http->context, &http->ready);
}

void http_connection_settle(struct http_connection *http) {
    if (http->multiplexed && http->phase == HTTP_SERVING) {
        /* The answers of many exchanges go out in one write. */
        context_make_ready(http->context, &http->ready);
        return;
    }
    http->activity_ns = http->context->now_ns;
    settle_now(http);
}

/* --- The protocol --- */

static void begin_http2(struct http_connection *http) {
    http_server_deinit(http->server);
    http2_server_init(&http->engine.http2, &exchange_server_events, http, &http->transport->output, &http->context->http2_memory);
    http->server = &http->engine.http2.base;
    http->multiplexed = true;
    set_deadline(http, HTTP_DEADLINE_TICK, HTTP_SESSION_TICK_NS);
}

/* --- What the connection says --- */

/* False when the rest waits. */
static bool session_receive(struct http_connection *http, struct span bytes) {
    while (bytes.size > 0) {
        size_t consumed = 0;
        enum http_session_status status = http_server_receive(http->server, bytes, &consumed);
        bytes = span_from(bytes, consumed);
        switch (status) {
        case HTTP_SESSION_OPEN:
        case HTTP_SESSION_TUNNEL: break;
        case HTTP_SESSION_PAUSED:
            /* An exchange that ended inside may have made room already. */
            if (consumed > 0 && http_server_status(http->server) != HTTP_SESSION_PAUSED)
                break;
            transport_unread(http->transport, bytes);
            http->waits_for_stream = true;
            update_reading(http);
            return false;
        case HTTP_SESSION_CLOSING:
        case HTTP_SESSION_LINGER:
        case HTTP_SESSION_BROKEN: return false;
        }
    }
    return true;
}

/* False when the rest waits, or is of no interest. */
static bool receive(struct http_connection *http, struct span bytes) {
    if (!http->undecided)
        return session_receive(http, bytes);
    struct span seen = span_first(PREFACE, http->preface_size);
    struct span wanted = span_from(PREFACE, http->preface_size);
    struct span came = span_first(bytes, wanted.size);
    if (span_starts_with(wanted, came)) {
        http->preface_size = (uint8_t)(http->preface_size + came.size);
        if (came.size < wanted.size)
            return true;
        begin_http2(http);
    }
    http->undecided = false;
    /* What was held back is what the preface says. */
    return (seen.size == 0 || session_receive(http, seen)) && session_receive(http, bytes);
}

static bool waits_for_answer(const struct http_connection *http) {
    const struct exchange *exchange = oldest_exchange(http);
    return exchange != NULL && exchange->response == NULL;
}

static void input_ended(struct http_connection *http) {
    transport_pause(http->transport);
    (void)http_server_receive_end(http->server);
    /* Half-closed and waiting for the answer, or gone: the two look alike. */
    if (!http->multiplexed && waits_for_answer(http))
        set_deadline(http, HTTP_DEADLINE_HALF_CLOSED, DEADLINE_HALF_CLOSED_NS);
}

void http_connection_readable(struct http_connection *http) {
    if (http->phase == HTTP_CLOSED)
        return;
    if (http->phase == HTTP_LINGERING) {
        linger_read(http);
        return;
    }
    http->activity_ns = http->context->now_ns;
    http->receiving = true;
    bool broken = false, more = true;
    while (more && http->transport->reading) {
        struct span bytes;
        switch (transport_read(http->transport, &bytes)) {
        case TRANSPORT_OK: more = receive(http, bytes); break;
        case TRANSPORT_WAIT: more = false; break;
        case TRANSPORT_ENDED:
            input_ended(http);
            more = false;
            break;
        case TRANSPORT_BROKEN:
            broken = true;
            more = false;
            break;
        }
    }
    http->receiving = false;
    if (broken)
        client_gone(http, CLOSE_REASON_DOWNSTREAM_CLOSED);
    else
        settle_now(http);
}

void http_connection_drained(struct http_connection *http) {
    if (http->phase == HTTP_CLOSED)
        return;
    http->activity_ns = http->context->now_ns;
    if (http->phase == HTTP_SERVING && !http->multiplexed) {
        LIST_FOR_EACH(link, &http->exchanges)
            attempt_downstream_drained(CONTAINER_OF(link, struct exchange, link));
    }
    settle_now(http);
}

void http_connection_failed(struct http_connection *http) {
    if (http->phase != HTTP_CLOSED)
        client_gone(http, CLOSE_REASON_DOWNSTREAM_CLOSED);
}

void http_connection_drain(struct http_connection *http) {
    if (http->phase != HTTP_SERVING)
        return;
    http_server_begin_drain(http->server);
    http_connection_settle(http);
}

/* --- Deadlines --- */

static void idle_expired(struct http_connection *http) {
    uint64_t idle_ns = http->context->now_ns - http->activity_ns;
    if (idle_ns < DEADLINE_IDLE_NS) {
        set_deadline(http, HTTP_DEADLINE_IDLE, DEADLINE_IDLE_NS - idle_ns);
        return;
    }
    if (list_is_empty(&http->exchanges)) {
        close_now(http);
        return;
    }
    set_deadline(http, HTTP_DEADLINE_IDLE, DEADLINE_IDLE_NS);
    LIST_FOR_EACH_SAFE(link, &http->exchanges)
        exchange_idle_expired(CONTAINER_OF(link, struct exchange, link));
    http_connection_settle(http);
}

static void tick(struct http_connection *http) {
    uint64_t now_ns = http->context->now_ns;
    const struct exchange *in_head = exchange_in_head(http);
    if (in_head != NULL && now_ns - in_head->start_ns >= DEADLINE_REQUEST_HEAD_NS) {
        client_gone(http, CLOSE_REASON_REQUEST_HEAD_TIMEOUT);
        return;
    }
    http_server_tick(http->server);
    LIST_FOR_EACH_SAFE(link, &http->exchanges) {
        struct exchange *exchange = CONTAINER_OF(link, struct exchange, link);
        if (now_ns - exchange->activity_ns >= DEADLINE_IDLE_NS)
            exchange_idle_expired(exchange);
    }
    if (list_is_empty(&http->exchanges) && now_ns - http->activity_ns >= DEADLINE_IDLE_NS)
        http_server_begin_drain(http->server);
    set_deadline(http, HTTP_DEADLINE_TICK, HTTP_SESSION_TICK_NS);
    settle_now(http);
}

static void timer_fired(struct timer *timer) {
    struct http_connection *http = CONTAINER_OF(timer, struct http_connection, timer);
    switch (http->deadline) {
    case HTTP_DEADLINE_IDLE: idle_expired(http); return;
    case HTTP_DEADLINE_TICK: tick(http); return;
    case HTTP_DEADLINE_LINGER: linger_expired(http); return;
    case HTTP_DEADLINE_HALF_CLOSED:
        if (waits_for_answer(http))
            client_gone(http, CLOSE_REASON_DOWNSTREAM_CLOSED);
        else
            set_deadline(http, HTTP_DEADLINE_IDLE, DEADLINE_IDLE_NS);
        return;
    case HTTP_DEADLINE_HEAD:
        if (http->undecided) {
            client_gone(http, CLOSE_REASON_REQUEST_HEAD_TIMEOUT);
            return;
        }
        exchange_head_expired(exchange_in_head(http));
        http_connection_settle(http);
        return;
    }
}

/* --- Life --- */

struct http_connection *http_connection_create(struct proxy_context *context, struct transport *transport,
                                               const struct downstream_facts *facts, void *owner, void (*closed)(void *owner),
                                               struct pinned_snapshot *(*begin)(void *owner, const struct filter_chain **ret_chain)) {
    struct http_connection *http = memory_allocate_zeroed(1, sizeof(*http));
    http->context = context;
    http->transport = transport;
    http->facts = facts;
    http->owner = owner;
    http->closed = closed;
    http->begin = begin;
    list_init(&http->exchanges);
    http->activity_ns = context->now_ns;
    list_init(&http->ready.link);
    http->ready.function = settle_ready;
    http1_server_init(&http->engine.http1, &exchange_server_events, http, &transport->output);
    http->server = &http->engine.http1.base;
    http->undecided = facts->alpn.size == 0;
    timer_init(&http->timer, timer_fired);
    if (span_equal(facts->alpn, SPAN_LITERAL("h2")))
        begin_http2(http);
    else
        set_deadline(http, HTTP_DEADLINE_IDLE, DEADLINE_IDLE_NS);
    return http;
}

static void http_connection_free(struct grave *grave) {
    free(CONTAINER_OF(grave, struct http_connection, grave));
}

void http_connection_destroy(struct http_connection *http) {
    http->phase = HTTP_CLOSED;
    timer_cancel(&http->context->timers, &http->timer);
    list_remove(&http->ready.link);
    enum close_reason reason = http_server_close_reason(http->server);
    if (reason != CLOSE_REASON_NONE)
        counter_add(&http->context->counters.sessions_closed[reason], 1);
    http_server_deinit(http->server);
    http->grave.free_owner = http_connection_free;
    context_bury(http->context, &http->grave);
}
