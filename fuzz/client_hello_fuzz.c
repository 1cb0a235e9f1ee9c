// The ClientHello reader. The first byte chooses how large the pieces are; the verdict must not depend on it, and every span must lie in
// memory that is still there.
#include <stdlib.h>

#include "base/assert.h"
#include "wire/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touch(struct span text)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++)
        sum = sum * 31 + (uint8_t)text.data[i];
    return sum;
}

struct verdict {
    enum client_hello_status status;
    uint64_t sum;
    size_t size;
};

static struct verdict judge(struct span bytes, size_t step)
{
    struct client_hello_reader reader;
    struct client_hello hello = {0};
    struct verdict verdict = {CLIENT_HELLO_INCOMPLETE, 0, 0};
    client_hello_reader_init(&reader);
    for (size_t at = 0; at < bytes.size && verdict.status == CLIENT_HELLO_INCOMPLETE; at += step) {
        struct span piece = span_first(span_from(bytes, at), step);
        char *copy = malloc(piece.size);
        memcpy(copy, piece.data, piece.size);
        verdict.status = client_hello_feed(&reader, span_make(copy, piece.size), &hello);
        free(copy);
    }
    if (verdict.status == CLIENT_HELLO_COMPLETE) {
        struct span rest = hello.alpn_wire, protocol;
        verdict.sum = touch(hello.server_name) + hello.version_max;
        verdict.size = hello.size;
        while (client_hello_alpn_next(&rest, &protocol))
            verdict.sum += touch(protocol);
        ASSERT(rest.size == 0);
        ASSERT(hello.size <= bytes.size);
    }
    client_hello_reader_deinit(&reader);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return -1;
    struct span bytes = span_make(data + 1, size - 1);
    struct verdict pieces = judge(bytes, (size_t)data[0] + 1);
    struct verdict whole = judge(bytes, size);
    ASSERT(pieces.status == whole.status && pieces.sum == whole.sum && pieces.size == whole.size);
    return 0;
}
