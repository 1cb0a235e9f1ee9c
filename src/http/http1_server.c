#include "http/http1_server.h"

#include "base/assert.h"
#include "base/limits.h"
#include "http/http1_input.h"
#include "wire/http1_write.h"

static struct http1_server *server_of(struct http_server *base) {
    return CONTAINER_OF(base, struct http1_server, base);
}

static struct http1_server *server_of_stream(struct http_stream *stream) {
    return CONTAINER_OF(stream, struct http1_server, stream);
}

/* --- The stream's life --- */

static void stream_begin(struct http1_server *server) {
    if (server->arena != NULL)
        return;
    server->request = HTTP1_REQUEST_HEAD;
    server->response = HTTP1_RESPONSE_WAITING;
    server->method = HTTP_METHOD_OTHER;
    server->version = HTTP_1_1;
    server->upgrade_asked = false;
    server->paused = false;
    server->empty_lines = 0;
    server->arena = server->base.events->stream_begin(server->base.owner, &server->stream);
    ASSERT(server->arena != NULL);
}

/* The owner's last word about the stream. The session's state is settled before: the owner looks at it. */
static void stream_close(struct http1_server *server) {
    http1_body_deinit(&server->body);
    http1_input_reset(&server->gather, &server->scan);
    server->arena = NULL;
    server->base.events->stream_closed(server->base.owner, &server->stream);
}

static void stream_fail(struct http1_server *server, enum close_reason reason, enum http_session_status status) {
    server->final_status = status;
    server->request = HTTP1_REQUEST_ENDED;
    server->base.events->stream_failed(server->base.owner, &server->stream, reason);
    if (server->arena != NULL)
        stream_close(server);
}

static void stream_reject(struct http1_server *server, enum http1_fault fault) {
    /* Another protocol, or a broken preface of HTTP/2 (RFC 9113 section 3.4): an answer in HTTP/1.1 would be read as something else. */
    if (fault == HTTP1_FAULT_NOT_HTTP) {
        stream_fail(server, CLOSE_REASON_DOWNSTREAM_PROTOCOL_ERROR, HTTP_SESSION_CLOSING);
        return;
    }
    if (server->response != HTTP1_RESPONSE_WAITING) {
        stream_fail(server, CLOSE_REASON_DOWNSTREAM_PROTOCOL_ERROR, HTTP_SESSION_BROKEN);
        return;
    }
    server->request = HTTP1_REQUEST_ENDED;
    server->close = true;
    server->base.events->request_rejected(server->base.owner, &server->stream, fault);
}

/* The response has been sent whole. RFC 9112 section 9.3: the next request may follow only when this one was read whole. */
static void response_finish(struct http1_server *server) {
    server->response = HTTP1_RESPONSE_COMPLETE;
    if (server->request != HTTP1_REQUEST_COMPLETE) {
        server->request = HTTP1_REQUEST_ENDED;
        server->final_status = HTTP_SESSION_LINGER;
    } else if (server->close) {
        server->final_status = HTTP_SESSION_CLOSING;
    } else {
        server->request = HTTP1_REQUEST_IDLE;
    }
    stream_close(server);
}

/* --- Reading --- */

/* RFC 9112 section 2.2: empty lines before a request line are passed over, in moderation. True: there may be more in `input`. */
static bool skip_empty_lines(struct http1_server *server, struct span *input) {
    while (input->size > 0 && server->empty_lines < HTTP_EMPTY_LINES_MAX) {
        bool half = server->gather.size == 1 && server->gather.data[0] == '\r';
        if (half && input->data[0] == '\n') {
            http1_gather_reset(&server->gather);
            http1_input_skip(input, 1);
        } else if (server->gather.size == 0 && span_starts_with(*input, SPAN_LITERAL("\r\n"))) {
            http1_input_skip(input, 2);
        } else if (server->gather.size == 0 && span_equal(*input, SPAN_LITERAL("\r"))) {
            http1_gather_append(&server->gather, *input);
            http1_input_skip(input, 1);
            return false;
        } else {
            return true;
        }
        server->empty_lines++;
    }
    return input->size > 0;
}

static void head_take(struct http1_server *server, struct span bytes) {
    struct message_head *head = arena_new(server->arena, struct message_head);
    struct http1_framing framing;
    enum http1_fault fault = http1_request_parse(server->arena, bytes, server->scan.line_count, head, &framing);
    http1_input_reset(&server->gather, &server->scan);
    if (fault != HTTP1_FAULT_NONE) {
        stream_reject(server, fault);
        return;
    }
    server->method = head->method_token;
    server->version = head->version;
    server->upgrade_asked = head->upgrade.size > 0;
    /* What follows a CONNECT that is refused may have been meant for the tunnel. */
    server->close = framing.close || server->draining || server->method == HTTP_METHOD_CONNECT;
    bool ends = framing.kind == HTTP1_BODY_NONE;
    server->request = ends ? HTTP1_REQUEST_COMPLETE : HTTP1_REQUEST_BODY;
    if (!ends)
        http1_body_init(&server->body, &framing);
    server->base.events->request_head(server->base.owner, &server->stream, head, ends);
}

