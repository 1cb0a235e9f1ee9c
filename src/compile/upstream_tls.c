#include "compile/upstream_tls.h"

#include "compile/compiler.h"
#include "compile/credentials.h"
#include "compile/trust.h"
#include "tls/client_policy.h"

/* One block on its way. */
struct building {
    struct compiler *compiler;
    const struct destination_rule *rule;
    const struct client_tls *written;
    struct cluster *cluster;
    struct span subset;
    struct tls_client_policy_options options;
};

static bool fail(struct building *building, struct position position, enum diagnostic_code code, const char *hint, const char *what) {
    const struct destination_rule *rule = building->rule;
    if (compiler_first_report(building->compiler, code, position, &rule->meta))
        compiler_report(building->compiler, DIAGNOSTIC_ERROR, code, position, &rule->meta, hint,
                        "%s; requests to %.*s are answered 503", what, SPAN_ARGUMENTS(building->cluster->host));
    building->cluster->refusal = arena_print(building->compiler->arena, "%.*s: %s", SPAN_ARGUMENTS(rule->meta.title), what);
    return false;
}

static bool read_file(struct building *building, const struct located *path, struct span *ret_text) {
    return compiler_read_file(building->compiler, path->text, ret_text) ||
           fail(building, path->position, DIAGNOSTIC_TLS_SETTING, "check the path and its permissions", "the file cannot be read");
}

static bool find_trust(struct building *building) {
    const struct client_tls *written = building->written;
    if (written->ca_crl.text.size > 0)
        return fail(building, written->ca_crl.position, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, "", "caCrl is not supported yet");
    if (written->insecure_skip_verify.value)
        return true;
    if (written->ca_certificates.text.size > 0)
        return read_file(building, &written->ca_certificates, &building->options.trust_pem);
    if (written->credential_name.text.size == 0)
        return true;
    struct trust_text text;
    if (!compile_credential_trust(building->compiler, &written->credential_name, &text))
        return fail(building, written->credential_name.position, DIAGNOSTIC_SECRET_CONTENT,
                    "put the authorities' certificates into the Secret's ca.crt, or into a Secret of this name and -cacert, in the gateway's namespace",
                    "no Secret of the credentialName holds certificates of authorities");
    building->options.trust_pem = text.authorities;
    return true;
}

static void unpin_identity(void *identity) {
    tls_identity_unpin(identity);
}

static bool find_identity(struct building *building) {
    const struct client_tls *written = building->written;
    struct tls_identity_error error;
    struct span chain, key;
    if (written->mode != CLIENT_TLS_MUTUAL)
        return true;
    if (written->credential_name.text.size > 0) {
        building->options.identity = compile_credential(building->compiler, &building->rule->meta, &written->credential_name);
        return building->options.identity != NULL ||
               fail(building, written->credential_name.position, DIAGNOSTIC_SECRET_CONTENT, "", "there is no certificate to show to the upstream");
    }
    if (!read_file(building, &written->client_certificate, &chain) || !read_file(building, &written->private_key, &key))
        return false;
    if (tls_identity_create(chain, key, &error, &building->options.identity) != TLS_IDENTITY_OK)
        return fail(building, written->client_certificate.position, DIAGNOSTIC_TLS_SETTING, "", error.text);
    arena_on_destroy(building->compiler->arena, unpin_identity, building->options.identity);
    return true;
}

/* The names are those of the endpoints' service accounts; SNI says where in the mesh the connection is to go. */
static bool find_mesh(struct building *building, struct span *ret_server_name) {
    struct compiler *compiler = building->compiler;
    const struct mesh_identity *mesh = compile_mesh_identity(compiler);
    const struct span_list *accounts = &compiler->service_accounts;
    if (mesh->identity == NULL)
        return fail(building, building->written->position, DIAGNOSTIC_TLS_SETTING, "", mesh->mistake);
    building->options.is_mesh = true;
    building->options.identity = mesh->identity;
    building->options.trust_pem = mesh->root_pem;
    *ret_server_name = arena_print(compiler->arena, "outbound_.%u_.%.*s_.%.*s", building->cluster->port,
                                   SPAN_ARGUMENTS(building->subset), SPAN_ARGUMENTS(building->cluster->host));
    if (building->options.subject_alt_name_count > 0)
        return true;
    struct span *names = arena_new_array(&compiler->scratch, struct span, accounts->count);
    for (size_t i = 0; i < accounts->count; i++)
        names[i] = arena_print(&compiler->scratch, "spiffe://%.*s/%.*s", SPAN_ARGUMENTS(compiler->mesh.trust_domain),
                               SPAN_ARGUMENTS(accounts->items[i]));
    building->options.subject_alt_names = names;
    building->options.subject_alt_name_count = accounts->count;
    return true;
}

