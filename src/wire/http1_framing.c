#include "wire/http1_framing.h"

#include "base/limits.h"
#include "wire/character.h"

struct connection_options {
    bool close, keep_alive, upgrade;
};

static enum http1_fault connection_options_of(const struct message_head *head, struct connection_options *ret_options) {
    struct connection_options options = {0};
    unsigned count = 0;
    if (message_head_has(head, HEADER_CONNECTION)) {
        for (size_t i = 0; i < head->header_count; i++) {
            if (head->headers[i].token != HEADER_CONNECTION)
                continue;
            struct span rest = head->headers[i].value, option;
            while (header_list_next(&rest, &option)) {
                if (++count > HTTP_CONNECTION_OPTIONS_MAX || !header_name_is_valid(option))
                    return HTTP1_FAULT_FIELD_VALUE;
                options.close |= span_equal_ignore_case(option, SPAN_LITERAL("close"));
                options.keep_alive |= span_equal_ignore_case(option, SPAN_LITERAL("keep-alive"));
                options.upgrade |= span_equal_ignore_case(option, SPAN_LITERAL("upgrade"));
            }
        }
    }
    *ret_options = options;
    return HTTP1_FAULT_NONE;
}

/* RFC 9112 section 6.1. Only "chunked" alone can be decoded here; a coding before it is unknown to us (501), a message whose last coding is
 * not chunked has no end that could be known (400). */
static enum http1_fault transfer_encoding_check(const struct message_head *head) {
    size_t codings = 0, chunked = 0;
    bool last_is_chunked = false;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token != HEADER_TRANSFER_ENCODING)
            continue;
        struct span rest = head->headers[i].value, coding;
        while (header_list_next(&rest, &coding)) {
            last_is_chunked = span_equal_ignore_case(coding, SPAN_LITERAL("chunked"));
            chunked += last_is_chunked;
            codings++;
        }
    }
    if (head->version == HTTP_1_0)
        return HTTP1_FAULT_TRANSFER_ENCODING_IN_1_0;
    if (!last_is_chunked || chunked != 1)
        return HTTP1_FAULT_TRANSFER_ENCODING;
    return codings == 1 ? HTTP1_FAULT_NONE : HTTP1_FAULT_TRANSFER_ENCODING_UNKNOWN;
}

/* RFC 9112 section 6.3 rule 5 allows to take equal repetitions for one; refusing them is allowed too, and cannot be misread. */
static enum http1_fault content_length_of(const struct message_head *head, uint64_t *ret_length) {
    const struct header *only = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token != HEADER_CONTENT_LENGTH)
            continue;
        if (only != NULL)
            return HTTP1_FAULT_CONTENT_LENGTH;
        only = &head->headers[i];
    }
    if (!span_to_u64(only->value, ret_length) || *ret_length > INT64_MAX)
        return HTTP1_FAULT_CONTENT_LENGTH;
    return HTTP1_FAULT_NONE;
}

/* NONE when neither field is there. */
static enum http1_fault framing_of_fields(const struct message_head *head, struct http1_framing *ret_framing) {
    if (message_head_has(head, HEADER_TRANSFER_ENCODING)) {
        if (message_head_has(head, HEADER_CONTENT_LENGTH))
            return HTTP1_FAULT_LENGTH_AND_CODING;
        ret_framing->kind = HTTP1_BODY_CHUNKED;
        return transfer_encoding_check(head);
    }
    ret_framing->kind = HTTP1_BODY_NONE;
    if (!message_head_has(head, HEADER_CONTENT_LENGTH))
        return HTTP1_FAULT_NONE;
    enum http1_fault fault = content_length_of(head, &ret_framing->length);
    if (fault == HTTP1_FAULT_NONE && ret_framing->length > 0)
        ret_framing->kind = HTTP1_BODY_LENGTH;
    return fault;
}

static uint64_t content_length_known(const struct http1_framing *framing) {
    switch (framing->kind) {
    case HTTP1_BODY_NONE: return 0;
    case HTTP1_BODY_LENGTH: return framing->length;
    case HTTP1_BODY_CHUNKED:
    case HTTP1_BODY_UNTIL_CLOSE:
    case HTTP1_BODY_TUNNEL: break;
    }
    return MESSAGE_LENGTH_UNKNOWN;
}

