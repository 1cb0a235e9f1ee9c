#include "compile/upstream_tls.h"

#include <stdio.h>

#include "compile/cipher_suite.h"
#include "compile/compiler.h"
#include "compile/credentials.h"
#include "compile/identity_build.h"
#include "compile/peer_authentications.h"
#include "compile/trust.h"
#include "compile/upstream_cache.h"
#include "tls/client_policy.h"
#include "tls/server_policy.h"

/* One cluster's TLS on its way. */
struct building {
    struct compiler *compiler;
    const struct object_meta *meta; /* of the DestinationRule, or without one of the service */
    const struct registry_service *service;
    const struct client_tls *written; /* automatic: as ISTIO_MUTUAL without any field */
    struct cluster *cluster;
    struct span subset;
    struct tls_client_policy_options options;
};

static bool refuse(struct building *building, const char *what) {
    building->cluster->refusal = arena_print(building->compiler->arena, "%.*s: %s", SPAN_ARGUMENTS(building->meta->title), what);
    return false;
}

static bool fail(struct building *building, struct position position, enum diagnostic_code code, const char *hint, const char *what) {
    const struct object_meta *meta = building->meta;
    if (compiler_first_report(building->compiler, code, position, meta))
        compiler_report(building->compiler, DIAGNOSTIC_ERROR, code, position, meta, hint, "%s; requests to %.*s are answered 503", what,
                        SPAN_ARGUMENTS(building->cluster->host));
    return refuse(building, what);
}

static void report_stale(struct building *building, struct position position, const char *what) {
    if (compiler_first_report(building->compiler, DIAGNOSTIC_STALE, position, building->meta))
        compiler_report(building->compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_STALE, position, building->meta, "",
                        "stale: %s; the last good version stays in use", what);
}

/* `missing` says why there is no text of authorities. A text that was good once is not given up for none, or for a broken one. */
static bool take_trust(struct building *building, const struct located *source, const struct trust_text *text, enum diagnostic_code code,
                       const char *hint, const char *missing) {
    struct compiler *compiler = building->compiler;
    struct tls_identity_error error;
    /* With the list's own path: the last good authorities of one that has none must not stand in for those of one that has. */
    struct span key = arena_print(&compiler->scratch, "upstream %.*s %.*s", SPAN_ARGUMENTS(source->text),
                                  SPAN_ARGUMENTS(building->written->ca_crl.text));
    struct tls_trust *trust = trust_build(compiler, key, text, &error);
    const char *what = text->authorities.size == 0 ? missing : error.text;
    if (trust == NULL)
        return fail(building, source->position, code, hint, what);
    if (error.text[0] != '\0')
        report_stale(building, source->position, what);
    building->options.trust = trust;
    return true;
}

/* A file that cannot be read gives an empty text. */
static struct span read_pem(struct building *building, const struct located *path) {
    struct span text = SPAN_EMPTY;
    return compiler_read_file(building->compiler, path->text, &text) ? text : SPAN_EMPTY;
}

static bool find_trust_of_files(struct building *building) {
    const struct client_tls *written = building->written;
    struct trust_text text = {.authorities = read_pem(building, &written->ca_certificates)};
    if (written->ca_crl.text.size > 0)
        text.crl = read_pem(building, &written->ca_crl);
    /* A list that is written and cannot be had would be no list. */
    if (written->ca_crl.text.size > 0 && text.crl.size == 0)
        text.crl = SPAN_LITERAL("\n");
    return take_trust(building, &written->ca_certificates, &text, DIAGNOSTIC_TLS_SETTING, "check the paths and their permissions",
                      "caCertificates cannot be read, or is empty");
}

