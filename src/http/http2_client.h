/* HTTP/2, the client side (towards upstreams; RFC 9113), over libnghttp2: many requests at a time on one connection. As in the server engine
 * frames, HPACK, windows and the state of streams are the library's, and what floods is counted (http2_defence.h): an upstream is not trusted.
 *
 * What is sent waits in the session and in the queues of its streams (http_client_queued) until http2_client_produce moves it into the output:
 * so the requests of one turn leave in one write, and a socket that takes nothing holds nothing but the queues up. */
#ifndef FAIRLEAD_HTTP_HTTP2_CLIENT_H
#define FAIRLEAD_HTTP_HTTP2_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/pool.h"
#include "http/http2_defence.h"
#include "http/http2_frame_scan.h"
#include "http/session.h"

struct http2_memory; /* http/http2_memory.h */
struct nghttp2_session;

struct http2_client {
    struct http_client base; /* first */
    struct nghttp2_session *library;
    struct pool stream_pool;
    struct list streams; /* of struct http2_client_stream, those that an owner has */
    struct list closed;  /* those that the library alone still knows */
    struct list drained; /* those whose owner is to be told */
    struct http2_defence defence;
    struct http2_frame_scan scan;
    enum http_session_status status; /* OPEN, CLOSING (flush what produce gives, then close), BROKEN */
    enum close_reason reason;
    uint32_t fatal_code; /* HTTP/2 error code of what a callback found; with fatal_reason */
    enum close_reason fatal_reason;
    bool inside;     /* the library is at work: it must not be called to send or receive */
    bool going_away; /* the peer takes no further request */
};

/* As http1_client_init. The preface and SETTINGS are the first that produce gives. About 10 KiB of heap; http_client_deinit frees them.
 * They come from `memory`, which must outlive the session; NULL: from malloc. */
void http2_client_init(struct http2_client *client, const struct http_client_events *events, void *owner, struct buffer *output,
                       struct http2_memory *memory);
/* Whether produce would give something. */
bool http2_client_wants_output(const struct http2_client *client);
/* Moves into the output what may go now, as the peer's windows permit, until the output holds BUFFER_HIGH_WATER_BYTES. Once a turn, and when the
 * output was drained. Calls request_drained, and events of streams that end. Harmless, and without effect, inside an event. */
void http2_client_produce(struct http2_client *client);
/* Time passes: every HTTP_SESSION_TICK_NS. Budgets against floods grow again. */
void http2_client_tick(struct http2_client *client);
/* How many requests the peer takes at a time (SETTINGS_MAX_CONCURRENT_STREAMS; before it said so, what servers usually take), HTTP2_UPSTREAM_STREAMS_MAX at
 * most. */
size_t http2_client_streams_max(const struct http2_client *client);
/* Why the session is CLOSING or BROKEN when the peer broke the protocol or met a limit; else NONE. */
enum close_reason http2_client_close_reason(const struct http2_client *client);

#endif
