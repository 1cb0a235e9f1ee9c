/* The server engine: rows of raw client bytes, what the owner must hear and what the client must get. Every row runs in pieces of several
 * sizes, and with answers sent from inside events as well as later. */
#include "http/http1_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"

struct owner {
    struct http1_server server;
    struct pool chunks;
    struct buffer output;
    struct arena arena;
    FILE *log;
    struct message_head *head;
    struct http_stream *stream;
    enum http1_fault fault;
    bool deferred;   /* answers wait until receive has returned */
    bool answer_due;
    bool body_seen; /* a body event was logged: the next one continues it */
    bool open;
};

static void answer(struct owner *owner);

static struct arena *on_begin(void *context, struct http_stream *stream) {
    struct owner *owner = context;
    ASSERT(!owner->open);
    owner->open = true;
    owner->stream = stream;
    owner->head = NULL;
    owner->fault = HTTP1_FAULT_NONE;
    owner->body_seen = false;
    return &owner->arena;
}

static void answer_when_asked(struct owner *owner) {
    if (owner->deferred)
        owner->answer_due = true;
    else
        answer(owner);
}

static bool path_is(const struct owner *owner, const char *path) {
    return owner->head != NULL && span_equal(owner->head->path, span_of(path));
}

static void on_head(void *context, struct http_stream *stream UNUSED, struct message_head *head, bool ends) {
    struct owner *owner = context;
    owner->head = head;
    fprintf(owner->log, "%.*s %.*s%s;", SPAN_ARGUMENTS(head->method), SPAN_ARGUMENTS(head->path), ends ? "" : " +");
    if (ends || path_is(owner, "/early"))
        answer_when_asked(owner);
}

static void on_body(void *context, struct http_stream *stream UNUSED, struct span bytes) {
    struct owner *owner = context;
    assert_true(bytes.size > 0);
    fprintf(owner->log, "%s%.*s", owner->body_seen ? "" : "body ", SPAN_ARGUMENTS(bytes));
    owner->body_seen = true;
    if (path_is(owner, "/echo"))
        assert_true(http_server_send_body(owner->stream, bytes));
}

static void on_end(void *context, struct http_stream *stream UNUSED, struct header *trailers, size_t count) {
    struct owner *owner = context;
    fprintf(owner->log, "%send", owner->body_seen ? ";" : "");
    for (size_t i = 0; i < count; i++)
        fprintf(owner->log, " %.*s=%.*s", SPAN_ARGUMENTS(trailers[i].name), SPAN_ARGUMENTS(trailers[i].value));
    fprintf(owner->log, ";");
    if (http_server_status(&owner->server.base) == HTTP_SESSION_TUNNEL)
        assert_true(http_server_send_end(owner->stream, NULL, 0));
    else
        answer_when_asked(owner);
}

static void on_rejected(void *context, struct http_stream *stream UNUSED, enum http1_fault fault) {
    struct owner *owner = context;
    owner->fault = fault;
    fprintf(owner->log, "%srejected %d;", owner->body_seen ? ";" : "", http1_fault_status(fault));
    answer_when_asked(owner);
}

static void on_failed(void *context, struct http_stream *stream UNUSED, enum close_reason reason) {
    struct owner *owner = context;
    struct span word = close_reason_word(reason);
    owner->answer_due = false;
    fprintf(owner->log, "%sfailed %.*s;", owner->body_seen ? ";" : "", SPAN_ARGUMENTS(word));
}

static void on_closed(void *context, struct http_stream *stream UNUSED) {
    struct owner *owner = context;
    ASSERT(owner->open);
    owner->open = false;
    owner->stream = NULL;
    fprintf(owner->log, "closed;");
    arena_reset(&owner->arena);
}

static const struct http_server_events events = {
    .stream_begin = on_begin,
    .request_head = on_head,
    .request_body = on_body,
    .request_end = on_end,
    .request_rejected = on_rejected,
    .stream_failed = on_failed,
    .stream_closed = on_closed,
};

/* The head of an answer; fields as "name: value" pairs. */
static struct message_head make_head(struct owner *owner, int status) {
    struct message_head head;
    message_head_init(&head, &owner->arena, 4);
    head.status = status;
    return head;
}

