/* Protocol sessions without I/O: what an HTTP server side and an HTTP client side look like, whatever the version of HTTP. Bytes and calls in,
 * events and bytes out; no descriptor, no clock. One thread.
 *
 * Rules for both sides:
 *  - Events are called from inside receive, receive_end and the send functions; an owner may call send functions from inside an event. It
 *    must not destroy the session there (objects die at the end of the loop turn).
 *  - `ends` on a head: no content and no end event or call follows.
 *  - A send function that returns false has met the output's ceiling (or was told a lie about lengths). HTTP/1: the session is BROKEN. Abort
 *    the stream; close the connection where the status says so. HTTP/2: the stream alone is lost; abort it.
 *  - HTTP/1 has one stream at a time. HTTP/2 has many; each has a queue of its own for content that the peer's windows do not let go yet, and
 *    `produce` moves from the queues into the output.
 *  - Spans of body events are valid during the event only; heads and trailers as long as the stream's arena. */
#ifndef FAIRLEAD_HTTP_SESSION_H
#define FAIRLEAD_HTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "base/span.h"
#include "wire/close_reason.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

enum http_session_status {
    HTTP_SESSION_OPEN,    /* feed it what comes */
    HTTP_SESSION_PAUSED,  /* unconsumed bytes stay with the caller: until http_..._resume, or until the exchange is done (stream_closed) */
    HTTP_SESSION_CLOSING, /* flush the output, then close; input is of no interest, but unread bytes would turn the close into a reset: as LINGER */
    HTTP_SESSION_LINGER,  /* flush the output, half-close, throw input away for DEADLINE_LINGER_NS, then close */
    HTTP_SESSION_TUNNEL,  /* HTTP/1 after 101: raw bytes both ways, through the body events and send_body (HTTP/2: a stream's matter, OPEN) */
    HTTP_SESSION_BROKEN,  /* close at once; what is in the output would be a lie */
};

/* ---------------------------------------------------------------- The server side ---- */

struct http_server;

/* One request and its response. Belongs to the session. */
struct http_stream {
    struct http_server *server;
    void *user; /* the owner's exchange; the session never looks */
};

struct http_server_events {
    /* A request's first bytes came: gives the arena that its head will live in; it must last until stream_closed. From here on a head that
     * takes too long may be answered with 408. NULL, for HTTP/2 only: there is no room for one more request; the stream is refused (RFC 9113
     * section 8.7: its client may try again) and nothing further is said of it. */
    struct arena *(*stream_begin)(void *owner, struct http_stream *stream);
    void (*request_head)(void *owner, struct http_stream *stream, struct message_head *head, bool ends);
    void (*request_body)(void *owner, struct http_stream *stream, struct span bytes);
    /* In a tunnel: the client's side ended (half-close). */
    void (*request_end)(void *owner, struct http_stream *stream, struct header *trailers, size_t count);
    /* The request is malformed (its head, or later its content) and no final head was sent yet: answer with http1_fault_status(fault); an
     * HTTP/1 session adds connection: close and lingers. request_head may not have been called. No further request event follows. Once a
     * final head was sent, stream_failed(DOWNSTREAM_PROTOCOL_ERROR) is called instead. HTTP/2: only what its sender may rightly hear of
     * (too large, a target or an authority that cannot be served); what breaks RFC 9113 is stream_failed(HTTP2_MESSAGE_INVALID). */
    void (*request_rejected)(void *owner, struct http_stream *stream, enum http1_fault fault);
    /* The stream ended before its response did: the client left (DOWNSTREAM_CLOSED, DOWNSTREAM_BODY_TRUNCATED; HTTP/2: it reset the stream,
     * HTTP2_STREAM_RESET) or broke the protocol. Nothing can be sent any more. stream_closed follows. */
    void (*stream_failed)(void *owner, struct http_stream *stream, enum close_reason reason);
    /* HTTP/2 only: the queue of this stream, which was behind, fell below HTTP2_STREAM_LOW_WATER_BYTES: read its source on. From inside
     * produce. */
    void (*stream_drained)(void *owner, struct http_stream *stream);
    /* The last call about this stream, always made for each stream_begin: the arena may go, the next request may begin. Look at
     * http_server_status and feed it the bytes that were kept, if any (not from inside this event). HTTP/2: the response's last byte was
     * framed (in produce), or the stream was reset; the struct http_stream is gone when this returns. */
    void (*stream_closed)(void *owner, struct http_stream *stream);
};

