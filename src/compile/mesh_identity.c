#include "compile/mesh_identity.h"

#include "compile/compiler.h"
#include "compile/identity_build.h"
#include "compile/trust.h"

#define CACHE_NAME SPAN_LITERAL("//mesh")

static struct span read_part(struct compiler *compiler, const char *name) {
    struct span path = arena_print(&compiler->scratch, "%.*s/%s", SPAN_ARGUMENTS(compiler->options->mesh_identity), name);
    struct span text = SPAN_EMPTY;
    return compiler_read_file(compiler, path, &text) ? text : SPAN_EMPTY;
}

/* The new pair, else the last good one. */
static struct tls_identity *find_pair(struct compiler *compiler, const char **ret_mistake) {
    struct tls_identity_error error;
    struct identity_text text = {
        .cache_key = CACHE_NAME, .chain = read_part(compiler, "cert-chain.pem"), .key = read_part(compiler, "key.pem")};
    struct tls_identity *identity = identity_build_or_last(compiler, &text, &error);
    if (text.chain.size == 0 || text.key.size == 0)
        *ret_mistake = "the folder of --mesh-identity holds no cert-chain.pem and key.pem that can be read";
    else if (error.text[0] != '\0')
        *ret_mistake = arena_print(&compiler->scratch, "cert-chain.pem and key.pem of --mesh-identity: %s", error.text).data;
    return identity;
}

/* Likewise. */
static struct tls_trust *find_roots(struct compiler *compiler, const char **ret_mistake) {
    struct tls_identity_error error;
    struct trust_text text = {.authorities = read_part(compiler, "root-cert.pem")};
    struct tls_trust *trust = trust_build(compiler, CACHE_NAME, &text, &error);
    if (text.authorities.size == 0)
        *ret_mistake = "the folder of --mesh-identity holds no root-cert.pem that can be read";
    else if (error.text[0] != '\0')
        *ret_mistake = arena_print(&compiler->scratch, "root-cert.pem of --mesh-identity: %s", error.text).data;
    return trust;
}

static void look(struct compiler *compiler, struct mesh_identity *mesh) {
    mesh->identity = find_pair(compiler, &mesh->mistake);
    mesh->trust = find_roots(compiler, &mesh->mistake);
    mesh->is_usable = mesh->identity != NULL && mesh->trust != NULL;
}

struct mesh_identity *compile_mesh_identity(struct compiler *compiler) {
    struct mesh_identity *mesh = &compiler->mesh_identity;
    if (!mesh->looked_for) {
        mesh->looked_for = true;
        look(compiler, mesh);
    }
    return mesh;
}
