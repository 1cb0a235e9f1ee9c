#include "compile/tls.h"

#include "compile/cipher_suite.h"
#include "compile/client_demand.h"
#include "compile/compiler.h"
#include "compile/credentials.h"
#include "tls/client_demand.h"
#include "tls/hash.h"
#include "tls/server_policy.h"

static const char *mode_name(enum gateway_tls_mode mode) {
    switch (mode) {
    case GATEWAY_TLS_PASSTHROUGH:
        return "PASSTHROUGH";
    case GATEWAY_TLS_SIMPLE:
        return "SIMPLE";
    case GATEWAY_TLS_MUTUAL:
        return "MUTUAL";
    case GATEWAY_TLS_AUTO_PASSTHROUGH:
        return "AUTO_PASSTHROUGH";
    case GATEWAY_TLS_ISTIO_MUTUAL:
        return "ISTIO_MUTUAL";
    case GATEWAY_TLS_OPTIONAL_MUTUAL:
        return "OPTIONAL_MUTUAL";
    }
    return "";
}

static enum tls_version version_of(enum gateway_tls_version written, enum gateway_tls_version mesh_default) {
    switch (written == GATEWAY_TLS_AUTO ? mesh_default : written) {
    case GATEWAY_TLS_AUTO:
        return TLS_VERSION_UNSET;
    case GATEWAY_TLS_V1_0:
        return TLS_VERSION_1_0;
    case GATEWAY_TLS_V1_1:
        return TLS_VERSION_1_1;
    case GATEWAY_TLS_V1_2:
        return TLS_VERSION_1_2;
    case GATEWAY_TLS_V1_3:
        return TLS_VERSION_1_3;
    }
    return TLS_VERSION_UNSET;
}

static struct span joined(struct arena *arena, const struct span_list *names) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < names->count; i++)
        text = arena_print(arena, "%.*s,%.*s", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(names->items[i]));
    return text;
}

static void unpin_policy(void *policy) {
    tls_server_policy_unpin(policy);
}

static const char *policy_mistake(enum tls_server_policy_status status) {
    switch (status) {
    case TLS_SERVER_POLICY_OK:
        return "";
    case TLS_SERVER_POLICY_BAD_VERSIONS:
        return "minProtocolVersion is above maxProtocolVersion";
    case TLS_SERVER_POLICY_BAD_CIPHERS:
        return "cipherSuites cannot be used";
    case TLS_SERVER_POLICY_BAD_CURVES:
        return "ecdhCurves cannot be used";
    case TLS_SERVER_POLICY_BAD_ALPN:
        return "the ALPN list cannot be used";
    }
    return "";
}

static void read_settings(struct compiler *compiler, const struct merged_server *server, struct tls_server_policy_options *options,
                          struct span_list *ret_ciphers, struct span_list *ret_curves) {
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    const struct mesh_config *mesh = &compiler->mesh;
    tls_names_filter(compiler, meta, tls->cipher_suites.count > 0 ? &tls->cipher_suites : &mesh->tls_cipher_suites, cipher_suite_is_usable,
                 "cipher suite", ret_ciphers);
    tls_names_filter(compiler, meta, tls->ecdh_curves.count > 0 ? &tls->ecdh_curves : &mesh->tls_ecdh_curves, tls_curve_is_known, "curve",
                 ret_curves);
    options->min_version = version_of(tls->min_protocol_version, mesh->tls_min_protocol_version);
    options->max_version = version_of(tls->max_protocol_version, GATEWAY_TLS_AUTO);
    options->cipher_suites = ret_ciphers->items;
    options->cipher_suite_count = ret_ciphers->count;
    options->curves = ret_curves->items;
    options->curve_count = ret_curves->count;
}

/* One policy for each distinct set of parameters. */
/* For a person; `ciphers` and `curves` as joined. */
static struct span describe_settings(struct arena *arena, const struct tls_server_policy_options *options, struct span ciphers, struct span curves) {
    static const char *const versions[] = {
        [TLS_VERSION_1_0] = "1.0", [TLS_VERSION_1_1] = "1.1", [TLS_VERSION_1_2] = "1.2", [TLS_VERSION_1_3] = "1.3"};
    return arena_print(arena, "TLS %s to %s%s%.*s%s%.*s", versions[options->min_version == TLS_VERSION_UNSET ? TLS_VERSION_1_2 : options->min_version],
                       versions[options->max_version == TLS_VERSION_UNSET ? TLS_VERSION_1_3 : options->max_version],
                       ciphers.size > 0 ? ", ciphers " : "", SPAN_ARGUMENTS(span_from(ciphers, 1)), curves.size > 0 ? ", groups " : "",
                       SPAN_ARGUMENTS(span_from(curves, 1)));
}

