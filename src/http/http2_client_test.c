/* The HTTP/2 client engine against libnghttp2's server and against frames made by hand. */
#include "http/http2_client.h"

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"

#define EXCHANGES_MAX 300

struct exchange {
    struct arena arena;
    struct http_client_stream *stream; /* NULL: closed */
};

struct peer {
    struct http2_client client;
    struct pool chunks;
    struct buffer output;
    nghttp2_session *server;
    FILE *log; /* what the owner heard, and what the server saw in <> */
    char *text;
    size_t text_size;
    struct exchange exchanges[EXCHANGES_MAX];
    size_t opened;
    size_t body_size;   /* what the owner, or the server, received */
    struct span answer; /* content of the server's answers */
    bool abort_on_head;
};

/* --- The owner --- */

static size_t number_of(struct peer *peer, const struct http_client_stream *stream) {
    return (size_t)((struct exchange *)stream->user - peer->exchanges);
}

static void log_fields(struct peer *peer, const struct header *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        fprintf(peer->log, " %.*s=%.*s", SPAN_ARGUMENTS(fields[i].name), SPAN_ARGUMENTS(fields[i].value));
}

static void on_informational(void *owner, struct http_client_stream *stream, struct message_head *head) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:%d;", number_of(peer, stream), head->status);
}

static void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:%d", number_of(peer, stream), head->status);
    log_fields(peer, head->headers, head->header_count);
    fprintf(peer->log, ends ? " ends;" : ";");
    if (peer->abort_on_head)
        http_client_abort(stream);
}

static void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    struct peer *peer = owner;
    if (bytes.size < 64)
        fprintf(peer->log, "%zu:body %.*s;", number_of(peer, stream), SPAN_ARGUMENTS(bytes));
    peer->body_size += bytes.size;
}

static void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:end", number_of(peer, stream));
    log_fields(peer, trailers, count);
    fprintf(peer->log, ";");
}

static void on_drained(void *owner, struct http_client_stream *stream) {
    struct peer *peer = owner;
    fprintf(peer->log, "%zu:drained;", number_of(peer, stream));
}

static void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault UNUSED) {
    struct peer *peer = owner;
    struct span word = close_reason_word(reason);
    fprintf(peer->log, "%zu:failed %.*s;", number_of(peer, stream), SPAN_ARGUMENTS(word));
}

static void on_closed(void *owner, struct http_client_stream *stream) {
    struct peer *peer = owner;
    struct exchange *exchange = stream->user;
    fprintf(peer->log, "%zu:closed;", number_of(peer, stream));
    assert_ptr_equal(exchange->stream, stream);
    exchange->stream = NULL;
    arena_reset(&exchange->arena);
}

static const struct http_client_events events = {
    .response_informational = on_informational,
    .response_head = on_head,
    .response_body = on_body,
    .response_end = on_end,
    .request_drained = on_drained,
    .response_failed = on_failed,
    .stream_closed = on_closed,
};

static struct http_client_stream *open_stream(struct peer *peer) {
    assert_true(peer->opened < EXCHANGES_MAX);
    struct exchange *exchange = &peer->exchanges[peer->opened++];
    exchange->stream = http_client_open(&peer->client.base, &exchange->arena, exchange);
    assert_non_null(exchange->stream);
    return exchange->stream;
}

static bool send_head(struct http_client_stream *stream, const char *method, const char *length, bool ends) {
    struct message_head head;
    message_head_init(&head, &((struct exchange *)stream->user)->arena, 4);
    message_head_set_method(&head, span_of(method));
    head.scheme = SPAN_LITERAL("https");
    head.authority = SPAN_LITERAL("a.example");
    head.path = SPAN_LITERAL("/x?y");
    message_head_add_name(&head, SPAN_LITERAL("x-mine"), SPAN_LITERAL("1"));
    message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("x-gone"));
    message_head_add(&head, HEADER_TRANSFER_ENCODING, SPAN_LITERAL("chunked"));
    if (length != NULL)
        message_head_add(&head, HEADER_CONTENT_LENGTH, span_of(length));
    return http_client_send_head(stream, &head, ends);
}