static void read_head(struct http1_server *server, struct span *input) {
    if (server->arena == NULL && (!skip_empty_lines(server, input) || input->size == 0))
        return;
    stream_begin(server);
    struct span head;
    enum http1_fault fault;
    switch (http1_input_take_head(&server->gather, &server->scan, input, HTTP1_SECTION_REQUEST, &head, &fault)) {
    case HTTP1_SCAN_INCOMPLETE: return;
    case HTTP1_SCAN_FAULT: stream_reject(server, fault); return;
    case HTTP1_SCAN_COMPLETE: head_take(server, head); return;
    }
}

static void request_finish(struct http1_server *server) {
    server->request = HTTP1_REQUEST_COMPLETE;
    server->base.events->request_end(server->base.owner, &server->stream, server->body.trailers, server->body.trailer_count);
}

/* The owner may have ended the exchange from inside an event. */
static bool is_reading_body(const struct http1_server *server) {
    return server->final_status == HTTP_SESSION_OPEN && server->request == HTTP1_REQUEST_BODY;
}

static void read_body(struct http1_server *server, struct span *input) {
    struct span payload;
    switch (http1_body_read(&server->body, server->arena, input, &payload)) {
    case HTTP1_BODY_MORE: return;
    case HTTP1_BODY_FAULT: stream_reject(server, server->body.fault); return;
    case HTTP1_BODY_DONE: request_finish(server); return;
    case HTTP1_BODY_PAYLOAD: break;
    }
    server->base.events->request_body(server->base.owner, &server->stream, payload);
    if (is_reading_body(server) && http1_body_may_end(&server->body))
        request_finish(server);
}

static void read_tunnel(struct http1_server *server, struct span *input) {
    struct span bytes = *input;
    http1_input_skip(input, bytes.size);
    server->base.events->request_body(server->base.owner, &server->stream, bytes);
}

/* One step; false when the rest of the input must wait. */
static bool read_step(struct http1_server *server, struct span *input) {
    switch (server->request) {
    case HTTP1_REQUEST_IDLE:
    case HTTP1_REQUEST_HEAD: read_head(server, input); return true;
    case HTTP1_REQUEST_COMPLETE: return false;
    case HTTP1_REQUEST_BODY:
        if (server->paused)
            return false;
        read_body(server, input);
        return true;
    case HTTP1_REQUEST_TUNNEL:
        if (server->paused)
            return false;
        read_tunnel(server, input);
        return true;
    case HTTP1_REQUEST_ENDED: http1_input_skip(input, input->size); return true;
    }
    UNREACHABLE();
}

static enum http_session_status server_receive(struct http_server *base, struct span bytes, size_t *ret_consumed) {
    struct http1_server *server = server_of(base);
    struct span input = bytes;
    while (input.size > 0 && server->final_status == HTTP_SESSION_OPEN && read_step(server, &input))
        continue;
    if (server->final_status != HTTP_SESSION_OPEN)
        input.size = 0;
    *ret_consumed = bytes.size - input.size;
    if (input.size > 0)
        return HTTP_SESSION_PAUSED;
    return server->request == HTTP1_REQUEST_TUNNEL && server->final_status == HTTP_SESSION_OPEN ? HTTP_SESSION_TUNNEL : server->final_status;
}

static enum http_session_status server_receive_end(struct http_server *base) {
    struct http1_server *server = server_of(base);
    if (server->final_status != HTTP_SESSION_OPEN)
        return server->final_status;
    switch (server->request) {
    case HTTP1_REQUEST_IDLE: server->final_status = HTTP_SESSION_CLOSING; break;
    case HTTP1_REQUEST_HEAD: stream_fail(server, CLOSE_REASON_DOWNSTREAM_CLOSED, HTTP_SESSION_CLOSING); break;
    case HTTP1_REQUEST_BODY: stream_fail(server, CLOSE_REASON_DOWNSTREAM_BODY_TRUNCATED, HTTP_SESSION_BROKEN); break;
    /* The client waits for the answer, whose bytes it can still read. */
    case HTTP1_REQUEST_COMPLETE:
    case HTTP1_REQUEST_ENDED: server->close = true; break;
    case HTTP1_REQUEST_TUNNEL:
        server->request = HTTP1_REQUEST_ENDED;
        base->events->request_end(base->owner, &server->stream, NULL, 0);
        if (server->arena != NULL && server->response == HTTP1_RESPONSE_COMPLETE) {
            server->final_status = HTTP_SESSION_CLOSING;
            stream_close(server);
        }
        break;
    }
    return base->functions->status(base);
}

