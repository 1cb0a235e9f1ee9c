/* HTTP/2, the client side (towards upstreams; RFC 9113), over libnghttp2: one request at a time on a connection that is reused. What is sent is
 * framed into the output at once as far as the peer's windows permit; the rest waits in the stream (http_client_queued). */
#ifndef FAIRLEAD_HTTP_HTTP2_CLIENT_H
#define FAIRLEAD_HTTP_HTTP2_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http2_fields.h"
#include "http/session.h"

struct nghttp2_session;

struct http2_client {
    struct http_client base; /* first */
    struct http_client_stream stream;
    struct nghttp2_session *library;
    enum http_session_status status;
    bool inside;        /* the library is at work: what is sent is framed when it is done */
    bool going_away;    /* the peer takes no further request */

    /* Of the open stream. */
    struct arena *arena; /* NULL: none */
    int32_t id;          /* 0: its head was not sent */
    struct buffer queue; /* content of the request that is not framed yet */
    struct header *trailers; /* of the request */
    size_t trailer_count;
    uint64_t request_left; /* of a request with content-length */
    struct message_head *head; /* the section under way */
    struct http2_fields fields;
    uint32_t informational_count;
    bool has_length;
    bool above_high_water;
    bool request_complete; /* send_end was called, or the head ended it */
    bool request_framed;   /* its END_STREAM went into the output */
    bool received;
    bool responding; /* the final head came */
    bool response_complete;
    bool reset_by_peer;
};

/* As http1_client_init. The preface and SETTINGS are in the output when this returns. About 10 KiB of heap; http_client_deinit frees them. */
void http2_client_init(struct http2_client *client, const struct http_client_events *events, void *owner, struct buffer *output);

#endif
