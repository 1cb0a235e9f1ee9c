// A whole exchange: client bytes through the server engine, forwarded by the client engine; upstream bytes the other way. The input is split at
// the first 0xff byte: what the client sends, what the upstream sends. Its first byte is the size of the pieces. What the upstream gets must
// itself be read without a fault by a server engine, and hold as many requests as were forwarded: anything else would be request smuggling.
#include <stdlib.h>

#include "base/assert.h"
#include "http/http1_client.h"
#include "http/http1_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct gateway {
    struct http1_server server;
    struct http1_client client;
    struct pool chunks;
    struct buffer to_client, to_upstream;
    struct arena arena;
    struct http_stream *down;
    struct http_client_stream *up;
    struct message_head *head;
    bool head_sent, dead;
    unsigned forwarded, completed;
};

static void give_up(struct gateway *gateway)
{
    struct http_client_stream *up = gateway->up;
    struct http_stream *down = gateway->down;
    gateway->dead = true;
    gateway->up = NULL;
    gateway->down = NULL;
    if (up != NULL)
        http_client_abort(up);
    if (down != NULL)
        http_server_abort(down, CLOSE_REASON_LOCAL_RESET);
}

static void need(struct gateway *gateway, bool success)
{
    if (!success)
        give_up(gateway);
}

static struct arena *on_begin(void *owner, struct http_stream *stream)
{
    struct gateway *gateway = owner;
    ASSERT(gateway->down == NULL);
    gateway->down = stream;
    gateway->head_sent = false;
    return &gateway->arena;
}

static void on_request_head(void *owner, struct http_stream *stream UNUSED, struct message_head *head, bool ends)
{
    struct gateway *gateway = owner;
    if (gateway->dead || head->method_token == HTTP_METHOD_CONNECT) {
        give_up(gateway);
        return;
    }
    message_head_strip_hop_by_hop(head, head->upgrade.size > 0);
    gateway->up = http_client_open(&gateway->client.base, &gateway->arena, NULL);
    if (gateway->up == NULL) {
        give_up(gateway);
        return;
    }
    gateway->forwarded++;
    need(gateway, http_client_send_head(gateway->up, head, ends));
    if (ends)
        gateway->completed++;
}

static void on_request_body(void *owner, struct http_stream *stream UNUSED, struct span bytes)
{
    struct gateway *gateway = owner;
    if (gateway->up != NULL)
        need(gateway, http_client_send_body(gateway->up, bytes));
}

static void on_request_end(void *owner, struct http_stream *stream UNUSED, struct header *trailers, size_t count)
{
    struct gateway *gateway = owner;
    if (gateway->up == NULL)
        return;
    if (http_server_status(&gateway->server.base) != HTTP_SESSION_TUNNEL)
        gateway->completed++;
    need(gateway, http_client_send_end(gateway->up, trailers, count));
}

static void on_rejected(void *owner, struct http_stream *stream, enum http1_fault fault)
{
    struct gateway *gateway = owner;
    struct message_head head;
    struct http_client_stream *up = gateway->up;
    gateway->up = NULL;
    if (up != NULL)
        http_client_abort(up);
    message_head_init(&head, &gateway->arena, 0);
    head.status = http1_fault_status(fault);
    ASSERT(http_server_send_head(stream, &head, true));
    gateway->dead = true;
}

static void on_stream_failed(void *owner, struct http_stream *stream UNUSED, enum close_reason reason UNUSED)
{
    give_up(owner);
}

static void on_stream_closed(void *owner, struct http_stream *stream UNUSED)
{
    struct gateway *gateway = owner;
    gateway->down = NULL;
    /* An early answer: the upstream connection is given up. */
    if (gateway->up != NULL)
        give_up(gateway);
    arena_reset(&gateway->arena);
}

static void on_informational(void *owner, struct http_client_stream *stream UNUSED, struct message_head *head)
{
    struct gateway *gateway = owner;
    message_head_strip_hop_by_hop(head, false);
    if (gateway->down != NULL)
        need(gateway, http_server_send_informational(gateway->down, head));
}

