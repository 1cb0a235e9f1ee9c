#include "compile/file_identity.h"

#include "compile/compiler.h"
#include "compile/identity_cache.h"

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

/* With a reference of the caller's. */
static struct tls_identity *make(struct identity_cache *cache, struct span name, const struct span pair[2], struct tls_identity_error *ret_error) {
    struct tls_identity *identity = NULL;
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(pair, 2, hash);
    if (cache != NULL)
        identity = identity_cache_find(cache, name, hash);
    if (identity != NULL)
        return tls_identity_pin(identity);
    if (tls_identity_create(pair[0], pair[1], ret_error, &identity) != TLS_IDENTITY_OK)
        return NULL;
    if (cache != NULL)
        identity_cache_put(cache, name, hash, identity);
    return identity;
}

struct tls_identity *compile_file_identity(struct compiler *compiler, struct span name, struct span chain, struct span key,
                                           struct tls_identity_error *ret_error) {
    struct identity_cache *cache = compiler->options->identities;
    const struct span pair[] = {chain, key};
    ret_error->text[0] = '\0';
    struct tls_identity *identity = make(cache, name, pair, ret_error);
    if (identity == NULL && cache != NULL) {
        struct tls_identity *last = identity_cache_last(cache, name);
        identity = last == NULL ? NULL : tls_identity_pin(last);
    }
    if (identity != NULL)
        arena_on_destroy(compiler->arena, unpin, identity);
    return identity;
}
