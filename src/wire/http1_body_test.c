/* Content framing: every row is read whole, in pieces of every size, and must come out the same. */
#include "wire/http1_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"

#define E "\r\n"

static const struct {
    const char *clause, *input;
    /* Content, then "|" trailers "|" what is left of the input; or "!FAULT", or "incomplete". */
    const char *wanted;
} rows[] = {
    {"9112-7.1", "0\r\n\r\n", "||"},
    {"9112-7.1", "3\r\nabc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1", "3\r\nabc\r\n0\r\n\r\nGET", "abc||GET"},
    {"9112-7.1", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1", "00003\r\nabc\r\n000\r\n\r\n", "abc||"},
    {"9112-7.1", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789||"},
    {"9112-7.1", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789||"},
    {"9112-7.1", "3\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\n||"},
    {"9112-8", "", "incomplete"},
    {"9112-8", "3", "incomplete"},
    {"9112-8", "3\r\nab", "incomplete"},
    {"9112-8", "3\r\nabc\r\n", "incomplete"},
    {"9112-8", "3\r\nabc\r\n0", "incomplete"},
    {"9112-8", "3\r\nabc\r\n0\r\n", "incomplete"},
    {"9112-8", "3\r\nabc\r\n0\r\n\r", "incomplete"},
    {"9112-8", "0\r\nX: y\r\n", "incomplete"},
    {"9112-7.1", "g\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "-1\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "+1\r\na", "!CHUNK_SIZE"},
    {"9112-7.1", "0x3\r\nabc", "!CHUNK_SIZE"},
    {"9112-7.1", " 3\r\nabc", "!CHUNK_SIZE"},
    {"9112-7.1", "3\nabc", "!CHUNK_SIZE"},
    {"9112-7.1", "3\rabc", "!CHUNK_EXTENSION"},
    {"9112-7.1", "3\r\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1", "3,\r\nabc", "!CHUNK_SIZE"},
    {"9112-7.1", "3 \r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1", "3_0\r\nabc", "!CHUNK_SIZE"},
    {"9112-7.1", "10000000000000000\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "ffffffffffffffff\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "fffffffffffffffffffffffff\r\n", "!CHUNK_SIZE"},
    {"9112-7.1", "00000000000000000000000000000003\r\nabc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1", "3\r\nabcd\r\n", "!CHUNK_END"},
    {"9112-7.1", "3\r\nabc\n0\r\n\r\n", "!CHUNK_END"},
    {"9112-7.1", "3\r\nabc\r0\r\n\r\n", "!CHUNK_END"},
    {"9112-7.1", "3\r\nabc0\r\n\r\n", "!CHUNK_END"},
    {"9112-7.1", "3\r\nabc\r\n\r\n", "!CHUNK_SIZE"},
    {"9112-7.1.1", "3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc||"},
    {"9112-7.1.1", "3;a=b;c=\"d;\\\"\\\\ e\";f\r\nabc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1.1", "3 ; a = b\r\nabc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1.1", "3\t;\ta\t=\t\"b\"\t;c\r\nabc\r\n0\r\n\r\n", "abc||"},
    {"9112-7.1.1", "3;\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;;a\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;=b\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a b\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=b c\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=\"b\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=\"b\\\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=\"b\"c\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a\x01\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a\rb\r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a \r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.1", "3;a=b \r\nabc", "!CHUNK_EXTENSION"},
    {"9112-7.1.2", "0\r\nX-A: b\r\nC:d \r\n\r\nrest", "|x-a=b,c=d,|rest"},
    {"9112-7.1.2", "1\r\na\r\n0\r\nX-A: b\r\n\r\n", "a|x-a=b,|"},
    {"9110-6.5.1", "0\r\nContent-Length: 5\r\nHost: x\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", "|x=y,|"},
    {"9112-7.1.2", "0\r\nX-A : b\r\n\r\n", "!FIELD_NAME"},
    {"9112-7.1.2", "0\r\n X-A: b\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-7.1.2", "0\r\nX-A: b\r\n c\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-7.1.2", "0\r\nX-A: b\n\r\n", "!BARE_LF"},
    {"9112-7.1.2", "0\r\n\n", "!BARE_LF"},
    {"9112-7.1.2", "0\r\nX-A\r\n\r\n", "!FIELD_NAME"},
    {"9112-7.1.2", "0\r\nX-A: \x01\r\n\r\n", "!FIELD_VALUE"},
    {"9112-7.1.2", "0\r\nGET / HTTP/1.1\r\n\r\n", "!FIELD_NAME"},
};

static const char *const fault_names[HTTP1_FAULT_COUNT] = {
#define FAULT_NAME(name, status, details) [HTTP1_FAULT_##name] = "!" #name,
    HTTP1_FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
};

/* Reads pieces of `step` bytes, each in memory of its own size; prints the outcome. */
static void run(const struct http1_framing *framing, struct span input, size_t step, FILE *out) {
    struct http1_body body;
    struct arena arena;
    enum http1_body_status status = HTTP1_BODY_MORE;
    size_t at = 0;
    arena_init(&arena, 4096);
    http1_body_init(&body, framing);
    while (status == HTTP1_BODY_MORE && at < input.size) {
        size_t size = input.size - at < step ? input.size - at : step;
        char *piece = malloc(size);
        memcpy(piece, input.data + at, size);
        struct span rest = span_make(piece, size), payload;
        while ((status = http1_body_read(&body, &arena, &rest, &payload)) == HTTP1_BODY_PAYLOAD) {
            assert_true(payload.size > 0);
            fprintf(out, "%.*s", SPAN_ARGUMENTS(payload));
        }
        at += size - rest.size;
        free(piece);
    }
    assert_true(http1_body_may_end(&body) == (status == HTTP1_BODY_DONE || framing->kind == HTTP1_BODY_UNTIL_CLOSE));
    if (status == HTTP1_BODY_DONE) {
        fprintf(out, "|");
        for (size_t i = 0; i < body.trailer_count; i++)
            fprintf(out, "%.*s=%.*s,", SPAN_ARGUMENTS(body.trailers[i].name), SPAN_ARGUMENTS(body.trailers[i].value));
        struct span rest = span_from(input, at);
        fprintf(out, "|%.*s", SPAN_ARGUMENTS(rest));
    }
    if (status == HTTP1_BODY_FAULT) {
        struct span more = SPAN_LITERAL("0\r\n\r\n"), payload;
        assert_int_equal(http1_body_read(&body, &arena, &more, &payload), HTTP1_BODY_FAULT);
        fprintf(out, "%s", fault_names[body.fault]);
    }
    http1_body_deinit(&body);
    http1_body_deinit(&body);
    arena_deinit(&arena);
}

static void check(const struct http1_framing *framing, struct span input, const char *clause, const char *wanted) {
    for (size_t step = 1; step <= input.size + 1; step = step < 20 ? step + 1 : step * 2) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        run(framing, input, step, out);
        fclose(out);
        /* Content before a fault is of no interest: it depends on the pieces. */
        const char *got = wanted[0] == '!' && strchr(text, '!') != NULL ? strchr(text, '!') : text;
        if (strcmp(wanted, "incomplete") == 0 ? strpbrk(text, "|!") != NULL : strcmp(got, wanted) != 0)
            fail_msg("%s, %zu at a time: %.*s\n  got    %s\n  wanted %s", clause, step, SPAN_ARGUMENTS(input), got, wanted);
        free(text);
    }
}

static void test_chunked(void **state UNUSED) {
    struct http1_framing framing = {.kind = HTTP1_BODY_CHUNKED};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(&framing, span_of(rows[i].input), rows[i].clause, rows[i].wanted);
    check(&framing, SPAN_LITERAL("3\0\r\nabc"), "9112-7.1", "!CHUNK_SIZE");
    check(&framing, SPAN_LITERAL("3;a\0\r\nabc"), "9112-7.1.1", "!CHUNK_EXTENSION");
}

static void test_length(void **state UNUSED) {
    struct http1_framing framing = {.kind = HTTP1_BODY_LENGTH, .length = 3};
    check(&framing, SPAN_LITERAL("abc"), "9112-6.2", "abc||");
    check(&framing, SPAN_LITERAL("abcGET"), "9112-6.2", "abc||GET");
    check(&framing, SPAN_LITERAL("ab"), "9112-8", "incomplete");
}

static void test_until_close(void **state UNUSED) {
    struct http1_framing framing = {.kind = HTTP1_BODY_UNTIL_CLOSE};
    check(&framing, SPAN_LITERAL("abc"), "9112-6.3", "abc");
}

static void read_all(struct http1_body *body, struct span input, enum http1_fault wanted) {
    struct arena arena;
    struct span payload;
    arena_init(&arena, 4096);
    enum http1_body_status status;
    while ((status = http1_body_read(body, &arena, &input, &payload)) == HTTP1_BODY_PAYLOAD)
        continue;
    assert_int_equal(status, wanted == HTTP1_FAULT_NONE ? HTTP1_BODY_MORE : HTTP1_BODY_FAULT);
    assert_int_equal(body->fault, wanted);
    arena_deinit(&arena);
}

static void test_limits(void **state UNUSED) {
    static char line[HTTP_TRAILER_BYTES_MAX + 2];
    const struct http1_framing framing = {.kind = HTTP1_BODY_CHUNKED};
    struct http1_body body;
    memset(line, '0', sizeof(line));
    http1_body_init(&body, &framing);
    read_all(&body, span_make(line, HTTP_CHUNK_LINE_BYTES_MAX), HTTP1_FAULT_NONE);
    read_all(&body, span_make(line, 1), HTTP1_FAULT_CHUNK_EXTENSION);
    memset(line, 'a', sizeof(line));
    http1_body_init(&body, &framing);
    read_all(&body, SPAN_LITERAL("1;"), HTTP1_FAULT_NONE);
    read_all(&body, span_make(line, HTTP_CHUNK_LINE_BYTES_MAX - 2), HTTP1_FAULT_NONE);
    read_all(&body, span_make(line, 1), HTTP1_FAULT_CHUNK_EXTENSION);
    /* Many chunks with middling extensions. */
    http1_body_init(&body, &framing);
    for (size_t total = 0; total + 1010 < HTTP_CHUNK_EXTENSION_BYTES_MAX; total += 1001) {
        read_all(&body, SPAN_LITERAL("1;"), HTTP1_FAULT_NONE);
        read_all(&body, span_make(line, 1000), HTTP1_FAULT_NONE);
        read_all(&body, SPAN_LITERAL("\r\nx\r\n"), HTTP1_FAULT_NONE);
    }
    read_all(&body, SPAN_LITERAL("1;"), HTTP1_FAULT_NONE);
    read_all(&body, span_make(line, 1000), HTTP1_FAULT_CHUNK_EXTENSION);
    /* Trailers, in one piece and in two. */
    for (int pieces = 1; pieces <= 2; pieces++) {
        http1_body_init(&body, &framing);
        read_all(&body, SPAN_LITERAL("0\r\n"), HTTP1_FAULT_NONE);
        if (pieces == 2)
            read_all(&body, SPAN_LITERAL("X: "), HTTP1_FAULT_NONE);
        read_all(&body, span_make(line, sizeof(line)), HTTP1_FAULT_TRAILERS_TOO_LARGE);
        http1_body_deinit(&body);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_until_close),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
