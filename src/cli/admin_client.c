#include "cli/admin_client.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/http1_client.h"
#include "os/loop.h"
#include "os/socket.h"

#define WRITE_VECTORS_MAX 8

struct asking {
    struct loop *loop;
    struct loop_source source;
    struct arena arena;
    struct pool chunks;
    struct buffer output;
    struct http1_client client;
    struct http_client_stream *stream;
    struct admin_reply *reply;
    bool connected;
    bool complete; /* the answer is whole */
    bool ended;    /* nothing more will come */
    int error;     /* negative errno */
};

static void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    (void)stream;
    struct asking *asking = owner;
    asking->reply->status = head->status;
    asking->complete = ends;
}

static void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    (void)stream;
    struct asking *asking = owner;
    builder_put(&asking->reply->text, bytes);
}

static void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    (void)stream;
    (void)trailers;
    (void)count;
    struct asking *asking = owner;
    asking->complete = true;
}

static void on_informational(void *owner, struct http_client_stream *stream, struct message_head *head) {
    (void)owner;
    (void)stream;
    (void)head;
}

static void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault) {
    (void)stream;
    (void)reason;
    (void)fault;
    struct asking *asking = owner;
    asking->error = -EPROTO;
}

static void on_closed(void *owner, struct http_client_stream *stream) {
    (void)stream;
    struct asking *asking = owner;
    asking->stream = NULL;
    asking->ended = true;
}

static const struct http_client_events asking_events = {
    .response_informational = on_informational,
    .response_head = on_head,
    .response_body = on_body,
    .response_end = on_end,
    .response_failed = on_failed,
    .stream_closed = on_closed,
};

static void asking_fail(struct asking *asking, int error) {
    asking->error = error;
    asking->ended = true;
}

static void asking_write(struct asking *asking) {
    while (asking->output.size > 0 && !asking->ended) {
        struct iovec vectors[WRITE_VECTORS_MAX];
        int count = buffer_vectors(&asking->output, vectors, WRITE_VECTORS_MAX);
        ssize_t written = socket_write_vectors(asking->source.descriptor, vectors, count);
        if (written == -EAGAIN)
            return;
        if (written < 0)
            asking_fail(asking, (int)written);
        else
            buffer_consume(&asking->output, (size_t)written);
    }
}

static void asking_read(struct asking *asking) {
    char bytes[LOCAL_SERVICE_READ_BYTES];
    while (!asking->ended) {
        size_t consumed;
        ssize_t got = socket_read(asking->source.descriptor, bytes, sizeof(bytes));
        if (got == -EAGAIN)
            return;
        if (got < 0)
            asking_fail(asking, (int)got);
        else if (got == 0)
            (void)http_client_receive_end(&asking->client.base);
        else
            (void)http_client_receive(&asking->client.base, span_make(bytes, (size_t)got), &consumed);
        if (got == 0 && !asking->ended)
            asking_fail(asking, -ECONNRESET);
    }
}

static void asking_event(struct loop_source *source, unsigned events) {
    struct asking *asking = CONTAINER_OF(source, struct asking, source);
    if (!asking->connected && (events & (LOOP_WRITABLE | LOOP_HANGUP)) != 0) {
        int error = socket_error(source->descriptor);
        if (error != 0) {
            asking_fail(asking, -error);
            return;
        }
        asking->connected = true;
    }
    if (!asking->connected)
        return;
    asking_write(asking);
    asking_read(asking);
}

static bool asking_send_body(struct asking *asking, struct span body) {
    return body.size == 0 || (http_client_send_body(asking->stream, body) && http_client_send_end(asking->stream, NULL, 0));
}

static void asking_send(struct asking *asking, const char *method, struct span target, struct span body) {
    struct message_head head;
    message_head_init(&head, &asking->arena, 1);
    head.version = HTTP_1_1;
    message_head_set_method(&head, span_of(method));
    head.authority = SPAN_LITERAL("localhost");
    head.path = target;
    asking->stream = http_client_open(&asking->client.base, &asking->arena, asking);
    if (body.size > 0)
        message_head_add(&head, HEADER_CONTENT_LENGTH, arena_print(&asking->arena, "%zu", body.size));
    if (asking->stream == NULL || !http_client_send_head(asking->stream, &head, body.size == 0) || !asking_send_body(asking, body))
        asking_fail(asking, -EMSGSIZE);
}

static int asking_connect(struct asking *asking, const struct admin_address *address) {
    int descriptor;
    int result = address->path != NULL ? socket_connect_path(address->path, &descriptor) : socket_connect(&address->address, &descriptor);
    if (result < 0 && result != -EINPROGRESS)
        return result;
    result = loop_add(asking->loop, &asking->source, descriptor, asking_event);
    if (result < 0)
        socket_close(descriptor);
    return result;
}

static void asking_run(struct asking *asking, const struct admin_address *address, const char *method, struct span target, struct span body) {
    uint64_t end_ns = clock_monotonic_ns() + ADMIN_CLIENT_NS;
    int result = asking_connect(asking, address);
    if (result < 0) {
        asking_fail(asking, result);
        return;
    }
    asking_send(asking, method, target, body);
    while (!asking->ended) {
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns >= end_ns)
            asking_fail(asking, -ETIMEDOUT);
        else if ((result = loop_turn(asking->loop, end_ns - now_ns)) < 0)
            asking_fail(asking, result);
    }
    int descriptor = asking->source.descriptor;
    loop_remove(asking->loop, &asking->source);
    socket_close(descriptor);
}

static void explain_failure(const struct asking *asking, const struct admin_address *address, struct admin_reply *reply) {
    char text[NETWORK_ADDRESS_TEXT_MAX];
    size_t size = network_address_print(&address->address, text);
    reply->status = 0;
    reply->text.size = 0;
    builder_print(&reply->text, "no answer from the administration at %.*s%s: %s; is the gateway running, and is --admin its address?", (int)size, text,
                  address->path != NULL ? address->path : "", strerror(asking->error != 0 ? -asking->error : EPROTO));
}

void admin_ask(const struct admin_address *address, const char *method, struct span target, struct span body, struct admin_reply *ret_reply) {
    *ret_reply = (struct admin_reply){.status = 0};
    struct asking asking = {.reply = ret_reply, .source.descriptor = -1};
    int result = loop_create(&asking.loop);
    if (result < 0) {
        asking.error = result;
        explain_failure(&asking, address, ret_reply);
        return;
    }
    arena_init(&asking.arena, 4096);
    pool_init(&asking.chunks, sizeof(struct buffer_chunk), WRITE_VECTORS_MAX, 0);
    buffer_init(&asking.output, &asking.chunks);
    http1_client_init(&asking.client, &asking_events, &asking, &asking.output);
    asking_run(&asking, address, method, target, body);
    if (!asking.complete)
        explain_failure(&asking, address, ret_reply);
    http_client_deinit(&asking.client.base);
    buffer_reset(&asking.output);
    pool_deinit(&asking.chunks);
    arena_deinit(&asking.arena);
    loop_destroy(asking.loop);
}

void admin_reply_deinit(struct admin_reply *reply) {
    builder_deinit(&reply->text);
}
