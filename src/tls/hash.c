#include "tls/hash.h"

#include <openssl/sha.h>

#include "base/assert.h"

void tls_sha256(struct span bytes, uint8_t ret_hash[TLS_SHA256_SIZE])
{
    SHA256((const uint8_t *)bytes.data, bytes.size, ret_hash);
}

void tls_sha256_parts(const struct span *parts, size_t count, uint8_t ret_hash[TLS_SHA256_SIZE])
{
    SHA256_CTX state;
    ASSERT(SHA256_Init(&state) == 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t size = parts[i].size;
        uint8_t size_bytes[8];
        for (size_t k = 0; k < sizeof(size_bytes); k++)
            size_bytes[k] = (uint8_t)(size >> (56 - 8 * k));
        ASSERT(SHA256_Update(&state, size_bytes, sizeof(size_bytes)) == 1);
        if (size > 0)
            ASSERT(SHA256_Update(&state, parts[i].data, parts[i].size) == 1);
    }
    ASSERT(SHA256_Final(ret_hash, &state) == 1);
}
