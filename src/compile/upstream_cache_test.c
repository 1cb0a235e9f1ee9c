#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_equal_options_are_one),
        cmocka_unit_test(without_a_cache_each_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
