#include "server/local_service.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "http/http1_server.h"
#include "os/socket.h"

#define WRITE_VECTORS_MAX 16
#define ARENA_BLOCK_BYTES 4096

struct local_connection {
    struct list link;
    struct local_service *service;
    struct loop_source source;
    struct timer deadline;
    struct http1_server session;
    struct http_stream *stream; /* NULL: none is open */
    struct buffer output;
    struct arena arena;
    const struct message_head *head;
    struct builder body;
    struct builder answer;
    size_t answer_sent; /* into the session */
    bool answering;     /* the head of the answer is with the session */
    bool output_ended;  /* what still comes is read and thrown away until the peer closes */
    bool ended;
};

/* --- A connection's end --- */

/* The memory goes after the turn: loop and timers may still hold the object, and the session may be on the stack. */
static void connection_end(struct local_connection *connection) {
    struct local_service *service = connection->service;
    if (connection->ended)
        return;
    connection->ended = true;
    timer_cancel(service->timers, &connection->deadline);
    int descriptor = connection->source.descriptor;
    loop_remove(service->loop, &connection->source);
    socket_close(descriptor);
    list_remove(&connection->link);
    list_push_back(&service->ended, &connection->link);
    service->connection_count--;
}

static void connection_drop_answer(struct local_connection *connection) {
    connection->service->answer_bytes -= connection->answer.size;
    builder_deinit(&connection->answer);
}

static void connection_free(struct local_connection *connection) {
    http_server_deinit(&connection->session.base);
    buffer_reset(&connection->output);
    builder_deinit(&connection->body);
    connection_drop_answer(connection);
    arena_deinit(&connection->arena);
    free(connection);
}

static void connection_expired(struct timer *timer) {
    connection_end(CONTAINER_OF(timer, struct local_connection, deadline));
}

static void connection_extend(struct local_connection *connection, uint64_t delay_ns) {
    timer_set(connection->service->timers, &connection->deadline, clock_monotonic_ns(), delay_ns);
}

/* --- The answer --- */

/* As much as the output may hold; the rest when it was written. */
static void connection_pump(struct local_connection *connection) {
    while (connection->answering && connection->stream != NULL && connection->output.size < BUFFER_HIGH_WATER_BYTES) {
        struct span rest = span_from(builder_span(&connection->answer), connection->answer_sent);
        struct span piece = span_first(rest, BUFFER_LOW_WATER_BYTES);
        bool sent = piece.size > 0 ? http_server_send_body(connection->stream, piece) : http_server_send_end(connection->stream, NULL, 0);
        connection->answer_sent += piece.size;
        if (!sent)
            http_server_abort(connection->stream, CLOSE_REASON_LOCAL_RESET);
    }
}

static void connection_send(struct local_connection *connection, struct local_answer *answer) {
    struct message_head head;
    message_head_init(&head, &connection->arena, 0);
    head.version = HTTP_1_1;
    head.status = answer->status;
    connection->answer = answer->text;
    connection->service->answer_bytes += answer->text.size;
    connection->answering = true;
    message_head_add(&head, HEADER_CONTENT_LENGTH, arena_print(&connection->arena, "%zu", answer->text.size));
    message_head_add(&head, HEADER_CACHE_CONTROL, SPAN_LITERAL("no-store"));
    if (answer->content_type != NULL) {
        message_head_add(&head, HEADER_CONTENT_TYPE, span_of(answer->content_type));
        message_head_add_name(&head, SPAN_LITERAL("x-content-type-options"), SPAN_LITERAL("nosniff"));
    }
    if (answer->allow != NULL)
        message_head_add_name(&head, SPAN_LITERAL("allow"), span_of(answer->allow));
    connection_extend(connection, LOCAL_SERVICE_ANSWER_NS);
    if (!http_server_send_head(connection->stream, &head, answer->text.size == 0) && connection->stream != NULL)
        http_server_abort(connection->stream, CLOSE_REASON_LOCAL_RESET);
    connection_pump(connection);
}

static void connection_refuse(struct local_connection *connection, int status) {
    struct local_answer answer = {.status = status};
    connection_send(connection, &answer);
}

