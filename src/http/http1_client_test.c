/* The client engine: rows of a request and raw upstream bytes, what the owner must hear, and whether the connection may be used again. Every
 * row runs in pieces of several sizes. */
#include "http/http1_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/limits.h"

struct owner {
    struct http1_client client;
    struct pool chunks;
    struct buffer output;
    struct arena arena;
    struct http_client_stream *stream;
    char *log;
    size_t log_size, log_seen;
    FILE *log_file;
    bool body_seen;
};

static void log_line(struct owner *owner, bool body, struct span text) {
    if (owner->body_seen && !body)
        fprintf(owner->log_file, ";");
    fprintf(owner->log_file, "%s%.*s", body && !owner->body_seen ? "body " : "", SPAN_ARGUMENTS(text));
    owner->body_seen = body;
}

static void log_head(struct owner *owner, const char *kind, const struct message_head *head, bool ends) {
    log_line(owner, false, span_of(kind));
    fprintf(owner->log_file, "%d", head->status);
    for (size_t i = 0; i < head->header_count; i++)
        fprintf(owner->log_file, " %.*s=%.*s", SPAN_ARGUMENTS(head->headers[i].name), SPAN_ARGUMENTS(head->headers[i].value));
    fprintf(owner->log_file, "%s;", ends ? "" : " +");
}

static void on_informational(void *owner, struct http_client_stream *stream UNUSED, struct message_head *head) {
    log_head(owner, "info ", head, true);
}

static void on_head(void *owner, struct http_client_stream *stream UNUSED, struct message_head *head, bool ends) {
    log_head(owner, "", head, ends);
}

static void on_body(void *owner, struct http_client_stream *stream UNUSED, struct span bytes) {
    assert_true(bytes.size > 0);
    log_line(owner, true, bytes);
}

static void on_end(void *context, struct http_client_stream *stream UNUSED, struct header *trailers, size_t count) {
    struct owner *owner = context;
    log_line(owner, false, SPAN_LITERAL("end"));
    for (size_t i = 0; i < count; i++)
        fprintf(owner->log_file, " %.*s=%.*s", SPAN_ARGUMENTS(trailers[i].name), SPAN_ARGUMENTS(trailers[i].value));
    fprintf(owner->log_file, ";");
}

static void on_failed(void *context, struct http_client_stream *stream UNUSED, enum close_reason reason, enum http1_fault fault UNUSED) {
    struct owner *owner = context;
    log_line(owner, false, SPAN_LITERAL("failed "));
    struct span word = close_reason_word(reason);
    fprintf(owner->log_file, "%.*s;", SPAN_ARGUMENTS(word));
}

static void on_closed(void *context, struct http_client_stream *stream UNUSED) {
    struct owner *owner = context;
    ASSERT(owner->stream != NULL);
    owner->stream = NULL;
    log_line(owner, false, http_client_is_reusable(&owner->client.base) ? SPAN_LITERAL("reusable") : SPAN_LITERAL("closed"));
}

static const struct http_client_events events = {
    .response_informational = on_informational,
    .response_head = on_head,
    .response_body = on_body,
    .response_end = on_end,
    .response_failed = on_failed,
    .stream_closed = on_closed,
};

static void owner_init(struct owner *owner) {
    *owner = (struct owner){0};
    owner->log_file = open_memstream(&owner->log, &owner->log_size);
    pool_init(&owner->chunks, sizeof(struct buffer_chunk), 64, 4);
    buffer_init(&owner->output, &owner->chunks);
    arena_init(&owner->arena, 4096);
    http1_client_init(&owner->client, &events, owner, &owner->output);
}

static void owner_deinit(struct owner *owner) {
    http_client_deinit(&owner->client.base);
    buffer_reset(&owner->output);
    pool_deinit(&owner->chunks);
    arena_deinit(&owner->arena);
    fclose(owner->log_file);
    free(owner->log);
}

static struct message_head make_request(struct owner *owner, const char *method) {
    struct message_head head;
    message_head_init(&head, &owner->arena, 4);
    message_head_set_method(&head, span_of(method));
    assert_true(message_head_set_authority(&head, SPAN_LITERAL("a:80")));
    head.path = SPAN_LITERAL("/p");
    return head;
}