static struct tls_server_policy *compile_policy(struct compiler *compiler, const struct merged_server *server,
                                                struct filter_chain *chain) {
    static const struct span alpn[] = {{"istio-peer-exchange", 19}, {"h2", 2}, {"http/1.1", 8}};
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    /* Istio's settings, and those of tlsDefaults, are not for the mesh's own mutual TLS. */
    bool is_mesh = tls->mode == GATEWAY_TLS_ISTIO_MUTUAL;
    bool tells_peers = is_mesh && chain->kind == FILTER_CHAIN_TLS_TCP;
    struct span_list ciphers = {0};
    struct span_list curves = {0};
    struct tls_server_policy_options options = {
        .alpn_protocols = tells_peers ? alpn : alpn + 1,
        .alpn_protocol_count = tells_peers ? ARRAY_SIZE(alpn) : ARRAY_SIZE(alpn) - 1,
        .tickets = compiler->options->tickets,
    };
    if (!is_mesh)
        read_settings(compiler, server, &options, &ciphers, &curves);
    struct span ciphers_text = joined(&compiler->scratch, &ciphers);
    struct span curves_text = joined(&compiler->scratch, &curves);
    struct span key = arena_print(&compiler->scratch, "%d %d %d [%.*s] [%.*s]", (int)options.min_version, (int)options.max_version,
                                  tells_peers, SPAN_ARGUMENTS(ciphers_text), SPAN_ARGUMENTS(curves_text));
    chain->tls_settings = describe_settings(compiler->arena, &options, ciphers_text, curves_text);
    struct tls_server_policy *policy = map_get(&compiler->tls_policies, key);
    if (policy != NULL)
        return policy;
    tls_sha256(key, options.session_id_context);
    enum tls_server_policy_status status = tls_server_policy_create(&options, &policy);
    if (status != TLS_SERVER_POLICY_OK) {
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_TLS_SETTING, tls->position, meta, "",
                        "%.*s: %s; its connections are closed", SPAN_ARGUMENTS(server->title), policy_mistake(status));
        chain->refusal = arena_copy(compiler->arena, span_of(policy_mistake(status)));
        return NULL;
    }
    arena_on_destroy(compiler->arena, unpin_policy, policy);
    map_set(&compiler->tls_policies, key, policy);
    return policy;
}

/* --- Certificates --- */

/* One certificate that a server names. */
struct certificate_source {
    const struct located *credential; /* NULL: by files */
    const struct located *chain;
    const struct located *key;
};

#define CERTIFICATES_MAX 2 /* Istio's limit, meant for one of RSA and one of ECDSA */

static size_t list_sources(const struct gateway_tls *tls, struct certificate_source ret_sources[CERTIFICATES_MAX]) {
    size_t count = 0;
    if (tls->credential_name.text.size > 0)
        ret_sources[count++] = (struct certificate_source){.credential = &tls->credential_name};
    for (size_t i = 0; i < tls->credential_names.count && count < CERTIFICATES_MAX; i++)
        ret_sources[count++] = (struct certificate_source){.credential = &tls->credential_names.items[i]};
    if (count == 0 && tls->server_certificate.text.size > 0)
        ret_sources[count++] = (struct certificate_source){.chain = &tls->server_certificate, .key = &tls->private_key};
    for (size_t i = 0; i < tls->tls_certificate_count && count < CERTIFICATES_MAX; i++)
        ret_sources[count++] = (struct certificate_source){.chain = &tls->tls_certificates[i].server_certificate,
                                                           .key = &tls->tls_certificates[i].private_key};
    return count;
}

static const struct located *source_name(const struct certificate_source *source) {
    return source->credential != NULL ? source->credential : source->chain;
}

static void report_uncovered_names(struct compiler *compiler, const struct merged_server *server, const struct located *source,
                                   const struct tls_identity *identity, const struct filter_chain *chain) {
    for (size_t i = 0; i < chain->server_name_count; i++) {
        struct span name = chain->server_names[i];
        if (span_equal(name, SPAN_LITERAL("*")) || tls_identity_covers(identity, name))
            continue;
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_HOST, source->position, &server->gateway->meta, "",
                        "the certificate of \"%.*s\" is not for host %.*s of %.*s", SPAN_ARGUMENTS(source->text), SPAN_ARGUMENTS(name),
                        SPAN_ARGUMENTS(server->title));
    }
}

static bool same_kind_of_key(const struct tls_identity *a, const struct tls_identity *b) {
    return tls_identity_is_ecdsa(a) == tls_identity_is_ecdsa(b);
}

