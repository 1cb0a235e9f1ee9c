#include "proxy/grpc_reply.h"

#include "base/limits.h"

bool grpc_reply_applies(const struct message_head *request) {
    if (request == NULL)
        return false;
    struct span type = message_head_value(request, HEADER_CONTENT_TYPE);
    struct span rest = span_from(type, sizeof("application/grpc") - 1);
    return span_starts_with(type, SPAN_LITERAL("application/grpc")) && (rest.size == 0 || rest.data[0] == '+');
}

/* https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html */
static int grpc_status_of(int status) {
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

/* Percent-encoded as gRPC over HTTP/2 asks: what is not printable ASCII, and the percent sign. */
static struct span encode_message(struct arena *arena, struct span text) {
    static const char digits[] = "0123456789ABCDEF";
    text = span_first(text, GRPC_MESSAGE_BYTES_MAX);
    char *bytes = arena_allocate_aligned(arena, 3 * text.size + 1, 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool plain = byte >= ' ' && byte < 0x7f && byte != '%';
        if (plain) {
            bytes[size++] = (char)byte;
            continue;
        }
        bytes[size++] = '%';
        bytes[size++] = digits[byte >> 4];
        bytes[size++] = digits[byte & 15];
    }
    return span_make(bytes, size);
}

struct local_reply grpc_reply_of(const struct local_reply *reply, const struct message_head *request) {
    struct arena *arena = request->arena;
    struct message_head answer;
    message_head_init(&answer, arena, 8);
    for (size_t i = 0; i < reply->field_count; i++)
        message_head_add_name(&answer, reply->fields[i].name, reply->fields[i].value);
    message_head_add(&answer, HEADER_CONTENT_TYPE, SPAN_LITERAL("application/grpc"));
    int status = reply->has_grpc_status ? reply->grpc_status : grpc_status_of(reply->status);
    message_head_add(&answer, HEADER_GRPC_STATUS, arena_print(arena, "%d", status));
    if (reply->body.size > 0)
        message_head_add(&answer, HEADER_GRPC_MESSAGE, encode_message(arena, reply->body));
    struct local_reply grpc = *reply;
    grpc.status = 200;
    grpc.body = SPAN_EMPTY;
    grpc.fields = answer.headers;
    grpc.field_count = answer.header_count;
    return grpc;
}
