#include "compile/mesh_identity.h"

#include "compile/compiler.h"
#include "compile/file_identity.h"
#include "compile/upstream_cache.h"

#define CACHE_NAME SPAN_LITERAL("//mesh")

static struct span read_part(struct compiler *compiler, const char *name) {
    struct span path = arena_print(&compiler->scratch, "%.*s/%s", SPAN_ARGUMENTS(compiler->options->mesh_identity), name);
    struct span text = SPAN_EMPTY;
    return compiler_read_file(compiler, path, &text) ? text : SPAN_EMPTY;
}

/* The new pair, else the last good one. */
static struct tls_identity *find_pair(struct compiler *compiler, const char **ret_mistake) {
    struct tls_identity_error error;
    struct span chain = read_part(compiler, "cert-chain.pem");
    struct span key = read_part(compiler, "key.pem");
    struct tls_identity *identity = compile_file_identity(compiler, CACHE_NAME, chain, key, &error);
    if (chain.size == 0 || key.size == 0)
        *ret_mistake = "the folder of --mesh-identity holds no cert-chain.pem and key.pem that can be read";
    else if (error.text[0] != '\0')
        *ret_mistake = arena_print(&compiler->scratch, "cert-chain.pem and key.pem of --mesh-identity: %s", error.text).data;
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
    mesh->is_usable = mesh->identity != NULL && mesh->root_pem.size > 0;
}

struct mesh_identity *compile_mesh_identity(struct compiler *compiler) {
    struct mesh_identity *mesh = &compiler->mesh_identity;
    if (!mesh->looked_for) {
        mesh->looked_for = true;
        look(compiler, mesh);
    }
    return mesh;
}