struct http_server_functions {
    enum http_session_status (*receive)(struct http_server *server, struct span bytes, size_t *ret_consumed);
    enum http_session_status (*receive_end)(struct http_server *server);
    enum http_session_status (*status)(const struct http_server *server);
    bool (*is_idle)(const struct http_server *server);
    void (*begin_drain)(struct http_server *server);
    void (*pause)(struct http_stream *stream);
    void (*resume)(struct http_stream *stream);
    bool (*send_informational)(struct http_stream *stream, const struct message_head *head);
    bool (*fits)(const struct http_stream *stream, const struct message_head *head);
    bool (*send_head)(struct http_stream *stream, const struct message_head *head, bool ends);
    bool (*send_body)(struct http_stream *stream, struct span bytes);
    bool (*send_end)(struct http_stream *stream, const struct header *trailers, size_t count);
    size_t (*queued)(const struct http_stream *stream);
    bool (*is_behind)(const struct http_stream *stream);
    void (*produce)(struct http_server *server);
    void (*tick)(struct http_server *server);
    enum close_reason (*close_reason)(const struct http_server *server);
    void (*abort)(struct http_stream *stream, enum close_reason reason);
    void (*deinit)(struct http_server *server);
};

struct http_server {
    const struct http_server_functions *functions;
    const struct http_server_events *events;
    void *owner;
    struct buffer *output; /* the caller's; the session appends, the caller writes and consumes */
};

/* Gives received bytes to the session. Fewer may be consumed than given: keep the rest and give it again first. */
static inline enum http_session_status http_server_receive(struct http_server *server, struct span bytes, size_t *ret_consumed) {
    return server->functions->receive(server, bytes, ret_consumed);
}
/* The client closed its sending side in order, and every byte before that was consumed. HTTP/1: with an exchange under way whose request is
 * complete, the answer is still sent; then the session is CLOSING. HTTP/2: the streams have failed, the session is CLOSING. */
static inline enum http_session_status http_server_receive_end(struct http_server *server) {
    return server->functions->receive_end(server);
}
static inline enum http_session_status http_server_status(const struct http_server *server) {
    return server->functions->status(server);
}
/* No request has begun: not a byte of one is held. An idle session may be closed without harm. */
static inline bool http_server_is_idle(const struct http_server *server) {
    return server->functions->is_idle(server);
}
/* The next (or present) response says connection: close; an idle session turns CLOSING. HTTP/2: GOAWAY with the highest stream id (the client
 * opens no more) and a PING, at its answer or at the next tick the real one; CLOSING when then no stream is left. Call produce and flush. */
static inline void http_server_begin_drain(struct http_server *server) {
    server->functions->begin_drain(server);
}
/* Back-pressure on the request's content: while paused, receive consumes nothing of it. Resume, then receive again. HTTP/2: body events still
 * come up to the window that was granted (HTTP2_STREAM_WINDOW_BYTES); it grows again after resume. The connection's window is credited on
 * receipt, so that one slow stream does not hold the others, until paused streams together hold HTTP2_CONNECTION_WITHHELD_BYTES_MAX. */
static inline void http_server_pause(struct http_stream *stream) {
    stream->server->functions->pause(stream);
}
static inline void http_server_resume(struct http_stream *stream) {
    stream->server->functions->resume(stream);
}
/* A 1xx other than 101. Silently dropped for an HTTP/1.0 client (RFC 9110 section 15.2). Not after the final head. */
MUST_USE static inline bool http_server_send_informational(struct http_stream *stream, const struct message_head *head) {
    return stream->server->functions->send_informational(stream, head);
}
/* Whether a final head of the upstream answers what the client asked for. False: for a WebSocket of HTTP/2 (RFC 8441) a 101 that does not accept
 * the key, or another success: its client would take that for a tunnel. Answer in the upstream's place. */
static inline bool http_server_fits(const struct http_stream *stream, const struct message_head *head) {
    return stream->server->functions->fits(stream, head);
}
/* The final response head, or 101. Framing, connection and keep-alive fields are the session's own: those in the head are ignored, except
 * content-length, which is kept and enforced. With `ends` and no content-length, content-length: 0 is said where a body is possible. */
MUST_USE static inline bool http_server_send_head(struct http_stream *stream, const struct message_head *head, bool ends) {
    return stream->server->functions->send_head(stream, head, ends);
}
/* Dropped where the response has no content (HEAD, 204, 304). More than content-length said breaks the session. */
MUST_USE static inline bool http_server_send_body(struct http_stream *stream, struct span bytes) {
    return stream->server->functions->send_body(stream, bytes);
}
/* Trailers are dropped where the framing has no room for them. Fewer bytes than content-length said breaks the session. In a tunnel: the
 * upstream's side ended, the caller half-closes its transport; when both sides have ended, the stream is closed and the session CLOSING. */
