#include "http/http2_client.h"

#include "base/assert.h"
#include "base/limits.h"
#include "http/http2_client_stream.h"
#include "http/http2_memory_functions.h"

/* Request heads: HTTP_HEAD_BYTES_MAX of the client, and what rules of the configuration add. */
#define SEND_HEAD_BYTES_MAX (256 * 1024)
/* SETTINGS entries of one frame: six are defined, a few more are reserved to try a peer. */
#define SETTINGS_ENTRIES_MAX 32

/* --- The session's end --- */

/* What was not sent was certainly not looked at. */
static void fail_streams(struct http2_client *client, enum close_reason reason) {
    while (!list_is_empty(&client->streams)) {
        struct http2_client_stream *stream = CONTAINER_OF(client->streams.next, struct http2_client_stream, link);
        http2_client_stream_fail(stream, stream->in_library && !stream->head_framed ? CLOSE_REASON_UPSTREAM_REFUSED : reason);
    }
}

static void session_fail(struct http2_client *client, enum close_reason reason, uint32_t code) {
    if (client->status != HTTP_SESSION_OPEN)
        return;
    client->reason = reason;
    client->status = reason == CLOSE_REASON_MEMORY_CEILING ? HTTP_SESSION_BROKEN : HTTP_SESSION_CLOSING;
    (void)nghttp2_session_terminate_session(client->library, code);
    fail_streams(client, CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR);
}

/* After the library has worked: what that means for the session. */
static void session_judge(struct http2_client *client) {
    if (client->fatal_reason != CLOSE_REASON_NONE)
        session_fail(client, client->fatal_reason, client->fatal_code);
    else if (client->status == HTTP_SESSION_OPEN && list_is_empty(&client->streams) && !nghttp2_session_want_read(client->library))
        client->status = HTTP_SESSION_CLOSING;
}

static void library_failed(struct http2_client *client, int error) {
    if (client->fatal_reason != CLOSE_REASON_NONE)
        return;
    switch (error) {
    case NGHTTP2_ERR_FLOODED: (void)http2_client_fatal(client, CLOSE_REASON_HTTP2_OUTBOUND_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM); break;
    case NGHTTP2_ERR_NOMEM: (void)http2_client_fatal(client, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR); break;
    default: (void)http2_client_fatal(client, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, NGHTTP2_PROTOCOL_ERROR); break;
    }
}

/* --- Receiving --- */

static bool judge_frames(struct http2_client *client, struct span bytes) {
    struct http2_frame_head frame;
    size_t offset = 0;
    while (http2_frame_scan_next(&client->scan, bytes, &offset, &frame))
        if (http2_client_frame_begin(client, &frame) != 0)
            return false;
    return true;
}

static void feed(struct http2_client *client, struct span bytes) {
    client->inside = true;
    ssize_t read = nghttp2_session_mem_recv(client->library, (const uint8_t *)bytes.data, bytes.size);
    client->inside = false;
    if (read < 0)
        library_failed(client, (int)read);
    else if (nghttp2_session_get_outbound_queue_size(client->library) > HTTP2_OUTBOUND_FRAMES_MAX)
        (void)http2_client_fatal(client, CLOSE_REASON_HTTP2_OUTBOUND_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
}

static enum http_session_status client_receive(struct http_client *base, struct span bytes, size_t *ret_consumed) {
    struct http2_client *client = http2_client_of(base);
    *ret_consumed = bytes.size;
    if (client->status != HTTP_SESSION_OPEN || bytes.size == 0)
        return client->status;
    if (judge_frames(client, bytes))
        feed(client, bytes);
    session_judge(client);
    return client->status;
}

static enum http_session_status client_receive_end(struct http_client *base) {
    struct http2_client *client = http2_client_of(base);
    if (client->status == HTTP_SESSION_OPEN) {
        client->status = HTTP_SESSION_BROKEN;
        fail_streams(client, CLOSE_REASON_UPSTREAM_CLOSED);
    }
    return client->status;
}

/* --- Sending --- */

static int on_frame_sent(nghttp2_session *library, const nghttp2_frame *frame, void *user_data) {
    struct http2_client *client = user_data;
    if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) {
        struct http2_client_stream *stream = nghttp2_session_get_stream_user_data(library, frame->hd.stream_id);
        if (stream != NULL) {
            stream->head_framed = true;
            stream->request_framed |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        }
    } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && client->status == HTTP_SESSION_OPEN) {
        /* The library found what ends the session. */
        (void)http2_client_fatal(client, CLOSE_REASON_HTTP2_PROTOCOL_ERROR, frame->goaway.error_code);
    }
    return 0;
}

static bool append_frame(struct http2_client *client) {
    const uint8_t *frame;
    client->inside = true;
    ssize_t size = nghttp2_session_mem_send(client->library, &frame);
    client->inside = false;
    if (size < 0)
        library_failed(client, (int)size);
    else if (size > 0 && !buffer_append(client->base.output, span_make(frame, (size_t)size)))
        (void)http2_client_fatal(client, CLOSE_REASON_MEMORY_CEILING, NGHTTP2_INTERNAL_ERROR);
    else
        return size > 0;
    return false;
}

