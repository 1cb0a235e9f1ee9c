#include "wire/http1_body.h"

#include "base/assert.h"
#include "base/limits.h"
#include "wire/character.h"

void http1_body_init(struct http1_body *body, const struct http1_framing *framing) {
    *body = (struct http1_body){.kind = framing->kind, .left = framing->kind == HTTP1_BODY_LENGTH ? framing->length : 0};
}

void http1_body_deinit(struct http1_body *body) {
    http1_gather_reset(&body->trailer_bytes);
}

static enum http1_body_status fail(struct http1_body *body, enum http1_fault fault) {
    body->fault = fault;
    return HTTP1_BODY_FAULT;
}

static struct span take(struct span *input, uint64_t size) {
    struct span part = span_first(*input, size > input->size ? input->size : (size_t)size);
    *input = span_make(input->data + part.size, input->size - part.size);
    return part;
}

/* A byte of chunk-size: hexadecimal, without overflow (RFC 9112 section 7.1 asks to check). False: it is no digit, or one too many. */
static bool size_digit(struct http1_body *body, char byte) {
    unsigned digit = character_hex_values[(uint8_t)byte];
    if (digit == 16 || body->left >> 58 != 0)
        return false;
    body->left = body->left << 4 | digit;
    return true;
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t';
}

/* Every state of the chunk-size line accepts some bytes and leads on; what it does not accept is HTTP1_CHUNK_DONE, a fault. */
static enum http1_chunk_state size_line_next(struct http1_body *body, char byte) {
    const enum http1_chunk_state fault = HTTP1_CHUNK_DONE;
    bool token = character_is(byte, CHARACTER_TOKEN), space = is_space(byte);
    switch (body->state) {
    case HTTP1_CHUNK_SIZE_FIRST: return size_digit(body, byte) ? HTTP1_CHUNK_SIZE : fault;
    case HTTP1_CHUNK_SIZE:
        if (size_digit(body, byte))
            return HTTP1_CHUNK_SIZE;
        return byte == '\r' ? HTTP1_CHUNK_LINE_LF : byte == ';' ? HTTP1_CHUNK_NAME_FIRST : space ? HTTP1_CHUNK_SIZE_SPACE : fault;
    case HTTP1_CHUNK_SIZE_SPACE:
    case HTTP1_CHUNK_VALUE_SPACE: return byte == ';' ? HTTP1_CHUNK_NAME_FIRST : space ? body->state : fault;
    case HTTP1_CHUNK_NAME_FIRST: return token ? HTTP1_CHUNK_NAME : space ? HTTP1_CHUNK_NAME_FIRST : fault;
    case HTTP1_CHUNK_NAME:
        if (token)
            return HTTP1_CHUNK_NAME;
        return byte == '\r'  ? HTTP1_CHUNK_LINE_LF
               : byte == ';' ? HTTP1_CHUNK_NAME_FIRST
               : byte == '=' ? HTTP1_CHUNK_VALUE_FIRST
               : space       ? HTTP1_CHUNK_NAME_SPACE
                             : fault;
    case HTTP1_CHUNK_NAME_SPACE:
        return byte == ';' ? HTTP1_CHUNK_NAME_FIRST : byte == '=' ? HTTP1_CHUNK_VALUE_FIRST : space ? HTTP1_CHUNK_NAME_SPACE : fault;
    case HTTP1_CHUNK_VALUE_FIRST:
        return byte == '"' ? HTTP1_CHUNK_QUOTED : token ? HTTP1_CHUNK_VALUE : space ? HTTP1_CHUNK_VALUE_FIRST : fault;
    case HTTP1_CHUNK_VALUE:
        if (token)
            return HTTP1_CHUNK_VALUE;
        return byte == '\r' ? HTTP1_CHUNK_LINE_LF : byte == ';' ? HTTP1_CHUNK_NAME_FIRST : space ? HTTP1_CHUNK_VALUE_SPACE : fault;
    case HTTP1_CHUNK_QUOTED:
        if (byte == '"' || byte == '\\')
            return byte == '"' ? HTTP1_CHUNK_VALUE_END : HTTP1_CHUNK_QUOTED_PAIR;
        return character_is(byte, CHARACTER_FIELD_VALUE) ? HTTP1_CHUNK_QUOTED : fault;
    case HTTP1_CHUNK_QUOTED_PAIR: return character_is(byte, CHARACTER_FIELD_VALUE) ? HTTP1_CHUNK_QUOTED : fault;
    case HTTP1_CHUNK_VALUE_END:
        return byte == '\r' ? HTTP1_CHUNK_LINE_LF : byte == ';' ? HTTP1_CHUNK_NAME_FIRST : space ? HTTP1_CHUNK_VALUE_SPACE : fault;
    case HTTP1_CHUNK_LINE_LF:
        return byte != '\n' ? fault : body->left == 0 ? HTTP1_CHUNK_TRAILERS : HTTP1_CHUNK_DATA;
    case HTTP1_CHUNK_DATA:
    case HTTP1_CHUNK_DATA_CR:
    case HTTP1_CHUNK_DATA_LF:
    case HTTP1_CHUNK_TRAILERS:
    case HTTP1_CHUNK_DONE: break;
    }
    UNREACHABLE();
}

static bool in_size_line(enum http1_chunk_state state) {
    return state <= HTTP1_CHUNK_LINE_LF;
}

