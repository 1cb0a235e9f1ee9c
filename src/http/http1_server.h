/* HTTP/1.0 and 1.1, the server side (towards clients). Requests are served one after the other: a pipelined one is read when the response
 * before it has been sent whole. */
#ifndef FAIRLEAD_HTTP_HTTP1_SERVER_H
#define FAIRLEAD_HTTP_HTTP1_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/session.h"
#include "wire/http1_body.h"
#include "wire/http1_gather.h"
#include "wire/http1_head.h"

/* The client's half of the exchange. */
enum http1_server_request {
    HTTP1_REQUEST_IDLE,     /* nothing of the next request has come */
    HTTP1_REQUEST_HEAD,     /* part of a head */
    HTTP1_REQUEST_BODY,
    HTTP1_REQUEST_COMPLETE,
    HTTP1_REQUEST_TUNNEL,
    HTTP1_REQUEST_ENDED,    /* rejected, or the client left: nothing more is read as HTTP */
};

/* Our half. */
enum http1_server_response {
    HTTP1_RESPONSE_WAITING, /* no final head yet */
    HTTP1_RESPONSE_BODY,
    HTTP1_RESPONSE_COMPLETE,
    HTTP1_RESPONSE_TUNNEL,
};

struct http1_server {
    struct http_server base; /* first */
    struct http_stream stream;
    struct arena *arena; /* of the present stream; NULL: no stream_begin, or stream_closed was called */
    struct http1_gather gather;
    struct http1_scan scan;
    struct http1_body body;
    uint64_t response_left;              /* of a response with content-length */
    enum http1_body_kind response_kind;
    enum http1_server_request request;
    enum http1_server_response response;
    enum http_method method;
    enum http_version version;
    enum http_session_status final_status; /* OPEN until the session's end is decided */
    uint8_t empty_lines;
    bool upgrade_asked;
    bool close;    /* after this exchange */
    bool draining;
    bool paused;
};

/* `output` outlives the session; `events` and `owner` too. Bytes of an idle session: sizeof only. */
void http1_server_init(struct http1_server *server, const struct http_server_events *events, void *owner, struct buffer *output);

#endif