static struct http_client_stream *get(struct peer *peer) {
    struct http_client_stream *stream = open_stream(peer);
    assert_true(send_head(stream, "GET", NULL, true));
    return stream;
}

/* --- The server --- */

static int server_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame UNUSED, const uint8_t *name, size_t name_size,
                         const uint8_t *value, size_t value_size, uint8_t flags UNUSED, void *user_data) {
    fprintf(((struct peer *)user_data)->log, "<%.*s=%.*s>", (int)name_size, (const char *)name, (int)value_size, (const char *)value);
    return 0;
}

static int server_data(nghttp2_session *session UNUSED, uint8_t flags UNUSED, int32_t id UNUSED, const uint8_t *bytes, size_t size,
                       void *user_data) {
    struct peer *peer = user_data;
    peer->body_size += size;
    if (size < 64)
        fprintf(peer->log, "<%.*s>", (int)size, (const char *)bytes);
    return 0;
}

static int server_frame(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *user_data) {
    struct peer *peer = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        fprintf(peer->log, "<goaway %u>", frame->goaway.error_code);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        fprintf(peer->log, "<reset %d %u>", frame->hd.stream_id, frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        fprintf(peer->log, "<pong>");
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        fprintf(peer->log, "<%d whole>", frame->hd.stream_id);
    return 0;
}

static ssize_t answer_read(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *bytes, size_t size, uint32_t *flags,
                           nghttp2_data_source *source UNUSED, void *user_data) {
    struct peer *peer = user_data;
    size_t part = peer->answer.size < size ? peer->answer.size : size;
    if (part > 0)
        memcpy(bytes, peer->answer.data, part);
    peer->answer = span_from(peer->answer, part);
    if (peer->answer.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part;
}

/* As nghttp2_nv, with pointers to what does not change. */
struct field {
    const char *name, *value;
    size_t namelen, valuelen;
    uint8_t flags;
};

#define FIELD(name, value) {name, value, sizeof(name) - 1, sizeof(value) - 1, 0}

static const nghttp2_nv *list_of(const struct field *fields) {
    _Static_assert(sizeof(struct field) == sizeof(nghttp2_nv), "one in the place of the other");
    return (const nghttp2_nv *)(const void *)fields;
}

static const struct field ok[] = {FIELD(":status", "200"), FIELD("x-version", "2")};

static void answer(struct peer *peer, int32_t id, struct span content) {
    nghttp2_data_provider provider = {.read_callback = answer_read};
    peer->answer = content;
    assert_int_equal(nghttp2_submit_response(peer->server, id, list_of(ok), ARRAY_SIZE(ok), content.size > 0 ? &provider : NULL), 0);
}

static void peer_init_with(struct peer *peer, const nghttp2_settings_entry *settings, size_t count) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    *peer = (struct peer){0};
    peer->log = open_memstream(&peer->text, &peer->text_size);
    pool_init(&peer->chunks, sizeof(struct buffer_chunk), 4096, 4);
    buffer_init(&peer->output, &peer->chunks);
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        arena_init(&peer->exchanges[i].arena, 4096);
    http2_client_init(&peer->client, &events, peer, &peer->output);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, server_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    /* The server says what it likes: the client is to judge. */
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 512 * 1024);
    assert_int_equal(nghttp2_session_server_new2(&peer->server, callbacks, peer, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(peer->server, 0, settings, count), 0);
}

static void peer_init(struct peer *peer) {
    peer_init_with(peer, NULL, 0);
}

static void peer_deinit(struct peer *peer) {
    http_client_deinit(&peer->client.base);
    nghttp2_session_del(peer->server);
    buffer_reset(&peer->output);
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        assert_null(peer->exchanges[i].stream);
        arena_deinit(&peer->exchanges[i].arena);
    }
    assert_int_equal(peer->chunks.live_count, 0);
    pool_deinit(&peer->chunks);
    fclose(peer->log);
    free(peer->text);
}

/* Raw bytes to the client, in one piece. */
static enum http_session_status give(struct peer *peer, const void *bytes, size_t size) {
    size_t consumed;
    char *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    enum http_session_status status = http_client_receive(&peer->client.base, span_make(copy, size), &consumed);
    assert_int_equal(consumed, size);
    free(copy);
    return status;
}

