#include "wire/message.h"

#include "base/assert.h"
#include "wire/authority.h"

/* Room kept for the fields that the gateway itself adds. */
#define SPARE_FIELDS 12

void message_head_init(struct message_head *head, struct arena *arena, size_t header_capacity) {
    *head = (struct message_head){.arena = arena, .header_capacity = header_capacity + SPARE_FIELDS};
    head->headers = arena_new_array(arena, struct header, head->header_capacity);
}

void message_head_copy(const struct message_head *head, struct arena *arena, struct message_head *ret_copy) {
    struct message_head copy = *head;
    copy.arena = arena;
    copy.header_capacity = head->header_count + SPARE_FIELDS;
    copy.headers = arena_new_array(arena, struct header, copy.header_capacity);
    if (head->header_count > 0)
        memcpy(copy.headers, head->headers, head->header_count * sizeof(*head->headers));
    *ret_copy = copy;
}

enum http_method http_method_of(struct span method) {
    static const struct {
        struct span name;
        enum http_method method;
    } methods[] = {
        {{"GET", 3}, HTTP_METHOD_GET},         {{"HEAD", 4}, HTTP_METHOD_HEAD},     {{"POST", 4}, HTTP_METHOD_POST},
        {{"PUT", 3}, HTTP_METHOD_PUT},         {{"DELETE", 6}, HTTP_METHOD_DELETE}, {{"CONNECT", 7}, HTTP_METHOD_CONNECT},
        {{"OPTIONS", 7}, HTTP_METHOD_OPTIONS}, {{"TRACE", 5}, HTTP_METHOD_TRACE},   {{"PATCH", 5}, HTTP_METHOD_PATCH},
    };
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (span_equal(methods[i].name, method))
            return methods[i].method;
    return HTTP_METHOD_OTHER;
}

bool http_method_is_idempotent(enum http_method method) {
    switch (method) {
    case HTTP_METHOD_GET:
    case HTTP_METHOD_HEAD:
    case HTTP_METHOD_PUT:
    case HTTP_METHOD_DELETE:
    case HTTP_METHOD_OPTIONS:
    case HTTP_METHOD_TRACE: return true;
    case HTTP_METHOD_OTHER:
    case HTTP_METHOD_POST:
    case HTTP_METHOD_CONNECT:
    case HTTP_METHOD_PATCH: return false;
    }
    UNREACHABLE();
}

void message_head_set_method(struct message_head *head, struct span method) {
    head->method = method;
    head->method_token = http_method_of(method);
}

bool message_head_set_authority(struct message_head *head, struct span authority) {
    struct authority parsed;
    if (!authority_parse(authority, &parsed))
        return false;
    head->authority = authority;
    head->host = parsed.host;
    for (size_t i = 0; i < parsed.host.size; i++) {
        if (byte_to_lower(parsed.host.data[i]) != parsed.host.data[i]) {
            head->host = arena_lower(head->arena, parsed.host);
            break;
        }
    }
    return true;
}

struct header *message_head_find(const struct message_head *head, enum header_token token) {
    ASSERT(token != HEADER_OTHER);
    if (!message_head_has(head, token))
        return NULL;
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].token == token)
            return &head->headers[i];
    return NULL;
}

struct header *message_head_find_name(const struct message_head *head, struct span name) {
    enum header_token token = header_token_of(name);
    if (token != HEADER_OTHER)
        return message_head_find(head, token);
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].token == HEADER_OTHER && span_equal(head->headers[i].name, name))
            return &head->headers[i];
    return NULL;
}

struct span message_head_value(const struct message_head *head, enum header_token token) {
    const struct header *header = message_head_find(head, token);
    return header == NULL ? SPAN_EMPTY : header->value;
}

bool message_head_join(const struct message_head *head, struct arena *arena, struct span name, struct span *ret_value) {
    const struct header *first = message_head_find_name(head, name);
    if (first == NULL)
        return false;
    const struct header *end = head->headers + head->header_count;
    size_t size = first->value.size, count = 1;
    for (const struct header *each = first + 1; each < end; each++) {
        if (each->token == first->token && span_equal(each->name, name)) {
            size += 1 + each->value.size;
            count++;
        }
    }
    if (count == 1) {
        *ret_value = first->value;
        return true;
    }
    char *text = arena_allocate_aligned(arena, size + 1, 1);
    size_t used = 0;
    for (const struct header *each = first; each < end; each++) {
        if (each->token != first->token || !span_equal(each->name, name))
            continue;
        if (each != first)
            text[used++] = ',';
        if (each->value.size > 0)
            memcpy(text + used, each->value.data, each->value.size);
        used += each->value.size;
    }
    *ret_value = span_make(text, used);
    return true;
}

static void message_head_append(struct message_head *head, struct header header) {
    if (head->header_count == head->header_capacity) {
        size_t capacity = head->header_capacity * 2 + SPARE_FIELDS;
        struct header *headers = arena_new_array(head->arena, struct header, capacity);
        if (head->header_count > 0)
            memcpy(headers, head->headers, head->header_count * sizeof(*headers));
        head->headers = headers;
        head->header_capacity = capacity;
    }
    head->headers[head->header_count++] = header;
    head->present[header.token / 64] |= 1ULL << (header.token % 64);
}

void message_head_add(struct message_head *head, enum header_token token, struct span value) {
    ASSERT(token != HEADER_OTHER);
    message_head_append(head, (struct header){header_token_name(token), value, token});
}

void message_head_add_name(struct message_head *head, struct span name, struct span value) {
    message_head_append(head, (struct header){name, value, header_token_of(name)});
}