static void open_request(struct owner *owner, const char *method, bool upgrade, bool ends) {
    struct message_head head = make_request(owner, method);
    if (upgrade)
        message_head_add(&head, HEADER_UPGRADE, SPAN_LITERAL("w"));
    owner->stream = http_client_open(&owner->client.base, &owner->arena, owner);
    assert_non_null(owner->stream);
    assert_true(http_client_send_head(owner->stream, &head, ends));
}

static enum http_session_status feed(struct owner *owner, struct span bytes, size_t step) {
    enum http_session_status status = http_client_status(&owner->client.base);
    for (size_t at = 0; at < bytes.size;) {
        size_t size = bytes.size - at < step ? bytes.size - at : step, consumed;
        char *piece = malloc(size);
        memcpy(piece, bytes.data + at, size);
        status = http_client_receive(&owner->client.base, span_make(piece, size), &consumed);
        free(piece);
        assert_int_equal(consumed, size);
        at += size;
    }
    return status;
}

static void expect_log(struct owner *owner, const char *wanted) {
    fflush(owner->log_file);
    assert_string_equal(owner->log + owner->log_seen, wanted);
    owner->log_seen = owner->log_size;
}

/* What was logged so far is of no interest. */
static void forget_log(struct owner *owner) {
    fflush(owner->log_file);
    owner->log_seen = owner->log_size;
}