static void answer_with_content(struct owner *owner, struct message_head *head, bool trailers) {
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    assert_true(http_server_send_head(owner->stream, head, false));
    assert_true(http_server_send_body(owner->stream, SPAN_LITERAL("o")));
    assert_true(http_server_send_body(owner->stream, SPAN_EMPTY));
    assert_true(http_server_send_body(owner->stream, SPAN_LITERAL("k")));
    assert_true(http_server_send_end(owner->stream, &trailer, trailers ? 1 : 0));
}

static void answer_by_path(struct owner *owner) {
    struct message_head head = make_head(owner, 200);
    if (path_is(owner, "/length")) {
        message_head_add(&head, HEADER_CONTENT_LENGTH, SPAN_LITERAL("2"));
        answer_with_content(owner, &head, true);
    } else if (path_is(owner, "/chunked")) {
        answer_with_content(owner, &head, false);
    } else if (path_is(owner, "/trailers")) {
        answer_with_content(owner, &head, true);
    } else if (path_is(owner, "/204") || path_is(owner, "/304")) {
        head.status = path_is(owner, "/204") ? 204 : 304;
        message_head_add(&head, HEADER_CONTENT_LENGTH, SPAN_LITERAL("2"));
        answer_with_content(owner, &head, true);
    } else if (path_is(owner, "/continue")) {
        struct message_head informational = make_head(owner, 103);
        message_head_add_name(&informational, SPAN_LITERAL("link"), SPAN_LITERAL("x"));
        assert_true(http_server_send_informational(owner->stream, &informational));
        assert_true(http_server_send_head(owner->stream, &head, true));
    } else if (path_is(owner, "/echo")) {
        head.status = 101;
        message_head_add(&head, HEADER_UPGRADE, SPAN_LITERAL("echo"));
        assert_true(http_server_send_head(owner->stream, &head, false));
    } else if (path_is(owner, "/fields")) {
        message_head_add_name(&head, SPAN_LITERAL("x-a"), SPAN_LITERAL("b"));
        message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("x-a"));
        message_head_add(&head, HEADER_KEEP_ALIVE, SPAN_LITERAL("5"));
        message_head_add(&head, HEADER_TRANSFER_ENCODING, SPAN_LITERAL("gzip"));
        head.reason = SPAN_LITERAL("Fine");
        assert_true(http_server_send_head(owner->stream, &head, true));
    } else {
        assert_true(http_server_send_head(owner->stream, &head, true));
    }
}

static void answer(struct owner *owner) {
    owner->answer_due = false;
    if (owner->fault == HTTP1_FAULT_NONE) {
        answer_by_path(owner);
        return;
    }
    struct message_head head = make_head(owner, http1_fault_status(owner->fault));
    assert_true(http_server_send_head(owner->stream, &head, true));
}

static void owner_init(struct owner *owner, FILE *log, bool deferred) {
    *owner = (struct owner){.log = log, .deferred = deferred};
    pool_init(&owner->chunks, sizeof(struct buffer_chunk), 64, 4);
    buffer_init(&owner->output, &owner->chunks);
    arena_init(&owner->arena, 4096);
    http1_server_init(&owner->server, &events, owner, &owner->output);
}

static void owner_deinit(struct owner *owner) {
    http_server_deinit(&owner->server.base);
    buffer_reset(&owner->output);
    pool_deinit(&owner->chunks);
    arena_deinit(&owner->arena);
}

/* Gives bytes as a transport would: what was not consumed comes again. Each piece lies in memory of exactly its size. */
static enum http_session_status feed(struct owner *owner, struct span bytes, size_t step) {
    enum http_session_status status = http_server_status(&owner->server.base);
    size_t start = 0, end = 0;
    while (start < bytes.size || owner->answer_due) {
        bool stuck = end == bytes.size;
        end = end + step < bytes.size && step < bytes.size ? end + step : bytes.size;
        char *piece = malloc(end - start + 1);
        memcpy(piece, bytes.data + start, end - start);
        size_t consumed = 0;
        piece = realloc(piece, end - start > 0 ? end - start : 1);
        status = http_server_receive(&owner->server.base, span_make(piece, end - start), &consumed);
        free(piece);
        start += consumed;
        assert_true((status == HTTP_SESSION_PAUSED) == (start < end));
        if (owner->answer_due)
            answer(owner);
        else if (stuck && consumed == 0)
            break;
    }
    return http_server_status(&owner->server.base);
}

