#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compile/test_pem.h"
#include "compile/upstream_cache.h"

static struct tls_client_policy *policy_of(struct upstream_cache *cache, const char *name) {
    struct span names[] = {span_of(name)};
    struct tls_client_policy_options options = {.subject_alt_names = names, .subject_alt_name_count = 1, .skips_verification = true};
    struct tls_identity_error error;
    struct tls_client_policy *policy;
    assert_true(upstream_cache_policy(cache, &options, &error, &policy));
    return policy;
}

static void policies_of_equal_options_are_one(void **state) {
    (void)state;
    struct upstream_cache *cache = upstream_cache_create();
    struct tls_client_policy *first = policy_of(cache, "a.test"), *second = policy_of(cache, "a.test"), *other = policy_of(cache, "b.test");
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    tls_client_policy_unpin(second);
    tls_client_policy_unpin(other);
    upstream_cache_sweep(cache);
    second = policy_of(cache, "a.test");
    assert_ptr_equal(first, second);
    tls_client_policy_unpin(second);
    upstream_cache_sweep(cache);
    /* Nobody asked between two sweeps: the next one is another, while the first stays alive for its holder. */
    upstream_cache_sweep(cache);
    second = policy_of(cache, "a.test");
    assert_ptr_not_equal(first, second);
    assert_memory_equal(tls_client_policy_hash(first), tls_client_policy_hash(second), TLS_SHA256_SIZE);
    tls_client_policy_unpin(first);
    tls_client_policy_unpin(second);
    upstream_cache_destroy(cache);
}

static void without_a_cache_each_is_new(void **state) {
    (void)state;
    struct tls_client_policy *first = policy_of(NULL, "a.test"), *second = policy_of(NULL, "a.test");
    assert_ptr_not_equal(first, second);
    tls_client_policy_unpin(first);
    tls_client_policy_unpin(second);
    upstream_cache_destroy(NULL);
}

static void the_last_text_stays_until_it_is_swept(void **state) {
    (void)state;
    struct upstream_cache *cache = upstream_cache_create();
    struct span text;
    assert_false(upstream_cache_last_text(cache, SPAN_LITERAL("/ca.pem"), &text));
    upstream_cache_keep_text(cache, SPAN_LITERAL("/ca.pem"), SPAN_LITERAL("one"));
    upstream_cache_keep_text(cache, SPAN_LITERAL("/ca.pem"), SPAN_LITERAL("two"));
    upstream_cache_sweep(cache);
    assert_true(upstream_cache_last_text(cache, SPAN_LITERAL("/ca.pem"), &text));
    assert_true(span_equal(text, SPAN_LITERAL("two")));
    upstream_cache_sweep(cache);
    assert_true(upstream_cache_last_text(cache, SPAN_LITERAL("/ca.pem"), &text));
    upstream_cache_sweep(cache);
    upstream_cache_sweep(cache);
    assert_false(upstream_cache_last_text(cache, SPAN_LITERAL("/ca.pem"), &text));
    upstream_cache_destroy(cache);
}

static void certificates_are_whole_or_not(void **state) {
    (void)state;
    struct span pem = span_of(CHAIN_ONE);
    char twice[2 * sizeof(CHAIN_ONE) + 16];
    snprintf(twice, sizeof(twice), "# a comment\n%s%s", CHAIN_ONE, CHAIN_ONE);
    assert_true(tls_certificates_are_whole(pem));
    assert_false(tls_certificates_are_whole(SPAN_EMPTY));
    assert_false(tls_certificates_are_whole(SPAN_LITERAL("nonsense")));
    for (size_t size = 0; size + 20 < pem.size; size += 7)
        assert_false(tls_certificates_are_whole(span_first(pem, size)));
    assert_true(tls_certificates_are_whole(span_of(twice)));
    assert_false(tls_certificates_are_whole(span_first(span_of(twice), strlen(twice) - 40)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_equal_options_are_one),
        cmocka_unit_test(without_a_cache_each_is_new),
        cmocka_unit_test(the_last_text_stays_until_it_is_swept),
        cmocka_unit_test(certificates_are_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
