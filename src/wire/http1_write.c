#include "wire/http1_write.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

/* Start line beside its variable parts, content-length, transfer-encoding, connection, the empty line. */
#define HEAD_FIXED_BYTES 192

static char *put(char *at, struct span text) {
    if (text.size > 0)
        memcpy(at, text.data, text.size);
    return at + text.size;
}

#define PUT_LITERAL(at, literal) put((at), SPAN_LITERAL(literal))

static char *put_number(char *at, uint64_t number) {
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(at, span_make(digits + start, sizeof(digits) - start));
}

static char *put_field(char *at, struct span name, struct span value) {
    at = put(at, name);
    *at++ = ':';
    *at++ = ' ';
    at = put(at, value);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* Fields that the engine itself writes, or that must not be in a message of this kind. */
static bool is_of_engine(enum header_token token) {
    switch (token) {
    case HEADER_HOST:
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_CONTENT_LENGTH: return true;
    default: return false;
    }
}

/* RFC 9110 sections 7.6.1, 7.8 and 10.1.4: Connection names close and the hop-by-hop fields that are really there. */
static char *put_connection(char *at, const struct message_head *head, bool close) {
    bool upgrade = message_head_has(head, HEADER_UPGRADE), te = message_head_has(head, HEADER_TE);
    if (!close && !upgrade && !te)
        return at;
    at = PUT_LITERAL(at, "connection: ");
    if (close)
        at = PUT_LITERAL(at, "close");
    if (upgrade)
        at = close ? PUT_LITERAL(at, ", upgrade") : PUT_LITERAL(at, "upgrade");
    if (te)
        at = close || upgrade ? PUT_LITERAL(at, ", te") : PUT_LITERAL(at, "te");
    return PUT_LITERAL(at, "\r\n");
}

static char *put_fields(char *at, const struct message_head *head, const struct http1_write_options *options) {
    for (size_t i = 0; i < head->header_count; i++)
        if (!is_of_engine(head->headers[i].token))
            at = put_field(at, head->headers[i].name, head->headers[i].value);
    if (options->kind == HTTP1_BODY_LENGTH || options->write_length) {
        at = PUT_LITERAL(at, "content-length: ");
        at = put_number(at, options->length);
        at = PUT_LITERAL(at, "\r\n");
    } else if (options->kind == HTTP1_BODY_CHUNKED) {
        at = PUT_LITERAL(at, "transfer-encoding: chunked\r\n");
    }
    at = put_connection(at, head, options->close);
    return PUT_LITERAL(at, "\r\n");
}

static size_t fields_size(const struct header *headers, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += headers[i].name.size + headers[i].value.size + 4;
    return size;
}

/* Room of `size` bytes: in the buffer when it fits a chunk, else on the heap. */
struct room {
    struct buffer *output;
    char *start;
    bool on_heap;
};

static bool room_take(struct room *room, struct buffer *output, size_t size) {
    *room = (struct room){.output = output, .on_heap = size > BUFFER_CHUNK_BYTES};
    room->start = room->on_heap ? memory_allocate(size) : buffer_reserve(output, size);
    return room->start != NULL;
}

static bool room_give(struct room *room, const char *end) {
    size_t size = (size_t)(end - room->start);
    if (!room->on_heap) {
        buffer_commit(room->output, size);
        return true;
    }
    bool appended = buffer_append(room->output, span_make(room->start, size));
    free(room->start);
    return appended;
}

bool http1_write_request(struct buffer *output, const struct message_head *head, const struct http1_write_options *options) {
    /* CONNECT's target is the authority (RFC 9112 section 3.2.3). */
    struct span target = head->method_token == HTTP_METHOD_CONNECT ? head->authority : head->path;
    struct room room;
    size_t size = HEAD_FIXED_BYTES + head->method.size + target.size + head->authority.size + fields_size(head->headers, head->header_count);
    if (!room_take(&room, output, size))
        return false;
    char *at = put(room.start, head->method);
    *at++ = ' ';
    at = put(at, target);
    at = PUT_LITERAL(at, " HTTP/1.1\r\n");
    at = put_field(at, SPAN_LITERAL("host"), head->authority);
    return room_give(&room, put_fields(at, head, options));
}

bool http1_write_response(struct buffer *output, const struct message_head *head, const struct http1_write_options *options) {
    ASSERT(head->status >= 100 && head->status <= 599);
    struct span reason = head->reason.size > 0 ? head->reason : http_status_reason(head->status);
    struct room room;
    if (!room_take(&room, output, HEAD_FIXED_BYTES + reason.size + fields_size(head->headers, head->header_count)))
        return false;
    char *at = PUT_LITERAL(room.start, "HTTP/1.1 ");
    at = put_number(at, (uint64_t)head->status);
    *at++ = ' ';
    at = put(at, reason);
    at = PUT_LITERAL(at, "\r\n");
    return room_give(&room, put_fields(at, head, options));
}

bool http1_write_chunk(struct buffer *output, struct span bytes) {
    static const char digits[] = "0123456789abcdef";
    char line[2 * sizeof(size_t) + 2];
    size_t start = sizeof(line);
    if (bytes.size == 0)
        return true;
    line[--start] = '\n';
    line[--start] = '\r';
    for (size_t left = bytes.size; left > 0; left >>= 4)
        line[--start] = digits[left & 15];
    return buffer_append(output, span_make(line + start, sizeof(line) - start)) && buffer_append(output, bytes) &&
           buffer_append(output, SPAN_LITERAL("\r\n"));
}

bool http1_write_last_chunk(struct buffer *output, const struct header *trailers, size_t count) {
    struct room room;
    if (count == 0)
        return buffer_append(output, SPAN_LITERAL("0\r\n\r\n"));
    if (!room_take(&room, output, HEAD_FIXED_BYTES + fields_size(trailers, count)))
        return false;
    char *at = PUT_LITERAL(room.start, "0\r\n");
    for (size_t i = 0; i < count; i++)
        if ((header_token_properties(trailers[i].token) & HEADER_PROPERTY_NO_TRAILER) == 0)
            at = put_field(at, trailers[i].name, trailers[i].value);
    return room_give(&room, PUT_LITERAL(at, "\r\n"));
}
