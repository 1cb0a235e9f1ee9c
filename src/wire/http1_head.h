/* HTTP/1.x heads, read strictly (RFC 9112): what could be read two ways is a fault. Pure functions over bytes. */
#ifndef FAIRLEAD_WIRE_HTTP1_HEAD_H
#define FAIRLEAD_WIRE_HTTP1_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

/* Looks for the empty line that ends a head, over bytes that grow: each byte is looked at once. Zero it before the first call. */
struct http1_scan {
    size_t offset;     /* bytes looked at */
    size_t line_start; /* of the line that is not complete yet */
    size_t line_count; /* complete lines, the empty one not counted */
};

enum http1_scan_status { HTTP1_SCAN_INCOMPLETE, HTTP1_SCAN_COMPLETE, HTTP1_SCAN_FAULT };

/* `bytes` is everything from the start of the head; COMPLETE gives the head's size with its empty line. A line that ends in LF without CR is
 * a fault at once (RFC 9112 section 2.2 allows to refuse it), so is a head or target over its limit. `section` without a start line
 * (trailers): the limits are HTTP_TRAILER_BYTES_MAX. */
enum http1_section { HTTP1_SECTION_REQUEST, HTTP1_SECTION_RESPONSE, HTTP1_SECTION_TRAILERS };
MUST_USE enum http1_scan_status http1_scan(struct http1_scan *scan, struct span bytes, enum http1_section section, size_t *ret_size,
                                           enum http1_fault *ret_fault);

/* How the end of a message's content is known (RFC 9112 section 6.3). */
enum http1_body_kind {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,
    HTTP1_BODY_CHUNKED,
    HTTP1_BODY_UNTIL_CLOSE, /* responses only */
    HTTP1_BODY_TUNNEL,      /* 101, and 2xx to CONNECT */
};

struct http1_framing {
    enum http1_body_kind kind;
    uint64_t length;   /* of HTTP1_BODY_LENGTH, above 0 */
    bool close;        /* the sender will not reuse the connection (RFC 9112 section 9.3) */
};

/* What a response's framing depends on. */
struct http1_request_facts {
    enum http_method method;
    struct span upgrade; /* the protocols asked for; a 101 to any other, or unasked, is a fault (RFC 9110 section 7.8) */
};

/* Parses a whole head, its empty line included, that http1_scan found to have `line_count` lines. The bytes are copied once into the arena
 * and parsed in place there. Checks everything RFC 9112 and 9110 ask of a request: targets, Host, field syntax, framing. Hop-by-hop
 * fields are still there; Host is not (authority). On a fault nothing is written. */
MUST_USE enum http1_fault http1_request_parse(struct arena *arena, struct span bytes, size_t line_count, struct message_head *ret_head,
                                              struct http1_framing *ret_framing);
/* The same for a response. */
MUST_USE enum http1_fault http1_response_parse(struct arena *arena, struct span bytes, size_t line_count,
                                               const struct http1_request_facts *request, struct message_head *ret_head,
                                               struct http1_framing *ret_framing);
/* A trailer section with its empty line. Fields that must not be trailers (RFC 9110 section 6.5.1) are dropped. */
MUST_USE enum http1_fault http1_trailers_parse(struct arena *arena, struct span bytes, size_t line_count, struct header **ret_trailers,
                                               size_t *ret_count);

#endif
