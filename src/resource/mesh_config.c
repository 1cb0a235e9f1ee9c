#include "resource/mesh_config.h"

#include "base/limits.h"
#include "resource/object_decode.h"
#include "resource/retry_on.h"

#define SECOND_NS INT64_C(1000000000)
#define MILLISECOND_NS INT64_C(1000000)

static const struct enum_name encodings[] = {{"TEXT", ACCESS_LOG_TEXT}, {"JSON", ACCESS_LOG_JSON}};

static const struct enum_name normalizations[] = {
    {"DEFAULT", MESH_PATH_NORMALIZATION_DEFAULT},
    {"NONE", MESH_PATH_NORMALIZATION_NONE},
    {"BASE", MESH_PATH_NORMALIZATION_BASE},
    {"MERGE_SLASHES", MESH_PATH_NORMALIZATION_MERGE_SLASHES},
    {"DECODE_AND_MERGE_SLASHES", MESH_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES},
};

static const struct enum_name client_cert_modes[] = {
    {"UNDEFINED", FORWARD_CLIENT_CERT_UNDEFINED},
    {"SANITIZE", FORWARD_CLIENT_CERT_SANITIZE},
    {"FORWARD_ONLY", FORWARD_CLIENT_CERT_FORWARD_ONLY},
    {"APPEND_FORWARD", FORWARD_CLIENT_CERT_APPEND_FORWARD},
    {"SANITIZE_SET", FORWARD_CLIENT_CERT_SANITIZE_SET},
    {"ALWAYS_FORWARD_ONLY", FORWARD_CLIENT_CERT_ALWAYS_FORWARD_ONLY},
};

static const struct enum_name upgrade_policies[] = {{"DO_NOT_UPGRADE", 0}, {"UPGRADE", 1}};

void mesh_config_init(struct mesh_config *mesh) {
    *mesh = (struct mesh_config){
        .connect_timeout_ns = 10 * SECOND_NS,
        .termination_drain_duration_ns = 5 * SECOND_NS,
        .drain_duration_ns = 45 * SECOND_NS,
        .root_namespace = SPAN_LITERAL("istio-system"),
        .trust_domain = SPAN_LITERAL("cluster.local"),
        .domain_suffix = SPAN_LITERAL("cluster.local"),
        .enable_auto_mtls = true,
    };
}

/* --- Plain members of struct mesh_config --- */

static void decode_plain_duration(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number number = {0};
    decode_duration(decoder, node, 0, &number);
    if (number.is_set)
        *(int64_t *)target = number.value;
}

static void decode_connect_timeout(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number number = {0};
    decode_duration(decoder, node, MILLISECOND_NS, &number);
    if (number.is_set)
        *(int64_t *)target = number.value;
}

static void decode_plain_number(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number number = {0};
    decode_number(decoder, node, 0, INT32_MAX, &number);
    if (number.is_set)
        *(uint32_t *)target = (uint32_t)number.value;
}

static void decode_concurrency(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number number = {0};
    decode_number(decoder, node, 0, WORKER_THREADS_MAX, &number);
    if (number.is_set)
        *(uint32_t *)target = (uint32_t)number.value;
}

static void decode_plain_text(struct decoder *decoder, const struct node *node, void *target) {
    struct located text;
    if (decode_string(decoder, node, &text) && text.text.size > 0)
        *(struct span *)target = text.text;
}

static void decode_plain_flag(struct decoder *decoder, const struct node *node, void *target) {
    struct located_flag flag = {0};
    decode_flag(decoder, node, &flag);
    if (flag.is_set)
        *(bool *)target = flag.value;
}

static void decode_encoding(struct decoder *decoder, const struct node *node, void *target) {
    int value;
    if (DECODE_ENUM(decoder, node, encodings, &value))
        *(enum access_log_encoding *)target = (enum access_log_encoding)value;
}

static void decode_upgrade(struct decoder *decoder, const struct node *node, void *target) {
    int value;
    if (DECODE_ENUM(decoder, node, upgrade_policies, &value))
        *(bool *)target = value == 1;
}

