#include "compile/tls.h"

#include "compile/cipher_suite.h"
#include "compile/compiler.h"
#include "compile/credentials.h"
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

/* Without the check of client certificates, MUTUAL and OPTIONAL_MUTUAL are SIMPLE; that is served only when asked for. ISTIO_MUTUAL shows a
 * certificate of the mesh, which a lone gateway does not have. */
static bool mode_is_served(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain) {
    const struct gateway_tls *tls = server->server->tls;
    if (tls->mode == GATEWAY_TLS_SIMPLE)
        return true;
    bool allowed = compiler->options->allow_unsupported &&
                   (tls->mode == GATEWAY_TLS_MUTUAL || tls->mode == GATEWAY_TLS_OPTIONAL_MUTUAL);
    compiler_report(compiler, allowed ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_RESTRICTION,
                    position_or(tls->mode_position, tls->position), &server->gateway->meta,
                    tls->mode == GATEWAY_TLS_ISTIO_MUTUAL || allowed ? "" : "--allow-unsupported serves it as SIMPLE",
                    "%.*s: tls mode %s is not supported yet: %s", SPAN_ARGUMENTS(server->title), mode_name(tls->mode),
                    allowed ? "client certificates are not asked for" : "its connections are closed");
    if (!allowed)
        chain->refusal = arena_print(compiler->arena, "tls mode %s is not supported", mode_name(tls->mode));
    return allowed;
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

/* Unknown and repeated names are left out with a warning, as Istio does. */
static void filter_names(struct compiler *compiler, const struct object_meta *meta, const struct located_list *written,
                         bool (*is_usable)(struct span), const char *what, struct span_list *ret_names) {
    struct span_list names = {0};
    for (size_t i = 0; i < written->count; i++) {
        struct span name = written->items[i].text;
        bool repeated = span_list_contains(&names, name);
        if (is_usable(name) && !repeated) {
            ARRAY_APPEND(&compiler->scratch, &names, name);
            continue;
        }
        if (compiler_first_report(compiler, DIAGNOSTIC_TLS_SETTING, written->items[i].position, meta))
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_TLS_SETTING, written->items[i].position, meta, "",
                            "%s \"%.*s\" is %s; it is left out", what, SPAN_ARGUMENTS(name),
                            repeated ? "there already" : "not known");
    }
    *ret_names = names;
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

/* One policy for each distinct set of parameters. */
static struct tls_server_policy *compile_policy(struct compiler *compiler, const struct merged_server *server,
                                                struct filter_chain *chain) {
    static const struct span alpn[] = {{"h2", 2}, {"http/1.1", 8}};
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    const struct mesh_config *mesh = &compiler->mesh;
    struct span_list ciphers;
    struct span_list curves;
    filter_names(compiler, meta, tls->cipher_suites.count > 0 ? &tls->cipher_suites : &mesh->tls_cipher_suites,
                 cipher_suite_is_usable, "cipher suite", &ciphers);
    filter_names(compiler, meta, tls->ecdh_curves.count > 0 ? &tls->ecdh_curves : &mesh->tls_ecdh_curves,
                 tls_curve_is_known, "curve", &curves);
    struct tls_server_policy_options options = {
        .min_version = version_of(tls->min_protocol_version, mesh->tls_min_protocol_version),
        .max_version = version_of(tls->max_protocol_version, GATEWAY_TLS_AUTO),
        .cipher_suites = ciphers.items,
        .cipher_suite_count = ciphers.count,
        .curves = curves.items,
        .curve_count = curves.count,
        .alpn_protocols = alpn,
        .alpn_protocol_count = ARRAY_SIZE(alpn),
        .tickets = compiler->options->tickets,
    };
    struct span ciphers_text = joined(&compiler->scratch, &ciphers);
    struct span curves_text = joined(&compiler->scratch, &curves);
    struct span key = arena_print(&compiler->scratch, "%d %d [%.*s] [%.*s]", (int)options.min_version,
                                  (int)options.max_version, SPAN_ARGUMENTS(ciphers_text), SPAN_ARGUMENTS(curves_text));
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

static const struct located *credential_of(struct compiler *compiler, const struct merged_server *server) {
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    const char *files = "certificates by file name are not supported yet; handshakes are closed";
    const char *several = "several certificates are not supported yet; the first is served";
    if (tls->credential_name.text.size > 0)
        return &tls->credential_name;
    if (tls->credential_names.count > 0) {
        if (tls->credential_names.count > 1)
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_UNSUPPORTED_FIELD, tls->credential_names.items[1].position,
                            meta, "", "%.*s: %s", SPAN_ARGUMENTS(server->title), several);
        return &tls->credential_names.items[0];
    }
    struct position position = tls->server_certificate.text.size > 0 ? tls->server_certificate.position : tls->position;
    if (tls->server_certificate.text.size > 0 || tls->private_key.text.size > 0 || tls->tls_certificate_count > 0)
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, position, meta,
                        "put them into a Secret and name it in credentialName", "%.*s: %s", SPAN_ARGUMENTS(server->title), files);
    else
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_MISSING, tls->position, meta,
                        "name a Secret in credentialName", "%.*s: tls names no certificate; handshakes are closed",
                        SPAN_ARGUMENTS(server->title));
    return NULL;
}

/* A ticket must be good only where the same server would take the same clients. */
static void set_session_id_context(struct compiler *compiler, const struct merged_server *server,
                                   struct filter_chain *chain) {
    struct span_list names = {.items = chain->server_names, .count = chain->server_name_count};
    struct span place = arena_print(&compiler->scratch, "%.*s %u %u %.*s %.*s", SPAN_ARGUMENTS(server->gateway_title),
                                    server->port, server->number, SPAN_ARGUMENTS(server->bind),
                                    SPAN_ARGUMENTS(server->server->port.name.text));
    struct span parts[] = {place, span_of(mode_name(server->server->tls->mode)), chain->credential_name,
                           joined(&compiler->scratch, &names)};
    tls_sha256_parts(parts, ARRAY_SIZE(parts), chain->session_id_context);
}

static void report_uncovered_names(struct compiler *compiler, const struct merged_server *server,
                                   const struct located *credential, const struct filter_chain *chain) {
    for (size_t i = 0; i < chain->server_name_count; i++) {
        struct span name = chain->server_names[i];
        if (span_equal(name, SPAN_LITERAL("*")) || tls_identity_covers(chain->identity, name))
            continue;
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_HOST, credential->position,
                        &server->gateway->meta, "", "the certificate of \"%.*s\" is not for host %.*s of %.*s",
                        SPAN_ARGUMENTS(credential->text), SPAN_ARGUMENTS(name), SPAN_ARGUMENTS(server->title));
    }
}

void compile_tls(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain) {
    if (!mode_is_served(compiler, server, chain))
        return;
    chain->tls_policy = compile_policy(compiler, server, chain);
    const struct located *credential = credential_of(compiler, server);
    if (credential != NULL) {
        chain->credential_name = arena_copy(compiler->arena, credential->text);
        chain->identity = compile_credential(compiler, &server->gateway->meta, credential);
    }
    if (chain->identity != NULL)
        report_uncovered_names(compiler, server, credential, chain);
    set_session_id_context(compiler, server, chain);
}
