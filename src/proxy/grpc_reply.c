#include "proxy/grpc_reply.h"

#include "base/limits.h"
#include "proxy/grpc_status.h"

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
    int status = reply->has_grpc_status ? reply->grpc_status : grpc_status_of_http((unsigned)reply->status);
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
