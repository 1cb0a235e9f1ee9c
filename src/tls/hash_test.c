#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/hash.h"

static void test_known_value(void **state UNUSED)
{
    /* FIPS 180-2, appendix B.1 */
    static const uint8_t expected[TLS_SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                                      0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                                      0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256(SPAN_LITERAL("abc"), hash);
    assert_memory_equal(hash, expected, sizeof(hash));
    tls_sha256(SPAN_EMPTY, hash);
    assert_int_equal(hash[0], 0xe3);
}

static void test_parts_are_kept_apart(void **state UNUSED)
{
    struct span first[] = {SPAN_LITERAL("ab"), SPAN_LITERAL("c"), SPAN_EMPTY};
    struct span second[] = {SPAN_LITERAL("a"), SPAN_LITERAL("bc"), SPAN_EMPTY};
    uint8_t first_hash[TLS_SHA256_SIZE];
    uint8_t again_hash[TLS_SHA256_SIZE];
    uint8_t second_hash[TLS_SHA256_SIZE];
    tls_sha256_parts(first, 3, first_hash);
    tls_sha256_parts(first, 3, again_hash);
    tls_sha256_parts(second, 3, second_hash);
    assert_memory_equal(first_hash, again_hash, TLS_SHA256_SIZE);
    assert_memory_not_equal(first_hash, second_hash, TLS_SHA256_SIZE);
    tls_sha256_parts(first, 2, second_hash);
    assert_memory_not_equal(first_hash, second_hash, TLS_SHA256_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_value),
        cmocka_unit_test(test_parts_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
