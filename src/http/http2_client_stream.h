/* One request and its response over HTTP/2 towards an upstream, and what the files of the HTTP/2 client share. Not for other folders. */
#ifndef FAIRLEAD_HTTP_HTTP2_CLIENT_STREAM_H
#define FAIRLEAD_HTTP_HTTP2_CLIENT_STREAM_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "http/http2_client.h"
#include "http/http2_content.h"
#include "http/http2_fields.h"

/* The owner's from open to stream_closed, the library's from the request's submission to its on_stream_close; freed when it is neither's. */
struct http2_client_stream {
    struct http_client_stream base;
    struct list link;         /* client->streams, then client->closed */
    struct list drained_link; /* client->drained */
    struct arena *arena;      /* NULL: no owner any more */
    int32_t id;               /* 0: the request was not submitted */
    struct http2_content content; /* of the request */
    uint64_t request_left;        /* of a request with content-length */
    struct message_head *head;    /* the section under way */
    struct http2_fields fields;
    size_t withheld_bytes; /* received while paused, not credited to the stream's window */
    uint32_t informational_count;
    bool in_library;
    bool has_length;
    bool above_high_water;
    bool paused;
    bool head_framed;
    bool request_framed; /* END_STREAM went into the output */
    bool received;
    bool responding; /* the final head came */
    bool response_complete;
    bool reset_by_peer;
};

static inline struct http2_client *http2_client_of(struct http_client *base) {
    return CONTAINER_OF(base, struct http2_client, base);
}

/* --- http2_client_stream.c: the stream's life and its request --- */

struct http_client_stream *http2_client_stream_open(struct http_client *base, struct arena *arena, void *user);
/* stream_closed: the owner has it no more. */
void http2_client_stream_close(struct http2_client_stream *stream);
/* response_failed before it. */
void http2_client_stream_fail(struct http2_client_stream *stream, enum close_reason reason);
/* The library will not name it again. */
void http2_client_stream_forget(struct http2_client_stream *stream);
void http2_client_stream_abort(struct http_client_stream *base);
void http2_client_stream_pause(struct http_client_stream *base);
void http2_client_stream_resume(struct http_client_stream *base);
bool http2_client_stream_has_received(const struct http_client_stream *base);
bool http2_client_stream_send_head(struct http_client_stream *base, const struct message_head *head, bool ends);
bool http2_client_stream_send_body(struct http_client_stream *base, struct span bytes);
bool http2_client_stream_send_end(struct http_client_stream *base, const struct header *trailers, size_t count);
size_t http2_client_stream_queued(const struct http_client_stream *base);
/* For the library: frames the queue's bytes. */
int http2_client_stream_write_data(nghttp2_session *library, nghttp2_frame *frame, const uint8_t *frame_head, size_t size,
                                   nghttp2_data_source *source, void *user_data);

/* --- http2_client_receive.c: the library's callbacks for what comes --- */

/* A frame's head came: 0, or the session must end (http2_client_fatal). */
int http2_client_frame_begin(struct http2_client *client, const struct http2_frame_head *frame);
/* Sets those of receiving. */
void http2_client_receive_callbacks(nghttp2_session_callbacks *callbacks);
/* Also what a callback returns to end the session: GOAWAY with the code goes out and the streams fail. */
int http2_client_fatal(struct http2_client *client, enum close_reason reason, uint32_t code);

#endif
