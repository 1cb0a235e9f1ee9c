#include "wire/http1_fields.h"

#include "base/assert.h"
#include "wire/character.h"

/* RFC 9112 section 5.1: a server must refuse white space between name and colon, a proxy must remove it from a response. */
static char *skip_space_before_colon(char *at, const char *end, enum http1_section section) {
    if (section != HTTP1_SECTION_REQUEST)
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
    return at;
}

/* One line without its CRLF. */
static enum http1_fault field_parse(char *line, char *end, enum http1_section section, struct message_head *head) {
    char *at = line;
    for (uint8_t lower; at < end && (lower = character_token_lower[(uint8_t)*at]) != 0; at++)
        *at = (char)lower;
    if (at == line) {
        /* RFC 9112 section 5.2: a line that begins with white space is obsolete folding. */
        return line < end && (*line == ' ' || *line == '\t') ? HTTP1_FAULT_FIELD_FOLDED : HTTP1_FAULT_FIELD_NAME;
    }
    struct span name = span_make(line, (size_t)(at - line));
    at = skip_space_before_colon(at, end, section);
    if (at == end || *at != ':')
        return HTTP1_FAULT_FIELD_NAME;
    struct span value = span_trim(span_make(at + 1, (size_t)(end - at - 1)));
    if (!character_all_field_value(value))
        return HTTP1_FAULT_FIELD_VALUE;
    message_head_add_name(head, name, value);
    return HTTP1_FAULT_NONE;
}

enum http1_fault http1_fields_parse(char *text, size_t size, enum http1_section section, struct message_head *head) {
    char *at = text, *end = text + size;
    for (;;) {
        char *line_feed = memchr(at, '\n', (size_t)(end - at));
        /* http1_scan saw every line's CRLF and the empty line. */
        ASSERT(line_feed != NULL && line_feed > at && line_feed[-1] == '\r');
        if (line_feed - at == 1)
            return HTTP1_FAULT_NONE;
        enum http1_fault fault = field_parse(at, line_feed - 1, section, head);
        if (fault != HTTP1_FAULT_NONE)
            return fault;
        at = line_feed + 1;
    }
}
