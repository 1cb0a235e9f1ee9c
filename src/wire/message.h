/* A request or response head: the view that every matcher reads and every rule edits. Bytes and fields live in an arena. */
#ifndef FAIRLEAD_WIRE_MESSAGE_H
#define FAIRLEAD_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "wire/header.h"

enum http_version { HTTP_1_0, HTTP_1_1, HTTP_2 };

/* Methods that have rules of their own; names compare case-sensitively (RFC 9110 section 9.1). */
enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_PATCH,
};

/* The size of the content is not known before it ends. */
#define MESSAGE_LENGTH_UNKNOWN UINT64_MAX

struct message_head {
    struct arena *arena; /* of the bytes and the fields */
    enum http_version version; /* as received */

    /* Requests. The Host field is not among the headers: it is `authority`, which the client engine writes as Host. */
    enum http_method method_token; /* change both together: message_head_set_method */
    struct span method;
    struct span scheme;    /* of an absolute-form target, lower-case; else empty until the owner sets it to the transport's */
    struct span authority; /* verbatim with its port; empty only for HTTP/1.0 without Host */
    struct span host;      /* lower-case, without port, IPv6 in brackets: the key of virtual hosts */
    struct span path;      /* origin form with the query, or "*" (OPTIONS); empty for CONNECT */
    struct span upgrade;   /* the Upgrade field's value when this request asks for it in a way that may be granted; else empty */
    bool expects_continue; /* Expect: 100-continue that must be answered (HTTP/1.1, with content) */

    /* Responses. */
    int status;
    struct span reason; /* may be empty; written as received */

    uint64_t content_length; /* of the content that follows: 0 for none, MESSAGE_LENGTH_UNKNOWN for chunked or until close */

    struct header *headers; /* in the order of arrival */
    size_t header_count;
    size_t header_capacity;
    uint64_t present[2]; /* one bit a token: a clear bit says "not there"; kept by the functions below */
};

/* An empty head with room for `header_capacity` fields; all other members zero. */
void message_head_init(struct message_head *head, struct arena *arena, size_t header_capacity);
/* A copy that shares the bytes but not the fields: edits of one are not seen in the other. `arena` must not outlive the bytes. */
void message_head_copy(const struct message_head *head, struct arena *arena, struct message_head *ret_copy);

enum http_method http_method_of(struct span method);
/* RFC 9110 section 9.2.2. */
bool http_method_is_idempotent(enum http_method method);
void message_head_set_method(struct message_head *head, struct span method);
/* The text is kept, not copied; `host` is derived from it. False, with nothing changed, when it is no valid authority. */
MUST_USE bool message_head_set_authority(struct message_head *head, struct span authority);

static inline bool message_head_has(const struct message_head *head, enum header_token token) {
    return (head->present[token / 64] >> (token % 64) & 1) != 0;
}

/* The first field of that token; NULL when there is none. Not for HEADER_OTHER. */
struct header *message_head_find(const struct message_head *head, enum header_token token);
/* The first field of that lower-case name; NULL when there is none. */
struct header *message_head_find_name(const struct message_head *head, struct span name);
/* The value of the first field, or the empty span. */
struct span message_head_value(const struct message_head *head, enum header_token token);
/* All values of that name joined with ",", as matchers see a repeated field (RFC 9110 section 5.3). False when there is none. One value is
 * returned in place; several are joined in the arena. */
MUST_USE bool message_head_join(const struct message_head *head, struct arena *arena, struct span name, struct span *ret_value);
/* Adds a field after the others. Neither name (lower-case) nor value is copied. */
void message_head_add(struct message_head *head, enum header_token token, struct span value);
void message_head_add_name(struct message_head *head, struct span name, struct span value);
/* Replaces the first field of the token and removes its repetitions, or adds it. */
void message_head_set(struct message_head *head, enum header_token token, struct span value);
void message_head_set_name(struct message_head *head, struct span name, struct span value);
/* All fields of that token or name. */
void message_head_remove(struct message_head *head, enum header_token token);
void message_head_remove_name(struct message_head *head, struct span name);
/* All fields whose token has one of the properties (bits of enum header_property): HEADER_PROPERTY_FROM_INSIDE at the edge. */
void message_head_remove_properties(struct message_head *head, unsigned properties);
/* RFC 9110 section 7.6.1: removes the hop-by-hop fields and all that Connection names. "te: trailers" survives (the engine adds its
 * connection option), Upgrade survives when `keep_upgrade`. Call it both ways, before the gateway adds fields of its own. */
void message_head_strip_hop_by_hop(struct message_head *head, bool keep_upgrade);

#endif
