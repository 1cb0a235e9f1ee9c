#include "wire/http1_target.h"

#include "base/limits.h"
#include "wire/authority.h"
#include "wire/character.h"

/* RFC 9112 section 3.2.3: only CONNECT has it, and its port is not optional (RFC 9110 section 9.3.6). */
static enum http1_fault authority_form(struct span text, struct http1_target *ret_target) {
    struct authority authority;
    if (!authority_parse(text, &authority) || authority.host.size == 0 || authority.port_number == 0)
        return HTTP1_FAULT_TARGET;
    *ret_target = (struct http1_target){.authority = text};
    return HTTP1_FAULT_NONE;
}

static size_t authority_size(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '/' || text.data[i] == '?')
            return i;
    return text.size;
}

static struct span path_of(struct arena *arena, enum http_method method, struct span rest) {
    if (rest.size == 0) {
        /* RFC 9112 section 3.2.4: OPTIONS for a URI without path and query becomes "*". */
        return method == HTTP_METHOD_OPTIONS ? SPAN_LITERAL("*") : SPAN_LITERAL("/");
    }
    if (rest.data[0] == '/')
        return rest;
    char *text = arena_allocate_aligned(arena, rest.size + 2, 1);
    text[0] = '/';
    memcpy(text + 1, rest.data, rest.size);
    return span_make(text, rest.size + 1);
}

/* RFC 9112 section 3.2.2: a server must accept it. User information in it is refused with the authority (RFC 9110 section 4.2.4). */
static enum http1_fault absolute_form(struct arena *arena, enum http_method method, char *text, size_t size,
                                      struct http1_target *ret_target) {
    size_t colon;
    if (!span_find_byte(span_make(text, size), ':', &colon) || colon == 0 || !character_is(text[0], CHARACTER_UNRESERVED))
        return HTTP1_FAULT_TARGET;
    for (size_t i = 0; i < colon; i++)
        text[i] = byte_to_lower(text[i]);
    struct span scheme = span_make(text, colon);
    struct span rest = span_make(text + colon, size - colon);
    if (!span_equal(scheme, SPAN_LITERAL("http")) && !span_equal(scheme, SPAN_LITERAL("https")))
        return span_starts_with(rest, SPAN_LITERAL("://")) ? HTTP1_FAULT_SCHEME : HTTP1_FAULT_TARGET;
    if (!span_starts_with(rest, SPAN_LITERAL("://")))
        return HTTP1_FAULT_TARGET;
    rest = span_from(rest, 3);
    struct span authority_text = span_first(rest, authority_size(rest));
    struct authority authority;
    /* RFC 9110 section 4.2.1: an empty host is invalid. */
    if (!authority_parse(authority_text, &authority) || authority.host.size == 0)
        return HTTP1_FAULT_TARGET;
    *ret_target = (struct http1_target){scheme, authority_text, path_of(arena, method, span_from(rest, authority_text.size))};
    return HTTP1_FAULT_NONE;
}

enum http1_fault http1_target_parse(struct arena *arena, enum http_method method, char *text, size_t size, struct http1_target *ret_target) {
    struct span target = span_make(text, size);
    if (size > HTTP_TARGET_BYTES_MAX)
        return HTTP1_FAULT_TARGET_TOO_LONG;
    if (size == 0 || !character_all(target, CHARACTER_TARGET))
        return HTTP1_FAULT_TARGET;
    if (method == HTTP_METHOD_CONNECT)
        return authority_form(target, ret_target);
    if (text[0] == '/') {
        *ret_target = (struct http1_target){.path = target};
        return HTTP1_FAULT_NONE;
    }
    if (span_equal(target, SPAN_LITERAL("*"))) {
        /* RFC 9112 section 3.2.4: for OPTIONS alone. */
        *ret_target = (struct http1_target){.path = target};
        return method == HTTP_METHOD_OPTIONS ? HTTP1_FAULT_NONE : HTTP1_FAULT_TARGET;
    }
    return absolute_form(arena, method, text, size, ret_target);
}
