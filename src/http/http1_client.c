#include "http/http1_client.h"

#include "base/assert.h"
#include "base/limits.h"
#include "http/http1_input.h"
#include "wire/http1_write.h"

static struct http1_client *client_of(struct http_client *base) {
    return CONTAINER_OF(base, struct http1_client, base);
}

static struct http1_client *client_of_stream(struct http_client_stream *stream) {
    return CONTAINER_OF(stream, struct http1_client, stream);
}

/* --- The stream's life --- */

static struct http_client_stream *client_open(struct http_client *base, struct arena *arena, void *user) {
    struct http1_client *client = client_of(base);
    if (client->arena != NULL || client->final_status != HTTP_SESSION_OPEN)
        return NULL;
    ASSERT(arena != NULL);
    client->arena = arena;
    client->stream.user = user;
    client->request = HTTP1_CLIENT_REQUEST_NONE;
    client->response = HTTP1_CLIENT_RESPONSE_NONE;
    client->informational_count = 0;
    client->received = false;
    client->paused = false;
    return &client->stream;
}

static void stream_close(struct http1_client *client) {
    http1_body_deinit(&client->body);
    http1_input_reset(&client->gather, &client->scan);
    client->arena = NULL;
    client->request = HTTP1_CLIENT_REQUEST_NONE;
    client->response = HTTP1_CLIENT_RESPONSE_NONE;
    client->base.events->stream_closed(client->base.owner, &client->stream);
}

static void stream_fail(struct http1_client *client, enum close_reason reason, enum http1_fault fault) {
    client->final_status = HTTP_SESSION_BROKEN;
    client->base.events->response_failed(client->base.owner, &client->stream, reason, fault);
    if (client->arena != NULL)
        stream_close(client);
}

/* Rule 11: the connection is good for another request when both halves are complete and nobody said close. */
static void stream_finish(struct http1_client *client) {
    if (client->request != HTTP1_CLIENT_REQUEST_COMPLETE || client->response != HTTP1_CLIENT_RESPONSE_COMPLETE)
        return;
    if (client->response_close)
        client->final_status = HTTP_SESSION_CLOSING;
    stream_close(client);
}

/* --- Reading --- */

static bool response_goes_on(const struct http1_client *client, enum http1_client_response state) {
    return client->arena != NULL && client->final_status == HTTP_SESSION_OPEN && client->response == state;
}

/* `rest`: what came behind the response in the same bytes. It answers nothing that was asked. */
static void response_finish(struct http1_client *client, const struct span *rest) {
    client->response = HTTP1_CLIENT_RESPONSE_COMPLETE;
    if (rest->size > 0)
        client->response_close = true;
}

static void informational_take(struct http1_client *client, struct message_head *head) {
    if (++client->informational_count > HTTP_INFORMATIONAL_MAX) {
        stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR, HTTP1_FAULT_TOO_MANY_INFORMATIONAL);
        return;
    }
    client->base.events->response_informational(client->base.owner, &client->stream, head);
}

static void final_take(struct http1_client *client, struct message_head *head, const struct http1_framing *framing, const struct span *rest) {
    bool ends = framing->kind == HTTP1_BODY_NONE;
    client->response_close = framing->close;
    http1_body_init(&client->body, framing);
    client->response = HTTP1_CLIENT_RESPONSE_BODY;
    if (framing->kind == HTTP1_BODY_TUNNEL) {
        client->response = HTTP1_CLIENT_RESPONSE_TUNNEL;
        client->request = HTTP1_CLIENT_REQUEST_TUNNEL;
        client->response_close = true;
    } else if (ends) {
        response_finish(client, rest);
    }
    client->base.events->response_head(client->base.owner, &client->stream, head, ends);
    if (response_goes_on(client, HTTP1_CLIENT_RESPONSE_COMPLETE))
        stream_finish(client);
}