/* Of the block, else of the ServiceEntry. */
static void find_names(struct building *building, const struct registry_service *service) {
    const struct located_list *names = &building->written->subject_alt_names;
    if (names->count == 0 && service->entry != NULL)
        names = &service->entry->subject_alt_names;
    struct span *items = arena_new_array(&building->compiler->scratch, struct span, names->count);
    for (size_t i = 0; i < names->count; i++)
        items[i] = names->items[i].text;
    building->options.subject_alt_names = items;
    building->options.subject_alt_name_count = names->count;
}

/* Source: Istio's applyUpstreamTLSSettings, and pilot/pkg/xds/filters for the mesh, where a sidecar picks its filter chain by them;
 * "istio-peer-exchange" is left out, for it announces a preface that the gateway does not speak. */
static void offer_protocols(struct building *building) {
    struct span *protocols = building->options.protocols;
    if (building->options.is_mesh) {
        protocols[TLS_CARRIES_BYTES] = SPAN_LITERAL("istio");
        protocols[TLS_CARRIES_HTTP1] = SPAN_LITERAL("istio-http/1.1,istio,http/1.1");
        protocols[TLS_CARRIES_HTTP2] = SPAN_LITERAL("istio-h2,istio,h2");
        return;
    }
    protocols[TLS_CARRIES_HTTP2] = SPAN_LITERAL("h2");
    /* Of the port, whatever route leads to it. */
    if (building->cluster->protocol == CLUSTER_HTTP2)
        protocols[TLS_CARRIES_BYTES] = SPAN_LITERAL("h2");
}

static struct span describe(struct building *building, const struct cluster_tls *tls) {
    const struct tls_client_policy_options *options = &building->options;
    struct arena *arena = building->compiler->arena;
    struct span text = arena_print(arena, "%s, server name %.*s, %s", client_tls_mode_name(building->written->mode),
                                   SPAN_ARGUMENTS(tls->server_name.size > 0 ? tls->server_name : SPAN_LITERAL("of the request")),
                                   options->skips_verification        ? "not verified"
                                   : options->trust_pem.size > 0 ? "own authorities"
                                                                  : "system authorities");
    for (size_t i = 0; i < options->subject_alt_name_count; i++)
        text = arena_print(arena, "%.*s, wants %.*s", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(options->subject_alt_names[i]));
    return text;
}

static void unpin_policy(void *policy) {
    tls_client_policy_unpin(policy);
}

void compile_upstream_tls(struct compiler *compiler, const struct destination_policy *policy, const struct registry_service *service,
                          struct cluster *cluster) {
    const struct client_tls *written = policy->tls.rule == NULL ? NULL : policy->tls.policy->tls;
    /* Without a folder of its identity the mesh was refused before. */
    if (written == NULL || written->broken || written->mode == CLIENT_TLS_DISABLE ||
        (written->mode == CLIENT_TLS_ISTIO_MUTUAL && compiler->options->mesh_identity.size == 0))
        return;
    struct building building = {.compiler = compiler, .rule = policy->tls.rule, .written = written, .cluster = cluster};
    struct tls_client_policy *made;
    struct tls_identity_error error;
    building.options.skips_verification = written->insecure_skip_verify.value;
    if (policy->subset != NULL)
        building.subset = policy->subset->name.text;
    find_names(&building, service);
    struct span server_name = arena_copy(compiler->arena, written->sni.text);
    bool found = written->mode == CLIENT_TLS_ISTIO_MUTUAL ? find_mesh(&building, &server_name) : find_trust(&building) && find_identity(&building);
    if (!found)
        return;
    offer_protocols(&building);
    if (!tls_client_policy_create(&building.options, &error, &made)) {
        fail(&building, written->position, DIAGNOSTIC_TLS_SETTING, "", error.text);
        return;
    }
    arena_on_destroy(compiler->arena, unpin_policy, made);
    struct cluster_tls *tls = arena_new(compiler->arena, struct cluster_tls);
    tls->policy = made;
    tls->server_name = written->sni.text.size > 0 ? arena_copy(compiler->arena, written->sni.text) : server_name;
    tls->description = describe(&building, tls);
    cluster->tls = tls;
}