MUST_USE static inline bool http_server_send_end(struct http_stream *stream, const struct header *trailers, size_t count) {
    return stream->server->functions->send_end(stream, trailers, count);
}
/* Response bytes that send_body took and that are not in the output yet. HTTP/1: 0. */
static inline size_t http_server_stream_queued(const struct http_stream *stream) {
    return stream->server->functions->queued(stream);
}
/* To be asked after send_body: more is queued than should be, so the owner stops reading the stream's source until stream_drained. The limit is
 * HTTP2_STREAM_HIGH_WATER_BYTES, or HTTP2_STREAM_LOW_WATER_BYTES while all streams of the session together hold HTTP2_CONNECTION_QUEUE_BYTES_MAX
 * or the pool of chunks is half used: a session keeps no more than that and one reading of each stream. HTTP/1: false. */
static inline bool http_server_stream_is_behind(const struct http_stream *stream) {
    return stream->server->functions->is_behind(stream);
}
/* Moves into the output what may go now: frames of the streams in turn, as the windows permit, until the output holds
 * BUFFER_HIGH_WATER_BYTES. Call it before each flush of a turn, and when the output was drained. HTTP/1: nothing to do. Calls
 * stream_drained and stream_closed. Not from inside an event. */
static inline void http_server_produce(struct http_server *server) {
    server->functions->produce(server);
}
/* Time passes: to be called every HTTP_SESSION_TICK_NS in the life of an HTTP/2 session, its idle times included. Rates of what a peer may do
 * are counted between ticks, and what made no progress over many is given up. May call events; look at the status, produce and flush after. */
static inline void http_server_tick(struct http_server *server) {
    server->functions->tick(server);
}
/* Why the session is CLOSING or BROKEN when that was its own doing (the peer broke the protocol, or a limit against floods was met); else
 * NONE. */
static inline enum close_reason http_server_close_reason(const struct http_server *server) {
    return server->functions->close_reason(server);
}
/* The response cannot be completed: the client must not take it for whole. HTTP/1: the session is BROKEN (close with a reset: a response that
 * lasts until close has no other mark). HTTP/2: the stream is reset with a code that fits the reason, the session stays OPEN. stream_failed is
 * not called; stream_closed is, from inside. Also to be called after a send function said false. */
static inline void http_server_abort(struct http_stream *stream, enum close_reason reason) {
    stream->server->functions->abort(stream, reason);
}
/* Ends the session; a stream under way gets stream_failed and stream_closed first. Frees what the session holds, not the struct. */
static inline void http_server_deinit(struct http_server *server) {
    server->functions->deinit(server);
}

/* ---------------------------------------------------------------- The client side ---- */

struct http_client;

struct http_client_stream {
    struct http_client *client;
    void *user;
};

struct http_client_events {
    /* 1xx other than 101, at most HTTP_INFORMATIONAL_MAX; the head lives in the stream's arena. */
    void (*response_informational)(void *owner, struct http_client_stream *stream, struct message_head *head);
    /* The final head, or a 101 that was asked for (then the session is a tunnel and `ends` is false). The response may come, and end,
     * before the request was sent whole: the owner then finishes the request or aborts the stream. */
    void (*response_head)(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends);
    void (*response_body)(void *owner, struct http_client_stream *stream, struct span bytes);
    void (*response_end)(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count);
    /* HTTP/2 only: what http_client_queued counts had passed HTTP2_STREAM_HIGH_WATER_BYTES and fell below HTTP2_STREAM_LOW_WATER_BYTES. From inside
     * http2_client_produce. */
    void (*request_drained)(void *owner, struct http_client_stream *stream);
    /* The response cannot be completed: UPSTREAM_PROTOCOL_ERROR (fault tells), UPSTREAM_CLOSED (the peer ended too early); HTTP/2: also
     * UPSTREAM_RESET, and UPSTREAM_REFUSED when the peer has certainly not looked at the request (RFC 9113 section 8.7: REFUSED_STREAM, an id above
     * GOAWAY's, or it was never sent). HTTP/1: the session is BROKEN. stream_closed follows. */
    void (*response_failed)(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault);
    /* The last call about this stream: request and response are both complete, or it failed, or was aborted. Ask http_client_is_reusable. */
    void (*stream_closed)(void *owner, struct http_client_stream *stream);
};

