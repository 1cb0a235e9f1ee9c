// A field section of HTTP/2, without libnghttp2's own checks, on its way to an HTTP/1.1 upstream: what is taken must be written as one request
// that a server engine reads without a fault, with the same method, target and authority. Anything else would be request smuggling.
// The input: its first byte says whether content follows; then fields, each a byte of size before name and value.
#include <stdlib.h>

#include "base/assert.h"
#include "http/http1_client.h"
#include "http/http1_server.h"
#include "http/http2_request_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct witness {
    struct arena arena;
    const struct message_head *sent;
    unsigned heads, ends;
};

static struct arena *on_begin(void *owner, struct http_stream *stream UNUSED)
{
    return &((struct witness *)owner)->arena;
}

static void on_head(void *owner, struct http_stream *stream UNUSED, struct message_head *head, bool ends)
{
    struct witness *witness = owner;
    witness->heads++;
    witness->ends += ends;
    ASSERT(span_equal(head->method, witness->sent->method) && span_equal(head->authority, witness->sent->authority));
    ASSERT(head->method_token == HTTP_METHOD_CONNECT || span_equal(head->path, witness->sent->path));
    ASSERT(head->upgrade.size == witness->sent->upgrade.size);
}

static void on_body(void *owner UNUSED, struct http_stream *stream UNUSED, struct span bytes)
{
    ASSERT(span_equal(bytes, SPAN_LITERAL("x")));
}

static void on_end(void *owner, struct http_stream *stream UNUSED, struct header *trailers UNUSED, size_t count)
{
    ASSERT(count == 0);
    ((struct witness *)owner)->ends++;
}

static void on_rejected(void *owner UNUSED, struct http_stream *stream UNUSED, enum http1_fault fault)
{
    /* A head may grow past the limits by what we add. */
    ASSERT(fault == HTTP1_FAULT_HEAD_TOO_LARGE || fault == HTTP1_FAULT_TOO_MANY_FIELDS);
}

static void on_failed(void *owner UNUSED, struct http_stream *stream UNUSED, enum close_reason reason UNUSED)
{
}

static void on_closed(void *owner UNUSED, struct http_stream *stream UNUSED)
{
}

static const struct http_server_events witness_events = {.stream_begin = on_begin,
                                                         .request_head = on_head,
                                                         .request_body = on_body,
                                                         .request_end = on_end,
                                                         .request_rejected = on_rejected,
                                                         .stream_failed = on_failed,
                                                         .stream_closed = on_closed};

static void on_client_closed(void *owner UNUSED, struct http_client_stream *stream UNUSED)
{
}

static const struct http_client_events client_events = {.stream_closed = on_client_closed};

/* The next sized text, in memory of its own; false at the end. */
static bool take(struct arena *arena, struct span *input, struct span *ret_text)
{
    if (input->size == 0)
        return false;
    size_t size = (uint8_t)input->data[0];
    *input = span_from(*input, 1);
    *ret_text = arena_copy(arena, span_first(*input, size));
    *input = span_from(*input, size);
    return true;
}

static bool read_fields(struct http2_request_head *request, struct arena *arena, struct span input)
{
    struct span name, value;
    while (take(arena, &input, &name) && take(arena, &input, &value))
        if (http2_request_head_add(request, name, value) != HTTP2_FIELD_TAKEN)
            return false;
    return true;
}

static void forward(struct message_head *head, bool ends, struct buffer *output, struct arena *arena)
{
    struct http1_client client;
    http1_client_init(&client, &client_events, NULL, output);
    message_head_strip_hop_by_hop(head, head->upgrade.size > 0);
    struct http_client_stream *stream = http_client_open(&client.base, arena, NULL);
    ASSERT(stream != NULL);
    bool sent = http_client_send_head(stream, head, ends);
    /* A content-length that is not kept breaks the session, as it must. */
    if (sent && !ends && (head->content_length == MESSAGE_LENGTH_UNKNOWN || head->content_length == 1))
        sent = http_client_send_body(stream, SPAN_LITERAL("x"));
    if (sent && !ends)
        (void)!http_client_send_end(stream, NULL, 0);
    http_client_deinit(&client.base);
}

static void check(const struct message_head *head, struct buffer *output, struct buffer *answers)
{
    struct witness witness = {.sent = head};
    struct http1_server server;
    arena_init(&witness.arena, 4096);
    http1_server_init(&server, &witness_events, &witness, answers);
    while (output->size > 0) {
        size_t consumed;
        (void)http_server_receive(&server.base, buffer_front(output), &consumed);
        /* The request has ended: nothing may follow. */
        ASSERT(consumed > 0);
        buffer_consume(output, consumed);
    }
    ASSERT(witness.heads <= 1 && witness.ends <= 1);
    http_server_deinit(&server.base);
    arena_deinit(&witness.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return -1;
    bool ends = (data[0] & 1) == 0;
    struct arena arena;
    struct pool chunks;
    struct buffer output, answers;
    struct http2_request_head request;
    enum http1_fault fault = HTTP1_FAULT_NONE;
    arena_init(&arena, 4096);
    pool_init(&chunks, sizeof(struct buffer_chunk), 64, 8);
    buffer_init(&output, &chunks);
    buffer_init(&answers, &chunks);
    http2_request_head_init(&request, &arena);
    if (read_fields(&request, &arena, span_make(data + 1, size - 1)) &&
        http2_request_head_finish(&request, ends, &fault) == HTTP2_REQUEST_GOOD) {
        struct message_head *head = request.fields.head;
        ends |= head->method_token == HTTP_METHOD_CONNECT || head->upgrade.size > 0;
        forward(head, ends, &output, &arena);
        check(head, &output, &answers);
    }
    buffer_reset(&output);
    buffer_reset(&answers);
    pool_deinit(&chunks);
    arena_deinit(&arena);
    return 0;
}