static bool to_client(struct peer *peer) {
    const uint8_t *bytes;
    bool moved = false;
    for (ssize_t size; (size = nghttp2_session_mem_send(peer->server, &bytes)) > 0; moved = true)
        (void)give(peer, bytes, (size_t)size);
    return moved;
}

static bool to_server(struct peer *peer) {
    bool moved = false;
    http2_client_produce(&peer->client);
    for (; peer->output.size > 0; moved = true) {
        struct span front = buffer_front(&peer->output);
        assert_true(nghttp2_session_mem_recv(peer->server, (const uint8_t *)front.data, front.size) >= 0);
        buffer_consume(&peer->output, front.size);
        http2_client_produce(&peer->client);
    }
    assert_false(http2_client_wants_output(&peer->client) && peer->client.status == HTTP_SESSION_OPEN);
    return moved;
}

static void run(struct peer *peer) {
    bool moved = true;
    while (moved) {
        moved = to_server(peer);
        moved |= to_client(peer);
    }
}

static void forget_log(struct peer *peer) {
    fclose(peer->log);
    free(peer->text);
    peer->log = open_memstream(&peer->text, &peer->text_size);
}

static void expect_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    assert_string_equal(peer->text, wanted);
    forget_log(peer);
}

static void expect_in_log(struct peer *peer, const char *wanted) {
    fflush(peer->log);
    if (strstr(peer->text, wanted) == NULL)
        assert_string_equal(peer->text, wanted);
}

static void expect_end(const struct peer *peer, enum close_reason reason) {
    assert_int_not_equal(peer->client.status, HTTP_SESSION_OPEN);
    assert_int_equal(http2_client_close_reason(&peer->client), reason);
    assert_false(http_client_is_reusable(&peer->client.base));
}

/* --- Exchanges --- */

static void test_exchange(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    expect_log(&peer, "<:method=GET><:scheme=https><:authority=a.example><:path=/x?y><x-mine=1><1 whole>");
    answer(&peer, 1, SPAN_LITERAL("hello"));
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body hello;0:end;0:closed;");
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_content_and_trailers_both_ways(void **state UNUSED) {
    static const struct field hint[] = {FIELD(":status", "103"), FIELD("link", "</a>")};
    static const struct field sum[] = {FIELD("x-sum", "7")};
    struct header trailer = {SPAN_LITERAL("x-up"), SPAN_LITERAL("3"), HEADER_OTHER};
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", "4", false));
    assert_true(http_client_send_body(stream, SPAN_LITERAL("four")));
    assert_false(http_client_send_body(stream, SPAN_LITERAL("!")));
    assert_true(http_client_send_end(stream, &trailer, 1));
    assert_false(http_client_send_end(stream, NULL, 0));
    run(&peer);
    expect_in_log(&peer, "<content-length=4><four><x-up=3><1 whole>");
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(hint), 2, NULL), 0);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(sum), 1, NULL), 0);
    run(&peer);
    expect_log(&peer, "0:103;0:200 x-version=2;0:end x-sum=7;0:closed;");
    peer_deinit(&peer);
}

/* As gRPC's trailers-only answers. */
static void test_an_answer_of_a_head_alone_before_the_request_ends(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    run(&peer);
    forget_log(&peer);
    answer(&peer, 1, SPAN_EMPTY);
    run(&peer);
    expect_log(&peer, "0:200 x-version=2 ends;");
    assert_true(http_client_send_end(stream, NULL, 0));
    run(&peer);
    expect_log(&peer, "0:closed;<1 whole>");
    peer_deinit(&peer);
}

static void test_many_streams_share_one_connection(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    forget_log(&peer);
    answer(&peer, 5, SPAN_LITERAL("c"));
    run(&peer);
    answer(&peer, 1, SPAN_LITERAL("a"));
    run(&peer);
    answer(&peer, 3, SPAN_LITERAL("b"));
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:body c;2:end;2:closed;0:200 x-version=2;0:body a;0:end;0:closed;"
                      "1:200 x-version=2;1:body b;1:end;1:closed;");
    peer_deinit(&peer);
}

