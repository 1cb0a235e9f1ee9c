#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/status.h"

static void test_requests(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        enum status_request request;
    } cases[] = {
        {"", STATUS_REQUEST_INCOMPLETE},
        {"GET /healthz/ready HTTP/1.1\r\nHost: a\r\n", STATUS_REQUEST_INCOMPLETE},
        {"GET /healthz/ready HTTP/1.1\r\nHost: a\r\n\r\n", STATUS_REQUEST_READY},
        {"GET /healthz/ready HTTP/1.0\n\n", STATUS_REQUEST_READY},
        {"\r\nHEAD /healthz/ready?a HTTP/1.1\r\n\r\n", STATUS_REQUEST_READY},
        {"GET /healthz/ready/deeper HTTP/1.1\r\n\r\n", STATUS_REQUEST_READY},
        {"GET http://gateway:15021/healthz/ready HTTP/1.1\r\n\r\n", STATUS_REQUEST_READY},
        {"GET / HTTP/1.1\r\n\r\n", STATUS_REQUEST_NOT_FOUND},
        {"GET http://gateway HTTP/1.1\r\n\r\n", STATUS_REQUEST_NOT_FOUND},
        {"GET /healthz HTTP/1.1\r\n\r\n", STATUS_REQUEST_NOT_FOUND},
        {"GET /?/healthz/ready HTTP/1.1\r\n\r\n", STATUS_REQUEST_NOT_FOUND},
        {"POST /healthz/ready HTTP/1.1\r\n\r\n", STATUS_REQUEST_METHOD_NOT_ALLOWED},
        {"GET /healthz/ready\r\n\r\n", STATUS_REQUEST_BAD},
        {"GET /healthz/ready HTTP/2.0\r\n\r\n", STATUS_REQUEST_BAD},
        {"GET /healthz/ready HTTP/1.1 x\r\n\r\n", STATUS_REQUEST_BAD},
        {"\r\n\r\n", STATUS_REQUEST_BAD},
        {"\x16\x03\x01\n\n", STATUS_REQUEST_BAD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum status_request request = status_request_parse(span_of(cases[i].bytes));
        if (request != cases[i].request)
            fail_msg("case %zu: %d, not %d", i, (int)request, (int)cases[i].request);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