/* A certificate that is missing or broken leaves the other one. */
static void take_certificate(struct compiler *compiler, const struct merged_server *server, const struct certificate_source *source,
                             struct filter_chain *chain) {
    const struct object_meta *meta = &server->gateway->meta;
    const struct located *name = source_name(source);
    struct tls_identity *identity = source->credential != NULL ? compile_credential(compiler, meta, source->credential)
                                                               : compile_certificate_files(compiler, meta, source->chain, source->key);
    chain->credential_name = chain->credential_name.size == 0
                                 ? arena_copy(compiler->arena, name->text)
                                 : arena_print(compiler->arena, "%.*s, %.*s", SPAN_ARGUMENTS(chain->credential_name), SPAN_ARGUMENTS(name->text));
    if (chain->credential_id == 0)
        chain->credential_id = compiler_origin(compiler, meta, name->position);
    if (identity == NULL)
        return;
    if (chain->identity == NULL) {
        chain->identity = identity;
    } else if (!same_kind_of_key(chain->identity, identity)) {
        chain->second_identity = identity;
    } else {
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_TLS_SETTING, name->position, meta, "name one with an RSA key and one with an ECDSA key",
                        "%.*s: both certificates have an %s key; the first is served", SPAN_ARGUMENTS(server->title),
                        tls_identity_is_ecdsa(identity) ? "ECDSA" : "RSA");
        return;
    }
    report_uncovered_names(compiler, server, name, identity, chain);
}

static void report_surplus(struct compiler *compiler, const struct merged_server *server) {
    const struct gateway_tls *tls = server->server->tls;
    if (tls->credential_names.count <= CERTIFICATES_MAX && tls->tls_certificate_count <= CERTIFICATES_MAX)
        return;
    struct position position = tls->credential_names.count > CERTIFICATES_MAX ? tls->credential_names.items[CERTIFICATES_MAX].position
                                                                              : tls->tls_certificates[CERTIFICATES_MAX].server_certificate.position;
    compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_TLS_SETTING, position, &server->gateway->meta, "",
                    "%.*s: no more than %d certificates are served, the first ones", SPAN_ARGUMENTS(server->title), CERTIFICATES_MAX);
}

static void take_mesh_certificate(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain) {
    const struct gateway_tls *tls = server->server->tls;
    chain->credential_name = SPAN_LITERAL("the mesh identity");
    if (compiler->options->mesh_identity.size > 0) {
        const struct mesh_identity *mesh = compile_mesh_identity(compiler);
        chain->identity = mesh->is_usable ? mesh->identity : NULL;
        if (!mesh->is_usable)
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_TLS_SETTING, position_or(tls->mode_position, tls->position),
                            &server->gateway->meta, "", "%.*s: %s; handshakes are closed", SPAN_ARGUMENTS(server->title), mesh->mistake);
        return;
    }
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_TLS_SETTING, position_or(tls->mode_position, tls->position), &server->gateway->meta,
                    "give the folder of the gateway's own certificate with --mesh-identity",
                    "%.*s: tls mode ISTIO_MUTUAL shows the gateway's certificate in the mesh, which is not at hand; handshakes are closed",
                    SPAN_ARGUMENTS(server->title));
}

/* A ticket must be good only where the same server would take the same clients. */
static void set_session_id_context(struct compiler *compiler, const struct merged_server *server,
                                   struct filter_chain *chain) {
    struct span_list names = {.items = chain->server_names, .count = chain->server_name_count};
    struct span place = arena_print(&compiler->scratch, "%.*s %u %u %.*s %.*s", SPAN_ARGUMENTS(server->gateway_title),
                                    server->port, server->number, SPAN_ARGUMENTS(server->bind),
                                    SPAN_ARGUMENTS(server->server->port.name.text));
    struct span demand = chain->client_demand == NULL ? SPAN_EMPTY : span_make(tls_client_demand_hash(chain->client_demand), TLS_SHA256_SIZE);
    struct span parts[] = {place, span_of(mode_name(server->server->tls->mode)), chain->credential_name,
                           joined(&compiler->scratch, &names), demand};
    tls_sha256_parts(parts, ARRAY_SIZE(parts), chain->session_id_context);
}

void compile_tls(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain) {
    struct certificate_source sources[CERTIFICATES_MAX];
    chain->tls_policy = compile_policy(compiler, server, chain);
    if (server->server->tls->mode == GATEWAY_TLS_ISTIO_MUTUAL) {
        take_mesh_certificate(compiler, server, chain);
    } else {
        size_t count = list_sources(server->server->tls, sources);
        for (size_t i = 0; i < count; i++)
            take_certificate(compiler, server, &sources[i], chain);
        report_surplus(compiler, server);
    }
    compile_client_demand(compiler, server, chain);
    set_session_id_context(compiler, server, chain);
}
