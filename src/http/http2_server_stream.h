/* One request and its response over HTTP/2, and what the files of the HTTP/2 server share. Not for other folders. */
#ifndef FAIRLEAD_HTTP_HTTP2_SERVER_STREAM_H
#define FAIRLEAD_HTTP_HTTP2_SERVER_STREAM_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/compiler.h"
#include "base/list.h"
#include "http/http2_request_head.h"
#include "http/http2_server.h"
#include "http/websocket_key.h"

enum http2_request_phase {
    HTTP2_REQUEST_HEAD,
    HTTP2_REQUEST_BODY,
    HTTP2_REQUEST_COMPLETE, /* no further request event; a tunnel has its own */
    HTTP2_REQUEST_TUNNEL,
    HTTP2_REQUEST_ENDED,    /* rejected: what still comes is thrown away */
};

enum http2_response_phase {
    HTTP2_RESPONSE_WAITING,
    HTTP2_RESPONSE_BODY,
    HTTP2_RESPONSE_COMPLETE, /* send_end was called, or the head ended it; the queue may still hold bytes */
};

struct http2_server_stream {
    struct http_stream base;
    struct list link;         /* server->streams */
    struct list drained_link; /* server->drained */
    struct arena *arena;
    struct http2_request_head request;
    struct buffer queue; /* content of the response that is not framed yet */
    struct header *trailers; /* of the response, in the arena */
    size_t trailer_count;
    uint64_t response_left;  /* of a response with content-length */
    size_t withheld_bytes;   /* received while paused, not credited to the stream's window */
    size_t uncredited_bytes; /* of them: nor to the connection's */
    int32_t id;
    enum http2_request_phase request_phase;
    enum http2_response_phase response_phase;
    enum http_method method;  /* as the client sent it: an extended CONNECT is CONNECT */
    uint16_t stall_ticks;
    char websocket_key[WEBSOCKET_KEY_SIZE]; /* of an extended CONNECT */
    bool extended_connect;
    bool remote_ended; /* END_STREAM came */
    bool trailing;     /* the section under way is the trailers */
    bool has_length;
    bool no_content;   /* HEAD, 204, 304 */
    bool tunnel;
    bool paused;
    bool above_high_water;
    bool moved;        /* bytes were framed since the last tick */
};

static inline struct http2_server *http2_server_of(struct http_server *base) {
    return CONTAINER_OF(base, struct http2_server, base);
}

static inline struct http2_server_stream *http2_server_stream_of(struct http_stream *base) {
    return CONTAINER_OF(base, struct http2_server_stream, base);
}

/* --- http2_server_stream.c: the stream's life and its response --- */

/* Calls stream_begin. NULL: a ceiling, the pool's or the owner's; nothing is left of the stream with us. */
struct http2_server_stream *http2_server_stream_open(struct http2_server *server, int32_t id);
/* stream_closed, and the struct is gone. The library may still know the id; it no longer knows the stream. */
void http2_server_stream_close(struct http2_server_stream *stream);
/* stream_failed before it. */
void http2_server_stream_fail(struct http2_server_stream *stream, enum close_reason reason);
/* RST_STREAM with the code, whichever state the stream is in; the caller closes or fails it. */
void http2_server_stream_reset(struct http2_server_stream *stream, uint32_t code);
/* The response's last frame has gone: RFC 9113 section 8.1 lets us ask the client to stop sending a request nobody reads. */
void http2_server_stream_answered(struct http2_server_stream *stream);

void http2_server_stream_pause(struct http_stream *base);
void http2_server_stream_resume(struct http_stream *base);
bool http2_server_stream_send_informational(struct http_stream *base, const struct message_head *head);
bool http2_server_stream_fits(const struct http_stream *base, const struct message_head *head);
bool http2_server_stream_send_head(struct http_stream *base, const struct message_head *head, bool ends);
bool http2_server_stream_send_body(struct http_stream *base, struct span bytes);
bool http2_server_stream_send_end(struct http_stream *base, const struct header *trailers, size_t count);
size_t http2_server_stream_queued(const struct http_stream *base);
bool http2_server_stream_is_behind(const struct http_stream *base);
/* Content came, and its owner has it: credits the windows, or withholds them while the stream is paused. */
void http2_server_stream_credit(struct http2_server_stream *stream, size_t size);
void http2_server_stream_abort(struct http_stream *base, enum close_reason reason);
/* For the library: frames the queue's bytes. */
int http2_server_stream_write_data(nghttp2_session *library, nghttp2_frame *frame, const uint8_t *frame_head, size_t size,
                                   nghttp2_data_source *source, void *user_data);

/* --- http2_server_receive.c: the library's callbacks for what comes --- */

/* Whether the frame is on a stream that may be gone: the library must have had all bytes before it, for its state decides. */
bool http2_server_frame_is_late(const struct http2_server *server, const struct http2_frame_head *frame);
/* A frame's head came: 0, or the session must end (http2_server_fatal). */
int http2_server_frame_begin(struct http2_server *server, const struct http2_frame_head *frame);

/* The GOAWAY with the highest id that came, once. */
void http2_server_say_goaway(struct http2_server *server);

/* Sets those of receiving. */
void http2_server_receive_callbacks(nghttp2_session_callbacks *callbacks);
/* Also what a callback returns to end the session: receive then sends GOAWAY with the code and fails the streams with the reason. */
int http2_server_fatal(struct http2_server *server, enum close_reason reason, uint32_t code);

#endif