static void drain_output(struct buffer *output, FILE *out) {
    while (output->size > 0) {
        struct span front = buffer_front(output);
        fprintf(out, "%.*s", SPAN_ARGUMENTS(front));
        buffer_consume(output, front.size);
    }
}

static const char *const status_names[] = {"open", "paused", "closing", "linger", "tunnel", "broken"};

struct row {
    const char *clause;
    const char *input;
    bool ends; /* the client half-closes after it */
    const char *log;
    const char *output;
    const char *status;
};

#define H "Host: a\r\n"
#define G(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define EMPTY_OK "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
#define EMPTY_OK_CLOSE "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
#define REFUSAL(line) "HTTP/1.1 " line "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

static const struct row rows[] = {
    {"9112-9.3", G("/"), false, "GET /;closed;", EMPTY_OK, "open"},
    {"9112-9.3.2", G("/1") G("/2") G("/3"), false, "GET /1;closed;GET /2;closed;GET /3;closed;", EMPTY_OK EMPTY_OK EMPTY_OK, "open"},
    {"9112-9.3.2", G("/length") G("/chunked"), false, "GET /length;closed;GET /chunked;closed;",
     "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "open"},
    {"9112-7.1.2", G("/trailers"), false, "GET /trailers;closed;",
     "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nx-sum: 1\r\n\r\n", "open"},
    {"9112-2.2", "\r\n\r\n" G("/") "\r\n", false, "GET /;closed;", EMPTY_OK, "open"},
    {"9112-2.2", "\r\n\r\n\r\n\r\n\r\n" G("/"), false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-2.2", "\rGET / HTTP/1.1\r\n\r\n", false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-2.2", "\nGET / HTTP/1.1\r\n\r\n", false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-3", "garbage\r\n\r\n", false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9113-3.4", "INVALID CONNECTION PREFACE\r\n\r\n", false, "failed http1.codec_error;closed;", "", "closing"},
    {"9112-3", "\x16\x03\x01", false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-3.2", "GET / HTTP/1.1\r\n\r\n", false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-3.2", "GET / HTTP/1.1\r\n\r\n" G("/never"), false, "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9110-15.6.6", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false, "rejected 505;closed;", REFUSAL("505 HTTP Version Not Supported"), "linger"},
    {"9112-6.1", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", false, "rejected 501;closed;",
     REFUSAL("501 Not Implemented"), "linger"},
    {"9112-6.3", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" G("/never"), false,
     "rejected 400;closed;", REFUSAL("400 Bad Request"), "linger"},
    {"9112-6.3", "POST /p HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" G("/"), false, "POST /p +;body abc;end;closed;GET /;closed;",
     EMPTY_OK EMPTY_OK, "open"},
    {"9112-6.3", "POST /p HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n" G("/"), false, "POST /p;closed;GET /;closed;", EMPTY_OK EMPTY_OK, "open"},
    {"9112-6.3", "POST /p HTTP/1.1\r\n" H "\r\n" G("/"), false, "POST /p;closed;GET /;closed;", EMPTY_OK EMPTY_OK, "open"},
    {"9112-7.1", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n" G("/"), false,
     "POST /p +;body abc;end;closed;GET /;closed;", EMPTY_OK EMPTY_OK, "open"},
    {"9112-7.1.2", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n", false,
     "POST /p +;end x-sum=1;closed;", EMPTY_OK, "open"},
    {"9112-7.1", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nabX", false, "POST /p +;body ab;rejected 400;closed;",
     REFUSAL("400 Bad Request"), "linger"},
    {"9112-7.1", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, "POST /p +;rejected 400;closed;",
     REFUSAL("400 Bad Request"), "linger"},
    {"9112-8", "POST /p HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", true,
     "POST /p +;body ab;failed downstream_remote_disconnect;closed;", "", "broken"},
    {"9112-8", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", true,
     "POST /p +;body ab;failed downstream_remote_disconnect;closed;", "", "broken"},
    {"9112-8", "GET / HT", true, "failed downstream_remote_disconnect;closed;", "", "closing"},
    {"9112-9.6", G("/"), true, "GET /;closed;", EMPTY_OK, "closing"},
    {"9112-9.6", "", true, "", "", "closing"},
    {"9112-9.6", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n" G("/never"), false, "GET /;closed;", EMPTY_OK_CLOSE, "closing"},
    {"9112-9.3", "GET / HTTP/1.0\r\n" H "\r\n", false, "GET /;closed;", EMPTY_OK_CLOSE, "closing"},
    {"9112-9.3", "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n", false, "GET /;closed;", EMPTY_OK_CLOSE, "closing"},
    {"9112-6.1", "GET /chunked HTTP/1.0\r\n" H "\r\n", false, "GET /chunked;closed;", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok", "closing"},
    {"9112-6.1", "GET /trailers HTTP/1.0\r\n" H "\r\n", false, "GET /trailers;closed;", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok",
     "closing"},
    {"9110-15.2", G("/continue"), false, "GET /continue;closed;", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" EMPTY_OK, "open"},
    {"9110-15.2", "GET /continue HTTP/1.0\r\n" H "\r\n", false, "GET /continue;closed;", EMPTY_OK_CLOSE, "closing"},
    {"9110-9.3.2", "HEAD /length HTTP/1.1\r\n" H "\r\n" G("/"), false, "HEAD /length;closed;GET /;closed;",
     "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" EMPTY_OK, "open"},
    {"9110-9.3.2", "HEAD /chunked HTTP/1.1\r\n" H "\r\n" G("/"), false, "HEAD /chunked;closed;GET /;closed;", "HTTP/1.1 200 OK\r\n\r\n" EMPTY_OK,
     "open"},
    {"9110-9.3.2", "HEAD / HTTP/1.1\r\n" H "\r\n", false, "HEAD /;closed;", "HTTP/1.1 200 OK\r\n\r\n", "open"},
    {"9110-15.3.5", G("/204") G("/"), false, "GET /204;closed;GET /;closed;", "HTTP/1.1 204 No Content\r\n\r\n" EMPTY_OK, "open"},
    {"9110-15.4.5", G("/304") G("/"), false, "GET /304;closed;GET /;closed;", "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n" EMPTY_OK,
     "open"},
    {"9110-7.6.1", G("/fields"), false, "GET /fields;closed;", "HTTP/1.1 200 Fine\r\nx-a: b\r\ncontent-length: 0\r\n\r\n", "open"},
};

static void run(const struct row *row, size_t step, bool deferred) {
    struct owner owner;
    char *log = NULL, *output = NULL;
    size_t log_size = 0, output_size = 0;
    FILE *log_file = open_memstream(&log, &log_size), *output_file = open_memstream(&output, &output_size);
    owner_init(&owner, log_file, deferred);
    enum http_session_status status = feed(&owner, span_of(row->input), step);
    if (row->ends)
        status = http_server_receive_end(&owner.server.base);
    fflush(log_file);
    drain_output(&owner.output, output_file);
    fclose(output_file);
    if (strcmp(log, row->log) != 0 || strcmp(output, row->output) != 0 || strcmp(status_names[status], row->status) != 0)
        fail_msg("%s, %zu at a time, %s: %s\n  log    %s\n  wanted %s\n  output %s\n  wanted %s\n  status %s wanted %s", row->clause, step,
                 deferred ? "later" : "at once", row->input, log, row->log, output, row->output, status_names[status], row->status);
    owner_deinit(&owner);
    fclose(log_file);
    free(log);
    free(output);
}

static void test_rows(void **state UNUSED) {
    static const size_t steps[] = {1, 2, 3, 11, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
            run(&rows[i], steps[k], false);
            run(&rows[i], steps[k], true);
        }
}

/* What a test of its own looks at. */
struct bench {
    struct owner owner;
    char *log;
    size_t log_size;
};

static void bench_begin(struct bench *bench) {
    bench->log = NULL;
    owner_init(&bench->owner, open_memstream(&bench->log, &bench->log_size), true);
}

static void bench_give(struct bench *bench, const char *bytes, enum http_session_status wanted, size_t wanted_consumed) {
    size_t consumed;
    assert_int_equal(http_server_receive(&bench->owner.server.base, span_of(bytes), &consumed), wanted);
    assert_int_equal(consumed, wanted_consumed);
}

static void bench_expect_log(struct bench *bench, const char *wanted) {
    fflush(bench->owner.log);
    assert_string_equal(bench->log, wanted);
}

static void bench_expect_output(struct bench *bench, const char *wanted) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    drain_output(&bench->owner.output, out);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static enum http_session_status bench_status(struct bench *bench) {
    return http_server_status(&bench->owner.server.base);
}

static void bench_end(struct bench *bench) {
    owner_deinit(&bench->owner);
    fclose(bench->owner.log);
    free(bench->log);
}

#define POST3 "POST /p HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n"

static void test_early_answer_closes_lingering(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, POST3 "a", HTTP_SESSION_OPEN, strlen(POST3) + 1);
    answer(&bench.owner);
    bench_expect_output(&bench, EMPTY_OK_CLOSE);
    assert_int_equal(bench_status(&bench), HTTP_SESSION_LINGER);
    /* What still comes is thrown away, also when it looks like a request. */
    bench_give(&bench, "bc" G("/never"), HTTP_SESSION_LINGER, strlen("bc" G("/never")));
    bench_expect_log(&bench, "POST /p +;body aclosed;");
    bench_end(&bench);
}

static void test_early_head_then_whole_request_closes(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, POST3 "a", HTTP_SESSION_OPEN, strlen(POST3) + 1);
    struct message_head head = make_head(&bench.owner, 200);
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    bench_expect_output(&bench, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    bench_give(&bench, "bc" G("/never"), HTTP_SESSION_PAUSED, 2);
    assert_true(http_server_send_end(bench.owner.stream, NULL, 0));
    assert_int_equal(bench_status(&bench), HTTP_SESSION_CLOSING);
    bench_end(&bench);
}

static void test_fault_after_head_was_sent_breaks(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", HTTP_SESSION_OPEN,
               strlen("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"));
    struct message_head head = make_head(&bench.owner, 200);
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    bench_give(&bench, "x", HTTP_SESSION_BROKEN, 1);
    bench_expect_log(&bench, "POST /p +;failed http1.codec_error;closed;");
    bench_end(&bench);
}

static void test_pause_holds_content_back(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, POST3, HTTP_SESSION_OPEN, strlen(POST3));
    http_server_pause(bench.owner.stream);
    assert_int_equal(bench_status(&bench), HTTP_SESSION_PAUSED);
    bench_give(&bench, "abc", HTTP_SESSION_PAUSED, 0);
    http_server_resume(bench.owner.stream);
    bench_give(&bench, "abc", HTTP_SESSION_OPEN, 3);
    bench_expect_log(&bench, "POST /p +;body abc;end;");
    bench_end(&bench);
}

static void test_drain(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, G("/"), HTTP_SESSION_OPEN, strlen(G("/")));
    http_server_begin_drain(&bench.owner.server.base);
    assert_int_equal(bench_status(&bench), HTTP_SESSION_PAUSED);
    answer(&bench.owner);
    bench_expect_output(&bench, EMPTY_OK_CLOSE);
    assert_int_equal(bench_status(&bench), HTTP_SESSION_CLOSING);
    bench_end(&bench);
    bench_begin(&bench);
    http_server_begin_drain(&bench.owner.server.base);
    assert_int_equal(bench_status(&bench), HTTP_SESSION_CLOSING);
    bench_end(&bench);
}

