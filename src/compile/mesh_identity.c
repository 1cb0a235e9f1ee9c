#include "compile/mesh_identity.h"

#include "compile/compiler.h"
#include "compile/identity_cache.h"
#include "tls/client_policy.h"

#define CACHE_NAME SPAN_LITERAL("//mesh")

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

static bool read_part(struct compiler *compiler, const char *name, struct span *ret_text) {
    struct span path = arena_print(&compiler->scratch, "%.*s/%s", SPAN_ARGUMENTS(compiler->options->mesh_identity), name);
    return compiler_read_file(compiler, path, ret_text) && ret_text->size > 0;
}

/* The new pair, or the last good one; NULL: neither. */
static struct tls_identity *find_pair(struct compiler *compiler, const struct span pair[2], struct tls_identity_error *ret_error) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_identity *identity = NULL;
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(pair, 2, hash);
    if (tls_identity_create(pair[0], pair[1], ret_error, &identity) == TLS_IDENTITY_OK) {
        if (cache != NULL)
            identity_cache_put(cache, CACHE_NAME, hash, identity);
        return identity;
    }
    identity = cache == NULL ? NULL : identity_cache_last(cache, CACHE_NAME);
    return identity == NULL ? NULL : tls_identity_pin(identity);
}

static void look(struct compiler *compiler, struct mesh_identity *mesh) {
    struct span pair[2];
    struct tls_identity_error *error = arena_new(&compiler->scratch, struct tls_identity_error);
    if (!read_part(compiler, "cert-chain.pem", &pair[0]) || !read_part(compiler, "key.pem", &pair[1]) ||
        !read_part(compiler, "root-cert.pem", &mesh->root_pem)) {
        mesh->mistake = "the folder of --mesh-identity does not hold cert-chain.pem, key.pem and root-cert.pem";
        return;
    }
    mesh->identity = find_pair(compiler, pair, error);
    if (mesh->identity == NULL)
        mesh->mistake = error->text;
    else
        arena_on_destroy(compiler->arena, unpin, mesh->identity);
}

const struct mesh_identity *compile_mesh_identity(struct compiler *compiler) {
    struct mesh_identity *mesh = &compiler->mesh_identity;
    if (!mesh->looked_for) {
        mesh->looked_for = true;
        look(compiler, mesh);
    }
    return mesh;
}