/* The path of "/a?b" or "http://host/a?b": the engine gives the origin form. */
static void connection_answer(struct local_connection *connection) {
    struct local_service *service = connection->service;
    struct local_request request = {.head = connection->head, .path = connection->head->path, .body = builder_span(&connection->body),
                                    .arena = &connection->arena};
    size_t question;
    if (span_find_byte(request.path, '?', &question)) {
        request.query = span_from(request.path, question + 1);
        request.path = span_first(request.path, question);
    }
    if (service->answer_bytes > LOCAL_SERVICE_ANSWERS_BYTES_MAX) {
        connection_refuse(connection, 503);
        return;
    }
    struct local_answer answer = {.status = 0};
    service->function(service->argument, &request, &answer);
    ASSERT(answer.status >= 200);
    connection_send(connection, &answer);
}

/* --- Events of the session --- */

static struct arena *on_stream_begin(void *owner, struct http_stream *stream) {
    struct local_connection *connection = owner;
    connection->stream = stream;
    return &connection->arena;
}

static void on_request_head(void *owner, struct http_stream *stream, struct message_head *head, bool ends) {
    struct local_connection *connection = owner;
    /* One request a connection: so no peer can keep one busy. */
    http_server_begin_drain(stream->server);
    connection->head = head;
    if (ends)
        connection_answer(connection);
}

static void on_request_body(void *owner, struct http_stream *stream, struct span bytes) {
    (void)stream;
    struct local_connection *connection = owner;
    if (connection->answering)
        return;
    if (connection->body.size + bytes.size > LOCAL_SERVICE_BODY_BYTES_MAX)
        connection_refuse(connection, 413);
    else
        builder_put(&connection->body, bytes);
}

static void on_request_end(void *owner, struct http_stream *stream, struct header *trailers, size_t count) {
    (void)stream;
    (void)trailers;
    (void)count;
    struct local_connection *connection = owner;
    if (!connection->answering)
        connection_answer(connection);
}

static void on_request_rejected(void *owner, struct http_stream *stream, enum http1_fault fault) {
    (void)stream;
    struct local_connection *connection = owner;
    if (!connection->answering)
        connection_refuse(connection, http1_fault_status(fault));
}

static void on_stream_failed(void *owner, struct http_stream *stream, enum close_reason reason) {
    (void)owner;
    (void)stream;
    (void)reason;
}

static void on_stream_closed(void *owner, struct http_stream *stream) {
    (void)stream;
    struct local_connection *connection = owner;
    connection->stream = NULL;
}

static const struct http_server_events local_events = {
    .stream_begin = on_stream_begin,
    .request_head = on_request_head,
    .request_body = on_request_body,
    .request_end = on_request_end,
    .request_rejected = on_request_rejected,
    .stream_failed = on_stream_failed,
    .stream_closed = on_stream_closed,
};

/* --- The wire --- */

/* False: the peer is gone. */
static bool connection_write(struct local_connection *connection) {
    while (connection->output.size > 0) {
        struct iovec vectors[WRITE_VECTORS_MAX];
        int count = buffer_vectors(&connection->output, vectors, WRITE_VECTORS_MAX);
        ssize_t written = socket_write_vectors(connection->source.descriptor, vectors, count);
        if (written == -EAGAIN)
            return true;
        if (written < 0 && written != -EINTR)
            return false;
        if (written > 0)
            buffer_consume(&connection->output, (size_t)written);
        connection_pump(connection);
    }
    return true;
}

/* Once all is written: FIN, and the rest of the peer's bytes is awaited, so that none of them turns the close into a reset. */
static void connection_settle(struct local_connection *connection) {
    enum http_session_status status = http_server_status(&connection->session.base);
    if (status == HTTP_SESSION_BROKEN || !connection_write(connection)) {
        connection_end(connection);
        return;
    }
    status = http_server_status(&connection->session.base);
    bool over = status == HTTP_SESSION_CLOSING || status == HTTP_SESSION_LINGER;
    if (!over || connection->output.size > 0 || connection->output_ended)
        return;
    /* Whoever asks again at once must not find the memory of what they have got still counted. */
    connection_drop_answer(connection);
    socket_end(connection->source.descriptor);
    connection->output_ended = true;
    connection_extend(connection, DEADLINE_LINGER_NS);
}

