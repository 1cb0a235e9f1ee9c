#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls/hello_name.h"

/* Version, random, empty session id, one cipher suite, null compression. */
#define HEAD                           \
    "\x03\x03"                         \
    "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr" \
    "\x00"                             \
    "\x00\x02\x13\x01"                 \
    "\x01\x00"
#define HEAD_SIZE 41

/* A hello of the given tail (what follows the compression methods), exactly as long as it is, so that a sanitizer sees
 * a read past it. */
static bool parse(struct span tail, size_t cut, struct span *ret_name, char **ret_message)
{
    size_t body_size = HEAD_SIZE + tail.size;
    size_t size = 4 + body_size;
    char *message = malloc(size);
    assert_non_null(message);
    memcpy(message, (const char[]){1, 0, (char)(body_size >> 8), (char)body_size}, 4);
    memcpy(message + 4, HEAD, HEAD_SIZE);
    memcpy(message + 4 + HEAD_SIZE, tail.data, tail.size);
    assert_true(cut <= size);
    char *exact = malloc(size - cut + 1);
    assert_non_null(exact);
    memcpy(exact, message, size - cut);
    free(message);
    *ret_message = exact;
    return tls_hello_server_name(span_make(exact, size - cut), ret_name);
}

static void assert_name(struct span tail, const char *expected)
{
    struct span name;
    char *message;
    assert_true(parse(tail, 0, &name, &message));
    assert_int_equal(name.size, strlen(expected));
    assert_memory_equal(name.data, expected, name.size);
    free(message);
}

static void assert_refused(struct span tail, size_t cut)
{
    struct span name = SPAN_LITERAL("untouched");
    char *message;
    assert_false(parse(tail, cut, &name, &message));
    assert_int_equal(name.size, 9);
    free(message);
}

static const struct span with_name = SPAN_LITERAL("\x00\x12"
                                                  "\x00\x17\x00\x00"
                                                  "\x00\x00\x00\x0a"
                                                  "\x00\x08\x00\x00\x05"
                                                  "a.exa");

static void test_names(void **state UNUSED)
{
    assert_name(with_name, "a.exa");
    assert_name(SPAN_LITERAL("\x00\x04\x00\x17\x00\x00"), "");
    assert_name(SPAN_LITERAL(""), "");
}

static void test_refusals(void **state UNUSED)
{
    for (size_t cut = 1; cut <= 4 + HEAD_SIZE + with_name.size; cut++)
        assert_refused(with_name, cut);
    assert_refused(SPAN_LITERAL("\x00\x04\x00\x17\x00\x00surplus"), 0);
    assert_refused(SPAN_LITERAL("\x00\x05\x00\x17\x00\x00\x00"), 0);
    /* Another type of name; two names; an empty list. */
    assert_refused(SPAN_LITERAL("\x00\x0a\x00\x00\x00\x06\x00\x04\x01\x00\x01"
                                "a"),
                   0);
    assert_refused(SPAN_LITERAL("\x00\x0e\x00\x00\x00\x0a\x00\x08\x00\x00\x01"
                                "a\x00\x00\x01"
                                "b"),
                   0);
    assert_refused(SPAN_LITERAL("\x00\x06\x00\x00\x00\x02\x00\x00"), 0);
    struct span name;
    assert_false(tls_hello_server_name(SPAN_EMPTY, &name));
    assert_false(tls_hello_server_name(SPAN_LITERAL("\x02\x00\x00\x00"), &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