static void on_response_head(void *owner, struct http_client_stream *stream UNUSED, struct message_head *head, bool ends)
{
    struct gateway *gateway = owner;
    gateway->head_sent = true;
    message_head_strip_hop_by_hop(head, head->status == 101);
    if (ends)
        gateway->up = NULL;
    if (gateway->down != NULL && ends && http_server_status(&gateway->server.base) != HTTP_SESSION_PAUSED)
        gateway->up = stream;
    if (gateway->down != NULL)
        need(gateway, http_server_send_head(gateway->down, head, ends));
}

static void on_response_body(void *owner, struct http_client_stream *stream UNUSED, struct span bytes)
{
    struct gateway *gateway = owner;
    if (gateway->down != NULL)
        need(gateway, http_server_send_body(gateway->down, bytes));
}

static void on_response_end(void *owner, struct http_client_stream *stream UNUSED, struct header *trailers, size_t count)
{
    struct gateway *gateway = owner;
    if (gateway->down != NULL)
        need(gateway, http_server_send_end(gateway->down, trailers, count));
}

static void on_response_failed(void *owner, struct http_client_stream *stream UNUSED, enum close_reason reason UNUSED,
                               enum http1_fault fault UNUSED)
{
    struct gateway *gateway = owner;
    struct message_head head;
    gateway->up = NULL;
    gateway->dead = true;
    if (gateway->down == NULL)
        return;
    if (gateway->head_sent) {
        http_server_abort(gateway->down, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
        return;
    }
    message_head_init(&head, &gateway->arena, 0);
    head.status = 502;
    ASSERT(http_server_send_head(gateway->down, &head, true));
}

static void on_client_stream_closed(void *owner, struct http_client_stream *stream UNUSED)
{
    struct gateway *gateway = owner;
    gateway->up = NULL;
}

static const struct http_server_events server_events = {.stream_begin = on_begin,
                                                        .request_head = on_request_head,
                                                        .request_body = on_request_body,
                                                        .request_end = on_request_end,
                                                        .request_rejected = on_rejected,
                                                        .stream_failed = on_stream_failed,
                                                        .stream_closed = on_stream_closed};
static const struct http_client_events client_events = {on_informational, on_response_head,   on_response_body,
                                                        on_response_end,  NULL /* HTTP/2 only */, on_response_failed, on_client_stream_closed};

/* One piece of input for one side; returns how much was taken. */
static size_t give(struct gateway *gateway, bool from_client, struct span piece)
{
    size_t consumed;
    char *copy = malloc(piece.size + 1);
    memcpy(copy, piece.data, piece.size);
    copy = realloc(copy, piece.size);
    if (from_client)
        http_server_receive(&gateway->server.base, span_make(copy, piece.size), &consumed);
    else
        http_client_receive(&gateway->client.base, span_make(copy, piece.size), &consumed);
    free(copy);
    return consumed;
}

static void exchange(struct gateway *gateway, struct span client, struct span upstream, size_t step)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (int side = 0; side < 2; side++) {
            struct span *rest = side == 0 ? &client : &upstream;
            /* The upstream speaks when it was asked: a byte before that is another test's matter. */
            if (rest->size == 0 || (side == 1 && gateway->up == NULL))
                continue;
            size_t consumed = give(gateway, side == 0, span_first(*rest, step));
            *rest = span_from(*rest, consumed);
            moved |= consumed > 0;
        }
    }
    http_client_receive_end(&gateway->client.base);
    http_server_receive_end(&gateway->server.base);
}

/* --- The upstream's view --- */

struct witness {
    struct arena arena;
    struct http_stream *stream;
    unsigned heads, ends;
    bool upgraded;
};

static struct arena *witness_begin(void *owner, struct http_stream *stream)
{
    struct witness *witness = owner;
    witness->stream = stream;
    return &witness->arena;
}