static void decode_client_cert_mode(struct decoder *decoder, const struct node *node, void *target) {
    int value;
    if (DECODE_ENUM(decoder, node, client_cert_modes, &value))
        *(enum forward_client_cert *)target = (enum forward_client_cert)value;
}

static void decode_normalization_name(struct decoder *decoder, const struct node *node, void *target) {
    struct mesh_config *mesh = target;
    int value;
    if (DECODE_ENUM(decoder, node, normalizations, &value))
        mesh->path_normalization = (enum mesh_path_normalization)value;
}

static void decode_normalization(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {FIELD_CALL_WHOLE("normalization", decode_normalization_name)};
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_tls_defaults(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("minProtocolVersion", gateway_tls_version_decode, struct mesh_config, tls_min_protocol_version),
        FIELD_AT("cipherSuites", FIELD_STRINGS, struct mesh_config, tls_cipher_suites),
        FIELD_AT("ecdhCurves", FIELD_STRINGS, struct mesh_config, tls_ecdh_curves),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_retry(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("attempts", struct mesh_retry_policy, attempts, 0, INT32_MAX),
        FIELD_CALL_AT("retryOn", retry_on_decode, struct mesh_retry_policy, retry_on),
        FIELD_DURATION_AT("perTryTimeout", struct mesh_retry_policy, per_try_timeout_ns, MILLISECOND_NS),
        FIELD_DURATION_AT("backoff", struct mesh_retry_policy, backoff_ns, MILLISECOND_NS),
        FIELD_AT("retryRemoteLocalities", FIELD_FLAG, struct mesh_retry_policy, retry_remote_localities),
        FIELD_AT("retryIgnorePreviousHosts", FIELD_FLAG, struct mesh_retry_policy, retry_ignore_previous_hosts),
    };
    struct mesh_retry_policy *policy = target;
    policy->is_set = true;
    policy->position = node->position;
    DECODE_MAPPING(decoder, node, fields, policy);
}

/* --- defaultConfig --- */

static void decode_gateway_topology(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("numTrustedProxies", decode_plain_number, struct mesh_config, num_trusted_proxies),
        FIELD_CALL_AT("forwardClientCertDetails", decode_client_cert_mode, struct mesh_config, forward_client_cert_details),
        /* A listener that expects the header refuses every peer that does not send it. */
        FIELD_OF_TYPE("proxyProtocol", FIELD_RESTRICTION),
    };
    struct mesh_config *mesh = target;
    const struct node *proxy_protocol = node_get_present(node, "proxyProtocol");
    if (proxy_protocol != NULL)
        mesh->proxy_protocol = (struct located_flag){true, true, proxy_protocol->position};
    DECODE_MAPPING(decoder, node, fields, target);
}

struct header_setting {
    struct located_flag disabled;
    struct located_flag enabled;
    struct located value;
    struct located mode;
};

static struct header_setting decode_setting(struct decoder *decoder, const struct node *node) {
    static const struct field fields[] = {
        FIELD_AT("disabled", FIELD_FLAG, struct header_setting, disabled),
        FIELD_AT("enabled", FIELD_FLAG, struct header_setting, enabled),
        FIELD_AT("value", FIELD_STRING, struct header_setting, value),
        FIELD_AT("mode", FIELD_STRING, struct header_setting, mode),
    };
    struct header_setting setting = {.value = {SPAN_EMPTY, POSITION_NONE}};
    DECODE_MAPPING(decoder, node, fields, &setting);
    return setting;
}

static void decode_disabled(struct decoder *decoder, const struct node *node, void *target) {
    *(struct located_flag *)target = decode_setting(decoder, node).disabled;
}

static void decode_enabled(struct decoder *decoder, const struct node *node, void *target) {
    *(struct located_flag *)target = decode_setting(decoder, node).enabled;
}

static void decode_server(struct decoder *decoder, const struct node *node, void *target) {
    struct proxy_headers *headers = target;
    struct header_setting setting = decode_setting(decoder, node);
    headers->server_disabled = setting.disabled;
    headers->server_value = setting.value;
}

static void decode_metadata_exchange(struct decoder *decoder, const struct node *node, void *target) {
    *(struct located *)target = decode_setting(decoder, node).mode;
}