static void test_the_peer_limits_the_streams(void **state UNUSED) {
    static const nghttp2_settings_entry two[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}};
    struct peer peer;
    peer_init_with(&peer, two, 1);
    assert_int_equal(http2_client_streams_max(&peer.client), HTTP2_UPSTREAM_STREAMS_ASSUMED);
    run(&peer);
    assert_int_equal(http2_client_streams_max(&peer.client), 2);
    get(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    get(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    struct arena arena;
    arena_init(&arena, 1024);
    assert_null(http_client_open(&peer.client.base, &arena, NULL));
    arena_deinit(&arena);
    run(&peer);
    answer(&peer, 3, SPAN_EMPTY);
    run(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_our_own_limit_of_streams(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    run(&peer);
    assert_int_equal(http2_client_streams_max(&peer.client), HTTP2_UPSTREAM_STREAMS_MAX);
    for (size_t i = 0; i < HTTP2_UPSTREAM_STREAMS_MAX; i++)
        get(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    run(&peer);
    /* One that was given up counts until its reset is out. */
    http_client_abort(peer.exchanges[7].stream);
    assert_false(http_client_is_reusable(&peer.client.base));
    run(&peer);
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

/* --- Windows --- */

static void test_a_request_waits_for_the_window(void **state UNUSED) {
    static char content[200 * 1024];
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    assert_true(http_client_send_body(stream, span_make(content, sizeof(content))));
    assert_true(http_client_send_end(stream, NULL, 0));
    run(&peer);
    assert_int_equal(peer.body_size, NGHTTP2_INITIAL_WINDOW_SIZE);
    assert_int_equal(http_client_queued(stream), sizeof(content) - NGHTTP2_INITIAL_WINDOW_SIZE);
    /* Another one with an own window, but the connection's is used up. */
    get(&peer);
    forget_log(&peer);
    run(&peer);
    expect_in_log(&peer, "<3 whole>");
    forget_log(&peer);
    while (peer.body_size < sizeof(content)) {
        assert_int_equal(nghttp2_session_consume(peer.server, 1, NGHTTP2_INITIAL_WINDOW_SIZE), 0);
        run(&peer);
    }
    expect_log(&peer, "0:drained;<1 whole>");
    assert_int_equal(http_client_queued(stream), 0);
    peer_deinit(&peer);
}

static void test_a_paused_response_stalls_alone(void **state UNUSED) {
    static char content[2 * 1024 * 1024];
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *slow = get(&peer);
    run(&peer);
    http_client_pause(slow);
    answer(&peer, 1, span_make(content, sizeof(content)));
    run(&peer);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    struct span rest = peer.answer;
    answer(&peer, 3, SPAN_LITERAL("quick"));
    run(&peer);
    expect_log(&peer, "1:200 x-version=2;1:body quick;1:end;1:closed;");
    peer.answer = rest;
    http_client_resume(slow);
    run(&peer);
    assert_int_equal(peer.body_size, sizeof(content) + 5);
    expect_log(&peer, "0:end;0:closed;");
    peer_deinit(&peer);
}

static void test_an_output_that_is_full_holds_the_rest_back(void **state UNUSED) {
    static const nghttp2_settings_entry wide[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 8 * 1024 * 1024}};
    static char content[1024 * 1024];
    struct peer peer;
    peer_init_with(&peer, wide, 1);
    assert_int_equal(nghttp2_session_set_local_window_size(peer.server, 0, 0, 8 * 1024 * 1024), 0);
    run(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    assert_true(http_client_send_body(stream, span_make(content, sizeof(content))));
    http2_client_produce(&peer.client);
    assert_true(peer.output.size >= BUFFER_HIGH_WATER_BYTES && peer.output.size < BUFFER_HIGH_WATER_BYTES + 32 * 1024);
    assert_true(http_client_queued(stream) > 700 * 1024);
    run(&peer);
    assert_int_equal(peer.body_size, sizeof(content));
    peer_deinit(&peer);
}

/* --- Ends of streams --- */

static void test_resets(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 1, NGHTTP2_REFUSED_STREAM), 0);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 3, NGHTTP2_INTERNAL_ERROR), 0);
    run(&peer);
    expect_log(&peer, "0:failed remote_refused_stream_reset;0:closed;1:failed remote_reset;1:closed;");
    /* After its head the request was looked at, whatever the code says. */
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 5, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 5, NGHTTP2_REFUSED_STREAM), 0);
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:failed remote_reset;2:closed;");
    assert_true(http_client_is_reusable(&peer.client.base));
    peer_deinit(&peer);
}