#define UPGRADE "GET /echo HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: echo\r\n\r\n"

static void test_upgrade_is_a_tunnel(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, UPGRADE "early", HTTP_SESSION_PAUSED, strlen(UPGRADE));
    answer(&bench.owner);
    bench_expect_output(&bench, "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n");
    bench_give(&bench, "early", HTTP_SESSION_TUNNEL, 5);
    bench_expect_output(&bench, "early");
    assert_int_equal(bench_status(&bench), HTTP_SESSION_TUNNEL);
    http_server_pause(bench.owner.stream);
    bench_give(&bench, "x", HTTP_SESSION_PAUSED, 0);
    http_server_resume(bench.owner.stream);
    bench_give(&bench, G("/not-http"), HTTP_SESSION_TUNNEL, strlen(G("/not-http")));
    bench_expect_output(&bench, G("/not-http"));
    assert_int_equal(http_server_receive_end(&bench.owner.server.base), HTTP_SESSION_CLOSING);
    bench_end(&bench);
}

static void test_tunnel_may_end_on_our_side_first(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, UPGRADE, HTTP_SESSION_OPEN, strlen(UPGRADE));
    answer(&bench.owner);
    assert_true(http_server_send_end(bench.owner.stream, NULL, 0));
    assert_int_equal(bench_status(&bench), HTTP_SESSION_TUNNEL);
    assert_int_equal(http_server_receive_end(&bench.owner.server.base), HTTP_SESSION_CLOSING);
    bench_expect_log(&bench, "GET /echo;end;closed;");
    bench_end(&bench);
}

