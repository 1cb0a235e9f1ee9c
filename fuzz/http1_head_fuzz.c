// HTTP/1 heads. The first byte: bit 0 response, bits 1 and 2 method and upgrade, the rest the size of the pieces. A head that is taken is
// written again by the engine's writer and parsed again: it must mean the same, so no input can smuggle a field or a request past us.
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "wire/http1_head.h"
#include "wire/http1_write.h"
#include "wire/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct parsed {
    enum http1_scan_status status;
    enum http1_fault fault;
    struct message_head head;
    struct http1_framing framing;
    size_t size;
};

static struct parsed parse(struct arena *arena, struct span bytes, size_t step, enum http1_section section,
                           const struct http1_request_facts *facts)
{
    struct parsed parsed = {.status = HTTP1_SCAN_INCOMPLETE};
    struct http1_scan scan = {0};
    for (size_t given = step; parsed.status == HTTP1_SCAN_INCOMPLETE; given += step) {
        struct span part = span_first(bytes, given);
        char *copy = malloc(part.size + 1);
        memcpy(copy, part.data, part.size);
        copy = realloc(copy, part.size > 0 ? part.size : 1);
        parsed.status = http1_scan(&scan, span_make(copy, part.size), section, &parsed.size, &parsed.fault);
        if (parsed.status == HTTP1_SCAN_COMPLETE) {
            struct span head = span_make(copy, parsed.size);
            parsed.fault = section == HTTP1_SECTION_REQUEST
                               ? http1_request_parse(arena, head, scan.line_count, &parsed.head, &parsed.framing)
                               : http1_response_parse(arena, head, scan.line_count, facts, &parsed.head, &parsed.framing);
        }
        free(copy);
        if (part.size == bytes.size)
            break;
    }
    return parsed;
}

static struct span flatten(struct arena *arena, struct buffer *buffer)
{
    char *text = arena_allocate_aligned(arena, buffer->size + 1, 1);
    size_t used = 0;
    while (buffer->size > 0) {
        struct span front = buffer_front(buffer);
        memcpy(text + used, front.data, front.size);
        used += front.size;
        buffer_consume(buffer, front.size);
    }
    return span_make(text, used);
}

/* The next field that the writer takes over as it is. */
static const struct header *next_plain(const struct message_head *head, size_t *at)
{
    while (*at < head->header_count) {
        const struct header *header = &head->headers[(*at)++];
        if (header->token != HEADER_CONTENT_LENGTH && header->token != HEADER_TRANSFER_ENCODING && header->token != HEADER_CONNECTION &&
            header->token != HEADER_KEEP_ALIVE && header->token != HEADER_PROXY_CONNECTION && header->token != HEADER_HOST)
            return header;
    }
    return NULL;
}

static bool heads_equal(const struct message_head *a, const struct message_head *b)
{
    size_t at_a = 0, at_b = 0;
    if (!span_equal(a->method, b->method) || !span_equal(a->path, b->path) || !span_equal(a->host, b->host) || a->status != b->status)
        return false;
    for (;;) {
        const struct header *one = next_plain(a, &at_a), *other = next_plain(b, &at_b);
        if (one == NULL || other == NULL)
            return one == other;
        if (!span_equal(one->name, other->name) || !span_equal(one->value, other->value))
            return false;
    }
}

/* What the engines would send on for it. */
static void forward(struct arena *arena, struct parsed *parsed, enum http1_section section, const struct http1_request_facts *facts)
{
    struct pool chunks;
    struct buffer output;
    struct http1_write_options options = {.kind = parsed->framing.kind, .length = parsed->framing.length};
    struct message_head *head = &parsed->head;
    struct span path;
    /* An explicit zero stays one: a response without it would last until close. */
    options.write_length = options.kind == HTTP1_BODY_NONE && message_head_has(head, HEADER_CONTENT_LENGTH);
    if (section == HTTP1_SECTION_REQUEST && !path_normalize(arena, head->path, &path))
        return;
    if (section == HTTP1_SECTION_REQUEST)
        head->path = path;
    message_head_strip_hop_by_hop(head, true);
    pool_init(&chunks, sizeof(struct buffer_chunk), 16, 0);
    buffer_init(&output, &chunks);
    bool written = section == HTTP1_SECTION_REQUEST ? http1_write_request(&output, head, &options) : http1_write_response(&output, head, &options);
    ASSERT(written);
    struct span text = flatten(arena, &output);
    struct parsed again = parse(arena, text, text.size, section, facts);
    /* The limits alone may refuse what we wrote: it can be a little longer than what came. */
    bool limited = again.fault == HTTP1_FAULT_HEAD_TOO_LARGE || again.fault == HTTP1_FAULT_TOO_MANY_FIELDS || again.fault == HTTP1_FAULT_TARGET_TOO_LONG;
    /* HTTP/1.0 without Host goes on with an empty one. */
    bool hostless = section == HTTP1_SECTION_REQUEST && head->host.size == 0;
    if (!limited && !hostless) {
        ASSERT(again.status == HTTP1_SCAN_COMPLETE && again.fault == HTTP1_FAULT_NONE && again.size == text.size);
        ASSERT(again.framing.kind == parsed->framing.kind && again.framing.length == parsed->framing.length);
        ASSERT(heads_equal(head, &again.head));
    }
    buffer_reset(&output);
    pool_deinit(&chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return -1;
    enum http1_section section = (data[0] & 1) != 0 ? HTTP1_SECTION_RESPONSE : HTTP1_SECTION_REQUEST;
    struct http1_request_facts facts = {(data[0] & 2) != 0 ? HTTP_METHOD_HEAD : HTTP_METHOD_GET,
                                        (data[0] & 4) != 0 ? SPAN_LITERAL("w, websocket") : SPAN_EMPTY};
    struct span bytes = span_make(data + 1, size - 1);
    struct arena arena;
    arena_init(&arena, 4096);
    struct parsed pieces = parse(&arena, bytes, (size_t)(data[0] >> 3) + 1, section, &facts);
    struct parsed whole = parse(&arena, bytes, size, section, &facts);
    ASSERT(pieces.status == whole.status && pieces.fault == whole.fault);
    if (whole.status == HTTP1_SCAN_COMPLETE && whole.fault == HTTP1_FAULT_NONE) {
        ASSERT(pieces.size == whole.size && heads_equal(&pieces.head, &whole.head));
        forward(&arena, &whole, section, &facts);
    }
    arena_deinit(&arena);
    return 0;
}