/* --- Writing --- */

/* False, and the session broken, when the stream has nothing to send any more. */
static bool may_send(struct http1_server *server, bool allowed) {
    if (server->arena != NULL && server->final_status == HTTP_SESSION_OPEN && allowed)
        return true;
    server->final_status = HTTP_SESSION_BROKEN;
    return false;
}

static bool written(struct http1_server *server, bool success) {
    if (!success)
        server->final_status = HTTP_SESSION_BROKEN;
    return success;
}

static bool server_send_informational(struct http_stream *stream, const struct message_head *head) {
    struct http1_server *server = server_of_stream(stream);
    if (!may_send(server, server->response == HTTP1_RESPONSE_WAITING && head->status / 100 == 1 && head->status != 101))
        return false;
    /* RFC 9110 section 15.2: never to an HTTP/1.0 client. */
    if (server->version == HTTP_1_0)
        return true;
    return written(server, http1_write_response(server->base.output, head, &(struct http1_write_options){.kind = HTTP1_BODY_NONE}));
}

/* RFC 9112 section 6: how the response's end will be known. False: the head says a length that `ends` denies. */
static bool response_framing(const struct http1_server *server, const struct message_head *head, bool ends,
                             struct http1_write_options *ret_options) {
    struct http1_write_options options = {.kind = HTTP1_BODY_NONE};
    bool has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &options.length);
    if (head->status == 204) {
        /* RFC 9110 section 8.6: no content-length. */
        options.length = 0;
    } else if (server->method == HTTP_METHOD_HEAD || head->status == 304) {
        options.write_length = has_length;
    } else if (has_length) {
        options.write_length = true;
        options.kind = options.length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
        if (ends && options.length > 0)
            return false;
    } else if (ends) {
        options.write_length = true;
    } else {
        /* RFC 9112 section 6.1: no transfer coding towards HTTP/1.0. */
        options.kind = server->version == HTTP_1_0 ? HTTP1_BODY_UNTIL_CLOSE : HTTP1_BODY_CHUNKED;
    }
    *ret_options = options;
    return true;
}

static bool send_tunnel_head(struct http1_server *server, const struct message_head *head) {
    /* A switch that the client did not ask for would be a lie; so would one while its request still goes on. */
    bool asked = head->status == 101 ? server->upgrade_asked : server->method == HTTP_METHOD_CONNECT;
    if (!may_send(server, asked && server->request == HTTP1_REQUEST_COMPLETE))
        return false;
    server->request = HTTP1_REQUEST_TUNNEL;
    server->response = HTTP1_RESPONSE_TUNNEL;
    return written(server, http1_write_response(server->base.output, head, &(struct http1_write_options){.kind = HTTP1_BODY_TUNNEL}));
}

static bool server_send_head(struct http_stream *stream, const struct message_head *head, bool ends) {
    struct http1_server *server = server_of_stream(stream);
    struct http1_write_options options;
    if (!may_send(server, server->response == HTTP1_RESPONSE_WAITING && (head->status >= 200 || head->status == 101)))
        return false;
    if (head->status == 101 || (server->method == HTTP_METHOD_CONNECT && head->status / 100 == 2))
        return send_tunnel_head(server, head);
    if (!may_send(server, response_framing(server, head, ends, &options)))
        return false;
    /* An answer that overtakes its request says at once that the rest of the request will not be read as one (rule 14). */
    server->close |= server->draining || server->request != HTTP1_REQUEST_COMPLETE || options.kind == HTTP1_BODY_UNTIL_CLOSE;
    options.close = server->close;
    if (!written(server, http1_write_response(server->base.output, head, &options)))
        return false;
    server->response = HTTP1_RESPONSE_BODY;
    server->response_kind = options.kind;
    server->response_left = options.length;
    if (ends)
        response_finish(server);
    return true;
}

static bool server_send_body(struct http_stream *stream, struct span bytes) {
    struct http1_server *server = server_of_stream(stream);
    if (server->response == HTTP1_RESPONSE_TUNNEL)
        return may_send(server, true) && written(server, buffer_append(server->base.output, bytes));
    if (!may_send(server, server->response == HTTP1_RESPONSE_BODY))
        return false;
    switch (server->response_kind) {
    /* HEAD, 204, 304, or a content-length of 0. */
    case HTTP1_BODY_NONE: return true;
    case HTTP1_BODY_LENGTH:
        if (!may_send(server, bytes.size <= server->response_left))
            return false;
        server->response_left -= bytes.size;
        break;
    case HTTP1_BODY_CHUNKED: return written(server, http1_write_chunk(server->base.output, bytes));
    case HTTP1_BODY_UNTIL_CLOSE:
    case HTTP1_BODY_TUNNEL: break;
    }
    return written(server, buffer_append(server->base.output, bytes));
}

