#include "http/http2_server.h"

#include "base/assert.h"
#include "base/limits.h"
#include "http/http2_memory_functions.h"
#include "http/http2_server_stream.h"

/* Response heads: HTTP_HEAD_BYTES_MAX of the upstream, and what rules of the configuration add. */
#define SEND_HEAD_BYTES_MAX (256 * 1024)
/* SETTINGS entries of one frame: six are defined, a few more are reserved to try a peer. */
#define SETTINGS_ENTRIES_MAX 32

static struct http2_server_stream *first_stream(struct http2_server *server) {
    return CONTAINER_OF(server->streams.next, struct http2_server_stream, link);
}

/* --- The session's end --- */

static void fail_streams(struct http2_server *server, enum close_reason reason) {
    while (!list_is_empty(&server->streams))
        http2_server_stream_fail(first_stream(server), reason);
}

static void session_fail(struct http2_server *server, enum close_reason reason, uint32_t code) {
    if (server->status != HTTP_SESSION_OPEN)
        return;
    server->reason = reason;
    server->status = reason == CLOSE_REASON_MEMORY_CEILING ? HTTP_SESSION_BROKEN : HTTP_SESSION_CLOSING;
    fail_streams(server, reason);
    (void)nghttp2_session_terminate_session2(server->library, server->ids.highest, code);
}

void http2_server_say_goaway(struct http2_server *server) {
    if (!server->goaway_final)
        (void)nghttp2_submit_goaway(server->library, NGHTTP2_FLAG_NONE, server->ids.highest, NGHTTP2_NO_ERROR, NULL, 0);
    server->goaway_final = true;
}

/* The last stream of a draining session is gone, or the client has said GOAWAY itself. */
static void session_finish(struct http2_server *server) {
    if (server->status != HTTP_SESSION_OPEN)
        return;
    http2_server_say_goaway(server);
    server->status = HTTP_SESSION_CLOSING;
}

static bool has_no_request(const struct http2_server *server) {
    return server->stream_count == 0 && !server->in_head;
}

/* After the library has worked: what that means for the session. */
static void session_judge(struct http2_server *server) {
    if (server->fatal_reason != CLOSE_REASON_NONE)
        session_fail(server, server->fatal_reason, server->fatal_code);
    else if (server->ids.highest >= HTTP2_STREAM_ID_MAX && !server->draining)
        http_server_begin_drain(&server->base);
    if (server->status == HTTP_SESSION_OPEN && has_no_request(server) &&
        (server->goaway_final || (!nghttp2_session_want_read(server->library) && !nghttp2_session_want_write(server->library))))
        session_finish(server);
}

/* --- Receiving --- */

static void library_failed(struct http2_server *server, int error) {
    if (server->fatal_reason != CLOSE_REASON_NONE)
        return;
    switch (error) {
    case NGHTTP2_ERR_FLOODED: http2_server_fatal(server, CLOSE_REASON_HTTP2_OUTBOUND_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM); break;
    case NGHTTP2_ERR_NOMEM: http2_server_fatal(server, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR); break;
    default: http2_server_fatal(server, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, NGHTTP2_PROTOCOL_ERROR); break;
    }
}

static enum http_session_status server_status(const struct http_server *base) {
    return ((const struct http2_server *)(const void *)base)->status;
}

static bool feed(struct http2_server *server, struct span bytes) {
    if (bytes.size == 0)
        return true;
    server->inside = true;
    ssize_t read = nghttp2_session_mem_recv(server->library, (const uint8_t *)bytes.data, bytes.size);
    server->inside = false;
    if (read < 0)
        library_failed(server, (int)read);
    return read >= 0;
}

