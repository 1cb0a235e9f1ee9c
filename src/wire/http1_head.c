#include "wire/http1_head.h"

#include "base/limits.h"
#include "wire/character.h"
#include "wire/http1_fields.h"
#include "wire/http1_framing.h"
#include "wire/http1_target.h"

/* Room for the method and the version beside the target in a request line. */
#define REQUEST_LINE_SPARE_BYTES 256

static enum http1_fault too_large(enum http1_section section) {
    return section == HTTP1_SECTION_TRAILERS ? HTTP1_FAULT_TRAILERS_TOO_LARGE : HTTP1_FAULT_HEAD_TOO_LARGE;
}

static size_t section_bytes_max(enum http1_section section) {
    return section == HTTP1_SECTION_TRAILERS ? HTTP_TRAILER_BYTES_MAX : HTTP_HEAD_BYTES_MAX;
}

/* Faults that are known before the head is whole: `size` bytes of it are there, `line_size` of them in the line that `line_count` counts. */
static enum http1_fault scan_judge(const struct http1_scan *scan, struct span bytes, enum http1_section section) {
    size_t line_size = scan->offset - scan->line_start;
    if (section == HTTP1_SECTION_REQUEST && scan->line_count == 0) {
        /* What does not begin like a method is not HTTP: a TLS hello on a plain port need not wait for a deadline. */
        if (bytes.size > 0 && !character_is(bytes.data[0], CHARACTER_TOKEN))
            return HTTP1_FAULT_START_LINE;
        if (line_size > HTTP_TARGET_BYTES_MAX + REQUEST_LINE_SPARE_BYTES)
            return HTTP1_FAULT_TARGET_TOO_LONG;
    }
    if (scan->offset > section_bytes_max(section))
        return too_large(section);
    size_t fields = scan->line_count - (section == HTTP1_SECTION_TRAILERS || scan->line_count == 0 ? 0 : 1);
    return fields > HTTP_FIELDS_MAX ? HTTP1_FAULT_TOO_MANY_FIELDS : HTTP1_FAULT_NONE;
}

enum http1_scan_status http1_scan(struct http1_scan *scan, struct span bytes, enum http1_section section, size_t *ret_size,
                                  enum http1_fault *ret_fault) {
    enum http1_fault fault = HTTP1_FAULT_NONE;
    while (fault == HTTP1_FAULT_NONE) {
        const char *line_feed = scan->offset < bytes.size ? memchr(bytes.data + scan->offset, '\n', bytes.size - scan->offset) : NULL;
        if (line_feed == NULL) {
            scan->offset = bytes.size;
            fault = scan_judge(scan, bytes, section);
            if (fault == HTTP1_FAULT_NONE)
                return HTTP1_SCAN_INCOMPLETE;
            break;
        }
        size_t end = (size_t)(line_feed - bytes.data);
        scan->offset = end + 1;
        fault = scan_judge(scan, bytes, section);
        if (fault != HTTP1_FAULT_NONE)
            break;
        if (end == scan->line_start || line_feed[-1] != '\r') {
            fault = HTTP1_FAULT_BARE_LF;
            break;
        }
        bool empty = end - scan->line_start == 1;
        scan->line_start = end + 1;
        if (empty) {
            *ret_size = end + 1;
            return HTTP1_SCAN_COMPLETE;
        }
        scan->line_count++;
    }
    *ret_fault = fault;
    return HTTP1_SCAN_FAULT;
}

/* HTTP-version = "HTTP/" DIGIT "." DIGIT; without name and slash it is the version of nothing. A higher minor version of 1 is read as 1.1
 * (RFC 9110 section 2.5). */
