#include "http/http2_request_head.h"

#include "base/limits.h"
#include "wire/authority.h"
#include "wire/character.h"

/* Fields of an ordinary browser's request. */
#define USUAL_FIELDS 16

void http2_request_head_init(struct http2_request_head *request, struct arena *arena) {
    struct message_head *head = arena_new(arena, struct message_head);
    message_head_init(head, arena, USUAL_FIELDS);
    head->version = HTTP_2;
    *request = (struct http2_request_head){
        .fields = {.head = head, .bytes_max = HTTP_HEAD_BYTES_MAX, .too_large = HTTP1_FAULT_HEAD_TOO_LARGE}};
}

static struct span *pseudo_of(struct http2_request_head *request, struct span name) {
    if (span_equal(name, SPAN_LITERAL(":path")))
        return &request->path;
    if (span_equal(name, SPAN_LITERAL(":method")))
        return &request->method;
    if (span_equal(name, SPAN_LITERAL(":scheme")))
        return &request->scheme;
    if (span_equal(name, SPAN_LITERAL(":authority")))
        return &request->authority;
    if (span_equal(name, SPAN_LITERAL(":protocol")))
        return &request->protocol;
    return NULL;
}

enum http2_field_status http2_request_head_add(struct http2_request_head *request, struct span name, struct span value) {
    enum http2_field_status status = http2_fields_count(&request->fields, name, value);
    if (status != HTTP2_FIELD_TAKEN)
        return status;
    if (name.size == 0 || name.data[0] != ':')
        return http2_fields_add(&request->fields, name, value);
    struct span *pseudo = pseudo_of(request, name);
    /* RFC 9113 section 8.3: known ones only, once each, and before all other fields. */
    if (pseudo == NULL || pseudo->data != NULL || request->fields.head->header_count > 0)
        return HTTP2_FIELD_MALFORMED;
    if (pseudo == &request->path && value.size > HTTP_TARGET_BYTES_MAX) {
        request->fields.fault = HTTP1_FAULT_TARGET_TOO_LONG;
        value = SPAN_LITERAL("/");
    }
    *pseudo = arena_copy(request->fields.head->arena, value);
    return HTTP2_FIELD_TAKEN;
}

static enum http2_request_verdict reject(enum http1_fault fault, enum http1_fault *ret_fault) {
    *ret_fault = fault;
    return HTTP2_REQUEST_REJECTED;
}

/* RFC 9113 section 8.3.1: :authority, else Host; two that differ are malformed. Host does not stay among the fields. */
static enum http2_request_verdict authority_take(struct http2_request_head *request, enum http1_fault *ret_fault) {
    struct message_head *head = request->fields.head;
    struct span authority = request->authority;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token != HEADER_HOST)
            continue;
        if (authority.data != NULL && !span_equal_ignore_case(authority, head->headers[i].value))
            return HTTP2_REQUEST_MALFORMED;
        authority = head->headers[i].value;
    }
    message_head_remove(head, HEADER_HOST);
    if (authority.data == NULL)
        return reject(HTTP1_FAULT_HOST_MISSING, ret_fault);
    if (!message_head_set_authority(head, authority) || head->host.size == 0)
        return reject(HTTP1_FAULT_HOST_INVALID, ret_fault);
    return HTTP2_REQUEST_GOOD;
}

/* CONNECT without :protocol has neither scheme nor path, and an authority with its port (RFC 9113 section 8.5). */
static enum http2_request_verdict connect_check(const struct http2_request_head *request) {
    struct authority authority;
    if (request->scheme.data != NULL || request->path.data != NULL || request->authority.data == NULL)
        return HTTP2_REQUEST_MALFORMED;
    if (!authority_parse(request->authority, &authority) || authority.host.size == 0 || authority.port_number == 0)
        return HTTP2_REQUEST_MALFORMED;
    return HTTP2_REQUEST_GOOD;
}

static enum http2_request_verdict target_check(const struct http2_request_head *request, enum http1_fault *ret_fault) {
    const struct message_head *head = request->fields.head;
    if (request->scheme.data == NULL || request->path.data == NULL || request->path.size == 0)
        return HTTP2_REQUEST_MALFORMED;
    if (!span_equal(request->scheme, SPAN_LITERAL("https")) && !span_equal(request->scheme, SPAN_LITERAL("http")))
        return reject(HTTP1_FAULT_SCHEME, ret_fault);
    bool asterisk = span_equal(request->path, SPAN_LITERAL("*")) && head->method_token == HTTP_METHOD_OPTIONS;
    if (!asterisk && request->path.data[0] != '/')
        return HTTP2_REQUEST_MALFORMED;
    /* A space or a control byte would end the request line of HTTP/1.1; a fragment is never sent. */
    if (!character_all(request->path, CHARACTER_TARGET))
        return reject(HTTP1_FAULT_TARGET, ret_fault);
    return HTTP2_REQUEST_GOOD;
}