static void test_a_whole_answer_and_a_reset_without_error(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    struct http_client_stream *stream = open_stream(&peer);
    assert_true(send_head(stream, "POST", NULL, false));
    run(&peer);
    forget_log(&peer);
    answer(&peer, 1, SPAN_LITERAL("early"));
    run(&peer);
    assert_int_equal(nghttp2_submit_rst_stream(peer.server, 0, 1, NGHTTP2_NO_ERROR), 0);
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body early;0:end;0:closed;");
    peer_deinit(&peer);
}

static void test_abort(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    http_client_abort(peer.exchanges[0].stream);
    expect_log(&peer, "0:closed;");
    /* Of one that was never sent the server hears nothing; the ids go on. */
    get(&peer);
    http_client_abort(peer.exchanges[1].stream);
    get(&peer);
    run(&peer);
    expect_in_log(&peer, "1:closed;<reset 1 8>");
    expect_in_log(&peer, "<5 whole>");
    forget_log(&peer);
    /* From inside an event. */
    peer.abort_on_head = true;
    answer(&peer, 5, SPAN_LITERAL("unwanted"));
    run(&peer);
    expect_log(&peer, "2:200 x-version=2;2:closed;<reset 5 8>");
    assert_int_equal(peer.client.stream_pool.live_count, 0);
    peer_deinit(&peer);
}

static void test_goaway(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    for (int i = 0; i < 3; i++)
        get(&peer);
    run(&peer);
    get(&peer);
    forget_log(&peer);
    assert_int_equal(nghttp2_submit_goaway(peer.server, 0, 3, NGHTTP2_NO_ERROR, NULL, 0), 0);
    /* The fourth was not even sent. */
    assert_true(to_client(&peer));
    fflush(peer.log);
    assert_non_null(strstr(peer.text, "2:failed remote_refused_stream_reset;2:closed;"));
    expect_in_log(&peer, "3:failed remote_refused_stream_reset;3:closed;");
    forget_log(&peer);
    assert_false(http_client_is_reusable(&peer.client.base));
    assert_int_equal(http_client_status(&peer.client.base), HTTP_SESSION_OPEN);
    answer(&peer, 1, SPAN_LITERAL("a"));
    run(&peer);
    answer(&peer, 3, SPAN_LITERAL("b"));
    run(&peer);
    expect_log(&peer, "0:200 x-version=2;0:body a;0:end;0:closed;1:200 x-version=2;1:body b;1:end;1:closed;");
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

static void test_the_end_of_the_connection(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    get(&peer);
    forget_log(&peer);
    assert_int_equal(http_client_receive_end(&peer.client.base), HTTP_SESSION_BROKEN);
    expect_log(&peer, "0:failed connection_termination;0:closed;1:failed remote_refused_stream_reset;1:closed;");
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

static void test_an_idle_session_listens(void **state UNUSED) {
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}};
    struct peer peer;
    peer_init(&peer);
    run(&peer);
    assert_int_equal(nghttp2_submit_ping(peer.server, 0, NULL), 0);
    assert_int_equal(nghttp2_submit_settings(peer.server, 0, settings, 1), 0);
    run(&peer);
    expect_log(&peer, "<pong>");
    assert_true(http_client_is_reusable(&peer.client.base));
    assert_int_equal(nghttp2_submit_goaway(peer.server, 0, 0, NGHTTP2_NO_ERROR, NULL, 0), 0);
    run(&peer);
    expect_end(&peer, CLOSE_REASON_NONE);
    peer_deinit(&peer);
}