static void read_head(struct http1_client *client, struct span *input) {
    struct span bytes;
    struct http1_framing framing;
    enum http1_fault fault = HTTP1_FAULT_NONE;
    client->received = true;
    switch (http1_input_take_head(&client->gather, &client->scan, input, HTTP1_SECTION_RESPONSE, &bytes, &fault)) {
    case HTTP1_SCAN_INCOMPLETE: return;
    case HTTP1_SCAN_FAULT: stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR, fault); return;
    case HTTP1_SCAN_COMPLETE: break;
    }
    struct message_head *head = arena_new(client->arena, struct message_head);
    fault = http1_response_parse(client->arena, bytes, client->scan.line_count, &client->facts, head, &framing);
    http1_input_reset(&client->gather, &client->scan);
    if (fault != HTTP1_FAULT_NONE)
        stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR, fault);
    else if (head->status < 200 && head->status != 101)
        informational_take(client, head);
    else
        final_take(client, head, &framing, input);
}

static void body_finish(struct http1_client *client, const struct span *rest) {
    response_finish(client, rest);
    client->base.events->response_end(client->base.owner, &client->stream, client->body.trailers, client->body.trailer_count);
    if (response_goes_on(client, HTTP1_CLIENT_RESPONSE_COMPLETE))
        stream_finish(client);
}

static void read_body(struct http1_client *client, struct span *input) {
    struct span payload;
    switch (http1_body_read(&client->body, client->arena, input, &payload)) {
    case HTTP1_BODY_MORE: return;
    case HTTP1_BODY_FAULT: stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR, client->body.fault); return;
    case HTTP1_BODY_DONE: body_finish(client, input); return;
    case HTTP1_BODY_PAYLOAD: break;
    }
    client->base.events->response_body(client->base.owner, &client->stream, payload);
    if (client->body.kind == HTTP1_BODY_LENGTH && client->body.left == 0 && response_goes_on(client, HTTP1_CLIENT_RESPONSE_BODY))
        body_finish(client, input);
}

/* One step; false when the rest of the input must wait. */
static bool read_step(struct http1_client *client, struct span *input) {
    switch (client->response) {
    case HTTP1_CLIENT_RESPONSE_NONE:
        /* Nobody asked: a late answer to a request that was given up, or a desynchronised server. */
        client->final_status = HTTP_SESSION_BROKEN;
        if (client->arena != NULL)
            stream_fail(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR, HTTP1_FAULT_NONE);
        return false;
    case HTTP1_CLIENT_RESPONSE_HEAD: read_head(client, input); return true;
    case HTTP1_CLIENT_RESPONSE_BODY:
        if (client->paused)
            return false;
        read_body(client, input);
        return true;
    case HTTP1_CLIENT_RESPONSE_COMPLETE:
        client->response_close = true;
        http1_input_skip(input, input->size);
        return true;
    case HTTP1_CLIENT_RESPONSE_TUNNEL: {
        struct span bytes = *input;
        if (client->paused)
            return false;
        http1_input_skip(input, input->size);
        client->base.events->response_body(client->base.owner, &client->stream, bytes);
        return true;
    }
    }
    UNREACHABLE();
}

static enum http_session_status client_receive(struct http_client *base, struct span bytes, size_t *ret_consumed) {
    struct http1_client *client = client_of(base);
    struct span input = bytes;
    while (input.size > 0 && client->final_status == HTTP_SESSION_OPEN && read_step(client, &input))
        continue;
    if (client->final_status != HTTP_SESSION_OPEN)
        input.size = 0;
    *ret_consumed = bytes.size - input.size;
    if (input.size > 0)
        return HTTP_SESSION_PAUSED;
    return client->response == HTTP1_CLIENT_RESPONSE_TUNNEL && client->final_status == HTTP_SESSION_OPEN ? HTTP_SESSION_TUNNEL
                                                                                                         : client->final_status;
}

static void tunnel_finish(struct http1_client *client) {
    if (client->request != HTTP1_CLIENT_REQUEST_COMPLETE || client->response != HTTP1_CLIENT_RESPONSE_COMPLETE)
        return;
    client->final_status = HTTP_SESSION_CLOSING;
    stream_close(client);
}