static void decode_client_cert_details(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("subject", FIELD_FLAG, struct proxy_headers, client_cert_subject),
        FIELD_AT("cert", FIELD_FLAG, struct proxy_headers, client_cert_cert),
        FIELD_AT("chain", FIELD_FLAG, struct proxy_headers, client_cert_chain),
        FIELD_AT("dns", FIELD_FLAG, struct proxy_headers, client_cert_dns),
        FIELD_AT("uri", FIELD_FLAG, struct proxy_headers, client_cert_uri),
    };
    struct proxy_headers *headers = target;
    headers->has_client_cert_details = true;
    DECODE_MAPPING(decoder, node, fields, headers);
}

static void decode_proxy_headers(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("forwardedClientCert", decode_client_cert_mode, struct proxy_headers, forwarded_client_cert),
        FIELD_CALL_WHOLE("setCurrentClientCertDetails", decode_client_cert_details),
        FIELD_CALL_AT("requestId", decode_disabled, struct proxy_headers, request_id_disabled),
        FIELD_CALL_WHOLE("server", decode_server),
        FIELD_CALL_AT("attemptCount", decode_disabled, struct proxy_headers, attempt_count_disabled),
        FIELD_CALL_AT("envoyDebugHeaders", decode_disabled, struct proxy_headers, envoy_debug_headers_disabled),
        FIELD_CALL_AT("metadataExchangeHeaders", decode_metadata_exchange, struct proxy_headers,
                      metadata_exchange_headers_mode),
        FIELD_AT("preserveHttp1HeaderCase", FIELD_FLAG, struct proxy_headers, preserve_http1_header_case),
        FIELD_CALL_AT("xForwardedHost", decode_enabled, struct proxy_headers, x_forwarded_host),
        FIELD_CALL_AT("xForwardedPort", decode_enabled, struct proxy_headers, x_forwarded_port),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

/* ProxyConfig's other fields (tracing, proxyMetadata, stats, sidecars' ports ...) are of no concern here. */
static void decode_default_config(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("gatewayTopology", decode_gateway_topology),
        FIELD_CALL_AT("proxyHeaders", decode_proxy_headers, struct mesh_config, proxy_headers),
        FIELD_CALL_AT("terminationDrainDuration", decode_plain_duration, struct mesh_config,
                      termination_drain_duration_ns),
        FIELD_CALL_AT("drainDuration", decode_plain_duration, struct mesh_config, drain_duration_ns),
        FIELD_CALL_AT("concurrency", decode_concurrency, struct mesh_config, concurrency),
        FIELD_OF_TYPE("connectionSettings", FIELD_UNSUPPORTED),
        FIELD_OF_TYPE("proxyMetadata", FIELD_IGNORED),
        FIELD_OF_TYPE("proxyAdminPort", FIELD_IGNORED),
        FIELD_OF_TYPE("statusPort", FIELD_IGNORED),
        FIELD_OF_TYPE("envoyAccessLogService", FIELD_UNSUPPORTED),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

/* --- The whole --- */

static const struct field mesh_fields[] = {
    FIELD_AT("accessLogFile", FIELD_STRING, struct mesh_config, access_log_file),
    FIELD_CALL_AT("accessLogEncoding", decode_encoding, struct mesh_config, access_log_encoding),
    FIELD_AT("accessLogFormat", FIELD_STRING, struct mesh_config, access_log_format),
    FIELD_CALL_AT("connectTimeout", decode_connect_timeout, struct mesh_config, connect_timeout_ns),
    FIELD_CALL_AT("defaultHttpRetryPolicy", decode_retry, struct mesh_config, default_http_retry_policy),
    FIELD_CALL_WHOLE("defaultConfig", decode_default_config),
    FIELD_CALL_AT("rootNamespace", decode_plain_text, struct mesh_config, root_namespace),
    FIELD_CALL_AT("trustDomain", decode_plain_text, struct mesh_config, trust_domain),
    FIELD_AT("trustDomainAliases", FIELD_STRINGS, struct mesh_config, trust_domain_aliases),
    FIELD_AT("defaultServiceExportTo", FIELD_STRINGS, struct mesh_config, default_service_export_to),
    FIELD_AT("defaultVirtualServiceExportTo", FIELD_STRINGS, struct mesh_config, default_virtual_service_export_to),
    FIELD_AT("defaultDestinationRuleExportTo", FIELD_STRINGS, struct mesh_config, default_destination_rule_export_to),
    FIELD_CALL_WHOLE("pathNormalization", decode_normalization),
    FIELD_CALL_AT("h2UpgradePolicy", decode_upgrade, struct mesh_config, h2_upgrade),
    FIELD_CALL_AT("enableAutoMtls", decode_plain_flag, struct mesh_config, enable_auto_mtls),
    FIELD_CALL_WHOLE("tlsDefaults", decode_tls_defaults),
    FIELD_OF_TYPE("defaultTrafficPolicy", FIELD_RESTRICTION),
    FIELD_OF_TYPE("enableEnvoyAccessLogService", FIELD_UNSUPPORTED),
    /* Known names, so that a misspelling is not taken for one that is nearly the same. */
    FIELD_OF_TYPE("accessLogService", FIELD_IGNORED),
    FIELD_OF_TYPE("caCertificates", FIELD_IGNORED),
    FIELD_OF_TYPE("certificates", FIELD_IGNORED),
    FIELD_OF_TYPE("configSources", FIELD_IGNORED),
    FIELD_OF_TYPE("defaultProviders", FIELD_IGNORED),
    FIELD_OF_TYPE("disableEnvoyListenerLog", FIELD_IGNORED),
    FIELD_OF_TYPE("discoverySelectors", FIELD_IGNORED),
    FIELD_OF_TYPE("dnsRefreshRate", FIELD_IGNORED),
    FIELD_OF_TYPE("enablePrometheusMerge", FIELD_IGNORED),
    FIELD_OF_TYPE("enableTracing", FIELD_IGNORED),
    FIELD_OF_TYPE("extensionProviders", FIELD_IGNORED),
    FIELD_OF_TYPE("hboneIdleTimeout", FIELD_IGNORED),
    FIELD_OF_TYPE("inboundTrafficPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("ingressService", FIELD_IGNORED),
    FIELD_OF_TYPE("ingressSelector", FIELD_IGNORED),
    FIELD_OF_TYPE("localityLbSetting", FIELD_IGNORED),
    FIELD_OF_TYPE("meshMTLS", FIELD_IGNORED),
    FIELD_OF_TYPE("outboundTrafficPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("proxyHttpPort", FIELD_IGNORED),
    FIELD_OF_TYPE("proxyListenPort", FIELD_IGNORED),
    FIELD_OF_TYPE("serviceScopeConfigs", FIELD_IGNORED),
    FIELD_OF_TYPE("serviceSettings", FIELD_IGNORED),
    FIELD_OF_TYPE("tcpKeepalive", FIELD_IGNORED),
};

void mesh_config_decode(struct mesh_config *mesh, struct arena *arena, const struct node *node, struct span title,
                        struct diagnostic_list *diagnostics) {
    mesh_config_init(mesh);
    if (node_is_null(node))
        return;
    struct decode_path path = {NULL, SPAN_LITERAL("meshConfig"), 0};
    struct decoder decoder = {.arena = arena,
                              .diagnostics = diagnostics,
                              .title = title,
                              .unsupported = &mesh->unsupported,
                              .path = &path,
                              .accepts_unknown = true};
    mesh->position = node->position;
    mesh->origin = title;
    DECODE_MAPPING(&decoder, node, mesh_fields, mesh);
}

void mesh_config_apply_proxy(struct mesh_config *mesh, struct arena *arena, const struct node *node, struct span title,
                             struct diagnostic_list *diagnostics) {
    struct decode_path path = {NULL, SPAN_LITERAL("proxyConfig"), 0};
    struct decoder decoder = {.arena = arena,
                              .diagnostics = diagnostics,
                              .title = title,
                              .unsupported = &mesh->unsupported,
                              .path = &path,
                              .accepts_unknown = true};
    if (!node_is_null(node))
        decode_default_config(&decoder, node, mesh);
}