/* --- Malformed answers --- */

static void test_malformed_heads(void **state UNUSED) {
    static const struct field no_status[] = {FIELD("x-version", "2")};
    static const struct field switching[] = {FIELD(":status", "101")};
    static const struct field connection[] = {FIELD(":status", "200"), FIELD("connection", "close")};
    static const struct field coded[] = {FIELD(":status", "200"), FIELD("transfer-encoding", "chunked")};
    static const struct field line[] = {FIELD(":status", "200"), FIELD("x-a", "1\r\nx-b: 2")};
    static const struct field request[] = {FIELD(":status", "200"), FIELD(":path", "/")};
    static const struct field words[] = {FIELD(":status", "two")};
    static const struct {
        const struct field *fields;
        size_t count;
    } rows[] = {{no_status, 1}, {switching, 1}, {connection, 2}, {coded, 2}, {line, 2}, {request, 2}, {words, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        forget_log(&peer);
        assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(rows[i].fields), rows[i].count, NULL), 0);
        run(&peer);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        peer_deinit(&peer);
    }
}

/* libnghttp2's server would write it in lower case. */
static void test_an_upper_case_name(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(give(&peer, "\0\0\14\1\5\0\0\0\1\210\20\7X-Upper\0011", 21), HTTP_SESSION_OPEN);
    http2_client_produce(&peer.client);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_lengths_that_do_not_fit(void **state UNUSED) {
    static const struct field ten[] = {FIELD(":status", "200"), FIELD("content-length", "10")};
    nghttp2_data_provider provider = {.read_callback = answer_read};
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    forget_log(&peer);
    peer.answer = SPAN_LITERAL("three");
    assert_int_equal(nghttp2_submit_response(peer.server, 1, list_of(ten), 2, &provider), 0);
    run(&peer);
    expect_in_log(&peer, "0:200 content-length=10;0:body three;0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_too_many_informational_heads(void **state UNUSED) {
    static const struct field hint[] = {FIELD(":status", "103")};
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    for (int i = 0; i <= HTTP_INFORMATIONAL_MAX; i++)
        assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(hint), 1, NULL), 0);
    run(&peer);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    peer_deinit(&peer);
}

static void test_too_large_heads(void **state UNUSED) {
    /* Past the ceiling the stream fails, far past it the session. */
    static char value[8000];
    static const size_t counts[] = {9, 40};
    static const char name[] = "x-large";
    memset(value, 'a', sizeof(value));
    for (size_t row = 0; row < ARRAY_SIZE(counts); row++) {
        struct field fields[41] = {FIELD(":status", "200")};
        for (size_t i = 1; i <= counts[row]; i++)
            fields[i] = (struct field){name, value, sizeof(name) - 1, sizeof(value), NGHTTP2_NV_FLAG_NO_INDEX};
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(fields), counts[row] + 1, NULL), 0);
        run(&peer);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        if (row == 0)
            assert_true(http_client_is_reusable(&peer.client.base));
        else
            expect_end(&peer, CLOSE_REASON_HTTP2_HEADER_BOMB);
        peer_deinit(&peer);
    }
}

/* --- Hostile upstreams --- */

struct flood {
    const char *frame;
    size_t size;
    enum close_reason reason;
    size_t allowed;
};

#define FLOOD(frame, reason, allowed) {frame, sizeof(frame) - 1, CLOSE_REASON_##reason, allowed}