static enum http_session_status client_receive_end(struct http_client *base) {
    struct http1_client *client = client_of(base);
    static const struct span nothing;
    if (client->final_status != HTTP_SESSION_OPEN)
        return client->final_status;
    client->response_close = true;
    switch (client->response) {
    case HTTP1_CLIENT_RESPONSE_NONE:
        if (client->arena != NULL)
            stream_fail(client, CLOSE_REASON_UPSTREAM_CLOSED, HTTP1_FAULT_NONE);
        else
            client->final_status = HTTP_SESSION_CLOSING;
        break;
    case HTTP1_CLIENT_RESPONSE_HEAD: stream_fail(client, CLOSE_REASON_UPSTREAM_CLOSED, HTTP1_FAULT_NONE); break;
    case HTTP1_CLIENT_RESPONSE_BODY:
        if (http1_body_may_end(&client->body))
            body_finish(client, &nothing);
        else
            stream_fail(client, CLOSE_REASON_UPSTREAM_CLOSED, HTTP1_FAULT_NONE);
        break;
    case HTTP1_CLIENT_RESPONSE_COMPLETE: break;
    case HTTP1_CLIENT_RESPONSE_TUNNEL:
        client->response = HTTP1_CLIENT_RESPONSE_COMPLETE;
        base->events->response_end(base->owner, &client->stream, NULL, 0);
        if (response_goes_on(client, HTTP1_CLIENT_RESPONSE_COMPLETE))
            tunnel_finish(client);
        break;
    }
    return base->functions->status(base);
}

/* --- Writing --- */

static bool may_send(struct http1_client *client, bool allowed) {
    if (client->arena != NULL && client->final_status == HTTP_SESSION_OPEN && allowed)
        return true;
    client->final_status = HTTP_SESSION_BROKEN;
    return false;
}

static bool written(struct http1_client *client, bool success) {
    if (!success)
        client->final_status = HTTP_SESSION_BROKEN;
    return success;
}

/* RFC 9110 section 8.6: a request whose method suggests content says that it has none. */
static bool method_expects_content(enum http_method method) {
    return method == HTTP_METHOD_POST || method == HTTP_METHOD_PUT || method == HTTP_METHOD_PATCH;
}

static bool client_send_head(struct http_client_stream *stream, const struct message_head *head, bool ends) {
    struct http1_client *client = client_of_stream(stream);
    struct http1_write_options options = {.kind = HTTP1_BODY_NONE};
    bool has_length = span_to_u64(message_head_value(head, HEADER_CONTENT_LENGTH), &options.length);
    if (!may_send(client, client->request == HTTP1_CLIENT_REQUEST_NONE && !(ends && options.length > 0)))
        return false;
    if (has_length) {
        options.kind = options.length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
        options.write_length = true;
    } else if (ends) {
        options.write_length = method_expects_content(head->method_token);
    } else {
        options.kind = HTTP1_BODY_CHUNKED;
    }
    if (!written(client, http1_write_request(client->base.output, head, &options)))
        return false;
    /* A copy: the owner may edit or drop its head before the response comes. */
    struct span upgrade = message_head_value(head, HEADER_UPGRADE);
    client->facts = (struct http1_request_facts){head->method_token, upgrade.size == 0 ? SPAN_EMPTY : arena_copy(client->arena, upgrade)};
    client->request_kind = options.kind;
    client->request_left = options.length;
    client->request = ends ? HTTP1_CLIENT_REQUEST_COMPLETE : HTTP1_CLIENT_REQUEST_BODY;
    client->response = HTTP1_CLIENT_RESPONSE_HEAD;
    client->response_close = false;
    return true;
}

