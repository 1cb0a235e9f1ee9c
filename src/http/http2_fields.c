#include "http/http2_fields.h"

#include "base/limits.h"
#include "wire/character.h"

/* ": " and CRLF. */
#define HTTP1_FIELD_EXTRA_BYTES 4

enum http2_field_status http2_fields_count(struct http2_fields *fields, struct span name, struct span value) {
    fields->bytes += name.size + value.size + HTTP1_FIELD_EXTRA_BYTES;
    if (fields->bytes > HTTP2_SECTION_BYTES_MAX)
        return HTTP2_FIELD_BOMB;
    if (fields->bytes > fields->bytes_max)
        fields->fault = fields->too_large;
    return HTTP2_FIELD_TAKEN;
}

static bool name_is_valid(struct span name) {
    if (name.size == 0)
        return false;
    /* Not a tchar has no lower case: 0. */
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '\0' || character_token_lower[(uint8_t)name.data[i]] != (uint8_t)name.data[i])
            return false;
    return true;
}

/* RFC 9113 section 8.2.2. */
static bool is_connection_specific(enum header_token token, struct span value) {
    switch (token) {
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE: return true;
    case HEADER_TE: return !span_equal_ignore_case(value, SPAN_LITERAL("trailers"));
    default: return false;
    }
}

enum http2_field_status http2_fields_add(struct http2_fields *fields, struct span name, struct span value) {
    struct message_head *head = fields->head;
    enum header_token token = header_token_of(name);
    if ((token == HEADER_OTHER && !name_is_valid(name)) || !header_value_is_valid(value) || is_connection_specific(token, value))
        return HTTP2_FIELD_MALFORMED;
    bool another_crumb = token == HEADER_COOKIE && fields->cookie_count > 0;
    if (head->header_count >= HTTP_FIELDS_MAX && !another_crumb && fields->fault == HTTP1_FAULT_NONE)
        fields->fault = HTTP1_FAULT_TOO_MANY_FIELDS;
    if (fields->fault != HTTP1_FAULT_NONE)
        return HTTP2_FIELD_TAKEN;
    if (token == HEADER_COOKIE) {
        fields->cookie_count++;
        fields->cookie_bytes += value.size;
    }
    value = arena_copy(head->arena, value);
    if (token == HEADER_OTHER)
        message_head_add_name(head, arena_copy(head->arena, name), value);
    else
        message_head_add(head, token, value);
    return HTTP2_FIELD_TAKEN;
}

void http2_fields_join_cookies(struct http2_fields *fields) {
    struct message_head *head = fields->head;
    if (fields->cookie_count < 2)
        return;
    char *text = arena_allocate_aligned(head->arena, fields->cookie_bytes + 2 * fields->cookie_count, 1);
    size_t size = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token != HEADER_COOKIE)
            continue;
        struct span crumb = head->headers[i].value;
        if (size > 0) {
            text[size++] = ';';
            text[size++] = ' ';
        }
        if (crumb.size > 0)
            memcpy(text + size, crumb.data, crumb.size);
        size += crumb.size;
    }
    message_head_set(head, HEADER_COOKIE, span_make(text, size));
}

void http2_fields_trailers(struct http2_fields *fields, struct header **ret_trailers, size_t *ret_count) {
    message_head_remove_properties(fields->head, HEADER_PROPERTY_NO_TRAILER | HEADER_PROPERTY_FROM_INSIDE);
    *ret_trailers = fields->head->headers;
    *ret_count = fields->head->header_count;
}

void http2_field_list_init(struct http2_field_list *list, struct arena *arena, size_t capacity) {
    list->fields = arena_new_array(arena, nghttp2_nv, capacity);
    list->count = 0;
}

/* libnghttp2 takes pointers to what it could change, and does not. */
static uint8_t *octets(struct span text) {
    static uint8_t nothing[1];
    union {
        const char *in;
        uint8_t *out;
    } pointer = {text.data};
    return text.data == NULL ? nothing : pointer.out;
}

static void list_add(struct http2_field_list *list, struct span name, struct span value, uint8_t flags) {
    list->fields[list->count++] = (nghttp2_nv){octets(name), octets(value), name.size, value.size, flags};
}

void http2_field_list_add(struct http2_field_list *list, struct span name, struct span value) {
    list_add(list, name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

/* The library copies a name and makes it lower-case, byte by byte; the names of our table are that, and stay. */
static void list_add_field(struct http2_field_list *list, const struct header *header) {
    if (header->token == HEADER_OTHER)
        list_add(list, header->name, header->value, NGHTTP2_NV_FLAG_NONE);
    else
        http2_field_list_add(list, header_token_name(header->token), header->value);
}

void http2_field_list_add_fields(struct http2_field_list *list, const struct header *headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct header *header = &headers[i];
        if ((header_token_properties(header->token) & HEADER_PROPERTY_HOP_BY_HOP) != 0 &&
            (header->token != HEADER_TE || is_connection_specific(header->token, header->value)))
            continue;
        list_add_field(list, header);
    }
}

void http2_field_list_add_trailers(struct http2_field_list *list, const struct header *trailers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((header_token_properties(trailers[i].token) & HEADER_PROPERTY_NO_TRAILER) == 0)
            list_add_field(list, &trailers[i]);
}