/* Frame by frame where the library's state is asked, at once where it is not. */
static void feed_frames(struct http2_server *server, struct span bytes) {
    struct http2_frame_head frame;
    size_t fed = 0, offset = 0;
    while (http2_frame_scan_next(&server->scan, bytes, &offset, &frame)) {
        if (http2_server_frame_is_late(server, &frame) && offset > fed + HTTP2_FRAME_HEAD_BYTES) {
            if (!feed(server, span_make(bytes.data + fed, offset - HTTP2_FRAME_HEAD_BYTES - fed)))
                return;
            fed = offset - HTTP2_FRAME_HEAD_BYTES;
        }
        if (http2_server_frame_begin(server, &frame) != 0)
            return;
    }
    if (feed(server, span_from(bytes, fed)) && nghttp2_session_get_outbound_queue_size(server->library) > HTTP2_OUTBOUND_FRAMES_MAX)
        http2_server_fatal(server, CLOSE_REASON_HTTP2_OUTBOUND_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
}

static enum http_session_status server_receive(struct http_server *base, struct span bytes, size_t *ret_consumed) {
    struct http2_server *server = http2_server_of(base);
    *ret_consumed = bytes.size;
    if (server->status != HTTP_SESSION_OPEN || bytes.size == 0)
        return server->status;
    feed_frames(server, bytes);
    session_judge(server);
    return server->status;
}

static enum http_session_status server_receive_end(struct http_server *base) {
    struct http2_server *server = http2_server_of(base);
    if (server->status == HTTP_SESSION_OPEN) {
        server->status = HTTP_SESSION_CLOSING;
        while (!list_is_empty(&server->streams)) {
            struct http2_server_stream *stream = first_stream(server);
            http2_server_stream_fail(stream, stream->request_phase == HTTP2_REQUEST_BODY ? CLOSE_REASON_DOWNSTREAM_BODY_TRUNCATED
                                                                                         : CLOSE_REASON_DOWNSTREAM_CLOSED);
        }
    }
    return server->status;
}

/* --- Sending --- */

static int on_frame_sent(nghttp2_session *library, const nghttp2_frame *frame, void *user_data) {
    struct http2_server *server = user_data;
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends) {
        struct http2_server_stream *stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
        if (stream != NULL)
            http2_server_stream_answered(stream);
    } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && server->status == HTTP_SESSION_OPEN) {
        /* The library found what ends the session. */
        http2_server_fatal(server, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, frame->goaway.error_code);
    }
    return 0;
}

static bool append_frame(struct http2_server *server) {
    const uint8_t *frame;
    ssize_t size = nghttp2_session_mem_send(server->library, &frame);
    if (size < 0)
        library_failed(server, (int)size);
    else if (size > 0 && !buffer_append(server->base.output, span_make(frame, (size_t)size)))
        http2_server_fatal(server, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR);
    else
        return size > 0;
    return false;
}

/* The owners of streams whose queues ran low; they fill them again, or end the streams. */
static bool tell_drained(struct http2_server *server) {
    bool told = false;
    for (struct list *link; (link = list_pop_front(&server->drained)) != NULL; told = true) {
        struct http2_server_stream *stream = CONTAINER_OF(link, struct http2_server_stream, drained_link);
        server->base.events->stream_drained(server->base.owner, &stream->base);
    }
    return told;
}

static void server_produce(struct http_server *base) {
    struct http2_server *server = http2_server_of(base);
    if (server->inside || server->status == HTTP_SESSION_BROKEN)
        return;
    bool more = true;
    while (more && base->output->size < BUFFER_HIGH_WATER_BYTES) {
        server->inside = true;
        more = append_frame(server);
        server->inside = false;
        if (!more && server->fatal_reason == CLOSE_REASON_NONE)
            more = tell_drained(server);
    }
    session_judge(server);
    /* The GOAWAY of a session that ended just now. */
    if (server->status == HTTP_SESSION_CLOSING)
        while (append_frame(server))
            continue;
}

/* --- The rest --- */

static bool server_is_idle(const struct http_server *base) {
    return has_no_request((const struct http2_server *)(const void *)base);
}

static enum close_reason server_close_reason(const struct http_server *base) {
    return ((const struct http2_server *)(const void *)base)->reason;
}

/* RFC 9113 section 6.8: first the highest id, so that requests under way are not lost; the real one when they have come: at the answer to a PING
 * behind the first, or at the next tick. */
static void server_begin_drain(struct http_server *base) {
    struct http2_server *server = http2_server_of(base);
    if (server->draining || server->status != HTTP_SESSION_OPEN)
        return;
    server->draining = true;
    if (server->ids.highest >= HTTP2_STREAM_ID_MAX)
        server->reason = CLOSE_REASON_HTTP2_STREAMS_EXHAUSTED;
    (void)nghttp2_submit_shutdown_notice(server->library);
    (void)nghttp2_submit_ping(server->library, NGHTTP2_FLAG_NONE, NULL);
}

