/* SHA-256 (FIPS 180-4) for content hashes and session-id contexts. Any thread. */
#ifndef FAIRLEAD_TLS_HASH_H
#define FAIRLEAD_TLS_HASH_H

#include <stdint.h>

#include "base/span.h"

#define TLS_SHA256_SIZE 32

void tls_sha256(struct span bytes, uint8_t ret_hash[TLS_SHA256_SIZE]);
/* One hash over several parts; every part's size goes in before its bytes, so that "ab","c" and "a","bc" differ. */
void tls_sha256_parts(const struct span *parts, size_t count, uint8_t ret_hash[TLS_SHA256_SIZE]);

#endif