static void test_refused_upgrade_goes_on_as_http(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, UPGRADE G("/next"), HTTP_SESSION_PAUSED, strlen(UPGRADE));
    struct message_head head = make_head(&bench.owner, 403);
    assert_true(http_server_send_head(bench.owner.stream, &head, true));
    bench_give(&bench, G("/next"), HTTP_SESSION_OPEN, strlen(G("/next")));
    bench_expect_log(&bench, "GET /echo;closed;GET /next;");
    bench_end(&bench);
}

static void test_connect(void **state UNUSED) {
    struct bench bench;
    static const char connect[] = "CONNECT b:443 HTTP/1.1\r\n" H "\r\n";
    bench_begin(&bench);
    bench_give(&bench, connect, HTTP_SESSION_OPEN, strlen(connect));
    answer(&bench.owner);
    bench_expect_output(&bench, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(bench_status(&bench), HTTP_SESSION_TUNNEL);
    bench_end(&bench);
    /* After a refusal nothing that follows is read as a request: it may have been meant for the tunnel. */
    bench_begin(&bench);
    bench_give(&bench, connect, HTTP_SESSION_OPEN, strlen(connect));
    struct message_head head = make_head(&bench.owner, 404);
    assert_true(http_server_send_head(bench.owner.stream, &head, true));
    bench_expect_output(&bench, REFUSAL("404 Not Found"));
    assert_int_equal(bench_status(&bench), HTTP_SESSION_CLOSING);
    bench_end(&bench);
}

static void test_head_that_takes_too_long_may_be_answered(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    assert_true(http_server_is_idle(&bench.owner.server.base));
    bench_give(&bench, "GET / HT", HTTP_SESSION_OPEN, 8);
    assert_false(http_server_is_idle(&bench.owner.server.base));
    struct message_head head = make_head(&bench.owner, 408);
    assert_true(http_server_send_head(bench.owner.stream, &head, true));
    bench_expect_output(&bench, REFUSAL("408 Request Timeout"));
    assert_int_equal(bench_status(&bench), HTTP_SESSION_LINGER);
    bench_end(&bench);
}

static void test_client_that_half_closed_gets_its_answer(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, G("/length"), HTTP_SESSION_OPEN, strlen(G("/length")));
    assert_int_equal(http_server_receive_end(&bench.owner.server.base), HTTP_SESSION_PAUSED);
    answer(&bench.owner);
    bench_expect_output(&bench, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    assert_int_equal(bench_status(&bench), HTTP_SESSION_CLOSING);
    bench_end(&bench);
}

/* --- Mistakes of the owner, or of an upstream through it: never a message that lies about its length. --- */

static struct message_head begin_with_length(struct bench *bench, struct span length) {
    bench_begin(bench);
    bench_give(bench, G("/"), HTTP_SESSION_OPEN, strlen(G("/")));
    struct message_head head = make_head(&bench->owner, 200);
    message_head_add(&head, HEADER_CONTENT_LENGTH, length);
    return head;
}

static void end_broken(struct bench *bench) {
    assert_int_equal(bench_status(bench), HTTP_SESSION_BROKEN);
    assert_false(http_server_send_body(bench->owner.stream, SPAN_LITERAL("x")));
    http_server_abort(bench->owner.stream, CLOSE_REASON_LOCAL_RESET);
    bench_expect_log(bench, "GET /;closed;");
    bench_end(bench);
}

static void test_lies_about_length_break(void **state UNUSED) {
    struct bench bench;
    struct message_head head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_false(http_server_send_head(bench.owner.stream, &head, true));
    end_broken(&bench);
    head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    assert_false(http_server_send_body(bench.owner.stream, SPAN_LITERAL("abc")));
    end_broken(&bench);
    head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    assert_true(http_server_send_body(bench.owner.stream, SPAN_LITERAL("a")));
    assert_false(http_server_send_end(bench.owner.stream, NULL, 0));
    end_broken(&bench);
}

static void test_order_of_sending_is_kept(void **state UNUSED) {
    struct bench bench;
    struct message_head head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_false(http_server_send_body(bench.owner.stream, SPAN_LITERAL("a")));
    end_broken(&bench);
    head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    assert_false(http_server_send_head(bench.owner.stream, &head, false));
    end_broken(&bench);
    head = begin_with_length(&bench, SPAN_LITERAL("2"));
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    head.status = 100;
    assert_false(http_server_send_informational(bench.owner.stream, &head));
    end_broken(&bench);
    /* 101 that the client did not ask for. */
    head = begin_with_length(&bench, SPAN_LITERAL("0"));
    head.status = 101;
    assert_false(http_server_send_head(bench.owner.stream, &head, false));
    end_broken(&bench);
}

static void test_output_ceiling_breaks(void **state UNUSED) {
    struct bench bench;
    struct message_head head = begin_with_length(&bench, SPAN_LITERAL("10000000"));
    bench.owner.chunks.count_max = 1;
    assert_true(http_server_send_head(bench.owner.stream, &head, false));
    static const char much[BUFFER_CHUNK_BYTES];
    assert_false(http_server_send_body(bench.owner.stream, span_make(much, sizeof(much))));
    end_broken(&bench);
}

static void test_deinit_ends_the_stream(void **state UNUSED) {
    struct bench bench;
    bench_begin(&bench);
    bench_give(&bench, G("/"), HTTP_SESSION_OPEN, strlen(G("/")));
    http_server_deinit(&bench.owner.server.base);
    bench_expect_log(&bench, "GET /;failed downstream_remote_disconnect;closed;");
    bench_end(&bench);
}

static void test_idle_session_is_small(void **state UNUSED) {
    assert_true(sizeof(struct http1_server) < 400);
}

static void test_large_head_is_written_whole(void **state UNUSED) {
    struct bench bench;
    struct message_head head = begin_with_length(&bench, SPAN_LITERAL("0"));
    char *value = malloc(50000);
    memset(value, 'v', 50000);
    message_head_add_name(&head, SPAN_LITERAL("x-big"), span_make(value, 50000));
    assert_true(http_server_send_head(bench.owner.stream, &head, true));
    assert_int_equal(bench.owner.output.size, strlen("HTTP/1.1 200 OK\r\nx-big: \r\ncontent-length: 0\r\n\r\n") + 50000);
    bench_end(&bench);
    free(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_early_answer_closes_lingering),
        cmocka_unit_test(test_early_head_then_whole_request_closes),
        cmocka_unit_test(test_fault_after_head_was_sent_breaks),
        cmocka_unit_test(test_pause_holds_content_back),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_upgrade_is_a_tunnel),
        cmocka_unit_test(test_tunnel_may_end_on_our_side_first),
        cmocka_unit_test(test_refused_upgrade_goes_on_as_http),
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_head_that_takes_too_long_may_be_answered),
        cmocka_unit_test(test_client_that_half_closed_gets_its_answer),
        cmocka_unit_test(test_lies_about_length_break),
        cmocka_unit_test(test_order_of_sending_is_kept),
        cmocka_unit_test(test_output_ceiling_breaks),
        cmocka_unit_test(test_deinit_ends_the_stream),
        cmocka_unit_test(test_idle_session_is_small),
        cmocka_unit_test(test_large_head_is_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