/* Reads the chunk-size line as far as the input goes; MORE also when the line is complete. */
static enum http1_body_status read_size_line(struct http1_body *body, struct span *input) {
    while (input->size > 0 && in_size_line(body->state)) {
        char byte = take(input, 1).data[0];
        enum http1_chunk_state before = body->state;
        body->state = size_line_next(body, byte);
        if (body->state == HTTP1_CHUNK_DONE)
            return fail(body, before <= HTTP1_CHUNK_SIZE ? HTTP1_FAULT_CHUNK_SIZE : HTTP1_FAULT_CHUNK_EXTENSION);
        if (++body->line_bytes > HTTP_CHUNK_LINE_BYTES_MAX)
            return fail(body, HTTP1_FAULT_CHUNK_EXTENSION);
        if (before > HTTP1_CHUNK_SIZE && before < HTTP1_CHUNK_LINE_LF && ++body->extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX)
            return fail(body, HTTP1_FAULT_CHUNK_EXTENSION);
    }
    if (!in_size_line(body->state))
        body->line_bytes = 0;
    return HTTP1_BODY_MORE;
}

/* The CRLF behind a chunk's data, one byte at a time. */
static enum http1_body_status read_data_end(struct http1_body *body, struct span *input) {
    char byte = take(input, 1).data[0];
    bool is_cr = body->state == HTTP1_CHUNK_DATA_CR;
    if (byte != (is_cr ? '\r' : '\n'))
        return fail(body, HTTP1_FAULT_CHUNK_END);
    body->state = is_cr ? HTTP1_CHUNK_DATA_LF : HTTP1_CHUNK_SIZE_FIRST;
    return HTTP1_BODY_MORE;
}

static enum http1_body_status read_trailers(struct http1_body *body, struct arena *arena, struct span *input) {
    size_t held = body->trailer_bytes.size, size;
    struct span section = *input;
    if (held > 0) {
        http1_gather_append(&body->trailer_bytes, span_first(*input, HTTP_TRAILER_BYTES_MAX + 1 - held));
        section = http1_gather_span(&body->trailer_bytes);
    }
    enum http1_fault fault;
    switch (http1_scan(&body->trailer_scan, section, HTTP1_SECTION_TRAILERS, &size, &fault)) {
    case HTTP1_SCAN_FAULT: return fail(body, fault);
    case HTTP1_SCAN_INCOMPLETE:
        if (held == 0)
            http1_gather_append(&body->trailer_bytes, section);
        take(input, input->size);
        return HTTP1_BODY_MORE;
    case HTTP1_SCAN_COMPLETE: break;
    }
    fault = http1_trailers_parse(arena, span_first(section, size), body->trailer_scan.line_count, &body->trailers, &body->trailer_count);
    if (fault != HTTP1_FAULT_NONE)
        return fail(body, fault);
    take(input, size - held);
    http1_gather_reset(&body->trailer_bytes);
    body->state = HTTP1_CHUNK_DONE;
    return HTTP1_BODY_DONE;
}

static enum http1_body_status read_chunked(struct http1_body *body, struct arena *arena, struct span *input, struct span *ret_payload) {
    while (body->state != HTTP1_CHUNK_DONE && input->size > 0) {
        enum http1_body_status status = HTTP1_BODY_MORE;
        if (in_size_line(body->state)) {
            status = read_size_line(body, input);
        } else if (body->state == HTTP1_CHUNK_DATA) {
            *ret_payload = take(input, body->left);
            body->left -= ret_payload->size;
            if (body->left == 0)
                body->state = HTTP1_CHUNK_DATA_CR;
            return HTTP1_BODY_PAYLOAD;
        } else if (body->state == HTTP1_CHUNK_TRAILERS) {
            return read_trailers(body, arena, input);
        } else {
            status = read_data_end(body, input);
        }
        if (status != HTTP1_BODY_MORE)
            return status;
    }
    return body->state == HTTP1_CHUNK_DONE ? HTTP1_BODY_DONE : HTTP1_BODY_MORE;
}

enum http1_body_status http1_body_read(struct http1_body *body, struct arena *arena, struct span *input, struct span *ret_payload) {
    if (body->fault != HTTP1_FAULT_NONE)
        return HTTP1_BODY_FAULT;
    switch (body->kind) {
    case HTTP1_BODY_NONE: return HTTP1_BODY_DONE;
    case HTTP1_BODY_CHUNKED: return read_chunked(body, arena, input, ret_payload);
    case HTTP1_BODY_LENGTH:
        if (body->left == 0)
            return HTTP1_BODY_DONE;
        if (input->size == 0)
            return HTTP1_BODY_MORE;
        *ret_payload = take(input, body->left);
        body->left -= ret_payload->size;
        return HTTP1_BODY_PAYLOAD;
    case HTTP1_BODY_UNTIL_CLOSE:
    case HTTP1_BODY_TUNNEL:
        if (input->size == 0)
            return HTTP1_BODY_MORE;
        *ret_payload = take(input, input->size);
        return HTTP1_BODY_PAYLOAD;
    }
    UNREACHABLE();
}

bool http1_body_may_end(const struct http1_body *body) {
    switch (body->kind) {
    case HTTP1_BODY_NONE:
    case HTTP1_BODY_UNTIL_CLOSE:
    case HTTP1_BODY_TUNNEL: return true;
    case HTTP1_BODY_LENGTH: return body->left == 0;
    case HTTP1_BODY_CHUNKED: return body->state == HTTP1_CHUNK_DONE && body->fault == HTTP1_FAULT_NONE;
    }
    UNREACHABLE();
}
