#include "compile/mesh_identity.h"

#include "compile/compiler.h"
#include "compile/identity_cache.h"
#include "compile/upstream_cache.h"
#include "tls/client_policy.h"

#define CACHE_NAME SPAN_LITERAL("//mesh")

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

static struct span read_part(struct compiler *compiler, const char *name) {
    struct span path = arena_print(&compiler->scratch, "%.*s/%s", SPAN_ARGUMENTS(compiler->options->mesh_identity), name);
    struct span text = SPAN_EMPTY;
    return compiler_read_file(compiler, path, &text) ? text : SPAN_EMPTY;
}

/* With a reference of the caller's: that of the same text before, or a new one; NULL: the two do not fit. */
static struct tls_identity *make_pair(struct identity_cache *cache, const struct span pair[2], struct tls_identity_error *ret_error) {
    struct tls_identity *identity = NULL;
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(pair, 2, hash);
    if (cache != NULL)
        identity = identity_cache_find(cache, CACHE_NAME, hash);
    if (identity != NULL)
        return tls_identity_pin(identity);
    if (tls_identity_create(pair[0], pair[1], ret_error, &identity) != TLS_IDENTITY_OK)
        return NULL;
    if (cache != NULL)
        identity_cache_put(cache, CACHE_NAME, hash, identity);
    return identity;
}

/* The new pair, else the last good one. */
static struct tls_identity *find_pair(struct compiler *compiler, const char **ret_mistake) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_identity_error *error = arena_new(&compiler->scratch, struct tls_identity_error);
    const struct span pair[] = {read_part(compiler, "cert-chain.pem"), read_part(compiler, "key.pem")};
    struct tls_identity *identity = NULL;
    if (pair[0].size == 0 || pair[1].size == 0)
        *ret_mistake = "the folder of --mesh-identity holds no cert-chain.pem and key.pem that can be read";
    else if ((identity = make_pair(cache, pair, error)) == NULL)
        *ret_mistake = arena_print(&compiler->scratch, "cert-chain.pem and key.pem of --mesh-identity: %s", error->text).data;
    if (identity == NULL && cache != NULL && (identity = identity_cache_last(cache, CACHE_NAME)) != NULL)
        tls_identity_pin(identity);
    return identity;
}

/* Likewise. */
static struct span find_roots(struct compiler *compiler, const char **ret_mistake) {
    struct upstream_cache *cache = compiler->options->upstreams;
    struct span text = read_part(compiler, "root-cert.pem");
    if (tls_certificates_are_whole(text)) {
        if (cache != NULL)
            upstream_cache_keep_text(cache, CACHE_NAME, text);
        return text;
    }
    *ret_mistake = "the folder of --mesh-identity holds no root-cert.pem with certificates that can all be read";
    if (cache == NULL || !upstream_cache_last_text(cache, CACHE_NAME, &text))
        return SPAN_EMPTY;
    return arena_copy(&compiler->scratch, text);
}

static void look(struct compiler *compiler, struct mesh_identity *mesh) {
    mesh->identity = find_pair(compiler, &mesh->mistake);
    mesh->root_pem = find_roots(compiler, &mesh->mistake);
    if (mesh->identity != NULL)
        arena_on_destroy(compiler->arena, unpin, mesh->identity);
    mesh->is_usable = mesh->identity != NULL && mesh->root_pem.size > 0;
}

const struct mesh_identity *compile_mesh_identity(struct compiler *compiler) {
    struct mesh_identity *mesh = &compiler->mesh_identity;
    if (!mesh->looked_for) {
        mesh->looked_for = true;
        look(compiler, mesh);
    }
    return mesh;
}
