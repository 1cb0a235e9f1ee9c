#include "resource/gateway.h"

#include "resource/gateway_check.h"
#include "resource/object_decode.h"

static const struct enum_name tls_modes[] = {
    {"PASSTHROUGH", GATEWAY_TLS_PASSTHROUGH},           {"SIMPLE", GATEWAY_TLS_SIMPLE},
    {"MUTUAL", GATEWAY_TLS_MUTUAL},                     {"AUTO_PASSTHROUGH", GATEWAY_TLS_AUTO_PASSTHROUGH},
    {"ISTIO_MUTUAL", GATEWAY_TLS_ISTIO_MUTUAL},         {"OPTIONAL_MUTUAL", GATEWAY_TLS_OPTIONAL_MUTUAL},
};

static const struct enum_name tls_versions[] = {
    {"TLS_AUTO", GATEWAY_TLS_AUTO}, {"TLSV1_0", GATEWAY_TLS_V1_0}, {"TLSV1_1", GATEWAY_TLS_V1_1},
    {"TLSV1_2", GATEWAY_TLS_V1_2},  {"TLSV1_3", GATEWAY_TLS_V1_3},
};

static void decode_tls_mode(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_tls *tls = target;
    int mode;
    tls->mode_position = node->position;
    if (DECODE_ENUM(decoder, node, tls_modes, &mode))
        tls->mode = (enum gateway_tls_mode)mode;
}

void gateway_tls_version_decode(struct decoder *decoder, const struct node *node, void *target) {
    enum gateway_tls_version *version = target;
    int value;
    if (DECODE_ENUM(decoder, node, tls_versions, &value))
        *version = (enum gateway_tls_version)value;
}

static void decode_tls_certificate(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("serverCertificate", FIELD_STRING, struct gateway_tls_certificate, server_certificate),
        FIELD_AT("privateKey", FIELD_STRING, struct gateway_tls_certificate, private_key),
        FIELD_AT("caCertificates", FIELD_STRING, struct gateway_tls_certificate, ca_certificates),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_tls_certificates(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_tls *tls = target;
    tls->tls_certificates = decode_items(decoder, node, sizeof(struct gateway_tls_certificate), decode_tls_certificate,
                                         &tls->tls_certificate_count);
}

static const struct field tls_fields[] = {
    FIELD_CALL_WHOLE("mode", decode_tls_mode),
    FIELD_AT("httpsRedirect", FIELD_FLAG, struct gateway_tls, https_redirect),
    FIELD_AT("serverCertificate", FIELD_STRING, struct gateway_tls, server_certificate),
    FIELD_AT("privateKey", FIELD_STRING, struct gateway_tls, private_key),
    FIELD_AT("caCertificates", FIELD_STRING, struct gateway_tls, ca_certificates),
    FIELD_AT("caCrl", FIELD_STRING, struct gateway_tls, ca_crl),
    FIELD_AT("credentialName", FIELD_STRING, struct gateway_tls, credential_name),
    FIELD_AT("credentialNames", FIELD_STRINGS, struct gateway_tls, credential_names),
    FIELD_AT("caCertCredentialName", FIELD_STRING, struct gateway_tls, ca_cert_credential_name),
    FIELD_CALL_WHOLE("tlsCertificates", decode_tls_certificates),
    FIELD_AT("subjectAltNames", FIELD_STRINGS, struct gateway_tls, subject_alt_names),
    FIELD_AT("verifyCertificateSpki", FIELD_STRINGS, struct gateway_tls, verify_certificate_spki),
    FIELD_AT("verifyCertificateHash", FIELD_STRINGS, struct gateway_tls, verify_certificate_hash),
    FIELD_CALL_AT("minProtocolVersion", gateway_tls_version_decode, struct gateway_tls, min_protocol_version),
    FIELD_CALL_AT("maxProtocolVersion", gateway_tls_version_decode, struct gateway_tls, max_protocol_version),
    FIELD_AT("cipherSuites", FIELD_STRINGS, struct gateway_tls, cipher_suites),
    FIELD_AT("ecdhCurves", FIELD_STRINGS, struct gateway_tls, ecdh_curves),
    FIELD_AT("insecureSkipVerify", FIELD_FLAG, struct gateway_tls, insecure_skip_verify),
};

static void decode_tls_settings(struct decoder *decoder, const struct node *node, void *target) {
    DECODE_MAPPING(decoder, node, tls_fields, target);
}

static void decode_tls(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_server *server = target;
    server->tls = arena_new(decoder->arena, struct gateway_tls);
    server->tls->position = node->position;
    /* A mode that cannot be read is none to judge the rest by. */
    if (!decode_part(decoder, node, server->tls, decode_tls_settings))
        gateway_tls_check(decoder, server->tls);
}

static void decode_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        /* 0 goes with a bind to a unix socket. */
        FIELD_NUMBER_AT("number", struct gateway_port, number, 0, 65535),
        FIELD_AT("name", FIELD_STRING, struct gateway_port, name),
        FIELD_AT("protocol", FIELD_STRING, struct gateway_port, protocol),
        FIELD_NUMBER_AT("targetPort", struct gateway_port, target_port, 0, 65535),
    };
    struct gateway_server *server = target;
    server->has_port = true;
    server->port.position = node->position;
    DECODE_MAPPING(decoder, node, fields, &server->port);
}

static const struct field server_fields[] = {
    FIELD_CALL_WHOLE("port", decode_port),
    FIELD_AT("bind", FIELD_STRING, struct gateway_server, bind),
    FIELD_AT("hosts", FIELD_STRINGS, struct gateway_server, hosts),
    FIELD_CALL_WHOLE("tls", decode_tls),
    FIELD_AT("name", FIELD_STRING, struct gateway_server, name),
    FIELD_AT("defaultEndpoint", FIELD_STRING, struct gateway_server, default_endpoint),
};

static void decode_server_fields(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_server *server = target;
    server->position = node->position;
    DECODE_MAPPING(decoder, node, server_fields, server);
    if (!node_is_mapping(node))
        return;
    gateway_server_check(decoder, server);
}

static void decode_server(struct decoder *decoder, const struct node *node, void *target) {
    decode_part(decoder, node, target, decode_server_fields);
}

static void decode_servers(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway *gateway = target;
    gateway->servers =
        decode_items(decoder, node, sizeof(struct gateway_server), decode_server, &gateway->server_count);
}

static void decode_selector(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway *gateway = target;
    decode_labels(decoder, node, &gateway->selector);
    gateway->has_selector = gateway->selector.count > 0;
}

struct object_meta *gateway_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("selector", decode_selector),
        FIELD_CALL_WHOLE("servers", decode_servers),
    };
    struct gateway *gateway = arena_new(decoder->arena, struct gateway);
    gateway->meta = *meta;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), gateway);
    gateway_check(decoder, gateway);
    return &gateway->meta;
}
