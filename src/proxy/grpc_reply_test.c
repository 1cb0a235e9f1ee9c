#include "proxy/grpc_reply.h"
#include "proxy/grpc_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static struct message_head request_of(const char *type) {
    struct message_head head;
    message_head_init(&head, &arena, 2);
    if (type != NULL)
        message_head_add(&head, HEADER_CONTENT_TYPE, span_of(type));
    return head;
}

static void grpc_is_told_by_the_content_type(void **state) {
    (void)state;
    const struct {
        const char *type;
        bool applies;
    } cases[] = {{NULL, false},
                 {"application/json", false},
                 {"application/grpc", true},
                 {"application/grpc+proto", true},
                 {"application/grpc-web", false},
                 {"application/grp", false}};
    arena_init(&arena, 4096);
    assert_false(grpc_is_request(NULL));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message_head request = request_of(cases[i].type);
        assert_int_equal(grpc_is_request(&request), cases[i].applies);
    }
    arena_deinit(&arena);
}

static void status_and_message_become_fields(void **state) {
    (void)state;
    const struct {
        struct local_reply reply;
        const char *status, *message;
    } cases[] = {
        {{.status = 503, .body = SPAN_LITERAL("no healthy upstream")}, "14", "no healthy upstream"},
        {{.status = 404}, "12", NULL},
        {{.status = 400}, "13", NULL},
        {{.status = 403}, "7", NULL},
        {{.status = 401}, "16", NULL},
        {{.status = 301}, "2", NULL},
        {{.status = 200, .has_grpc_status = true, .grpc_status = 8, .body = SPAN_LITERAL("50%\n\xc3\xa9")}, "8", "50%25%0A%C3%A9"},
    };
    arena_init(&arena, 4096);
    struct message_head request = request_of("application/grpc");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct local_reply reply = grpc_reply_of(&cases[i].reply, &request);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.size, 0);
        assert_int_equal(reply.field_count, cases[i].message != NULL ? 3 : 2);
        assert_true(span_equal(reply.fields[0].value, SPAN_LITERAL("application/grpc")));
        assert_true(span_equal(reply.fields[1].value, span_of(cases[i].status)));
        if (cases[i].message != NULL)
            assert_true(span_equal(reply.fields[2].value, span_of(cases[i].message)));
    }
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grpc_is_told_by_the_content_type),
        cmocka_unit_test(status_and_message_become_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
