#include "proxy/grpc_timeout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static struct arena arena;

static struct message_head request_of(const char *type, const char *timeout) {
    struct message_head head;
    message_head_init(&head, &arena, 4);
    message_head_add(&head, HEADER_CONTENT_TYPE, span_of(type));
    if (timeout != NULL)
        message_head_add(&head, HEADER_GRPC_TIMEOUT, span_of(timeout));
    return head;
}

static void the_shorter_one_counts(void **state) {
    (void)state;
    const struct {
        const char *timeout;
        uint64_t route_ns, expected_ns;
    } cases[] = {
        {NULL, 0, 0},
        {NULL, SECONDS(5), SECONDS(5)},
        {"2S", 0, SECONDS(2)},
        {"2S", SECONDS(5), SECONDS(2)},
        {"9S", SECONDS(5), SECONDS(5)},
        {"250m", 0, MILLISECONDS(250)},
        {"7u", 0, 7000},
        {"7n", 0, 7},
        {"3M", 0, SECONDS(180)},
        {"1H", 0, SECONDS(3600)},
        {"99999999H", 0, SECONDS(100000000)},
        {"99999999H", SECONDS(5), SECONDS(5)},
        {"0S", SECONDS(5), SECONDS(5)},
        {"0S", 0, 0},
        {"123456789m", SECONDS(5), SECONDS(5)},
        {"S", SECONDS(5), SECONDS(5)},
        {"5", SECONDS(5), SECONDS(5)},
        {"-1S", SECONDS(5), SECONDS(5)},
        {"5s", SECONDS(5), SECONDS(5)},
        {"", SECONDS(5), SECONDS(5)},
    };
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message_head grpc = request_of("application/grpc", cases[i].timeout);
        assert_int_equal(grpc_timeout_ns(&grpc, cases[i].route_ns), cases[i].expected_ns);
        struct message_head other = request_of("application/json", cases[i].timeout);
        assert_int_equal(grpc_timeout_ns(&other, cases[i].route_ns), cases[i].route_ns);
    }
    arena_deinit(&arena);
}

static void the_upstream_is_told(void **state) {
    (void)state;
    const struct {
        uint64_t timeout_ns;
        const char *text;
    } cases[] = {{MILLISECONDS(1500), "1500m"}, {SECONDS(99999), "99999000m"}, {SECONDS(100000), "100000S"}, {SECONDS(100000000), "1666666M"}};
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message_head grpc = request_of("application/grpc+proto", "1H");
        grpc_timeout_write(&grpc, cases[i].timeout_ns);
        assert_true(span_equal(message_head_value(&grpc, HEADER_GRPC_TIMEOUT), span_of(cases[i].text)));
    }
    struct message_head untouched = request_of("application/grpc", "1H");
    grpc_timeout_write(&untouched, 0);
    assert_true(span_equal(message_head_value(&untouched, HEADER_GRPC_TIMEOUT), SPAN_LITERAL("1H")));
    struct message_head other = request_of("text/plain", NULL);
    grpc_timeout_write(&other, SECONDS(1));
    assert_false(message_head_has(&other, HEADER_GRPC_TIMEOUT));
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shorter_one_counts),
        cmocka_unit_test(the_upstream_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