static const struct flood floods[] = {
    FLOOD("\0\0\0\4\0\0\0\0\0", HTTP2_SETTINGS_FLOOD, HTTP2_SETTINGS_FRAMES_MAX - 2),
    FLOOD("\0\0\10\6\0\0\0\0\0xxxxxxxx", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\10\6\1\0\0\0\0xxxxxxxx", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\10\7\0\0\0\0\0\177\377\377\377\0\0\0\0", HTTP2_PING_FLOOD, HTTP2_PINGS_MAX),
    FLOOD("\0\0\4\10\0\0\0\0\0\0\0\0\1", HTTP2_WINDOW_FLOOD, HTTP2_WINDOW_FRAMES_MAX),
    FLOOD("\0\0\4\10\0\0\0\0\1\0\0\0\1", HTTP2_WINDOW_FLOOD, HTTP2_WINDOW_FRAMES_MAX),
    FLOOD("\0\0\0\0\0\0\0\0\1", HTTP2_EMPTY_FRAMES_FLOOD, HTTP2_EMPTY_FRAMES_MAX),
    FLOOD("\0\0\5\2\0\0\0\0\1\0\0\0\3\20", HTTP2_PRIORITY_FLOOD, HTTP2_PRIORITY_FRAMES_MAX),
    FLOOD("\0\0\0\102\0\0\0\0\0", HTTP2_PRIORITY_FLOOD, HTTP2_PRIORITY_FRAMES_MAX),
    FLOOD("\0\0\4\3\0\0\0\0\3\0\0\0\10", HTTP2_RAPID_RESET, HTTP2_RESETS_MAX - 2),
};

/* Of the last frame of the output, which must be GOAWAY: the server would refuse the answers before it, for it has not asked. */
static uint32_t goaway_code(struct peer *peer) {
    struct http2_frame_scan scan;
    struct http2_frame_head frame = {0};
    size_t offset = 0, end = 0;
    struct span all = buffer_front(&peer->output);
    assert_int_equal(all.size, peer->output.size);
    http2_frame_scan_init(&scan, 0);
    while (http2_frame_scan_next(&scan, all, &offset, &frame))
        end = offset;
    assert_int_equal(frame.type, NGHTTP2_GOAWAY);
    return (uint8_t)all.data[end + 7];
}

static void flood_once(const struct flood *flood) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    get(&peer);
    run(&peer);
    http_client_abort(peer.exchanges[1].stream);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    /* What was allowed is not taken ill; time gives it back. */
    for (size_t i = 0; i < flood->allowed; i++)
        assert_int_equal(give(&peer, flood->frame, flood->size), HTTP_SESSION_OPEN);
    http2_client_produce(&peer.client);
    http2_client_tick(&peer.client);
    assert_int_equal(give(&peer, flood->frame, flood->size), HTTP_SESSION_OPEN);
    enum http_session_status status = HTTP_SESSION_OPEN;
    for (size_t i = 0; i < 2 * flood->allowed + 3 && status == HTTP_SESSION_OPEN; i++)
        status = give(&peer, flood->frame, flood->size);
    expect_end(&peer, flood->reason);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    http2_client_produce(&peer.client);
    assert_int_equal(goaway_code(&peer), NGHTTP2_ENHANCE_YOUR_CALM);
    peer_deinit(&peer);
}

static void test_floods(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(floods); i++)
        flood_once(&floods[i]);
}

static void test_continuation_flood(void **state UNUSED) {
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(give(&peer, "\0\0\1\1\0\0\0\0\1\210", 10), HTTP_SESSION_OPEN);
    for (int i = 0; i < HTTP2_CONTINUATIONS_MAX; i++)
        assert_int_equal(give(&peer, "\0\0\1\11\0\0\0\0\1\210", 10), HTTP_SESSION_OPEN);
    (void)give(&peer, "\0\0\1\11\0\0\0\0\1\210", 10);
    expect_end(&peer, CLOSE_REASON_HTTP2_CONTINUATION_FLOOD);
    peer_deinit(&peer);
}

/* A reference into the dynamic table costs a byte and gives 2,900. */
static void test_header_bomb(void **state UNUSED) {
    static char value[2900];
    char block[9 + 1000];
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    get(&peer);
    run(&peer);
    memset(value, 'a', sizeof(value));
    struct field fields[] = {FIELD(":status", "200"), {"x-bomb", value, 6, sizeof(value), 0}};
    assert_int_equal(nghttp2_submit_headers(peer.server, NGHTTP2_FLAG_END_STREAM, 1, NULL, list_of(fields), 2, NULL), 0);
    run(&peer);
    memcpy(block, "\0\3\350\1\5\0\0\0\3\210", 10);
    memset(block + 10, 0xbe, sizeof(block) - 10);
    (void)give(&peer, block, sizeof(block));
    expect_end(&peer, CLOSE_REASON_HTTP2_HEADER_BOMB);
    expect_in_log(&peer, "1:failed protocol_error;1:closed;");
    peer_deinit(&peer);
}