static void expect_output(struct owner *owner, const char *wanted) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    while (owner->output.size > 0) {
        struct span front = buffer_front(&owner->output);
        fprintf(out, "%.*s", SPAN_ARGUMENTS(front));
        buffer_consume(&owner->output, front.size);
    }
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
    const char *clause, *method;
    bool upgrade;
    const char *input;
    bool ends; /* the upstream closes after it */
    const char *log;
} rows[] = {
    {"9112-6.3 r6", "GET", false, OK "Content-Length: 2\r\n\r\nok", false, "200 content-length=2 +;body ok;end;reusable"},
    {"9112-6.3 r6", "GET", false, OK "Content-Length: 0\r\n\r\n", false, "200 content-length=0;reusable"},
    {"9112-6.3 r4", "GET", false, OK "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nX-S: 1\r\n\r\n", false,
     "200 transfer-encoding=chunked +;body ok;end x-s=1;reusable"},
    {"9112-6.3 r4", "GET", false, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, "200 transfer-encoding=chunked +;end;reusable"},
    {"9112-6.3 r1", "HEAD", false, OK "Content-Length: 2\r\n\r\n", false, "200 content-length=2;reusable"},
    {"9112-6.3 r1", "HEAD", false, OK "Transfer-Encoding: chunked\r\n\r\n", false, "200 transfer-encoding=chunked;reusable"},
    {"9112-6.3 r1", "GET", false, "HTTP/1.1 304 x\r\nContent-Length: 2\r\n\r\n", false, "304 content-length=2;reusable"},
    {"9112-6.3 r1", "GET", false, "HTTP/1.1 204 x\r\n\r\n", false, "204;reusable"},
    {"9112-6.3 r8", "GET", false, OK "\r\nabc", true, "200 +;body abc;end;closed"},
    {"9112-6.3 r8", "GET", false, OK "\r\n", true, "200 +;end;closed"},
    {"9112-6.3 r8", "GET", false, "HTTP/1.0 200 OK\r\n\r\nabc", true, "200 +;body abc;end;closed"},
    {"9112-9.3", "GET", false, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "200 content-length=2 +;body ok;end;closed"},
    {"9112-9.3", "GET", false, OK "Content-Length: 2\r\nConnection: close\r\n\r\nok", false,
     "200 content-length=2 connection=close +;body ok;end;closed"},
    {"9110-15.2", "GET", false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n" OK "Content-Length: 0\r\n\r\n", false,
     "info 100;info 103 link=y;200 content-length=0;reusable"},
    {"9110-15.2", "GET", false, "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" OK "Content-Length: 0\r\n\r\n", false,
     "info 100 content-length=5;200 content-length=0;reusable"},
    {"9110-7.8", "GET", true, "HTTP/1.1 101 x\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\nraw", true,
     "101 upgrade=w connection=upgrade +;body raw;end;"},
    {"9110-7.8", "GET", true, OK "Content-Length: 0\r\n\r\n", false, "200 content-length=0;reusable"},
    /* Faults. */
    {"9110-7.8", "GET", false, "HTTP/1.1 101 x\r\nUpgrade: w\r\n\r\nraw", false, "failed protocol_error;closed"},
    {"9112-8", "GET", false, OK "Content-Length: 3\r\n\r\nok", true, "200 content-length=3 +;body ok;failed connection_termination;closed"},
    {"9112-8", "GET", false, OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", true,
     "200 transfer-encoding=chunked +;body ok;failed connection_termination;closed"},
    {"9112-8", "GET", false, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", true,
     "200 transfer-encoding=chunked +;failed connection_termination;closed"},
    {"9112-8", "GET", false, OK "Content-Le", true, "failed connection_termination;closed"},
    {"9112-8", "GET", false, "", true, "failed connection_termination;closed"},
    {"9112-7.1", "GET", false, OK "Transfer-Encoding: chunked\r\n\r\nx", false,
     "200 transfer-encoding=chunked +;failed protocol_error;closed"},
    {"9112-6.3 r3", "GET", false, OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", false, "failed protocol_error;closed"},
    {"9112-6.3 r5", "GET", false, OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", false, "failed protocol_error;closed"},
    {"9112-6.1", "GET", false, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "failed protocol_error;closed"},
    {"9112-4", "GET", false, "garbage\r\n\r\n", false, "failed protocol_error;closed"},
    {"9112-2.2", "GET", false, "HTTP/1.1 200 OK\n\n", false, "failed protocol_error;closed"},
};

static void run(size_t index, size_t step) {
    struct owner owner;
    owner_init(&owner);
    open_request(&owner, rows[index].method, rows[index].upgrade, true);
    feed(&owner, span_of(rows[index].input), step);
    if (rows[index].ends)
        http_client_receive_end(&owner.client.base);
    fflush(owner.log_file);
    if (strcmp(owner.log, rows[index].log) != 0)
        fail_msg("%s, %zu at a time: %s\n  got    %s\n  wanted %s", rows[index].clause, step, rows[index].input, owner.log, rows[index].log);
    owner_deinit(&owner);
}

static void test_rows(void **state UNUSED) {
    static const size_t steps[] = {1, 2, 3, 11, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
            run(i, steps[k]);
}

static const char whole[] = OK "Content-Length: 2\r\n\r\nok";

static void test_connection_is_used_again(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    assert_true(http_client_is_reusable(&owner.client.base));
    for (int i = 0; i < 3; i++) {
        open_request(&owner, "GET", false, true);
        assert_null(http_client_open(&owner.client.base, &owner.arena, NULL));
        assert_false(http_client_is_reusable(&owner.client.base));
        assert_false(http_client_has_received(owner.stream));
        expect_output(&owner, "GET /p HTTP/1.1\r\nhost: a:80\r\n\r\n");
        assert_int_equal(feed(&owner, span_of("H"), 1), HTTP_SESSION_OPEN);
        assert_true(http_client_has_received(owner.stream));
        assert_int_equal(feed(&owner, span_of(whole + 1), 100), HTTP_SESSION_OPEN);
        assert_true(http_client_is_reusable(&owner.client.base));
    }
    owner_deinit(&owner);
}

static void test_surplus_bytes_end_the_connection(void **state UNUSED) {
    struct owner owner;
    char text[200];
    /* Together with the response, in content or in its place. */
    snprintf(text, sizeof(text), "%sX", whole);
    for (size_t step = 1; step < 100; step += 98) {
        owner_init(&owner);
        open_request(&owner, "GET", false, true);
        assert_int_not_equal(feed(&owner, span_of(text), step), HTTP_SESSION_OPEN);
        assert_false(http_client_is_reusable(&owner.client.base));
        assert_null(http_client_open(&owner.client.base, &owner.arena, NULL));
        owner_deinit(&owner);
    }
    owner_init(&owner);
    open_request(&owner, "HEAD", false, true);
    assert_int_not_equal(feed(&owner, span_of(whole), 100), HTTP_SESSION_OPEN);
    expect_log(&owner, "200 content-length=2;closed");
    owner_deinit(&owner);
    /* While idle. */
    owner_init(&owner);
    assert_int_equal(feed(&owner, span_of("X"), 1), HTTP_SESSION_BROKEN);
    assert_false(http_client_is_reusable(&owner.client.base));
    owner_deinit(&owner);
}

static void test_close_while_idle(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    assert_int_equal(http_client_receive_end(&owner.client.base), HTTP_SESSION_CLOSING);
    assert_null(http_client_open(&owner.client.base, &owner.arena, NULL));
    owner_deinit(&owner);
}

static void test_request_framing(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    open_request(&owner, "POST", false, true);
    expect_output(&owner, "POST /p HTTP/1.1\r\nhost: a:80\r\ncontent-length: 0\r\n\r\n");
    feed(&owner, span_of(whole), 100);
    open_request(&owner, "POST", false, false);
    struct header trailer = {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER};
    static const char bytes[17] = "0123456789abcdef";
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("ab")));
    assert_true(http_client_send_body(owner.stream, SPAN_EMPTY));
    assert_true(http_client_send_body(owner.stream, span_make(bytes, 16)));
    assert_true(http_client_send_end(owner.stream, &trailer, 1));
    expect_output(&owner, "POST /p HTTP/1.1\r\nhost: a:80\r\ntransfer-encoding: chunked\r\n\r\n"
                          "2\r\nab\r\n10\r\n0123456789abcdef\r\n0\r\nx-sum: 1\r\n\r\n");
    feed(&owner, span_of(whole), 100);
    struct message_head head = make_request(&owner, "PUT");
    message_head_add(&head, HEADER_CONTENT_LENGTH, SPAN_LITERAL("2"));
    message_head_add(&head, HEADER_TE, SPAN_LITERAL("trailers"));
    message_head_add(&head, HEADER_UPGRADE, SPAN_LITERAL("w"));
    message_head_add(&head, HEADER_HOST, SPAN_LITERAL("never"));
    message_head_add(&head, HEADER_CONNECTION, SPAN_LITERAL("never"));
    owner.stream = http_client_open(&owner.client.base, &owner.arena, NULL);
    assert_true(http_client_send_head(owner.stream, &head, false));
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("ab")));
    assert_true(http_client_send_end(owner.stream, &trailer, 1));
    expect_output(&owner, "PUT /p HTTP/1.1\r\nhost: a:80\r\nte: trailers\r\nupgrade: w\r\ncontent-length: 2\r\n"
                          "connection: upgrade, te\r\n\r\nab");
    feed(&owner, span_of(whole), 100);
    assert_true(http_client_is_reusable(&owner.client.base));
    owner_deinit(&owner);
}

