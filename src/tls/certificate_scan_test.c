#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "base/limits.h"
#include "tls/certificate_scan.h"
#include "tls/pem.h"
#include "tls/test_pem.h"

#define SANS "DNS:Leaf.example,DNS:*.wild.example,IP:10.0.0.1,IP:fd00::1,URI:spiffe://a/ns/b/sa/c"

static X509 *make_certificate(EVP_PKEY *key, const char *subject, const char *sans)
{
    EVP_PKEY *issuer_key = test_key_ec(NID_X9_62_prime256v1);
    X509 *certificate = test_certificate(subject, key, "issuer", issuer_key, sans, 3600);
    EVP_PKEY_free(issuer_key);
    return certificate;
}

static struct span encode(X509 *certificate, struct arena *arena)
{
    uint8_t *bytes = NULL;
    int size = i2d_X509(certificate, &bytes);
    assert_true(size > 0);
    struct span copy = arena_copy(arena, span_make(bytes, (size_t)size));
    OPENSSL_free(bytes);
    return copy;
}

static void assert_same_spans(const struct span *a, const struct span *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(span_equal(a[i], b[i]));
}

/* What is read without the library is what the library reads. */
static void assert_as_library(struct span der, const struct tls_certificate_scan *scan, struct arena *arena)
{
    struct tls_certificate quick, whole;
    const uint8_t *cursor = (const uint8_t *)der.data;
    X509 *certificate = d2i_X509(NULL, &cursor, (long)der.size);
    if (certificate == NULL || cursor != (const uint8_t *)der.data + der.size)
        fail_msg("scanned, but the library does not read it");
    tls_certificate_scan_describe(scan, der, arena, &quick);
    tls_certificate_describe(certificate, arena, &whole);
    assert_int_equal(quick.name_count, whole.name_count);
    assert_int_equal(quick.uri_count, whole.uri_count);
    assert_same_spans(quick.names, whole.names, whole.name_count);
    assert_same_spans(quick.uris, whole.uris, whole.uri_count);
    for (size_t i = 0; i < whole.name_count; i++)
        assert_int_equal(quick.name_is_address[i], whole.name_is_address[i]);
    assert_int_equal(quick.not_before, whole.not_before);
    assert_int_equal(quick.not_after, whole.not_after);
    assert_memory_equal(quick.fingerprint, whole.fingerprint, TLS_SHA256_SIZE);
    assert_memory_equal(quick.names_hash, whole.names_hash, TLS_SHA256_SIZE);
    X509_free(certificate);
    ERR_clear_error();
}

static void reads_ordinary_certificates(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    EVP_PKEY *keys[] = {test_key_ec(NID_X9_62_prime256v1), test_key_ec(NID_secp384r1), test_key_rsa(2048)};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        X509 *certificate = make_certificate(keys[i], "leaf.example", i == 2 ? NULL : SANS);
        struct span der = encode(certificate, &arena);
        struct tls_certificate_scan scan;
        assert_true(tls_certificate_scan(der, &scan));
        assert_as_library(der, &scan, &arena);
        assert_true(tls_certificate_same_name(scan.issuer, scan.issuer));
        assert_false(tls_certificate_same_name(scan.issuer, scan.subject));
        X509_free(certificate);
        EVP_PKEY_free(keys[i]);
    }
    arena_deinit(&arena);
}

static void leaves_others_to_the_library(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"l\xc3\xa9" "a", NULL}, {"a", "email:a@b.c"}};
    struct arena arena;
    arena_init(&arena, 4096);
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        X509 *certificate = make_certificate(key, cases[i][0], cases[i][1]);
        struct tls_certificate_scan scan;
        assert_false(tls_certificate_scan(encode(certificate, &arena), &scan));
        X509_free(certificate);
    }
    X509 *twice = make_certificate(key, "a", "DNS:a.example");
    test_extension_add(twice, NID_subject_alt_name, "DNS:b.example");
    struct tls_certificate_scan scan;
    assert_false(tls_certificate_scan(encode(twice, &arena), &scan));
    X509_free(twice);
    EVP_PKEY_free(key);
    arena_deinit(&arena);
}