static bool find_trust(struct building *building) {
    const struct client_tls *written = building->written;
    struct trust_text text = {SPAN_EMPTY, SPAN_EMPTY};
    if (written->insecure_skip_verify.value)
        return true;
    if (written->ca_certificates.text.size > 0)
        return find_trust_of_files(building);
    if (written->ca_crl.text.size > 0)
        return fail(building, written->ca_crl.position, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, "write caCertificates, too",
                    "caCrl is not supported with the system's authorities");
    if (written->credential_name.text.size == 0)
        return true;
    if (!compile_credential_trust(building->compiler, &written->credential_name, &text))
        text = (struct trust_text){SPAN_EMPTY, SPAN_EMPTY};
    return take_trust(building, &written->credential_name, &text, DIAGNOSTIC_SECRET_CONTENT,
                      "put the authorities' certificates into the Secret's ca.crt, or into a Secret of this name and -cacert, in the gateway's namespace",
                      "no Secret or ConfigMap of the credentialName holds certificates of authorities");
}

static bool find_identity_of_files(struct building *building) {
    const struct client_tls *written = building->written;
    struct tls_identity_error error;
    struct identity_text text = {.chain = read_pem(building, &written->client_certificate), .key = read_pem(building, &written->private_key)};
    text.cache_key = arena_print(&building->compiler->scratch, "upstream %.*s %.*s", SPAN_ARGUMENTS(written->client_certificate.text),
                                 SPAN_ARGUMENTS(written->private_key.text));
    building->options.identity = identity_build_or_last(building->compiler, &text, &error);
    if (text.chain.size == 0 || text.key.size == 0)
        snprintf(error.text, sizeof(error.text), "clientCertificate or privateKey cannot be read, or is empty");
    if (building->options.identity == NULL)
        return fail(building, written->client_certificate.position, DIAGNOSTIC_TLS_SETTING, "check the paths and their permissions", error.text);
    if (error.text[0] != '\0')
        report_stale(building, written->client_certificate.position, error.text);
    return true;
}

static bool find_identity(struct building *building) {
    const struct client_tls *written = building->written;
    if (written->mode != CLIENT_TLS_MUTUAL)
        return true;
    if (written->credential_name.text.size == 0)
        return find_identity_of_files(building);
    building->options.identity = compile_credential(building->compiler, building->meta, &written->credential_name);
    return building->options.identity != NULL ||
           fail(building, written->credential_name.position, DIAGNOSTIC_SECRET_CONTENT, "", "there is no certificate to show to the upstream");
}

/* --- Names --- */

/* Of the block, else of the ServiceEntry. */
static void find_names(struct building *building) {
    const struct located_list *names = &building->written->subject_alt_names;
    if (names->count == 0 && building->service->entry != NULL)
        names = &building->service->entry->subject_alt_names;
    struct span *items = arena_new_array(&building->compiler->scratch, struct span, names->count);
    for (size_t i = 0; i < names->count; i++)
        items[i] = names->items[i].text;
    building->options.subject_alt_names = items;
    building->options.subject_alt_name_count = names->count;
}

static void add_account(struct compiler *compiler, struct span_list *names, struct span name) {
    if (!span_list_contains(names, name))
        ARRAY_APPEND(&compiler->scratch, names, name);
}

/* As it is, and in the trust domains that stand for the mesh's. Source: Istio's ExpandWithTrustDomains. */
static void add_with_aliases(struct compiler *compiler, struct span_list *names, struct span name) {
    struct span scheme = SPAN_LITERAL("spiffe://");
    struct span rest = span_from(name, scheme.size);
    size_t slash;
    add_account(compiler, names, name);
    if (!span_starts_with(name, scheme) || !span_find_byte(rest, '/', &slash))
        return;
    for (size_t i = 0; i < compiler->mesh.trust_domain_aliases.count; i++)
        add_account(compiler, names,
                    arena_print(&compiler->scratch, "spiffe://%.*s%.*s", SPAN_ARGUMENTS(compiler->mesh.trust_domain_aliases.items[i].text),
                                SPAN_ARGUMENTS(span_from(rest, slash))));
}