static struct owner *begin_put(struct owner *owner, bool ends, bool *ret_sent) {
    owner_init(owner);
    struct message_head head = make_request(owner, "PUT");
    message_head_add(&head, HEADER_CONTENT_LENGTH, SPAN_LITERAL("2"));
    owner->stream = http_client_open(&owner->client.base, &owner->arena, NULL);
    *ret_sent = http_client_send_head(owner->stream, &head, ends);
    return owner;
}

static void end_broken(struct owner *owner) {
    assert_int_equal(http_client_status(&owner->client.base), HTTP_SESSION_BROKEN);
    http_client_abort(owner->stream);
    expect_log(owner, "closed");
    owner_deinit(owner);
}

static void test_lies_about_length_break(void **state UNUSED) {
    struct owner owner;
    bool sent;
    begin_put(&owner, true, &sent);
    assert_false(sent);
    end_broken(&owner);
    begin_put(&owner, false, &sent);
    assert_true(sent);
    assert_false(http_client_send_body(owner.stream, SPAN_LITERAL("abc")));
    end_broken(&owner);
    begin_put(&owner, false, &sent);
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("a")));
    assert_false(http_client_send_end(owner.stream, NULL, 0));
    end_broken(&owner);
    begin_put(&owner, false, &sent);
    struct message_head head = make_request(&owner, "GET");
    assert_false(http_client_send_head(owner.stream, &head, true));
    end_broken(&owner);
}