/* The value of an Upgrade that may be granted. Of several fields one would be judged and another forwarded: then it is ignored. */
static struct span upgrade_of(const struct message_head *head) {
    const struct header *only = message_head_find(head, HEADER_UPGRADE);
    if (only == NULL)
        return SPAN_EMPTY;
    for (const struct header *each = only + 1; each < head->headers + head->header_count; each++)
        if (each->token == HEADER_UPGRADE)
            return SPAN_EMPTY;
    return only->value;
}

/* RFC 9110 section 10.1.1: an expectation of HTTP/1.0 is ignored, one without content must not be passed on. */
static void expectation_judge(struct message_head *head, const struct http1_framing *framing) {
    if (!message_head_has(head, HEADER_EXPECT))
        return;
    if (head->version == HTTP_1_0 || framing->kind == HTTP1_BODY_NONE) {
        message_head_remove(head, HEADER_EXPECT);
        return;
    }
    head->expects_continue = header_list_contains(message_head_value(head, HEADER_EXPECT), SPAN_LITERAL("100-continue"));
}

enum http1_fault http1_framing_of_request(struct message_head *head, struct http1_framing *ret_framing) {
    struct http1_framing framing = {0};
    struct connection_options options;
    enum http1_fault fault = connection_options_of(head, &options);
    if (fault == HTTP1_FAULT_NONE)
        fault = framing_of_fields(head, &framing);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    /* RFC 9110 section 9.3.8: no content in TRACE. To forward it would be to send it. CONNECT's has no meaning (section 9.3.6). */
    if (framing.kind != HTTP1_BODY_NONE && (head->method_token == HTTP_METHOD_TRACE || head->method_token == HTTP_METHOD_CONNECT))
        return HTTP1_FAULT_BODY_NOT_ALLOWED;
    /* RFC 9112 section 9.3: a proxy must not keep a connection with an HTTP/1.0 client. */
    framing.close = options.close || head->version == HTTP_1_0;
    /* RFC 9110 section 7.8: Upgrade of HTTP/1.0 is ignored. With content it would be unclear who reads that content. */
    if (options.upgrade && head->version == HTTP_1_1 && framing.kind == HTTP1_BODY_NONE && head->method_token != HTTP_METHOD_CONNECT)
        head->upgrade = upgrade_of(head);
    expectation_judge(head, &framing);
    head->content_length = content_length_known(&framing);
    *ret_framing = framing;
    return HTTP1_FAULT_NONE;
}

/* RFC 9110 section 7.8: a 101 names the protocol, and it is one that the request offered. */
static bool switch_is_asked(const struct message_head *head, struct span offered) {
    struct span rest = message_head_value(head, HEADER_UPGRADE), protocol;
    bool named = false;
    while (header_list_next(&rest, &protocol)) {
        named = true;
        if (!header_list_contains(offered, protocol))
            return false;
    }
    return named;
}

/* Responses that end with their head, whatever their fields say (RFC 9112 section 6.3 rule 1). */
static bool response_has_no_content(int status, enum http_method method) {
    return method == HTTP_METHOD_HEAD || status < 200 || status == 204 || status == 304;
}

enum http1_fault http1_framing_of_response(struct message_head *head, const struct http1_request_facts *request,
                                           struct http1_framing *ret_framing) {
    struct http1_framing framing = {0};
    struct connection_options options;
    enum http1_fault fault = connection_options_of(head, &options);
    if (fault == HTTP1_FAULT_NONE)
        fault = framing_of_fields(head, &framing);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    if (head->status == 101 && !switch_is_asked(head, request->upgrade))
        return HTTP1_FAULT_SWITCH_NOT_ASKED;
    bool unframed = framing.kind == HTTP1_BODY_NONE && !message_head_has(head, HEADER_CONTENT_LENGTH);
    if (head->status == 101 || (request->method == HTTP_METHOD_CONNECT && head->status / 100 == 2))
        framing = (struct http1_framing){.kind = HTTP1_BODY_TUNNEL};
    else if (response_has_no_content(head->status, request->method))
        framing = (struct http1_framing){.kind = HTTP1_BODY_NONE};
    else if (unframed)
        framing = (struct http1_framing){.kind = HTTP1_BODY_UNTIL_CLOSE};
    /* RFC 9112 section 9.3. */
    framing.close = options.close || framing.kind == HTTP1_BODY_UNTIL_CLOSE || (head->version == HTTP_1_0 && !options.keep_alive);
    head->content_length = content_length_known(&framing);
    *ret_framing = framing;
    return HTTP1_FAULT_NONE;
}