static void test_what_no_server_sends(void **state UNUSED) {
    static const struct {
        const char *frame;
        size_t size;
    } rows[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
        {"\0\0\5\5\4\0\0\0\1\0\0\0\2\210", 14},     /* PUSH_PROMISE, which SETTINGS forbids */
        {"\0\0\1\1\5\0\0\0\11\210", 10},            /* HEADERS on a stream that was never opened */
        {"\0\0\1\0\0\0\0\0\0x", 10},                /* DATA on stream 0 */
        {"\0\0\4\10\0\0\0\0\0\0\0\0\0", 13},        /* a WINDOW_UPDATE of nothing */
        {"\0\0\4\10\0\0\0\0\0\177\377\377\377", 13}, /* and of too much */
        {"\0\0\6\4\0\0\0\0\0\0\4\377\377\377\377", 15}, /* a window above 2^31 */
        {"\0\0\1\1\5\0\0\0\1\377", 10},             /* what HPACK does not know */
        {"\1\0\0\0\0\0\0\0\1", 9},                  /* a frame of 64 KiB */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct peer peer;
        peer_init(&peer);
        get(&peer);
        run(&peer);
        (void)give(&peer, rows[i].frame, rows[i].size);
        http2_client_produce(&peer.client);
        expect_end(&peer, CLOSE_REASON_HTTP2_PROTOCOL_ERROR);
        expect_in_log(&peer, "0:failed protocol_error;0:closed;");
        peer_deinit(&peer);
    }
}

/* More than its window on one stream. */
static void test_a_window_that_is_overrun(void **state UNUSED) {
    static char frame[9 + 16384];
    struct peer peer;
    peer_init(&peer);
    get(&peer);
    run(&peer);
    assert_int_equal(nghttp2_submit_headers(peer.server, 0, 1, NULL, list_of(ok), 2, NULL), 0);
    run(&peer);
    http_client_pause(peer.exchanges[0].stream);
    memcpy(frame, "\0\100\0\0\0\0\0\0\1", 9);
    for (int i = 0; i < HTTP2_STREAM_WINDOW_BYTES / 16384; i++)
        assert_int_equal(give(&peer, frame, sizeof(frame)), HTTP_SESSION_OPEN);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES);
    (void)give(&peer, frame, sizeof(frame));
    http2_client_produce(&peer.client);
    /* The library lets the frame pass with which it ends the stream. */
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES + 16384);
    expect_in_log(&peer, "0:failed protocol_error;0:closed;");
    assert_int_equal(give(&peer, frame, sizeof(frame)), HTTP_SESSION_OPEN);
    assert_int_equal(peer.body_size, HTTP2_STREAM_WINDOW_BYTES + 16384);
    peer_deinit(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_content_and_trailers_both_ways),
        cmocka_unit_test(test_an_answer_of_a_head_alone_before_the_request_ends),
        cmocka_unit_test(test_many_streams_share_one_connection),
        cmocka_unit_test(test_the_peer_limits_the_streams),
        cmocka_unit_test(test_our_own_limit_of_streams),
        cmocka_unit_test(test_a_request_waits_for_the_window),
        cmocka_unit_test(test_a_paused_response_stalls_alone),
        cmocka_unit_test(test_an_output_that_is_full_holds_the_rest_back),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_a_whole_answer_and_a_reset_without_error),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_goaway),
        cmocka_unit_test(test_the_end_of_the_connection),
        cmocka_unit_test(test_an_idle_session_listens),
        cmocka_unit_test(test_malformed_heads),
        cmocka_unit_test(test_an_upper_case_name),
        cmocka_unit_test(test_lengths_that_do_not_fit),
        cmocka_unit_test(test_too_many_informational_heads),
        cmocka_unit_test(test_too_large_heads),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_header_bomb),
        cmocka_unit_test(test_what_no_server_sends),
        cmocka_unit_test(test_a_window_that_is_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
