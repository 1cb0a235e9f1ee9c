// The HTTP/2 client engine: the input as frames of a hostile upstream, in pieces of the size that its first byte says, between which the gateway
// opens requests, sends content and trailers, pauses, resumes and gives up. Every request that is opened must end, once, and the queues and the
// output must keep to their limits.
#include <stdlib.h>

#include "base/assert.h"
#include "http/http2_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS_MAX 12

struct exchange {
    struct arena arena;
    struct http_client_stream *stream;
    bool sent, answered, ended, failed;
    unsigned age;
};

struct gateway {
    struct http2_client client;
    struct pool chunks;
    struct buffer output;
    struct exchange exchanges[STREAMS_MAX];
};

static void check_fields(const struct header *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ASSERT(header_name_is_valid(fields[i].name));
        ASSERT(header_value_is_valid(fields[i].value));
    }
}

static void on_informational(void *owner UNUSED, struct http_client_stream *stream, struct message_head *head)
{
    struct exchange *exchange = stream->user;
    ASSERT(!exchange->answered && head->status / 100 == 1 && head->status != 101);
    check_fields(head->headers, head->header_count);
}

static void on_head(void *owner UNUSED, struct http_client_stream *stream, struct message_head *head, bool ends)
{
    struct exchange *exchange = stream->user;
    ASSERT(!exchange->answered && !exchange->failed && head->status >= 200 && head->status <= 999);
    check_fields(head->headers, head->header_count);
    exchange->answered = true;
    exchange->ended = ends;
    if (head->header_count % 4 == 1)
        http_client_pause(stream);
    else if (head->header_count % 4 == 3)
        http_client_abort(stream);
}

static void on_body(void *owner UNUSED, struct http_client_stream *stream, struct span bytes)
{
    struct exchange *exchange = stream->user;
    ASSERT(exchange->answered && !exchange->ended && !exchange->failed && bytes.size > 0);
    if (bytes.data[0] == 'x')
        http_client_abort(stream);
}

static void on_end(void *owner UNUSED, struct http_client_stream *stream, struct header *trailers, size_t count)
{
    struct exchange *exchange = stream->user;
    ASSERT(exchange->answered && !exchange->ended && !exchange->failed);
    check_fields(trailers, count);
    exchange->ended = true;
}

static void on_drained(void *owner UNUSED, struct http_client_stream *stream)
{
    ASSERT(((struct exchange *)stream->user)->sent);
}

static void on_failed(void *owner UNUSED, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault UNUSED)
{
    struct exchange *exchange = stream->user;
    // What was refused was not answered.
    ASSERT(!exchange->failed && reason != CLOSE_REASON_NONE && (reason != CLOSE_REASON_UPSTREAM_REFUSED || !exchange->answered));
    exchange->failed = true;
}

static void on_closed(void *owner UNUSED, struct http_client_stream *stream)
{
    struct exchange *exchange = stream->user;
    ASSERT(exchange->stream == stream);
    exchange->stream = NULL;
    arena_deinit(&exchange->arena);
}

static const struct http_client_events events = {.response_informational = on_informational,
                                                 .response_head = on_head,
                                                 .response_body = on_body,
                                                 .response_end = on_end,
                                                 .request_drained = on_drained,
                                                 .response_failed = on_failed,
                                                 .stream_closed = on_closed};

static void send_request(struct exchange *exchange, size_t number)
{
    struct message_head head;
    message_head_init(&head, &exchange->arena, 2);
    message_head_set_method(&head, number % 2 == 0 ? SPAN_LITERAL("GET") : SPAN_LITERAL("POST"));
    head.scheme = SPAN_LITERAL("http");
    head.authority = SPAN_LITERAL("a.example");
    head.path = SPAN_LITERAL("/");
    ASSERT(http_client_send_head(exchange->stream, &head, number % 2 == 0));
    exchange->sent = true;
}

static void open_one(struct gateway *gateway, size_t number)
{
    struct exchange *exchange = &gateway->exchanges[number];
    if (exchange->stream != NULL || !http_client_is_reusable(&gateway->client.base))
        return;
    *exchange = (struct exchange){0};
    arena_init(&exchange->arena, 4096);
    exchange->stream = http_client_open(&gateway->client.base, &exchange->arena, exchange);
    ASSERT(exchange->stream != NULL);
    send_request(exchange, number);
}

// One exchange after the other gets its turn.
static void go_on(struct exchange *exchange, size_t number)
{
    static const char content[30000];
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    struct http_client_stream *stream = exchange->stream;
    bool sent = true;
    exchange->age++;
    http_client_resume(stream);
    if (number % 2 == 1 && exchange->age <= 3)
        sent = http_client_send_body(stream, span_make(content, sizeof(content)));
    else if (number % 2 == 1 && exchange->age == 4)
        sent = http_client_send_end(stream, &trailer, number % 3 == 0);
    if (!sent || exchange->age > 40)
        http_client_abort(stream);
}

static void turn(struct gateway *gateway, unsigned count)
{
    size_t number = count % STREAMS_MAX;
    open_one(gateway, number);
    if (gateway->exchanges[number].stream != NULL)
        go_on(&gateway->exchanges[number], number);
    http2_client_produce(&gateway->client);
    ASSERT(gateway->output.size < BUFFER_HIGH_WATER_BYTES + 64 * 1024);
    // An upstream that does not read for a while.
    if (count % 4 != 0)
        buffer_reset(&gateway->output);
    if (count % 16 == 15)
        http2_client_tick(&gateway->client);
}

static void run(struct gateway *gateway, struct span input, size_t step)
{
    for (unsigned count = 0; input.size > 0; count++) {
        size_t consumed;
        struct span piece = span_first(input, step);
        char *copy = malloc(piece.size);
        memcpy(copy, piece.data, piece.size);
        enum http_session_status status = http_client_receive(&gateway->client.base, span_make(copy, piece.size), &consumed);
        free(copy);
        ASSERT(consumed == piece.size && (status == HTTP_SESSION_OPEN || status == HTTP_SESSION_CLOSING));
        input = span_from(input, consumed);
        turn(gateway, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    if (size < 1)
        return -1;
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    pool_init(&gateway->chunks, sizeof(struct buffer_chunk), 4096, 64);
    buffer_init(&gateway->output, &gateway->chunks);
    http2_client_init(&gateway->client, &events, gateway, &gateway->output, NULL);
    for (size_t i = 0; i < STREAMS_MAX / 2; i++)
        open_one(gateway, i);
    run(gateway, span_make(settings, sizeof(settings)), sizeof(settings));
    run(gateway, span_make(data + 1, size - 1), (size_t)data[0] * 16 + 1);
    if (size % 2 == 0)
        (void)http_client_receive_end(&gateway->client.base);
    http_client_deinit(&gateway->client.base);
    for (size_t i = 0; i < STREAMS_MAX; i++)
        ASSERT(gateway->exchanges[i].stream == NULL);
    buffer_reset(&gateway->output);
    ASSERT(gateway->chunks.live_count == 0);
    pool_deinit(&gateway->chunks);
    free(gateway);
    return 0;
}
