/* Field sections between HTTP/2's form and struct message_head, for both engines. */
#ifndef FAIRLEAD_HTTP_HTTP2_FIELDS_H
#define FAIRLEAD_HTTP_HTTP2_FIELDS_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

/* --- Incoming --- */

/* A section that is being received, field by field. Bytes are counted as HTTP/1.1 would write them, so that one ceiling holds for both. */
struct http2_fields {
    struct message_head *head; /* fields are copied into its arena */
    size_t bytes;
    size_t bytes_max;
    size_t cookie_count;
    size_t cookie_bytes;
    enum http1_fault fault; /* TOO_MANY_FIELDS, or `too_large`: fields are dropped from then on */
    enum http1_fault too_large;
};

enum http2_field_status {
    HTTP2_FIELD_TAKEN,
    HTTP2_FIELD_MALFORMED, /* RFC 9113 section 8.2: the message is */
    HTTP2_FIELD_BOMB,      /* HTTP2_SECTION_BYTES_MAX is passed: so much out of so little is an attack */
};

/* Counts one field, pseudo-header fields among them; false: it is over a ceiling (fault) and to be dropped. */
MUST_USE enum http2_field_status http2_fields_count(struct http2_fields *fields, struct span name, struct span value);
/* Takes a field that is no pseudo-header field. Lower-case names, valid values, nothing connection-specific (RFC 9113 sections 8.2.1, 8.2.2). */
MUST_USE enum http2_field_status http2_fields_add(struct http2_fields *fields, struct span name, struct span value);
/* RFC 9113 section 8.2.3: the crumbs of Cookie become one field, where the first stood. */
void http2_fields_join_cookies(struct http2_fields *fields);
/* What of a received trailer section may be passed on (RFC 9110 section 6.5.1). */
void http2_fields_trailers(struct http2_fields *fields, struct header **ret_trailers, size_t *ret_count);

/* --- Outgoing --- */

struct http2_field_list {
    nghttp2_nv *fields;
    size_t count;
};

/* Room in `arena` for `capacity` fields. Nothing is copied: what is added lives until the list was submitted. */
void http2_field_list_init(struct http2_field_list *list, struct arena *arena, size_t capacity);
/* The library keeps no copy of the name: a literal. */
void http2_field_list_add(struct http2_field_list *list, struct span name, struct span value);
/* All but the connection-specific ones (RFC 9113 section 8.2.2); TE stays when it is "trailers". */
void http2_field_list_add_fields(struct http2_field_list *list, const struct header *headers, size_t count);
/* The same for trailers, without what must not be one. */
void http2_field_list_add_trailers(struct http2_field_list *list, const struct header *trailers, size_t count);

#endif
