#include "compile/identity_cache.h"

#include "tls/test_pem_text.h"
#include "compile/test_world.h"

#define GATEWAY                                                                                            \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec:\n"  \
    "  servers:\n"                                                                                         \
    "  - {hosts: [a.com], port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}}\n"

static void add_secret(struct world *world, const char *chain, const char *key) {
    char yaml[8192];
    size_t size = 0;
    const char *const parts[] = {chain, key};
    static const char *const names[] = {"tls.crt", "tls.key"};
    size += (size_t)snprintf(yaml, sizeof(yaml), "apiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: istio-system}\nstringData:\n");
    for (size_t i = 0; i < 2; i++) {
        struct span rest = span_of(parts[i]);
        struct span line;
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "  %s: |\n", names[i]);
        while (span_split(&rest, '\n', &line))
            size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "    %.*s\n", SPAN_ARGUMENTS(line));
    }
    world_add(world, yaml);
}

/* Compiles with a Secret of this pair, none when `chain` is NULL. */
static void open_world(struct world *world, struct identity_cache *cache, const char *chain, const char *key) {
    world_open(world);
    world->options.identities = cache;
    world_add(world, GATEWAY);
    if (chain != NULL)
        add_secret(world, chain, key);
    world_compile(world);
}

static struct tls_identity *identity_of(const struct world *world) {
    return world_chain(world, 8443, "a.com")->identity;
}

static void unchanged_secrets_share_their_identity(void **state) {
    (void)state;
    struct identity_cache *cache = identity_cache_create();
    struct world first;
    struct world second;
    open_world(&first, cache, CHAIN_ONE, KEY_ONE);
    open_world(&second, cache, CHAIN_ONE, KEY_ONE);
    assert_non_null(identity_of(&first));
    assert_ptr_equal(identity_of(&first), identity_of(&second));
    world_close(&first);
    assert_int_equal(tls_identity_name_count(identity_of(&second)), 1);
    world_close(&second);
    identity_cache_destroy(cache);
}

static void a_changed_secret_is_a_new_identity(void **state) {
    (void)state;
    struct identity_cache *cache = identity_cache_create();
    struct world first;
    struct world second;
    open_world(&first, cache, CHAIN_ONE, KEY_ONE);
    open_world(&second, cache, CHAIN_TWO, KEY_TWO);
    assert_span(tls_identity_subject(identity_of(&first)), "CN=one");
    assert_span(tls_identity_subject(identity_of(&second)), "CN=two");
    world_close(&first);
    world_close(&second);
    identity_cache_destroy(cache);
}

static void a_broken_or_deleted_secret_keeps_the_last_good_one(void **state) {
    (void)state;
    struct identity_cache *cache = identity_cache_create();
    struct world worlds[3];
    open_world(&worlds[0], cache, CHAIN_ONE, KEY_ONE);
    open_world(&worlds[1], cache, CHAIN_ONE, KEY_TWO);
    open_world(&worlds[2], cache, NULL, NULL);
    assert_ptr_equal(identity_of(&worlds[1]), identity_of(&worlds[0]));
    assert_ptr_equal(identity_of(&worlds[2]), identity_of(&worlds[0]));
    assert_int_equal(world_find(&worlds[1], DIAGNOSTIC_SECRET_CONTENT)->severity, DIAGNOSTIC_ERROR);
    assert_non_null(world_find(&worlds[2], DIAGNOSTIC_SECRET_MISSING));
    for (size_t i = 0; i < 3; i++)
        world_close(&worlds[i]);
    identity_cache_destroy(cache);
}

static void without_a_cache_there_is_no_last_good_one(void **state) {
    (void)state;
    struct world world;
    open_world(&world, NULL, CHAIN_ONE, KEY_TWO);
    assert_null(identity_of(&world));
    world_close(&world);
}

static void what_nobody_uses_is_swept(void **state) {
    (void)state;
    struct identity_cache *cache = identity_cache_create();
    struct world world;
    open_world(&world, cache, CHAIN_ONE, KEY_ONE);
    assert_non_null(identity_cache_last(cache, SPAN_LITERAL("istio-system/c")));
    identity_cache_sweep(cache);
    identity_cache_sweep(cache);
    assert_null(identity_cache_last(cache, SPAN_LITERAL("istio-system/c")));
    world_close(&world);
    identity_cache_destroy(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_secrets_share_their_identity),
        cmocka_unit_test(a_changed_secret_is_a_new_identity),
        cmocka_unit_test(a_broken_or_deleted_secret_keeps_the_last_good_one),
        cmocka_unit_test(without_a_cache_there_is_no_last_good_one),
        cmocka_unit_test(what_nobody_uses_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
