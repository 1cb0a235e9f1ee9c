#include "compile/settings.h"

#include "base/limits.h"
#include "compile/compiler.h"
#include "compile/retry_policy.h"
#include "text/json.h"

static void report_mesh(struct compiler *compiler, enum diagnostic_severity severity, enum diagnostic_code code,
                        struct position position, const char *hint, const char *text) {
    diagnostic_add(compiler->diagnostics, severity, code, position_or(position, compiler->mesh.position),
                   compiler->mesh.origin, span_of(hint), "%s", text);
}

static enum path_normalization path_normalization_of(enum mesh_path_normalization written) {
    switch (written) {
    case MESH_PATH_NORMALIZATION_DEFAULT:
    case MESH_PATH_NORMALIZATION_BASE:
        return PATH_NORMALIZATION_BASE;
    case MESH_PATH_NORMALIZATION_NONE:
        return PATH_NORMALIZATION_NONE;
    case MESH_PATH_NORMALIZATION_MERGE_SLASHES:
        return PATH_NORMALIZATION_MERGE_SLASHES;
    case MESH_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES:
        return PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES;
    }
    return PATH_NORMALIZATION_BASE;
}

static void compile_headers(struct compiler *compiler, struct gateway_settings *settings) {
    const struct proxy_headers *headers = &compiler->mesh.proxy_headers;
    struct span server = headers->server_value.text;
    settings->server_header_passes = headers->server_disabled.value;
    settings->server_header = arena_copy(compiler->arena, server.size > 0 ? server : SPAN_LITERAL("istio-envoy"));
    settings->request_id_disabled = headers->request_id_disabled.value;
    settings->attempt_count_disabled = headers->attempt_count_disabled.value;
    settings->envoy_debug_headers_disabled = headers->envoy_debug_headers_disabled.value;
    settings->x_forwarded_host_enabled = headers->x_forwarded_host.value;
    settings->x_forwarded_port_enabled = headers->x_forwarded_port.value;
}

static bool compile_log_fields(struct compiler *compiler, const struct node *node, size_t depth,
                               struct access_log_field **ret_fields, struct access_log_format_error *ret_error);

static bool compile_log_field(struct compiler *compiler, const struct node_field *written, size_t depth,
                              struct access_log_field *field, struct access_log_format_error *ret_error) {
    field->key_json = access_log_key_json(compiler->arena, written->key);
    switch (written->value->kind) {
    case NODE_MAPPING:
        field->field_count = written->value->count;
        return compile_log_fields(compiler, written->value, depth + 1, &field->fields, ret_error);
    case NODE_SCALAR:
        return access_log_value_parse(compiler->arena, written->value->scalar, &field->value, ret_error);
    case NODE_NULL:
        return access_log_value_parse(compiler->arena, SPAN_EMPTY, &field->value, ret_error);
    case NODE_SEQUENCE:
        break;
    }
    snprintf(ret_error->text, sizeof(ret_error->text), "\"%.*s\" is a list; a text or an object is needed",
             SPAN_ARGUMENTS(span_excerpt(written->key, 64)));
    return false;
}

static bool compile_log_fields(struct compiler *compiler, const struct node *node, size_t depth,
                               struct access_log_field **ret_fields, struct access_log_format_error *ret_error) {
    if (depth > ACCESS_LOG_DEPTH_MAX) {
        snprintf(ret_error->text, sizeof(ret_error->text), "objects are nested more than %d deep", ACCESS_LOG_DEPTH_MAX);
        return false;
    }
    struct access_log_field *fields = arena_new_array(compiler->arena, struct access_log_field, node->count);
    for (size_t i = 0; i < node->count; i++)
        if (!compile_log_field(compiler, &node->fields[i], depth, &fields[i], ret_error))
            return false;
    *ret_fields = fields;
    return true;
}

static bool compile_json_format(struct compiler *compiler, const struct located *written,
                                const struct access_log_format **ret_format, struct access_log_format_error *ret_error) {
    struct node *root;
    if (!json_parse(&compiler->scratch, written->text, written->position, NULL, &root) || root->kind != NODE_MAPPING) {
        snprintf(ret_error->text, sizeof(ret_error->text), "with accessLogEncoding JSON it must be one JSON object");
        return false;
    }
    struct access_log_field *fields;
    if (!compile_log_fields(compiler, root, 1, &fields, ret_error))
        return false;
    *ret_format = access_log_format_of_fields(compiler->arena, fields, root->count);
    return true;
}

