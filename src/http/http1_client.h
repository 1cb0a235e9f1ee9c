/* HTTP/1.1, the client side (towards upstreams): one request at a time on a connection that is reused. */
#ifndef FAIRLEAD_HTTP_HTTP1_CLIENT_H
#define FAIRLEAD_HTTP_HTTP1_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/session.h"
#include "wire/http1_body.h"
#include "wire/http1_gather.h"
#include "wire/http1_head.h"

enum http1_client_request {
    HTTP1_CLIENT_REQUEST_NONE, /* no stream, or its head was not sent */
    HTTP1_CLIENT_REQUEST_BODY,
    HTTP1_CLIENT_REQUEST_COMPLETE,
    HTTP1_CLIENT_REQUEST_TUNNEL,
};

enum http1_client_response {
    HTTP1_CLIENT_RESPONSE_NONE,
    HTTP1_CLIENT_RESPONSE_HEAD,
    HTTP1_CLIENT_RESPONSE_BODY,
    HTTP1_CLIENT_RESPONSE_COMPLETE,
    HTTP1_CLIENT_RESPONSE_TUNNEL,
};

struct http1_client {
    struct http_client base; /* first */
    struct http_client_stream stream;
    struct arena *arena; /* of the open stream; NULL: none */
    struct http1_gather gather;
    struct http1_scan scan;
    struct http1_body body;
    uint64_t request_left; /* of a request with content-length */
    enum http1_body_kind request_kind;
    struct http1_request_facts facts;
    enum http1_client_request request;
    enum http1_client_response response;
    enum http_session_status final_status; /* OPEN until the session's end is decided */
    uint8_t informational_count;
    bool response_close; /* the response says that the connection ends with it */
    bool received;
    bool paused;
};

void http1_client_init(struct http1_client *client, const struct http_client_events *events, void *owner, struct buffer *output);

#endif