static void connection_event(struct loop_source *source, unsigned events) {
    (void)events;
    struct local_connection *connection = CONTAINER_OF(source, struct local_connection, source);
    char bytes[LOCAL_SERVICE_READ_BYTES];
    bool ended = false;
    /* A bounded number of readings: a peer that floods us gets its next turn with its next bytes, or its deadline. */
    for (size_t i = 0; i < LOCAL_SERVICE_READS_PER_TURN; i++) {
        ssize_t got = socket_read(source->descriptor, bytes, sizeof(bytes));
        if (got == -EAGAIN || got == -EINTR)
            break;
        if (got < 0 || (got == 0 && connection->output_ended)) {
            connection_end(connection);
            return;
        }
        size_t consumed;
        if (got == 0)
            ended = true;
        else if (!connection->output_ended)
            (void)http_server_receive(&connection->session.base, span_make(bytes, (size_t)got), &consumed);
        if (ended) {
            (void)http_server_receive_end(&connection->session.base);
            break;
        }
    }
    connection_settle(connection);
}

static void service_accept(struct local_service *service, int descriptor) {
    if (service->connection_count == LOCAL_SERVICE_CONNECTIONS_MAX)
        connection_end(CONTAINER_OF(service->connections.next, struct local_connection, link));
    struct local_connection *connection = memory_allocate_zeroed(1, sizeof(*connection));
    connection->service = service;
    connection->source.descriptor = -1;
    list_init(&connection->link);
    timer_init(&connection->deadline, connection_expired);
    arena_init(&connection->arena, ARENA_BLOCK_BYTES);
    buffer_init(&connection->output, &service->chunks);
    http1_server_init(&connection->session, &local_events, connection, &connection->output);
    if (loop_add(service->loop, &connection->source, descriptor, connection_event) < 0) {
        socket_close(descriptor);
        connection_free(connection);
        return;
    }
    list_push_back(&service->connections, &connection->link);
    service->connection_count++;
    connection_extend(connection, LOCAL_SERVICE_REQUEST_NS);
    connection_event(&connection->source, 0);
}

static void service_event(struct loop_source *source, unsigned events) {
    (void)events;
    struct local_service *service = CONTAINER_OF(source, struct local_service, source);
    for (size_t i = 0; i < WORKER_ACCEPTS_PER_TURN; i++) {
        int descriptor;
        struct network_address peer;
        int result = socket_accept(source->descriptor, &descriptor, &peer);
        if (result == -EAGAIN || result == -EMFILE || result == -ENFILE)
            return;
        if (result == 0)
            service_accept(service, descriptor);
    }
}

void local_service_init(struct local_service *service, struct loop *loop, struct timer_wheel *timers, local_service_function *function,
                        void *argument) {
    *service = (struct local_service){.loop = loop, .timers = timers, .function = function, .argument = argument};
    service->source.descriptor = -1;
    list_init(&service->connections);
    list_init(&service->ended);
    size_t chunks_max = LOCAL_SERVICE_CONNECTIONS_MAX * (2 * BUFFER_HIGH_WATER_BYTES / BUFFER_CHUNK_BYTES);
    pool_init(&service->chunks, sizeof(struct buffer_chunk), chunks_max, 0);
}

int local_service_listen(struct local_service *service, int descriptor) {
    ASSERT(!service->listening);
    int result = loop_add_level(service->loop, &service->source, descriptor, service_event);
    service->listening = result == 0;
    return result;
}

void local_service_deinit(struct local_service *service) {
    if (!service->listening)
        return;
    while (!list_is_empty(&service->connections))
        connection_end(CONTAINER_OF(service->connections.next, struct local_connection, link));
    local_service_collect(service);
    int descriptor = service->source.descriptor;
    loop_remove(service->loop, &service->source);
    socket_close(descriptor);
    service->listening = false;
    pool_deinit(&service->chunks);
}

void local_service_collect(struct local_service *service) {
    struct list *link;
    while (service->listening && (link = list_pop_front(&service->ended)) != NULL)
        connection_free(CONTAINER_OF(link, struct local_connection, link));
}