struct http_client_functions {
    struct http_client_stream *(*open)(struct http_client *client, struct arena *arena, void *user);
    enum http_session_status (*receive)(struct http_client *client, struct span bytes, size_t *ret_consumed);
    enum http_session_status (*receive_end)(struct http_client *client);
    enum http_session_status (*status)(const struct http_client *client);
    bool (*is_reusable)(const struct http_client *client);
    bool (*has_received)(const struct http_client_stream *stream);
    void (*pause)(struct http_client_stream *stream);
    void (*resume)(struct http_client_stream *stream);
    bool (*send_head)(struct http_client_stream *stream, const struct message_head *head, bool ends);
    bool (*send_body)(struct http_client_stream *stream, struct span bytes);
    bool (*send_end)(struct http_client_stream *stream, const struct header *trailers, size_t count);
    size_t (*queued)(const struct http_client_stream *stream);
    void (*abort)(struct http_client_stream *stream);
    void (*deinit)(struct http_client *client);
};

struct http_client {
    const struct http_client_functions *functions;
    const struct http_client_events *events;
    void *owner;
    struct buffer *output;
};

/* Begins a request; NULL when http_client_is_reusable says no. The response lives in `arena`, which lasts until stream_closed. */
MUST_USE static inline struct http_client_stream *http_client_open(struct http_client *client, struct arena *arena, void *user) {
    return client->functions->open(client, arena, user);
}
/* OPEN, PAUSED and TUNNEL: go on. CLOSING (HTTP/2): flush, then close. BROKEN: close. HTTP/1: a byte while no request is open makes the session
 * BROKEN (rule 11). HTTP/2: SETTINGS, PING and their like come at any time; their answers come with http2_client_produce. */
static inline enum http_session_status http_client_receive(struct http_client *client, struct span bytes, size_t *ret_consumed) {
    return client->functions->receive(client, bytes, ret_consumed);
}
/* The upstream closed its sending side, and every byte before that was consumed: ends a body that lasts until close, fails a response that is
 * not complete. */
static inline enum http_session_status http_client_receive_end(struct http_client *client) {
    return client->functions->receive_end(client);
}
static inline enum http_session_status http_client_status(const struct http_client *client) {
    return client->functions->status(client);
}
/* Another request may be opened. HTTP/1: none is open, the last one and its response were complete, neither side said close, no surplus byte came.
 * HTTP/2: fewer are open than the peer takes, and it has not said GOAWAY. */
static inline bool http_client_is_reusable(const struct http_client *client) {
    return client->functions->is_reusable(client);
}
/* Whether any byte of the response has come: if not, and the connection was a reused one, the request may be retried (rule 11). */
static inline bool http_client_has_received(const struct http_client_stream *stream) {
    return stream->client->functions->has_received(stream);
}
/* Back-pressure on the response's content, as http_server_pause: with HTTP/2 of this stream alone, up to the window that was granted. */
static inline void http_client_pause(struct http_client_stream *stream) {
    stream->client->functions->pause(stream);
}
static inline void http_client_resume(struct http_client_stream *stream) {
    stream->client->functions->resume(stream);
}
/* Sends head->method, head->path and head->authority (as Host). A content-length field is kept and enforced (head->content_length is not looked
 * at); without one, content is sent chunked. An Upgrade field in the head asks for the upgrade; "te: trailers" gets its connection option. */
MUST_USE static inline bool http_client_send_head(struct http_client_stream *stream, const struct message_head *head, bool ends) {
    return stream->client->functions->send_head(stream, head, ends);
}
MUST_USE static inline bool http_client_send_body(struct http_client_stream *stream, struct span bytes) {
    return stream->client->functions->send_body(stream, bytes);
}
MUST_USE static inline bool http_client_send_end(struct http_client_stream *stream, const struct header *trailers, size_t count) {
    return stream->client->functions->send_end(stream, trailers, count);
}
/* Request bytes that send_body took and that wait for the peer's windows. HTTP/1: 0. */
static inline size_t http_client_queued(const struct http_client_stream *stream) {
    return stream->client->functions->queued(stream);
}
/* Gives the request up, or what is left of it when the response is complete. HTTP/1: the session is BROKEN. HTTP/2: RST_STREAM, the session goes on.
 * response_failed is not called; stream_closed is. */
static inline void http_client_abort(struct http_client_stream *stream) {
    stream->client->functions->abort(stream);
}
/* As http_client_abort when a request is open; frees what the session holds, not the struct. */
static inline void http_client_deinit(struct http_client *client) {
    client->functions->deinit(client);
}

#endif