static void compares_names_as_the_library_does(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    X509 *lower = make_certificate(key, "an  authority", NULL), *upper = make_certificate(key, "An Authority", NULL);
    struct tls_certificate_scan a, b;
    assert_true(tls_certificate_scan(encode(lower, &arena), &a) && tls_certificate_scan(encode(upper, &arena), &b));
    assert_false(span_equal(a.subject, b.subject));
    assert_true(tls_certificate_same_name(a.subject, b.subject));
    X509_free(lower);
    X509_free(upper);
    EVP_PKEY_free(key);
    arena_deinit(&arena);
}

/* Every byte changed in several ways, every end cut off: what is still read, the library reads as well, and alike. */
static void never_reads_what_the_library_does_not(void **state)
{
    (void)state;
    static const uint8_t changes[] = {0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80, 0xff};
    struct arena arena;
    arena_init(&arena, 4096);
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    X509 *certificate = make_certificate(key, "leaf.example", SANS);
    struct span der = encode(certificate, &arena);
    size_t read_count = 0;
    for (size_t i = 0; i < der.size * ARRAY_SIZE(changes); i++) {
        struct arena each;
        struct tls_certificate_scan scan;
        arena_init(&each, 4096);
        struct span copy = arena_copy(&each, der);
        ((uint8_t *)(uintptr_t)copy.data)[i / ARRAY_SIZE(changes)] ^= changes[i % ARRAY_SIZE(changes)];
        if (tls_certificate_scan(copy, &scan)) {
            read_count++;
            assert_as_library(copy, &scan, &each);
        }
        assert_false(i < der.size && tls_certificate_scan(span_first(der, i), &scan));
        arena_deinit(&each);
    }
    assert_true(read_count > 100);
    X509_free(certificate);
    EVP_PKEY_free(key);
    arena_deinit(&arena);
}

/* '%' stands for the certificate. */
static void fill(char *text, size_t capacity, const char *format, const char *pem)
{
    size_t size = 0;
    for (; *format != '\0'; format++)
        size += (size_t)snprintf(text + size, capacity - size, "%.*s", *format == '%' ? (int)strlen(pem) : 1, *format == '%' ? pem : format);
    text[size] = '\0';
}

static void takes_chains_as_tools_write_them(void **state)
{
    (void)state;
    EVP_PKEY *key = test_key_ec(NID_X9_62_prime256v1);
    X509 *certificate = make_certificate(key, "leaf.example", SANS);
    char *pem = test_certificate_pem(certificate);
    char text[8192];
    static const struct {
        const char *format;
        size_t count;
    } cases[] = {{"%", 1}, {"%%", 2}, {"%\n%\n", 2}, {"#\n%", 0}, {"%#\n%", 0}, {" %", 0}, {"%-", 0}, {"", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tls_encoded_chain chain = {0};
        fill(text, sizeof(text), cases[i].format, pem);
        assert_int_equal(tls_pem_scan_chain(span_of(text), &chain), cases[i].count > 0);
        assert_true(cases[i].count == 0 || chain.count == cases[i].count);
        tls_encoded_chain_deinit(&chain);
    }
    struct tls_encoded_chain cut = {0};
    assert_false(tls_pem_scan_chain(span_first(span_of(pem), strlen(pem) - 2), &cut));
    tls_encoded_chain_deinit(&cut);
    memmove(strchr(pem, 'M') + 10, strchr(pem, 'M') + 11, strlen(pem) - 40);
    struct tls_encoded_chain shorter = {0};
    assert_false(tls_pem_scan_chain(span_of(pem), &shorter));
    tls_encoded_chain_deinit(&shorter);
    free(pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ordinary_certificates),
        cmocka_unit_test(leaves_others_to_the_library),
        cmocka_unit_test(compares_names_as_the_library_does),
        cmocka_unit_test(never_reads_what_the_library_does_not),
        cmocka_unit_test(takes_chains_as_tools_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