/* A response may overtake its request. The connection is good only if the request is finished too. */
static void test_early_response(void **state UNUSED) {
    struct owner owner;
    bool sent;
    begin_put(&owner, false, &sent);
    feed(&owner, span_of(whole), 100);
    expect_log(&owner, "200 content-length=2 +;body ok;end;");
    assert_false(http_client_is_reusable(&owner.client.base));
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("ab")));
    assert_true(http_client_send_end(owner.stream, NULL, 0));
    expect_log(&owner, "reusable");
    owner_deinit(&owner);
    begin_put(&owner, false, &sent);
    feed(&owner, span_of(whole), 100);
    forget_log(&owner);
    http_client_abort(owner.stream);
    expect_log(&owner, "closed");
    owner_deinit(&owner);
    /* A byte behind the early response. */
    begin_put(&owner, false, &sent);
    feed(&owner, span_of(whole), 100);
    feed(&owner, span_of("X"), 1);
    forget_log(&owner);
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("ab")));
    assert_true(http_client_send_end(owner.stream, NULL, 0));
    expect_log(&owner, "closed");
    owner_deinit(&owner);
}

static void test_pause_holds_content_back(void **state UNUSED) {
    struct owner owner;
    size_t consumed;
    owner_init(&owner);
    open_request(&owner, "GET", false, true);
    size_t head_size = strlen(whole) - 2;
    feed(&owner, span_make(whole, head_size), 100);
    http_client_pause(owner.stream);
    assert_int_equal(http_client_status(&owner.client.base), HTTP_SESSION_PAUSED);
    assert_int_equal(http_client_receive(&owner.client.base, span_of("ok"), &consumed), HTTP_SESSION_PAUSED);
    assert_int_equal(consumed, 0);
    http_client_resume(owner.stream);
    assert_int_equal(feed(&owner, span_of("ok"), 2), HTTP_SESSION_OPEN);
    expect_log(&owner, "200 content-length=2 +;body ok;end;reusable");
    owner_deinit(&owner);
}

static void test_tunnel_both_ways(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    open_request(&owner, "GET", true, true);
    expect_output(&owner, "GET /p HTTP/1.1\r\nhost: a:80\r\nupgrade: w\r\nconnection: upgrade\r\n\r\n");
    assert_int_equal(feed(&owner, span_of("HTTP/1.1 101 x\r\nUpgrade: w\r\n\r\nHTTP"), 100), HTTP_SESSION_TUNNEL);
    assert_true(http_client_send_body(owner.stream, SPAN_LITERAL("raw")));
    expect_output(&owner, "raw");
    assert_true(http_client_send_end(owner.stream, NULL, 0));
    expect_log(&owner, "101 upgrade=w +;body HTTP");
    assert_int_equal(http_client_receive_end(&owner.client.base), HTTP_SESSION_CLOSING);
    expect_log(&owner, ";end;closed");
    owner_deinit(&owner);
}

static void test_informational_responses_are_bounded(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    open_request(&owner, "GET", false, true);
    for (int i = 0; i < HTTP_INFORMATIONAL_MAX; i++)
        assert_int_equal(feed(&owner, span_of("HTTP/1.1 102 x\r\n\r\n"), 100), HTTP_SESSION_OPEN);
    forget_log(&owner);
    assert_int_equal(feed(&owner, span_of("HTTP/1.1 102 x\r\n\r\n"), 100), HTTP_SESSION_BROKEN);
    expect_log(&owner, "failed protocol_error;closed");
    owner_deinit(&owner);
}

static void test_output_ceiling_breaks(void **state UNUSED) {
    struct owner owner;
    owner_init(&owner);
    open_request(&owner, "GET", false, false);
    owner.chunks.count_max = 1;
    static const char much[BUFFER_CHUNK_BYTES];
    assert_false(http_client_send_body(owner.stream, span_make(much, sizeof(much))));
    end_broken(&owner);
}

static void test_idle_session_is_small(void **state UNUSED) {
    assert_true(sizeof(struct http1_client) < 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_connection_is_used_again),
        cmocka_unit_test(test_surplus_bytes_end_the_connection),
        cmocka_unit_test(test_close_while_idle),
        cmocka_unit_test(test_request_framing),
        cmocka_unit_test(test_lies_about_length_break),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_pause_holds_content_back),
        cmocka_unit_test(test_tunnel_both_ways),
        cmocka_unit_test(test_informational_responses_are_bounded),
        cmocka_unit_test(test_output_ceiling_breaks),
        cmocka_unit_test(test_idle_session_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
