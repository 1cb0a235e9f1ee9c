/* What comes from the client: the library's callbacks and the heads of frames, up to the events of a request. */
#include "base/limits.h"
#include "base/random.h"
#include "http/http2_server_stream.h"

int http2_server_fatal(struct http2_server *server, enum close_reason reason, uint32_t code) {
    server->fatal_reason = reason;
    server->fatal_code = code;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int spend(struct http2_server *server, enum http2_defence_kind kind) {
    enum close_reason reason = http2_defence_spend(&server->defence, kind);
    return reason == CLOSE_REASON_NONE ? 0 : http2_server_fatal(server, reason, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The stream has failed by the client's doing: RST_STREAM, and it counts as one that the client reset. */
static int stream_malformed(struct http2_server_stream *stream) {
    struct http2_server *server = http2_server_of(stream->base.server);
    http2_server_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR);
    http2_server_stream_fail(stream, CLOSE_REASON_HTTP2_MESSAGE_INVALID);
    return spend(server, HTTP2_DEFENCE_RESET);
}

/* --- Frames begin --- */

static bool is_of_client(int32_t id) {
    return (id & 1) != 0;
}

bool http2_server_frame_is_late(const struct http2_server *server, const struct http2_frame_head *frame) {
    switch (frame->type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: return is_of_client(frame->stream_id) && frame->stream_id <= server->ids.highest;
    default: return false;
    }
}

/* DATA or HEADERS on a stream that is no more: libnghttp2 forgives it. */
static int closed_stream_frame(struct http2_server *server, const struct http2_frame_head *frame) {
    if (nghttp2_session_find_stream(server->library, frame->stream_id) != NULL)
        return 0;
    switch (http2_stream_ids_judge(&server->ids, frame->stream_id)) {
    case HTTP2_STREAM_ID_LATE: return 0;
    case HTTP2_STREAM_ID_CLOSED: return http2_server_fatal(server, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, NGHTTP2_STREAM_CLOSED);
    case HTTP2_STREAM_ID_NEVER_OPENED: break;
    }
    return http2_server_fatal(server, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, NGHTTP2_PROTOCOL_ERROR);
}

static int begin_headers_frame(struct http2_server *server, const struct http2_frame_head *frame) {
    http2_defence_head_begin(&server->defence);
    server->in_head = (frame->flags & NGHTTP2_FLAG_END_HEADERS) == 0;
    if (http2_server_frame_is_late(server, frame))
        return closed_stream_frame(server, frame);
    if (is_of_client(frame->stream_id))
        http2_stream_ids_open(&server->ids, frame->stream_id);
    return frame->size == 0 ? spend(server, HTTP2_DEFENCE_EMPTY) : 0;
}

static int begin_continuation_frame(struct http2_server *server, const struct http2_frame_head *frame) {
    enum close_reason reason = http2_defence_continuation(&server->defence);
    if (reason != CLOSE_REASON_NONE)
        return http2_server_fatal(server, reason, NGHTTP2_ENHANCE_YOUR_CALM);
    server->in_head = (frame->flags & NGHTTP2_FLAG_END_HEADERS) == 0;
    return frame->size == 0 ? spend(server, HTTP2_DEFENCE_EMPTY) : 0;
}

int http2_server_frame_begin(struct http2_server *server, const struct http2_frame_head *frame) {
    switch (frame->type) {
    case NGHTTP2_DATA: return http2_server_frame_is_late(server, frame) ? closed_stream_frame(server, frame) : 0;
    case NGHTTP2_HEADERS: return begin_headers_frame(server, frame);
    case NGHTTP2_CONTINUATION: return begin_continuation_frame(server, frame);
    case NGHTTP2_RST_STREAM:
        /* Of a stream that is open, the reset itself is judged. */
        return nghttp2_session_find_stream(server->library, frame->stream_id) == NULL ? spend(server, HTTP2_DEFENCE_RESET) : 0;
    case NGHTTP2_PRIORITY:
        /* RFC 9113 section 6.3; RFC 7540 section 5.3.1 for the stream that depends on itself. */
        if (frame->stream_id == 0 || frame->stream_id == frame->dependency)
            return http2_server_fatal(server, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, NGHTTP2_PROTOCOL_ERROR);
        return spend(server, HTTP2_DEFENCE_PRIORITY);
    case NGHTTP2_SETTINGS: return spend(server, HTTP2_DEFENCE_SETTINGS);
    case NGHTTP2_PING: return spend(server, HTTP2_DEFENCE_PING);
    case NGHTTP2_WINDOW_UPDATE: return spend(server, HTTP2_DEFENCE_WINDOW);
    default: return spend(server, HTTP2_DEFENCE_PRIORITY);
    }
}

/* --- Heads --- */

/* RFC 9113 section 8.7: nothing was done for it, and the client may try again. Its fields are still decoded, for the table is the session's. */
static void refuse(struct http2_server *server, const nghttp2_frame *frame) {
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        http2_stream_ids_reset(&server->ids, frame->hd.stream_id);
    /* It fails for want of memory only. */
    (void)nghttp2_submit_rst_stream(server->library, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
}

static int on_begin_headers(nghttp2_session *library, const nghttp2_frame *frame, void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        stream = http2_server_stream_open(server, frame->hd.stream_id);
        if (stream == NULL)
            refuse(server, frame);
        else
            nghttp2_session_set_stream_user_data(library, frame->hd.stream_id, stream);
        return 0;
    }
    stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
    if (stream != NULL && stream->request_phase == HTTP2_REQUEST_BODY) {
        http2_request_head_init(&stream->request, stream->arena);
        stream->request.fields.bytes_max = HTTP_TRAILER_BYTES_MAX;
        stream->request.fields.too_large = HTTP1_FAULT_TRAILERS_TOO_LARGE;
        stream->trailing = true;
    }
    return 0;
}

static struct span span_of_octets(nghttp2_rcbuf *octets) {
    nghttp2_vec vector = nghttp2_rcbuf_get_buf(octets);
    return span_make(vector.base, vector.len);
}

static int on_header(nghttp2_session *library, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags UNUSED,
                     void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
    if (stream == NULL || (stream->request_phase != HTTP2_REQUEST_HEAD && !stream->trailing))
        return 0;
    struct http2_request_head *request = &stream->request;
    enum http2_field_status status = HTTP2_FIELD_TAKEN;
    if (stream->trailing) {
        status = http2_fields_count(&request->fields, span_of_octets(name), span_of_octets(value));
        if (status == HTTP2_FIELD_TAKEN)
            status = http2_fields_add(&request->fields, span_of_octets(name), span_of_octets(value));
    } else {
        status = http2_request_head_add(request, span_of_octets(name), span_of_octets(value));
    }
    switch (status) {
    case HTTP2_FIELD_TAKEN: return 0;
    case HTTP2_FIELD_BOMB: return http2_server_fatal(server, CLOSE_REASON_HTTP2_HEADER_BOMB, NGHTTP2_ENHANCE_YOUR_CALM);
    case HTTP2_FIELD_MALFORMED: break;
    }
    int result = stream_malformed(stream);
    return result != 0 ? result : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The library would drop the field and take the rest: RFC 9113 section 8.2.1 calls the message malformed. */
static int on_invalid_header(nghttp2_session *library UNUSED, const nghttp2_frame *frame UNUSED, nghttp2_rcbuf *name UNUSED,
                             nghttp2_rcbuf *value UNUSED, uint8_t flags UNUSED, void *user_data UNUSED) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void reject(struct http2_server_stream *stream, enum http1_fault fault) {
    struct http2_server *server = http2_server_of(stream->base.server);
    stream->request_phase = HTTP2_REQUEST_ENDED;
    server->base.events->request_rejected(server->base.owner, &stream->base, fault);
}

/* RFC 6455 section 4.1: the key is ours, for the upstream; an HTTP/2 client sends none (RFC 8441 section 5). */
static void websocket_key_add(struct http2_server_stream *stream, struct message_head *head) {
    struct random random;
    uint64_t octets[2];
    random_init(&random);
    octets[0] = random_next(&random);
    octets[1] = random_next(&random);
    websocket_key_print((const uint8_t *)octets, stream->websocket_key);
    message_head_add(head, HEADER_SEC_WEBSOCKET_KEY, span_make(stream->websocket_key, WEBSOCKET_KEY_SIZE));
}

static int head_complete(struct http2_server *server, struct http2_server_stream *stream) {
    enum http1_fault fault = HTTP1_FAULT_NONE;
    struct message_head *head = stream->request.fields.head;
    switch (http2_request_head_finish(&stream->request, stream->remote_ended, &fault)) {
    case HTTP2_REQUEST_GOOD: break;
    case HTTP2_REQUEST_REJECTED: stream->method = http_method_of(stream->request.method); reject(stream, fault); return 0;
    case HTTP2_REQUEST_MALFORMED: return stream_malformed(stream);
    }
    stream->method = http_method_of(stream->request.method);
    stream->extended_connect = stream->request.protocol.data != NULL;
    if (stream->extended_connect)
        websocket_key_add(stream, head);
    /* What follows a CONNECT is no content but the tunnel's bytes. */
    bool ends = stream->remote_ended || stream->method == HTTP_METHOD_CONNECT;
    if (ends)
        head->content_length = 0;
    stream->request_phase = ends ? HTTP2_REQUEST_COMPLETE : HTTP2_REQUEST_BODY;
    server->base.events->request_head(server->base.owner, &stream->base, head, ends);
    return 0;
}

/* --- Content, trailers, resets --- */

static void request_end(struct http2_server *server, struct http2_server_stream *stream) {
    struct header *trailers = NULL;
    size_t count = 0;
    if (stream->trailing) {
        stream->trailing = false;
        if (stream->request.fields.fault != HTTP1_FAULT_NONE) {
            reject(stream, stream->request.fields.fault);
            return;
        }
        http2_fields_trailers(&stream->request.fields, &trailers, &count);
    }
    stream->request_phase = HTTP2_REQUEST_COMPLETE;
    server->base.events->request_end(server->base.owner, &stream->base, trailers, count);
}

/* END_STREAM came with content or trailers. */
static void remote_ended(struct http2_server *server, struct http2_server_stream *stream) {
    stream->remote_ended = true;
    if (stream->request_phase == HTTP2_REQUEST_BODY) {
        request_end(server, stream);
    } else if (stream->request_phase == HTTP2_REQUEST_TUNNEL) {
        stream->request_phase = HTTP2_REQUEST_COMPLETE;
        server->base.events->request_end(server->base.owner, &stream->base, NULL, 0);
    }
}

static int on_data_chunk(nghttp2_session *library, uint8_t flags UNUSED, int32_t id, const uint8_t *bytes, size_t size, void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, id);
    /* Bytes for a tunnel that does not stand yet: nobody could say where they belong. */
    bool lost = stream != NULL && stream->request_phase == HTTP2_REQUEST_COMPLETE;
    if (stream != NULL && !lost && stream->request_phase != HTTP2_REQUEST_ENDED) {
        server->base.events->request_body(server->base.owner, &stream->base, span_make(bytes, size));
        struct http2_server_stream *still = nghttp2_session_get_stream_user_data(library, id);
        if (still != NULL) {
            http2_server_stream_credit(still, size);
            return 0;
        }
        stream = NULL;
    }
    if (nghttp2_session_consume_connection(library, size) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return lost ? stream_malformed(stream) : 0;
}

static int data_frame_complete(struct http2_server *server, struct http2_server_stream *stream, const nghttp2_frame *frame) {
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends && stream != NULL)
        remote_ended(server, stream);
    return !ends && frame->hd.length <= frame->data.padlen ? spend(server, HTTP2_DEFENCE_EMPTY) : 0;
}

static int reset_frame_complete(struct http2_server *server, struct http2_server_stream *stream) {
    if (stream == NULL)
        return 0;
    bool premature = stream->response_phase != HTTP2_RESPONSE_COMPLETE || stream->queue.size > 0;
    stream->remote_ended = true;
    http2_server_stream_fail(stream, CLOSE_REASON_HTTP2_STREAM_RESET);
    return premature ? spend(server, HTTP2_DEFENCE_RESET) : 0;
}

static int on_frame_received(nghttp2_session *library, const nghttp2_frame *frame, void *user_data) {
    struct http2_server *server = user_data;
    /* The answer to the PING of a drain: what the client sent before it knew has come. */
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && server->draining)
        http2_server_say_goaway(server);
    if (frame->hd.stream_id == 0)
        return 0;
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_DATA: return data_frame_complete(server, stream, frame);
    case NGHTTP2_RST_STREAM: return reset_frame_complete(server, stream);
    case NGHTTP2_HEADERS:
        if (stream == NULL)
            return 0;
        if (stream->request_phase == HTTP2_REQUEST_HEAD) {
            stream->remote_ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
            return head_complete(server, stream);
        }
        remote_ended(server, stream);
        return 0;
    default: return 0;
    }
}