/* Closes the gap that fields marked with HEADER_TOKEN_COUNT leave. */
static void message_head_compact(struct message_head *head) {
    size_t kept = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token == HEADER_TOKEN_COUNT)
            continue;
        if (kept != i)
            head->headers[kept] = head->headers[i];
        kept++;
    }
    head->header_count = kept;
}

static void message_head_forget(struct message_head *head, enum header_token token) {
    head->present[token / 64] &= ~(1ULL << (token % 64));
}

/* Marks all fields of that token and name from `start` on; true when there was one. */
static bool message_head_mark(struct message_head *head, size_t start, enum header_token token, struct span name) {
    bool marked = false;
    for (size_t i = start; i < head->header_count; i++) {
        struct header *header = &head->headers[i];
        if (header->token == token && (token != HEADER_OTHER || span_equal_ignore_case(header->name, name))) {
            header->token = HEADER_TOKEN_COUNT;
            marked = true;
        }
    }
    return marked;
}

static void message_head_replace(struct message_head *head, enum header_token token, struct span name, struct span value) {
    for (size_t i = 0; i < head->header_count; i++) {
        struct header *header = &head->headers[i];
        if (header->token != token || (token == HEADER_OTHER && !span_equal(header->name, name)))
            continue;
        header->value = value;
        if (message_head_mark(head, i + 1, token, name))
            message_head_compact(head);
        return;
    }
    message_head_append(head, (struct header){name, value, token});
}

void message_head_set(struct message_head *head, enum header_token token, struct span value) {
    ASSERT(token != HEADER_OTHER);
    if (!message_head_has(head, token))
        message_head_add(head, token, value);
    else
        message_head_replace(head, token, header_token_name(token), value);
}

void message_head_set_name(struct message_head *head, struct span name, struct span value) {
    message_head_replace(head, header_token_of(name), name, value);
}

void message_head_remove(struct message_head *head, enum header_token token) {
    ASSERT(token != HEADER_OTHER);
    if (!message_head_has(head, token))
        return;
    if (message_head_mark(head, 0, token, SPAN_EMPTY))
        message_head_compact(head);
    message_head_forget(head, token);
}

void message_head_remove_name(struct message_head *head, struct span name) {
    enum header_token token = header_token_of(name);
    if (token != HEADER_OTHER)
        message_head_remove(head, token);
    else if (message_head_mark(head, 0, HEADER_OTHER, name))
        message_head_compact(head);
}

void message_head_remove_properties(struct message_head *head, unsigned properties) {
    bool marked = false;
    for (size_t i = 0; i < head->header_count; i++) {
        struct header *header = &head->headers[i];
        if ((header_token_properties(header->token) & properties) == 0)
            continue;
        message_head_forget(head, header->token);
        header->token = HEADER_TOKEN_COUNT;
        marked = true;
    }
    if (marked)
        message_head_compact(head);
}

/* One option of the Connection field: the field of that name goes no further. */
static bool message_head_mark_option(struct message_head *head, struct span option) {
    char lower[64];
    if (option.size > sizeof(lower))
        return message_head_mark(head, 0, HEADER_OTHER, option);
    for (size_t i = 0; i < option.size; i++)
        lower[i] = byte_to_lower(option.data[i]);
    enum header_token token = header_token_of(span_make(lower, option.size));
    /* The hop-by-hop fields themselves are judged afterwards, by their own rules. */
    if (token != HEADER_OTHER && (!message_head_has(head, token) || (header_token_properties(token) & HEADER_PROPERTY_HOP_BY_HOP) != 0))
        return false;
    if (token != HEADER_OTHER)
        message_head_forget(head, token);
    return message_head_mark(head, 0, token, option);
}

static bool message_head_mark_options(struct message_head *head) {
    bool marked = false;
    if (!message_head_has(head, HEADER_CONNECTION))
        return false;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].token != HEADER_CONNECTION)
            continue;
        struct span rest = head->headers[i].value, option;
        while (header_list_next(&rest, &option))
            marked |= message_head_mark_option(head, option);
    }
    return marked;
}

static bool message_head_has_hop_by_hop(const struct message_head *head) {
    uint64_t masks[2] = {0, 0};
#define HOP_BY_HOP HEADER_PROPERTY_HOP_BY_HOP
#define NO_TRAILER HEADER_PROPERTY_NO_TRAILER
#define FROM_INSIDE HEADER_PROPERTY_FROM_INSIDE
#define HEADER_BIT(token, name, properties) \
    masks[HEADER_##token / 64] |= ((properties) & HOP_BY_HOP) != 0 ? 1ULL << (HEADER_##token % 64) : 0;
    HEADER_TABLE(HEADER_BIT)
#undef HEADER_BIT
    return ((head->present[0] & masks[0]) | (head->present[1] & masks[1])) != 0;
}

void message_head_strip_hop_by_hop(struct message_head *head, bool keep_upgrade) {
    if (!message_head_has_hop_by_hop(head))
        return;
    message_head_mark_options(head);
    bool trailers_welcome = false;
    for (size_t i = 0; i < head->header_count; i++) {
        struct header *header = &head->headers[i];
        if (header->token == HEADER_TOKEN_COUNT || (header_token_properties(header->token) & HEADER_PROPERTY_HOP_BY_HOP) == 0)
            continue;
        if (header->token == HEADER_UPGRADE && keep_upgrade)
            continue;
        if (header->token == HEADER_TE && header_list_contains(header->value, SPAN_LITERAL("trailers")))
            trailers_welcome = true;
        message_head_forget(head, header->token);
        header->token = HEADER_TOKEN_COUNT;
    }
    message_head_compact(head);
    if (trailers_welcome)
        message_head_add(head, HEADER_TE, SPAN_LITERAL("trailers"));
}