static void witness_answer(struct witness *witness)
{
    struct message_head head;
    witness->ends++;
    message_head_init(&head, &witness->arena, 0);
    /* What follows an upgrade may be anything. */
    head.status = witness->upgraded ? 101 : 200;
    ASSERT(http_server_send_head(witness->stream, &head, !witness->upgraded));
}

static void witness_head(void *owner, struct http_stream *stream UNUSED, struct message_head *head, bool ends)
{
    struct witness *witness = owner;
    witness->heads++;
    witness->upgraded = head->upgrade.size > 0;
    ASSERT(!message_head_has(head, HEADER_KEEP_ALIVE) && !message_head_has(head, HEADER_PROXY_CONNECTION));
    if (ends)
        witness_answer(witness);
}

static void witness_body(void *owner UNUSED, struct http_stream *stream UNUSED, struct span bytes UNUSED)
{
}

static void witness_end(void *owner, struct http_stream *stream UNUSED, struct header *trailers UNUSED, size_t count UNUSED)
{
    if (!((struct witness *)owner)->upgraded)
        witness_answer(owner);
}

static void witness_rejected(void *owner UNUSED, struct http_stream *stream UNUSED, enum http1_fault fault)
{
    /* A head may grow past the limits by what we add; an HTTP/1.0 request without Host goes on with an empty one. */
    ASSERT(fault == HTTP1_FAULT_HEAD_TOO_LARGE || fault == HTTP1_FAULT_TOO_MANY_FIELDS || fault == HTTP1_FAULT_HOST_INVALID);
}

static void witness_failed(void *owner UNUSED, struct http_stream *stream UNUSED, enum close_reason reason UNUSED)
{
}

static void witness_closed(void *owner, struct http_stream *stream UNUSED)
{
    arena_reset(&((struct witness *)owner)->arena);
}

static const struct http_server_events witness_events = {.stream_begin = witness_begin,
                                                         .request_head = witness_head,
                                                         .request_body = witness_body,
                                                         .request_end = witness_end,
                                                         .request_rejected = witness_rejected,
                                                         .stream_failed = witness_failed,
                                                         .stream_closed = witness_closed};

static void check_upstream(struct gateway *gateway)
{
    struct witness witness = {0};
    struct http1_server server;
    struct buffer answers;
    arena_init(&witness.arena, 4096);
    buffer_init(&answers, &gateway->chunks);
    http1_server_init(&server, &witness_events, &witness, &answers);
    while (gateway->to_upstream.size > 0) {
        struct span front = buffer_front(&gateway->to_upstream);
        size_t consumed;
        http_server_receive(&server.base, front, &consumed);
        buffer_consume(&gateway->to_upstream, consumed);
        if (consumed == 0)
            break;
    }
    ASSERT(witness.heads <= gateway->forwarded && witness.ends <= gateway->completed);
    http_server_deinit(&server.base);
    buffer_reset(&answers);
    arena_deinit(&witness.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return -1;
    struct gateway gateway = {0};
    struct span input = span_make(data + 1, size - 1), client;
    span_split(&input, (char)0xff, &client);
    pool_init(&gateway.chunks, sizeof(struct buffer_chunk), 64, 8);
    buffer_init(&gateway.to_client, &gateway.chunks);
    buffer_init(&gateway.to_upstream, &gateway.chunks);
    arena_init(&gateway.arena, 4096);
    http1_server_init(&gateway.server, &server_events, &gateway, &gateway.to_client);
    http1_client_init(&gateway.client, &client_events, &gateway, &gateway.to_upstream);
    exchange(&gateway, client, input, (size_t)data[0] + 1);
    check_upstream(&gateway);
    http_client_deinit(&gateway.client.base);
    http_server_deinit(&gateway.server.base);
    buffer_reset(&gateway.to_client);
    buffer_reset(&gateway.to_upstream);
    pool_deinit(&gateway.chunks);
    arena_deinit(&gateway.arena);
    return 0;
}
