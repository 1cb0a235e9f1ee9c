/* A request's field section in HTTP/2 (RFC 9113 section 8.3.1) on its way to struct message_head, the form that routing and an HTTP/1.1 upstream
 * understand. What could be read two ways is refused. */
#ifndef FAIRLEAD_HTTP_HTTP2_REQUEST_HEAD_H
#define FAIRLEAD_HTTP_HTTP2_REQUEST_HEAD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "http/http2_fields.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

struct http2_request_head {
    struct http2_fields fields;
    struct span method, scheme, authority, path, protocol; /* data == NULL: not there */
};

enum http2_request_verdict {
    HTTP2_REQUEST_GOOD,
    HTTP2_REQUEST_REJECTED,  /* answer with the fault's status */
    HTTP2_REQUEST_MALFORMED, /* stream error PROTOCOL_ERROR (RFC 9113 section 8.1.1) */
};

/* `arena` holds the head and everything in it. */
void http2_request_head_init(struct http2_request_head *request, struct arena *arena);
MUST_USE enum http2_field_status http2_request_head_add(struct http2_request_head *request, struct span name, struct span value);
/* After the last field. `ends`: no content follows. GOOD: request->fields.head is complete; version HTTP_2, scheme as sent, authority of
 * :authority or Host, one Cookie. An extended CONNECT (RFC 8441) has become a GET with an Upgrade field; sec-websocket-key is the caller's to
 * add. */
MUST_USE enum http2_request_verdict http2_request_head_finish(struct http2_request_head *request, bool ends, enum http1_fault *ret_fault);

#endif