static bool send_tunnel_end(struct http1_server *server) {
    server->response = HTTP1_RESPONSE_COMPLETE;
    if (server->request == HTTP1_REQUEST_ENDED) {
        server->final_status = HTTP_SESSION_CLOSING;
        stream_close(server);
    }
    return true;
}

static bool server_send_end(struct http_stream *stream, const struct header *trailers, size_t count) {
    struct http1_server *server = server_of_stream(stream);
    if (server->response == HTTP1_RESPONSE_TUNNEL)
        return may_send(server, true) && send_tunnel_end(server);
    if (!may_send(server, server->response == HTTP1_RESPONSE_BODY))
        return false;
    if (server->response_kind == HTTP1_BODY_LENGTH && !may_send(server, server->response_left == 0))
        return false;
    if (server->response_kind == HTTP1_BODY_CHUNKED && !written(server, http1_write_last_chunk(server->base.output, trailers, count)))
        return false;
    response_finish(server);
    return true;
}

/* --- The rest --- */

static enum http_session_status server_status(const struct http_server *base) {
    const struct http1_server *server = (const struct http1_server *)(const void *)base;
    if (server->final_status != HTTP_SESSION_OPEN)
        return server->final_status;
    if (server->request == HTTP1_REQUEST_COMPLETE || (server->paused && server->arena != NULL))
        return HTTP_SESSION_PAUSED;
    return server->request == HTTP1_REQUEST_TUNNEL || server->response == HTTP1_RESPONSE_TUNNEL ? HTTP_SESSION_TUNNEL : HTTP_SESSION_OPEN;
}

static bool server_is_idle(const struct http_server *base) {
    const struct http1_server *server = (const struct http1_server *)(const void *)base;
    return server->arena == NULL && server->gather.size == 0;
}

static void server_begin_drain(struct http_server *base) {
    struct http1_server *server = server_of(base);
    server->draining = true;
    server->close = true;
    if (server_is_idle(base) && server->final_status == HTTP_SESSION_OPEN)
        server->final_status = HTTP_SESSION_CLOSING;
}

static void server_pause(struct http_stream *stream) {
    server_of_stream(stream)->paused = true;
}

static void server_resume(struct http_stream *stream) {
    server_of_stream(stream)->paused = false;
}

static size_t server_queued(const struct http_stream *stream UNUSED) {
    return 0;
}

/* Every send function writes into the output itself, and deadlines are the owner's. */
static void server_nothing_to_do(struct http_server *base UNUSED) {
}

static enum close_reason server_close_reason(const struct http_server *base UNUSED) {
    return CLOSE_REASON_NONE;
}

static void server_abort(struct http_stream *stream, enum close_reason reason UNUSED) {
    struct http1_server *server = server_of_stream(stream);
    server->final_status = HTTP_SESSION_BROKEN;
    if (server->arena != NULL)
        stream_close(server);
}

static bool server_fits(const struct http_stream *stream UNUSED, const struct message_head *head UNUSED) {
    return true;
}

static bool server_is_behind(const struct http_stream *stream UNUSED) {
    return false;
}

static void server_deinit(struct http_server *base) {
    struct http1_server *server = server_of(base);
    if (server->arena != NULL)
        stream_fail(server, CLOSE_REASON_DOWNSTREAM_CLOSED, HTTP_SESSION_BROKEN);
    http1_body_deinit(&server->body);
    http1_input_reset(&server->gather, &server->scan);
}

static const struct http_server_functions functions = {
    .receive = server_receive,
    .receive_end = server_receive_end,
    .status = server_status,
    .is_idle = server_is_idle,
    .begin_drain = server_begin_drain,
    .pause = server_pause,
    .resume = server_resume,
    .send_informational = server_send_informational,
    .fits = server_fits,
    .send_head = server_send_head,
    .send_body = server_send_body,
    .send_end = server_send_end,
    .queued = server_queued,
    .is_behind = server_is_behind,
    .produce = server_nothing_to_do,
    .tick = server_nothing_to_do,
    .close_reason = server_close_reason,
    .abort = server_abort,
    .deinit = server_deinit,
};

void http1_server_init(struct http1_server *server, const struct http_server_events *events, void *owner, struct buffer *output) {
    *server = (struct http1_server){.base = {&functions, events, owner, output}, .final_status = HTTP_SESSION_OPEN};
    server->stream.server = &server->base;
}
