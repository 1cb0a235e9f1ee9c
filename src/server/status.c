#include "server/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/socket.h"

#define READY_PATH "/healthz/ready"

struct status_connection {
    struct list link;
    struct status *status;
    struct loop_source source;
    struct timer deadline;
    bool answered; /* what still comes is read and thrown away until the peer closes */
    size_t size;
    char bytes[STATUS_REQUEST_BYTES_MAX];
};

static bool head_is_whole(struct span bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        struct span rest = span_from(bytes, i);
        if (span_starts_with(rest, SPAN_LITERAL("\n\r\n")) || span_starts_with(rest, SPAN_LITERAL("\n\n")))
            return true;
    }
    return false;
}

/* The path of "/a?b" or "http://host/a?b", without its query. */
static struct span target_path(struct span target) {
    struct span path = target;
    size_t offset;
    if (span_starts_with_ignore_case(path, SPAN_LITERAL("http://"))) {
        path = span_from(path, 7);
        path = span_find_byte(path, '/', &offset) ? span_from(path, offset) : SPAN_LITERAL("/");
    }
    return span_find_byte(path, '?', &offset) ? span_first(path, offset) : path;
}

enum status_request status_request_parse(struct span bytes) {
    if (!head_is_whole(bytes))
        return STATUS_REQUEST_INCOMPLETE;
    struct span rest = bytes, line, method = SPAN_EMPTY, target = SPAN_EMPTY, version = SPAN_EMPTY;
    bool found;
    /* RFC 9112 section 2.2: empty lines before the request line are ignored. */
    do {
        found = span_split(&rest, '\n', &line);
        if (found && span_ends_with(line, SPAN_LITERAL("\r")))
            line.size--;
    } while (found && line.size == 0);
    if (!found || !span_split(&line, ' ', &method) || !span_split(&line, ' ', &target) || !span_split(&line, ' ', &version))
        return STATUS_REQUEST_BAD;
    if (line.data != NULL || !span_starts_with(version, SPAN_LITERAL("HTTP/1.")) || version.size != 8)
        return STATUS_REQUEST_BAD;
    if (!span_starts_with(target_path(target), SPAN_LITERAL(READY_PATH)))
        return STATUS_REQUEST_NOT_FOUND;
    if (!span_equal(method, SPAN_LITERAL("GET")) && !span_equal(method, SPAN_LITERAL("HEAD")))
        return STATUS_REQUEST_METHOD_NOT_ALLOWED;
    return STATUS_REQUEST_READY;
}

/* The memory goes after the turn: loop and timers may still hold the object. */
static void connection_end(struct status_connection *connection) {
    struct status *status = connection->status;
    timer_cancel(status->timers, &connection->deadline);
    int descriptor = connection->source.descriptor;
    loop_remove(status->loop, &connection->source);
    socket_close(descriptor);
    list_remove(&connection->link);
    list_push_back(&status->ended, &connection->link);
    status->connection_count--;
}

static void connection_expired(struct timer *timer) {
    connection_end(CONTAINER_OF(timer, struct status_connection, deadline));
}

static const char *answer_text(const struct status *status, enum status_request request) {
    switch (request) {
    case STATUS_REQUEST_READY: return status->ready ? "200 OK" : "503 Service Unavailable";
    case STATUS_REQUEST_NOT_FOUND: return "404 Not Found";
    case STATUS_REQUEST_METHOD_NOT_ALLOWED: return "405 Method Not Allowed\r\nallow: GET, HEAD";
    case STATUS_REQUEST_BAD: return "400 Bad Request";
    case STATUS_REQUEST_INCOMPLETE: break;
    }
    UNREACHABLE();
}

static void connection_answer(struct status_connection *connection, enum status_request request) {
    char text[160];
    int size = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                        answer_text(connection->status, request));
    /* The first bytes on a fresh connection always fit its send buffer; a peer that is gone needs no answer. */
    ssize_t written = socket_write(connection->source.descriptor, text, (size_t)size);
    if (written < 0)
        log_debug("status port: the answer could not be written");
    socket_end(connection->source.descriptor);
    connection->answered = true;
}

static void connection_readable(struct status_connection *connection) {
    for (;;) {
        size_t room = sizeof(connection->bytes) - connection->size;
        ssize_t got = socket_read(connection->source.descriptor, connection->bytes + connection->size, room);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            connection_end(connection);
            return;
        }
        if (connection->answered)
            continue;
        connection->size += (size_t)got;
        enum status_request request = status_request_parse(span_make(connection->bytes, connection->size));
        if (request == STATUS_REQUEST_INCOMPLETE && connection->size == sizeof(connection->bytes))
            request = STATUS_REQUEST_BAD;
        if (request == STATUS_REQUEST_INCOMPLETE)
            continue;
        connection_answer(connection, request);
        connection->size = 0;
    }
}

static void connection_event(struct loop_source *source, unsigned events) {
    (void)events;
    connection_readable(CONTAINER_OF(source, struct status_connection, source));
}

static void status_accept(struct status *status, int descriptor) {
    if (status->connection_count == STATUS_CONNECTIONS_MAX)
        connection_end(CONTAINER_OF(status->connections.next, struct status_connection, link));
    struct status_connection *connection = memory_allocate(sizeof(*connection));
    connection->status = status;
    connection->answered = false;
    connection->size = 0;
    connection->source.descriptor = -1;
    list_init(&connection->link);
    timer_init(&connection->deadline, connection_expired);
    if (loop_add(status->loop, &connection->source, descriptor, connection_event) < 0) {
        socket_close(descriptor);
        free(connection);
        return;
    }
    list_push_back(&status->connections, &connection->link);
    status->connection_count++;
    timer_set(status->timers, &connection->deadline, clock_monotonic_ns(), STATUS_DEADLINE_NS);
    connection_readable(connection);
}

static void status_event(struct loop_source *source, unsigned events) {
    (void)events;
    struct status *status = CONTAINER_OF(source, struct status, source);
    for (size_t i = 0; i < WORKER_ACCEPTS_PER_TURN; i++) {
        int descriptor;
        struct network_address peer;
        int result = socket_accept(source->descriptor, &descriptor, &peer);
        if (result == -EAGAIN || result == -EMFILE || result == -ENFILE)
            return;
        if (result == 0)
            status_accept(status, descriptor);
    }
}

int status_init(struct status *status, struct loop *loop, struct timer_wheel *timers, const struct network_address *address) {
    *status = (struct status){.loop = loop, .timers = timers};
    status->source.descriptor = -1;
    list_init(&status->connections);
    list_init(&status->ended);
    int descriptor;
    int result = socket_listen(address, &descriptor);
    if (result < 0)
        return result;
    result = loop_add_level(loop, &status->source, descriptor, status_event);
    if (result < 0) {
        socket_close(descriptor);
        return result;
    }
    status->listening = true;
    return 0;
}

void status_deinit(struct status *status) {
    if (!status->listening)
        return;
    while (!list_is_empty(&status->connections))
        connection_end(CONTAINER_OF(status->connections.next, struct status_connection, link));
    status_collect(status);
    int descriptor = status->source.descriptor;
    loop_remove(status->loop, &status->source);
    socket_close(descriptor);
    status->listening = false;
}

void status_set_ready(struct status *status, bool ready) {
    status->ready = ready;
}

void status_collect(struct status *status) {
    struct list *link;
    while (status->listening && (link = list_pop_front(&status->ended)) != NULL)
        free(CONTAINER_OF(link, struct status_connection, link));
}
