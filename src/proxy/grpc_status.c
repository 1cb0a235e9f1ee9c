#include "proxy/grpc_status.h"

/* https://grpc.github.io/grpc/core/md_doc_statuscodes.html, in Envoy's spellings. */
static const struct {
    const char *camel, *snake;
} names[] = {
    {"OK", "OK"},
    {"Canceled", "CANCELLED"},
    {"Unknown", "UNKNOWN"},
    {"InvalidArgument", "INVALID_ARGUMENT"},
    {"DeadlineExceeded", "DEADLINE_EXCEEDED"},
    {"NotFound", "NOT_FOUND"},
    {"AlreadyExists", "ALREADY_EXISTS"},
    {"PermissionDenied", "PERMISSION_DENIED"},
    {"ResourceExhausted", "RESOURCE_EXHAUSTED"},
    {"FailedPrecondition", "FAILED_PRECONDITION"},
    {"Aborted", "ABORTED"},
    {"OutOfRange", "OUT_OF_RANGE"},
    {"Unimplemented", "UNIMPLEMENTED"},
    {"Internal", "INTERNAL"},
    {"Unavailable", "UNAVAILABLE"},
    {"DataLoss", "DATA_LOSS"},
    {"Unauthenticated", "UNAUTHENTICATED"},
};

bool grpc_is_request(const struct message_head *request) {
    if (request == NULL)
        return false;
    struct span type = message_head_value(request, HEADER_CONTENT_TYPE);
    struct span rest = span_from(type, sizeof("application/grpc") - 1);
    return span_starts_with(type, SPAN_LITERAL("application/grpc")) && (rest.size == 0 || rest.data[0] == '+');
}

int grpc_status_of_http(unsigned status) {
    switch (status) {
    case 400: return 13; /* internal */
    case 401: return 16; /* unauthenticated */
    case 403: return 7;  /* permission denied */
    case 404: return 12; /* unimplemented */
    case 429:
    case 502:
    case 503:
    case 504: return 14; /* unavailable */
    default: return 2;   /* unknown */
    }
}

static bool read_field(const struct message_head *head, int *ret_status) {
    uint64_t number;
    struct span value = head == NULL ? SPAN_EMPTY : message_head_value(head, HEADER_GRPC_STATUS);
    if (value.size == 0)
        return false;
    *ret_status = span_to_u64(value, &number) && number <= INT32_MAX ? (int)number : GRPC_STATUS_INVALID;
    return true;
}

bool grpc_status_find(const struct message_head *request, const struct message_head *response, const struct message_head *trailers,
                      int *ret_status) {
    if (!grpc_is_request(request) || response == NULL)
        return false;
    if (!read_field(trailers, ret_status) && !read_field(response, ret_status))
        *ret_status = grpc_status_of_http((unsigned)response->status);
    return true;
}

static bool has_name(int status) {
    return status >= 0 && (size_t)status < ARRAY_SIZE(names);
}

struct span grpc_status_camel_name(int status) {
    return has_name(status) ? span_of(names[status].camel) : SPAN_EMPTY;
}

struct span grpc_status_snake_name(int status) {
    return has_name(status) ? span_of(names[status].snake) : SPAN_EMPTY;
}
