#include "server/status.h"

bool status_is_reading(const struct local_request *request, struct local_answer *ret_answer) {
    enum http_method method = request->head->method_token;
    if (method == HTTP_METHOD_GET || method == HTTP_METHOD_HEAD)
        return true;
    ret_answer->status = 405;
    ret_answer->allow = "GET, HEAD";
    return false;
}

void status_answer(const struct local_request *request, bool ready, struct local_answer *ret_answer) {
    if (!span_starts_with(request->path, SPAN_LITERAL("/healthz/ready")))
        ret_answer->status = 404;
    else if (status_is_reading(request, ret_answer))
        ret_answer->status = ready ? 200 : 503;
}
