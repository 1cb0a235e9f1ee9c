// The HTTP/2 server engine: the client's preface, then the input as frames, in pieces of the size that its first byte says. Requests are answered
// with content and trailers, some late, some aborted; every stream that begins must end, and the queues must keep to their limits.
#include <stdlib.h>

#include "base/assert.h"
#include "http/http2_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS_MAX (HTTP2_STREAMS_MAX + 1)

struct exchange {
    struct arena arena;
    struct http_stream *stream;
    bool answered, ended, due;
};

struct gateway {
    struct http2_server server;
    struct pool chunks;
    struct buffer output;
    struct exchange exchanges[STREAMS_MAX];
    unsigned begun;
};

static struct arena *on_begin(void *owner, struct http_stream *stream)
{
    struct gateway *gateway = owner;
    gateway->begun++;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct exchange *exchange = &gateway->exchanges[i];
        if (exchange->stream != NULL)
            continue;
        arena_init(&exchange->arena, 4096);
        exchange->stream = stream;
        exchange->answered = exchange->ended = exchange->due = false;
        stream->user = exchange;
        return &exchange->arena;
    }
    UNREACHABLE();
}

static void answer(struct exchange *exchange, int status)
{
    static const char content[3 * 16384];
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    struct message_head head;
    if (exchange->answered)
        return;
    exchange->answered = true;
    message_head_init(&head, &exchange->arena, 2);
    head.status = status;
    message_head_add(&head, HEADER_TRANSFER_ENCODING, SPAN_LITERAL("chunked"));
    ASSERT(http_server_send_head(exchange->stream, &head, false));
    ASSERT(http_server_send_body(exchange->stream, span_make(content, sizeof(content))));
    ASSERT(http_server_stream_queued(exchange->stream) <= HTTP2_STREAM_HIGH_WATER_BYTES && !http_server_stream_is_behind(exchange->stream));
    ASSERT(http_server_send_end(exchange->stream, &trailer, 1));
}

static void check_text(struct span text)
{
    ASSERT(header_value_is_valid(text));
}

static void on_head(void *owner UNUSED, struct http_stream *stream, struct message_head *head, bool ends)
{
    struct exchange *exchange = stream->user;
    ASSERT(header_name_is_valid(head->method) && head->host.size > 0 && head->version == HTTP_2);
    check_text(head->path);
    check_text(head->authority);
    for (size_t i = 0; i < head->header_count; i++) {
        ASSERT(header_name_is_valid(head->headers[i].name));
        check_text(head->headers[i].value);
    }
    exchange->ended = ends;
    if (head->path.size % 4 == 1)
        answer(exchange, 200);
    else if (head->path.size % 4 == 2)
        http_server_pause(stream);
    exchange->due = true;
}

static void on_body(void *owner UNUSED, struct http_stream *stream, struct span bytes)
{
    struct exchange *exchange = stream->user;
    ASSERT(!exchange->ended && bytes.size > 0);
}

static void on_end(void *owner UNUSED, struct http_stream *stream, struct header *trailers, size_t count)
{
    struct exchange *exchange = stream->user;
    ASSERT(!exchange->ended);
    exchange->ended = true;
    for (size_t i = 0; i < count; i++)
        check_text(trailers[i].value);
}

static void on_rejected(void *owner UNUSED, struct http_stream *stream, enum http1_fault fault)
{
    answer(stream->user, http1_fault_status(fault));
}

static void on_failed(void *owner UNUSED, struct http_stream *stream, enum close_reason reason)
{
    struct exchange *exchange = stream->user;
    ASSERT(reason != CLOSE_REASON_NONE);
    exchange->answered = true;
}

static void on_drained(void *owner UNUSED, struct http_stream *stream UNUSED)
{
}

static void on_closed(void *owner UNUSED, struct http_stream *stream)
{
    struct exchange *exchange = stream->user;
    ASSERT(exchange->stream == stream);
    arena_deinit(&exchange->arena);
    exchange->stream = NULL;
}

static const struct http_server_events events = {.stream_begin = on_begin,
                                                 .request_head = on_head,
                                                 .request_body = on_body,
                                                 .request_end = on_end,
                                                 .request_rejected = on_rejected,
                                                 .stream_failed = on_failed,
                                                 .stream_drained = on_drained,
                                                 .stream_closed = on_closed};

/* What owners do between two inputs. */
static void turn(struct gateway *gateway, unsigned count)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct exchange *exchange = &gateway->exchanges[i];
        if (exchange->stream == NULL || !exchange->due)
            continue;
        http_server_resume(exchange->stream);
        if (i % 8 == 7)
            http_server_abort(exchange->stream, CLOSE_REASON_UPSTREAM_RESET);
        else
            answer(exchange, 200);
    }
    http_server_produce(&gateway->server.base);
    ASSERT(gateway->output.size < BUFFER_HIGH_WATER_BYTES + 64 * 1024);
    buffer_reset(&gateway->output);
    if (count % 16 == 15)
        http_server_tick(&gateway->server.base);
}

static void run(struct gateway *gateway, struct span input, size_t step)
{
    for (unsigned count = 0; input.size > 0; count++) {
        size_t consumed;
        struct span piece = span_first(input, step);
        char *copy = malloc(piece.size);
        memcpy(copy, piece.data, piece.size);
        enum http_session_status status = http_server_receive(&gateway->server.base, span_make(copy, piece.size), &consumed);
        free(copy);
        ASSERT(consumed == piece.size && (status == HTTP_SESSION_OPEN || status == HTTP_SESSION_CLOSING));
        input = span_from(input, consumed);
        turn(gateway, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    if (size < 1)
        return -1;
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    pool_init(&gateway->chunks, sizeof(struct buffer_chunk), 4096, 64);
    buffer_init(&gateway->output, &gateway->chunks);
    http2_server_init(&gateway->server, &events, gateway, &gateway->output, NULL);
    run(gateway, span_make(preface, sizeof(preface)), sizeof(preface));
    run(gateway, span_make(data + 1, size - 1), (size_t)data[0] * 16 + 1);
    if (size % 2 == 0)
        http_server_begin_drain(&gateway->server.base);
    http_server_receive_end(&gateway->server.base);
    turn(gateway, 0);
    http_server_deinit(&gateway->server.base);
    for (size_t i = 0; i < STREAMS_MAX; i++)
        ASSERT(gateway->exchanges[i].stream == NULL);
    buffer_reset(&gateway->output);
    ASSERT(gateway->chunks.live_count == 0);
    pool_deinit(&gateway->chunks);
    free(gateway);
    return 0;
}