/* The library found the frame wrong. With a stream of ours it resets that; a wrong connection ends with its GOAWAY. */
static int on_invalid_frame(nghttp2_session *library, const nghttp2_frame *frame, int error UNUSED, void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream =
        frame->hd.stream_id == 0 ? NULL : nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
    if (stream != NULL) {
        if (!stream->remote_ended)
            http2_stream_ids_reset(&server->ids, stream->id);
        http2_server_stream_fail(stream, CLOSE_REASON_HTTP2_MESSAGE_INVALID);
    }
    return spend(server, HTTP2_DEFENCE_RESET);
}

/* Both sides have ended, or a RST_STREAM was sent: by the library on its own when the stream is still ours. */
static int on_stream_close(nghttp2_session *library, int32_t id, uint32_t code, void *user_data) {
    struct http2_server *server = user_data;
    struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, id);
    if (stream == NULL)
        return 0;
    if (code == NGHTTP2_NO_ERROR) {
        http2_server_stream_close(stream);
        return 0;
    }
    if (!stream->remote_ended)
        http2_stream_ids_reset(&server->ids, id);
    http2_server_stream_fail(stream, CLOSE_REASON_HTTP2_MESSAGE_INVALID);
    return spend(server, HTTP2_DEFENCE_RESET);
}

void http2_server_receive_callbacks(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
