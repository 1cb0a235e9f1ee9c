/* HTTP/2, the server side (towards clients; RFC 9113, RFC 8441), over libnghttp2. Frames, HPACK, windows and the state of streams are the
 * library's; this adapter makes requests of them, refuses what the library forgives, and counts what floods (http2_defence.h).
 *
 * A session never pauses: receive takes all it is given. What the client's windows hold back waits in the queues of the streams; what the
 * socket holds back stays there too, for produce stops at BUFFER_HIGH_WATER_BYTES of output. */
#ifndef FAIRLEAD_HTTP_HTTP2_SERVER_H
#define FAIRLEAD_HTTP_HTTP2_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/pool.h"
#include "http/http2_defence.h"
#include "http/http2_frame_scan.h"
#include "http/http2_stream_ids.h"
#include "http/session.h"

struct http2_memory; /* http/http2_memory.h */
struct nghttp2_session;

struct http2_server {
    struct http_server base; /* first */
    struct nghttp2_session *library;
    struct pool stream_pool;
    struct list streams; /* of struct http2_server_stream */
    struct list drained; /* those whose owner is to be told */
    size_t stream_count;
    size_t queued_bytes;   /* of all streams' queues */
    size_t withheld_bytes; /* of all paused streams */
    struct http2_defence defence;
    struct http2_stream_ids ids;
    struct http2_frame_scan scan;
    enum http_session_status status; /* OPEN until the session's end is decided */
    enum close_reason reason;
    uint32_t fatal_code; /* HTTP/2 error code of what a callback found; with fatal_reason */
    enum close_reason fatal_reason;
    bool inside;   /* the library is at work: it must not be called to send or receive */
    bool in_head;  /* between a HEADERS frame and its END_HEADERS */
    bool draining;
    bool goaway_final; /* the GOAWAY with the real last stream id was submitted */
};

/* As http1_server_init. The preface of the client is the first input. The queues of the streams take their chunks where `output` does. About
 * 10 KiB of heap an idle session; http_server_deinit frees them.
 * They come from `memory`, which must outlive the session; NULL: from malloc. */
void http2_server_init(struct http2_server *server, const struct http_server_events *events, void *owner, struct buffer *output,
                       struct http2_memory *memory);

#endif