/* RFC 8441 section 4: a WebSocket over a stream. HTTP/1.1's form of it is a GET that asks for an upgrade (RFC 6455 section 4.1). */
static enum http2_request_verdict protocol_take(struct http2_request_head *request, enum http1_fault *ret_fault) {
    struct message_head *head = request->fields.head;
    if (head->method_token != HTTP_METHOD_CONNECT)
        return HTTP2_REQUEST_MALFORMED;
    if (!span_equal_ignore_case(request->protocol, SPAN_LITERAL("websocket")))
        return reject(HTTP1_FAULT_METHOD, ret_fault);
    message_head_set_method(head, SPAN_LITERAL("GET"));
    head->upgrade = SPAN_LITERAL("websocket");
    message_head_add(head, HEADER_UPGRADE, head->upgrade);
    message_head_remove(head, HEADER_SEC_WEBSOCKET_KEY);
    message_head_remove(head, HEADER_CONTENT_LENGTH);
    return HTTP2_REQUEST_GOOD;
}

/* RFC 9113 section 8.1.1; libnghttp2 compares it with what comes. */
static enum http2_request_verdict length_take(struct message_head *head, bool ends) {
    const struct header *length = message_head_find(head, HEADER_CONTENT_LENGTH);
    head->content_length = ends ? 0 : MESSAGE_LENGTH_UNKNOWN;
    if (length == NULL)
        return HTTP2_REQUEST_GOOD;
    for (const struct header *each = length + 1; each < head->headers + head->header_count; each++)
        if (each->token == HEADER_CONTENT_LENGTH)
            return HTTP2_REQUEST_MALFORMED;
    uint64_t value;
    if (!span_to_u64(length->value, &value) || value > INT64_MAX || (ends && value > 0))
        return HTTP2_REQUEST_MALFORMED;
    head->content_length = value;
    return HTTP2_REQUEST_GOOD;
}

/* RFC 9110 section 10.1.1: one without content must not be passed on. */
static void expectation_judge(struct message_head *head, bool ends) {
    if (!message_head_has(head, HEADER_EXPECT))
        return;
    if (ends)
        message_head_remove(head, HEADER_EXPECT);
    else
        head->expects_continue = header_list_contains(message_head_value(head, HEADER_EXPECT), SPAN_LITERAL("100-continue"));
}

enum http2_request_verdict http2_request_head_finish(struct http2_request_head *request, bool ends, enum http1_fault *ret_fault) {
    struct message_head *head = request->fields.head;
    if (request->method.data == NULL || !header_name_is_valid(request->method))
        return HTTP2_REQUEST_MALFORMED;
    message_head_set_method(head, request->method);
    bool is_connect = head->method_token == HTTP_METHOD_CONNECT && request->protocol.data == NULL;
    enum http2_request_verdict verdict = is_connect ? connect_check(request) : target_check(request, ret_fault);
    if (verdict == HTTP2_REQUEST_GOOD && request->fields.fault != HTTP1_FAULT_NONE)
        verdict = reject(request->fields.fault, ret_fault);
    if (verdict == HTTP2_REQUEST_GOOD)
        verdict = authority_take(request, ret_fault);
    if (verdict == HTTP2_REQUEST_GOOD)
        verdict = length_take(head, ends);
    if (verdict == HTTP2_REQUEST_GOOD && request->protocol.data != NULL)
        verdict = protocol_take(request, ret_fault);
    /* RFC 9110 section 9.3.8: no content in TRACE. */
    if (verdict == HTTP2_REQUEST_GOOD && head->method_token == HTTP_METHOD_TRACE && !ends)
        verdict = reject(HTTP1_FAULT_BODY_NOT_ALLOWED, ret_fault);
    if (verdict != HTTP2_REQUEST_GOOD)
        return verdict;
    head->scheme = request->scheme;
    head->path = request->path;
    expectation_judge(head, ends || is_connect || request->protocol.data != NULL);
    http2_fields_join_cookies(&request->fields);
    return HTTP2_REQUEST_GOOD;
}