/* A response that waits for the client's window, and got none. */
static bool has_stalled(struct http2_server_stream *stream) {
    if (stream->queue.size == 0 || stream->moved)
        stream->stall_ticks = 0;
    else
        stream->stall_ticks++;
    stream->moved = false;
    return stream->stall_ticks >= HTTP2_STALL_TICKS_MAX;
}

static void server_tick(struct http_server *base) {
    struct http2_server *server = http2_server_of(base);
    if (server->status != HTTP_SESSION_OPEN)
        return;
    http2_defence_tick(&server->defence);
    if (server->draining)
        http2_server_say_goaway(server);
    LIST_FOR_EACH_SAFE(link, &server->streams) {
        struct http2_server_stream *stream = CONTAINER_OF(link, struct http2_server_stream, link);
        if (!has_stalled(stream))
            continue;
        http2_server_stream_reset(stream, NGHTTP2_CANCEL);
        http2_server_stream_fail(stream, CLOSE_REASON_HTTP2_STREAM_STALLED);
    }
    session_judge(server);
}

static void server_deinit(struct http_server *base) {
    struct http2_server *server = http2_server_of(base);
    server->status = HTTP_SESSION_BROKEN;
    fail_streams(server, CLOSE_REASON_DOWNSTREAM_CLOSED);
    nghttp2_session_del(server->library);
    server->library = NULL;
    pool_deinit(&server->stream_pool);
}

static const struct http_server_functions functions = {
    .receive = server_receive,
    .receive_end = server_receive_end,
    .status = server_status,
    .is_idle = server_is_idle,
    .begin_drain = server_begin_drain,
    .pause = http2_server_stream_pause,
    .resume = http2_server_stream_resume,
    .send_informational = http2_server_stream_send_informational,
    .fits = http2_server_stream_fits,
    .send_head = http2_server_stream_send_head,
    .send_body = http2_server_stream_send_body,
    .send_end = http2_server_stream_send_end,
    .queued = http2_server_stream_queued,
    .is_behind = http2_server_stream_is_behind,
    .produce = server_produce,
    .tick = server_tick,
    .close_reason = server_close_reason,
    .abort = http2_server_stream_abort,
    .deinit = server_deinit,
};

static nghttp2_session *library_create(struct http2_server *server, struct http2_memory *memory) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *library;
    int error = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(error == 0);
    http2_server_receive_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, http2_server_stream_write_data);
    error = nghttp2_option_new(&option);
    ASSERT(error == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_send_header_block_length(option, SEND_HEAD_BYTES_MAX);
    /* Ours are counted by the defence, which has a name for each. */
    nghttp2_option_set_max_continuations(option, HTTP2_CONTINUATIONS_MAX + 1);
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    nghttp2_mem heap = http2_memory_functions(memory);
    error = nghttp2_session_server_new3(&library, callbacks, server, option, memory == NULL ? NULL : &heap);
    ASSERT(error == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return library;
}

void http2_server_init(struct http2_server *server, const struct http_server_events *events, void *owner, struct buffer *output,
                       struct http2_memory *memory) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        /* Responses take turns; no tree of closed streams is kept (RFC 9218 section 2.1). */
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    *server = (struct http2_server){.base = {&functions, events, owner, output}, .status = HTTP_SESSION_OPEN};
    /* Streams that were reset count with the library until their RST_STREAM went, with us no more. */
    pool_init(&server->stream_pool, sizeof(struct http2_server_stream), HTTP2_STREAMS_MAX + 1, HTTP2_STREAMS_KEPT_MAX);
    list_init(&server->streams);
    list_init(&server->drained);
    http2_defence_init(&server->defence);
    http2_frame_scan_init(&server->scan, HTTP2_PREFACE_BYTES);
    server->library = library_create(server, memory);
    int error = nghttp2_submit_settings(server->library, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    ASSERT(error == 0);
    error = nghttp2_session_set_local_window_size(server->library, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW_BYTES);
    ASSERT(error == 0);
}