/* The owners of streams whose queues ran low; they fill them again, or end the streams. */
static bool tell_drained(struct http2_client *client) {
    bool told = false;
    for (struct list *link; (link = list_pop_front(&client->drained)) != NULL; told = true) {
        struct http2_client_stream *stream = CONTAINER_OF(link, struct http2_client_stream, drained_link);
        client->base.events->request_drained(client->base.owner, &stream->base);
    }
    return told;
}

void http2_client_produce(struct http2_client *client) {
    if (client->inside || client->status == HTTP_SESSION_BROKEN)
        return;
    bool more = true;
    while (more && client->base.output->size < BUFFER_HIGH_WATER_BYTES) {
        more = append_frame(client);
        if (!more && client->fatal_reason == CLOSE_REASON_NONE)
            more = tell_drained(client);
    }
    session_judge(client);
    /* The GOAWAY of a session that ended just now. */
    if (client->status == HTTP_SESSION_CLOSING)
        while (append_frame(client))
            continue;
}

bool http2_client_wants_output(const struct http2_client *client) {
    return client->status != HTTP_SESSION_BROKEN && nghttp2_session_want_write(client->library) != 0;
}

/* --- The rest --- */

static enum http_session_status client_status(const struct http_client *base) {
    return ((const struct http2_client *)(const void *)base)->status;
}

size_t http2_client_streams_max(const struct http2_client *client) {
    uint32_t peer = nghttp2_session_get_remote_settings(client->library, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return peer < HTTP2_UPSTREAM_STREAMS_MAX ? peer : HTTP2_UPSTREAM_STREAMS_MAX;
}

static bool client_is_reusable(const struct http_client *base) {
    const struct http2_client *client = (const struct http2_client *)(const void *)base;
    return client->status == HTTP_SESSION_OPEN && client->fatal_reason == CLOSE_REASON_NONE && !client->going_away &&
           client->stream_pool.live_count < http2_client_streams_max(client) &&
           nghttp2_session_get_next_stream_id(client->library) < (uint32_t)HTTP2_STREAM_ID_MAX;
}

void http2_client_tick(struct http2_client *client) {
    http2_defence_tick(&client->defence);
}

enum close_reason http2_client_close_reason(const struct http2_client *client) {
    return client->reason;
}

static void client_deinit(struct http_client *base) {
    struct http2_client *client = http2_client_of(base);
    client->status = HTTP_SESSION_BROKEN;
    fail_streams(client, CLOSE_REASON_UPSTREAM_CLOSED);
    nghttp2_session_del(client->library);
    client->library = NULL;
    while (!list_is_empty(&client->closed))
        http2_client_stream_forget(CONTAINER_OF(client->closed.next, struct http2_client_stream, link));
    pool_deinit(&client->stream_pool);
}

static const struct http_client_functions functions = {
    .open = http2_client_stream_open,
    .receive = client_receive,
    .receive_end = client_receive_end,
    .status = client_status,
    .is_reusable = client_is_reusable,
    .has_received = http2_client_stream_has_received,
    .pause = http2_client_stream_pause,
    .resume = http2_client_stream_resume,
    .send_head = http2_client_stream_send_head,
    .send_body = http2_client_stream_send_body,
    .send_end = http2_client_stream_send_end,
    .queued = http2_client_stream_queued,
    .abort = http2_client_stream_abort,
    .deinit = client_deinit,
};

static nghttp2_session *library_create(struct http2_client *client, struct http2_memory *memory) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *library;
    int error = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(error == 0);
    http2_client_receive_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, http2_client_stream_write_data);
    error = nghttp2_option_new(&option);
    ASSERT(error == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, HTTP2_UPSTREAM_STREAMS_ASSUMED);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_send_header_block_length(option, SEND_HEAD_BYTES_MAX);
    /* Ours are counted by the defence, which has a name for each. */
    nghttp2_option_set_max_continuations(option, HTTP2_CONTINUATIONS_MAX + 1);
    nghttp2_mem heap = http2_memory_functions(memory);
    error = nghttp2_session_client_new3(&library, callbacks, client, option, memory == NULL ? NULL : &heap);
    ASSERT(error == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return library;
}

void http2_client_init(struct http2_client *client, const struct http_client_events *events, void *owner, struct buffer *output,
                       struct http2_memory *memory) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX},
    };
    *client = (struct http2_client){.base = {&functions, events, owner, output}, .status = HTTP_SESSION_OPEN};
    pool_init(&client->stream_pool, sizeof(struct http2_client_stream), HTTP2_UPSTREAM_STREAMS_MAX, HTTP2_STREAMS_KEPT_MAX);
    list_init(&client->streams);
    list_init(&client->closed);
    list_init(&client->drained);
    http2_defence_init(&client->defence);
    http2_frame_scan_init(&client->scan, 0);
    client->library = library_create(client, memory);
    int error = nghttp2_submit_settings(client->library, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    ASSERT(error == 0);
    error = nghttp2_session_set_local_window_size(client->library, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW_BYTES);
    ASSERT(error == 0);
}