static bool client_send_body(struct http_client_stream *stream, struct span bytes) {
    struct http1_client *client = client_of_stream(stream);
    if (client->request == HTTP1_CLIENT_REQUEST_TUNNEL)
        return may_send(client, true) && written(client, buffer_append(client->base.output, bytes));
    if (!may_send(client, client->request == HTTP1_CLIENT_REQUEST_BODY))
        return false;
    if (client->request_kind == HTTP1_BODY_CHUNKED)
        return written(client, http1_write_chunk(client->base.output, bytes));
    if (!may_send(client, bytes.size <= client->request_left))
        return false;
    client->request_left -= bytes.size;
    return written(client, buffer_append(client->base.output, bytes));
}

static bool client_send_end(struct http_client_stream *stream, const struct header *trailers, size_t count) {
    struct http1_client *client = client_of_stream(stream);
    if (client->request == HTTP1_CLIENT_REQUEST_TUNNEL) {
        if (!may_send(client, true))
            return false;
        client->request = HTTP1_CLIENT_REQUEST_COMPLETE;
        tunnel_finish(client);
        return true;
    }
    if (!may_send(client, client->request == HTTP1_CLIENT_REQUEST_BODY))
        return false;
    if (client->request_kind == HTTP1_BODY_CHUNKED && !written(client, http1_write_last_chunk(client->base.output, trailers, count)))
        return false;
    if (client->request_kind != HTTP1_BODY_CHUNKED && !may_send(client, client->request_left == 0))
        return false;
    client->request = HTTP1_CLIENT_REQUEST_COMPLETE;
    stream_finish(client);
    return true;
}

/* --- The rest --- */

static enum http_session_status client_status(const struct http_client *base) {
    const struct http1_client *client = (const struct http1_client *)(const void *)base;
    if (client->final_status != HTTP_SESSION_OPEN)
        return client->final_status;
    if (client->paused && client->arena != NULL)
        return HTTP_SESSION_PAUSED;
    return client->response == HTTP1_CLIENT_RESPONSE_TUNNEL || client->request == HTTP1_CLIENT_REQUEST_TUNNEL ? HTTP_SESSION_TUNNEL
                                                                                                              : HTTP_SESSION_OPEN;
}

static bool client_is_reusable(const struct http_client *base) {
    const struct http1_client *client = (const struct http1_client *)(const void *)base;
    return client->arena == NULL && client->final_status == HTTP_SESSION_OPEN;
}

static bool client_has_received(const struct http_client_stream *stream) {
    return ((const struct http1_client *)(const void *)stream->client)->received;
}

/* All is in the output. */
static size_t client_queued(const struct http_client_stream *stream UNUSED) {
    return 0;
}

static void client_pause(struct http_client_stream *stream) {
    client_of_stream(stream)->paused = true;
}

static void client_resume(struct http_client_stream *stream) {
    client_of_stream(stream)->paused = false;
}

static void client_abort(struct http_client_stream *stream) {
    struct http1_client *client = client_of_stream(stream);
    client->final_status = HTTP_SESSION_BROKEN;
    if (client->arena != NULL)
        stream_close(client);
}

static void client_deinit(struct http_client *base) {
    struct http1_client *client = client_of(base);
    if (client->arena != NULL)
        client_abort(&client->stream);
    http1_body_deinit(&client->body);
    http1_input_reset(&client->gather, &client->scan);
}

static const struct http_client_functions functions = {
    .open = client_open,
    .receive = client_receive,
    .receive_end = client_receive_end,
    .status = client_status,
    .is_reusable = client_is_reusable,
    .has_received = client_has_received,
    .queued = client_queued,
    .pause = client_pause,
    .resume = client_resume,
    .send_head = client_send_head,
    .send_body = client_send_body,
    .send_end = client_send_end,
    .abort = client_abort,
    .deinit = client_deinit,
};

void http1_client_init(struct http1_client *client, const struct http_client_events *events, void *owner, struct buffer *output) {
    *client = (struct http1_client){.base = {&functions, events, owner, output}, .final_status = HTTP_SESSION_OPEN};
    client->stream.client = &client->base;
}