static enum http1_fault version_parse(struct span text, enum http_version *ret_version) {
    size_t slash;
    if (text.size != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.') {
        bool names_something = span_find_byte(text, '/', &slash) || span_starts_with_ignore_case(text, SPAN_LITERAL("HTTP"));
        return names_something ? HTTP1_FAULT_VERSION : HTTP1_FAULT_NOT_HTTP;
    }
    char major = text.data[5], minor = text.data[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return HTTP1_FAULT_VERSION;
    if (major != '1')
        return HTTP1_FAULT_VERSION_NOT_SUPPORTED;
    *ret_version = minor == '0' ? HTTP_1_0 : HTTP_1_1;
    return HTTP1_FAULT_NONE;
}

/* request-line = method SP request-target SP HTTP-version: exactly one SP each (RFC 9112 section 3). */
static enum http1_fault request_line_parse(char *line, size_t size, struct message_head *head, struct http1_target *ret_target) {
    char *first = memchr(line, ' ', size);
    if (first == NULL || first == line)
        return HTTP1_FAULT_START_LINE;
    struct span method = span_make(line, (size_t)(first - line));
    if (!header_name_is_valid(method))
        return HTTP1_FAULT_METHOD;
    char *target = first + 1;
    char *second = memchr(target, ' ', (size_t)(line + size - target));
    if (second == NULL)
        return HTTP1_FAULT_START_LINE;
    enum http1_fault fault = version_parse(span_make(second + 1, (size_t)(line + size - second - 1)), &head->version);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    message_head_set_method(head, method);
    return http1_target_parse(head->arena, head->method_token, target, (size_t)(second - target), ret_target);
}

/* RFC 9112 section 3.2 and RFC 9110 section 7.2: exactly one valid Host in HTTP/1.1, even where the target says more. */
static enum http1_fault host_take(struct message_head *head, const struct http1_target *target) {
    struct span authority = target->authority;
    if (message_head_has(head, HEADER_HOST)) {
        const struct header *host = message_head_find(head, HEADER_HOST);
        for (const struct header *each = host + 1; each < head->headers + head->header_count; each++)
            if (each->token == HEADER_HOST)
                return HTTP1_FAULT_HOST_REPEATED;
        if (!message_head_set_authority(head, host->value))
            return HTTP1_FAULT_HOST_INVALID;
        message_head_remove(head, HEADER_HOST);
        /* An origin-form target with an empty Host has no authority at all: RFC 9110 section 4.2.1 refuses such a URI. */
        if (head->host.size == 0 && authority.size == 0)
            return HTTP1_FAULT_HOST_INVALID;
    } else if (head->version != HTTP_1_0) {
        return HTTP1_FAULT_HOST_MISSING;
    }
    /* RFC 9112 section 3.2.2: the target's authority wins over Host. */
    if (authority.size > 0 && !message_head_set_authority(head, authority))
        return HTTP1_FAULT_TARGET;
    return HTTP1_FAULT_NONE;
}

/* The bytes in the arena, and the end of their first line. */
static char *line_take(struct arena *arena, struct span bytes, size_t *ret_line_size) {
    /* Not in the copy: what was just written cannot be read at once in other pieces. */
    const char *line_feed = memchr(bytes.data, '\n', bytes.size);
    *ret_line_size = (size_t)(line_feed - bytes.data) - 1;
    char *text = arena_allocate_aligned(arena, bytes.size, 1);
    memcpy(text, bytes.data, bytes.size);
    return text;
}

enum http1_fault http1_request_parse(struct arena *arena, struct span bytes, size_t line_count, struct message_head *ret_head,
                                     struct http1_framing *ret_framing) {
    struct message_head head;
    struct http1_target target;
    size_t line_size;
    /* A head of nothing but the empty line has no request line. */
    if (line_count == 0)
        return HTTP1_FAULT_START_LINE;
    message_head_init(&head, arena, line_count);
    char *text = line_take(arena, bytes, &line_size);
    enum http1_fault fault = request_line_parse(text, line_size, &head, &target);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    fault = http1_fields_parse(text + line_size + 2, bytes.size - line_size - 2, HTTP1_SECTION_REQUEST, &head);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    fault = host_take(&head, &target);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    head.scheme = target.scheme;
    head.path = target.path;
    fault = http1_framing_of_request(&head, ret_framing);
    if (fault == HTTP1_FAULT_NONE)
        *ret_head = head;
    return fault;
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ]; many servers leave out the SP before an empty phrase. */
static enum http1_fault status_line_parse(const char *line, size_t size, struct message_head *head) {
    if (size < 12 || line[8] != ' ')
        return HTTP1_FAULT_STATUS_LINE;
    enum http1_fault fault = version_parse(span_make(line, 8), &head->version);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return HTTP1_FAULT_STATUS_LINE;
        head->status = head->status * 10 + (line[i] - '0');
    }
    /* RFC 9110 section 15: other classes do not exist. */
    if (head->status < 100 || head->status > 599 || (size > 12 && line[12] != ' '))
        return HTTP1_FAULT_STATUS_LINE;
    head->reason = span_from(span_make(line, size), 13);
    return character_all_field_value(head->reason) ? HTTP1_FAULT_NONE : HTTP1_FAULT_STATUS_LINE;
}

enum http1_fault http1_response_parse(struct arena *arena, struct span bytes, size_t line_count, const struct http1_request_facts *request,
                                      struct message_head *ret_head, struct http1_framing *ret_framing) {
    struct message_head head;
    size_t line_size;
    if (line_count == 0)
        return HTTP1_FAULT_STATUS_LINE;
    message_head_init(&head, arena, line_count);
    char *text = line_take(arena, bytes, &line_size);
    enum http1_fault fault = status_line_parse(text, line_size, &head);
    if (fault == HTTP1_FAULT_NONE)
        fault = http1_fields_parse(text + line_size + 2, bytes.size - line_size - 2, HTTP1_SECTION_RESPONSE, &head);
    if (fault == HTTP1_FAULT_NONE)
        fault = http1_framing_of_response(&head, request, ret_framing);
    if (fault == HTTP1_FAULT_NONE)
        *ret_head = head;
    return fault;
}

enum http1_fault http1_trailers_parse(struct arena *arena, struct span bytes, size_t line_count, struct header **ret_trailers,
                                      size_t *ret_count) {
    struct message_head head;
    *ret_trailers = NULL;
    *ret_count = 0;
    if (line_count == 0)
        return HTTP1_FAULT_NONE;
    message_head_init(&head, arena, line_count);
    char *text = arena_allocate_aligned(arena, bytes.size, 1);
    memcpy(text, bytes.data, bytes.size);
    /* White space before a colon is refused here whichever side sent it: nothing asks to repair a trailer. */
    enum http1_fault fault = http1_fields_parse(text, bytes.size, HTTP1_SECTION_REQUEST, &head);
    if (fault != HTTP1_FAULT_NONE)
        return fault;
    message_head_remove_properties(&head, HEADER_PROPERTY_NO_TRAILER | HEADER_PROPERTY_FROM_INSIDE);
    *ret_trailers = head.headers;
    *ret_count = head.header_count;
    return HTTP1_FAULT_NONE;
}