/* What the Service says of the accounts behind it: names as they are, or accounts of its namespace; both separated by commas. */
static void add_annotated(struct compiler *compiler, struct span_list *names, const struct object_meta *meta) {
    struct span rest, part;
    if (label_set_get(&meta->annotations, SPAN_LITERAL("alpha.istio.io/canonical-serviceaccounts"), &rest))
        while (span_split(&rest, ',', &part))
            add_with_aliases(compiler, names, part);
    if (label_set_get(&meta->annotations, SPAN_LITERAL("alpha.istio.io/kubernetes-serviceaccounts"), &rest))
        while (span_split(&rest, ',', &part))
            add_with_aliases(compiler, names,
                             arena_print(&compiler->scratch, "spiffe://%.*s/ns/%.*s/sa/%.*s", SPAN_ARGUMENTS(compiler->mesh.trust_domain),
                                         SPAN_ARGUMENTS(meta->namespace), SPAN_ARGUMENTS(part)));
}

static int compare_names(const void *left, const void *right) {
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

/* Those of the service accounts of all of the service's endpoints. None: any certificate of the mesh will do. Source: Istio's
 * addServiceAccounts. */
static void find_accounts(struct building *building) {
    struct compiler *compiler = building->compiler;
    const struct registry_service *service = building->service;
    struct span_list names = {0};
    for (size_t i = 0; i < compiler->service_accounts.count; i++)
        add_with_aliases(compiler, &names,
                         arena_print(&compiler->scratch, "spiffe://%.*s/%.*s", SPAN_ARGUMENTS(compiler->mesh.trust_domain),
                                     SPAN_ARGUMENTS(compiler->service_accounts.items[i])));
    for (size_t i = 0; service->entry != NULL && i < service->entry->subject_alt_names.count; i++)
        add_with_aliases(compiler, &names, service->entry->subject_alt_names.items[i].text);
    if (service->service != NULL)
        add_annotated(compiler, &names, service->meta);
    array_sort(names.items, names.count, sizeof(names.items[0]), compare_names);
    building->options.subject_alt_names = names.items;
    building->options.subject_alt_name_count = names.count;
}

/* Once, at the first service that needs the identity: thousands may. */
static void report_mesh(struct building *building) {
    struct mesh_identity *mesh = compile_mesh_identity(building->compiler);
    if (mesh->mistake == NULL || mesh->is_mistake_told)
        return;
    mesh->is_mistake_told = true;
    if (mesh->is_usable)
        report_stale(building, building->written->position, mesh->mistake);
    else
        compiler_report(building->compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_TLS_SETTING, building->written->position, building->meta, "",
                        "%s; requests to %.*s, and to all that needs mutual TLS, are answered 503", mesh->mistake,
                        SPAN_ARGUMENTS(building->cluster->host));
}

/* SNI says where in the mesh the connection is to go. */
static bool find_mesh(struct building *building, struct span *ret_server_name) {
    const struct mesh_identity *mesh = compile_mesh_identity(building->compiler);
    report_mesh(building);
    if (!mesh->is_usable)
        return refuse(building, mesh->mistake);
    building->options.is_mesh = true;
    building->options.identity = mesh->identity;
    building->options.trust = mesh->trust;
    if (building->written->subject_alt_names.count == 0)
        find_accounts(building);
    *ret_server_name = arena_print(building->compiler->arena, "outbound_.%u_.%.*s_.%.*s", building->cluster->port,
                                   SPAN_ARGUMENTS(building->subset), SPAN_ARGUMENTS(building->cluster->host));
    return true;
}

/* --- The policy --- */

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

static struct span joined(struct compiler *compiler, const struct span_list *names) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < names->count; i++)
        text = arena_print(&compiler->scratch, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i > 0 ? ":" : "", SPAN_ARGUMENTS(names->items[i]));
    return text;
}

/* meshConfig.tlsDefaults, which is not for the mesh's own mutual TLS. Source: Istio's applyTLSDefaults. */
static void take_defaults(struct building *building) {
    struct compiler *compiler = building->compiler;
    struct span_list ciphers, curves;
    tls_names_filter(compiler, NULL, &compiler->mesh.tls_cipher_suites, cipher_suite_is_usable, "cipher suite", &ciphers);
    tls_names_filter(compiler, NULL, &compiler->mesh.tls_ecdh_curves, tls_curve_is_known, "curve", &curves);
    building->options.cipher_suites = joined(compiler, &ciphers);
    building->options.curves = joined(compiler, &curves);
}