static void compile_access_log(struct compiler *compiler, struct snapshot *snapshot) {
    const struct mesh_config *mesh = &compiler->mesh;
    const struct located *written = &mesh->access_log_format;
    bool json = mesh->access_log_encoding == ACCESS_LOG_JSON;
    snapshot->settings.access_log_path = arena_copy(compiler->arena, mesh->access_log_file.text);
    if (mesh->access_log_file.text.size == 0)
        return;
    struct access_log_format_error error = {{0}};
    bool parsed = false;
    if (written->text.size > 0)
        parsed = json ? compile_json_format(compiler, written, &snapshot->access_log, &error)
                      : access_log_format_parse_text(compiler->arena, written->text, &snapshot->access_log, &error);
    if (parsed)
        snapshot->settings.names_upstream_tls |= access_log_format_names_upstream_tls(snapshot->access_log);
    if (parsed)
        return;
    snapshot->access_log = access_log_format_default(compiler->arena, json);
    if (written->text.size > 0)
        diagnostic_add(compiler->diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_MESH_ACCESS_LOG_FORMAT,
                       position_or(written->position, mesh->position), mesh->origin, SPAN_EMPTY,
                       "accessLogFormat: %s; the default format is used", error.text);
}

static void report_unsupported(struct compiler *compiler) {
    const struct mesh_config *mesh = &compiler->mesh;
    for (const struct unsupported *item = mesh->unsupported.first; item != NULL; item = item->next) {
        struct span text = arena_print(&compiler->scratch, "%.*s is not supported yet and has no effect", SPAN_ARGUMENTS(item->path));
        report_mesh(compiler, item->restricts_or_encrypts ? compiler_restriction_severity(compiler) : DIAGNOSTIC_WARNING,
                    item->restricts_or_encrypts ? DIAGNOSTIC_UNSUPPORTED_RESTRICTION : DIAGNOSTIC_UNSUPPORTED_FIELD,
                    item->position, "", text.data);
    }
}

/* How metrics call the gateway. */
static void compile_labels(struct compiler *compiler, struct gateway_settings *settings) {
    const struct {
        struct span key;
        struct span *value;
    } wanted[] = {{SPAN_LITERAL("app"), &settings->app},
                  {SPAN_LITERAL("version"), &settings->version},
                  {SPAN_LITERAL("service.istio.io/canonical-name"), &settings->canonical_name},
                  {SPAN_LITERAL("service.istio.io/canonical-revision"), &settings->canonical_revision}};
    for (size_t i = 0; i < compiler->gateway_labels.count; i++)
        for (size_t j = 0; j < ARRAY_SIZE(wanted); j++)
            if (span_equal(compiler->gateway_labels.items[i].key, wanted[j].key))
                *wanted[j].value = arena_copy(compiler->arena, compiler->gateway_labels.items[i].value);
}

static enum client_certificate_forwarding forwarding_of(enum forward_client_cert written) {
    switch (written) {
    case FORWARD_CLIENT_CERT_UNDEFINED:
    case FORWARD_CLIENT_CERT_SANITIZE_SET:
        return CLIENT_CERTIFICATE_SANITIZE_SET;
    case FORWARD_CLIENT_CERT_SANITIZE:
        return CLIENT_CERTIFICATE_SANITIZE;
    case FORWARD_CLIENT_CERT_FORWARD_ONLY:
        return CLIENT_CERTIFICATE_FORWARD_ONLY;
    case FORWARD_CLIENT_CERT_APPEND_FORWARD:
        return CLIENT_CERTIFICATE_APPEND_FORWARD;
    case FORWARD_CLIENT_CERT_ALWAYS_FORWARD_ONLY:
        return CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY;
    }
    return CLIENT_CERTIFICATE_SANITIZE;
}

void compile_settings(struct compiler *compiler) {
    struct snapshot *snapshot = compiler->snapshot;
    struct gateway_settings *settings = &snapshot->settings;
    const struct mesh_config *mesh = &compiler->mesh;
    settings->gateway_name = arena_copy(compiler->arena, compiler->gateway_name);
    settings->gateway_namespace = arena_copy(compiler->arena, compiler->gateway_namespace);
    compile_labels(compiler, settings);
    settings->trusted_proxy_count = mesh->num_trusted_proxies;
    settings->client_certificate_forwarding = forwarding_of(mesh->forward_client_cert_details);
    settings->strict_sni = compiler->options->strict_sni;
    settings->path_normalization = path_normalization_of(mesh->path_normalization);
    settings->termination_drain_duration_ns = (uint64_t)mesh->termination_drain_duration_ns;
    compile_headers(compiler, settings);
    compile_access_log(compiler, snapshot);
    retry_policy_compile(compiler, &mesh->default_http_retry_policy, &compiler->retry);
    report_unsupported(compiler);
}