static struct span describe(struct building *building, const struct cluster_tls *tls) {
    const struct tls_client_policy_options *options = &building->options;
    struct arena *arena = building->compiler->arena;
    struct span text = arena_print(arena, "%s, server name %.*s, %s", client_tls_mode_name(building->written->mode),
                                   SPAN_ARGUMENTS(tls->server_name.size > 0 ? tls->server_name : SPAN_LITERAL("of the request")),
                                   options->skips_verification        ? "not verified"
                                   : options->trust != NULL ? "own authorities"
                                                                  : "system authorities");
    for (size_t i = 0; i < options->subject_alt_name_count; i++)
        text = arena_print(arena, "%.*s, wants %.*s", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(options->subject_alt_names[i]));
    return text;
}

static void unpin_policy(void *policy) {
    tls_client_policy_unpin(policy);
}

static void make(struct building *building) {
    struct compiler *compiler = building->compiler;
    const struct client_tls *written = building->written;
    struct tls_client_policy *made;
    struct tls_identity_error error;
    struct span server_name = SPAN_EMPTY;
    /* Of the mesh's own mutual TLS Istio does not look at it. */
    building->options.skips_verification = written->insecure_skip_verify.value && written->mode != CLIENT_TLS_ISTIO_MUTUAL;
    find_names(building);
    bool found = written->mode == CLIENT_TLS_ISTIO_MUTUAL ? find_mesh(building, &server_name) : find_trust(building) && find_identity(building);
    if (!found)
        return;
    if (written->mode != CLIENT_TLS_ISTIO_MUTUAL)
        take_defaults(building);
    offer_protocols(building);
    if (!upstream_cache_policy(compiler->options->upstreams, &building->options, &error, &made)) {
        fail(building, written->position, DIAGNOSTIC_TLS_SETTING, "", error.text);
        return;
    }
    arena_on_destroy(compiler->arena, unpin_policy, made);
    struct cluster_tls *tls = arena_new(compiler->arena, struct cluster_tls);
    tls->policy = made;
    tls->server_name = written->sni.text.size > 0 ? arena_copy(compiler->arena, written->sni.text) : server_name;
    tls->description = describe(building, tls);
    building->cluster->tls = tls;
}

static const struct client_tls *written_tls(const struct destination_policy *policy) {
    return policy->tls.rule == NULL ? NULL : policy->tls.policy->tls;
}

bool upstream_tls_is_automatic(struct compiler *compiler, const struct destination_policy *policy, const struct registry_service *service) {
    bool is_external = service->entry != NULL ? service->entry->location == SERVICE_ENTRY_MESH_EXTERNAL
                                              : service->service->type == SERVICE_EXTERNAL_NAME;
    return written_tls(policy) == NULL && compiler->mesh.enable_auto_mtls && !is_external &&
           peer_authentication_of_namespace(compiler, service->meta->namespace) != MUTUAL_TLS_DISABLE;
}

static bool any_uses_tls(const struct cluster *cluster) {
    for (size_t i = 0; i < cluster->endpoint_count; i++)
        if (cluster->endpoints[i].uses_tls)
            return true;
    for (size_t i = 0; i < cluster->name_count; i++)
        if (cluster->names[i].uses_tls)
            return true;
    return false;
}

void compile_upstream_tls(struct compiler *compiler, const struct destination_policy *policy, const struct registry_service *service,
                          struct cluster *cluster) {
    struct client_tls automatic = {.position = service->meta->position, .mode = CLIENT_TLS_ISTIO_MUTUAL};
    const struct client_tls *written = cluster->tls_by_endpoint && any_uses_tls(cluster) ? &automatic : written_tls(policy);
    /* Without a folder of its identity the mesh was refused before. */
    if (written == NULL || written->broken || written->mode == CLIENT_TLS_DISABLE ||
        (written->mode == CLIENT_TLS_ISTIO_MUTUAL && compiler->options->mesh_identity.size == 0))
        return;
    struct building building = {.compiler = compiler, .service = service, .written = written, .cluster = cluster};
    building.meta = written == &automatic ? service->meta : &policy->tls.rule->meta;
    if (policy->subset != NULL)
        building.subset = policy->subset->name.text;
    make(&building);
}
