#include "resource/gateway.h"

#include "resource/object_decode.h"
#include "resource/protocol_class.h"

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

static bool is_set(struct located text) {
    return text.text.size > 0;
}

static bool holds_certificate_files(const struct gateway_tls *tls) {
    return is_set(tls->server_certificate) || is_set(tls->private_key) || is_set(tls->ca_certificates);
}

static void check_tls_sources(struct decoder *decoder, const struct gateway_tls *tls) {
    int sources = (is_set(tls->server_certificate) || is_set(tls->private_key)) + is_set(tls->credential_name) +
                  (tls->credential_names.count > 0) + (tls->tls_certificate_count > 0);
    bool terminates = tls->mode == GATEWAY_TLS_SIMPLE || tls->mode == GATEWAY_TLS_MUTUAL ||
                      tls->mode == GATEWAY_TLS_OPTIONAL_MUTUAL;
    if (sources > 1 && terminates)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position, "keep one of them",
                     "only one of credentialName, credentialNames, tlsCertificates, and serverCertificate with privateKey "
                     "may be set");
    if (sources == 0 && terminates)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, tls->position, "set credentialName to the name of a TLS Secret",
                     "the mode terminates TLS, but no certificate is named");
    if (terminates && is_set(tls->server_certificate) != is_set(tls->private_key))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, tls->position, "set both",
                     "serverCertificate and privateKey belong together");
    if (sources > 0 && !terminates && tls->mode != GATEWAY_TLS_ISTIO_MUTUAL)
        decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position,
                       "set mode to SIMPLE to terminate TLS here, or remove the certificate",
                       "TLS passes through here, so the certificate is not used");
    if (sources > 0 && tls->mode == GATEWAY_TLS_ISTIO_MUTUAL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position, "remove the certificate",
                     "mode ISTIO_MUTUAL uses the mesh's own certificate");
}

static void decode_tls(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_server *server = target;
    server->tls = arena_new(decoder->arena, struct gateway_tls);
    server->tls->position = node->position;
    DECODE_MAPPING(decoder, node, tls_fields, server->tls);
    check_tls_sources(decoder, server->tls);
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

static void check_port(struct decoder *decoder, const struct gateway_server *server) {
    const struct gateway_port *port = &server->port;
    bool is_unix = span_starts_with(server->bind.text, SPAN_LITERAL("unix://"));
    if (!server->has_port) {
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, server->position, "add port with number, name and protocol",
                     "the server has no port");
        return;
    }
    if (port->number.value == 0 && !is_unix)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "set number to a port of the gateway's Service",
                     "the port has no number from 1 to 65535");
    if (!is_set(port->protocol))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "set protocol: HTTP, HTTPS, TLS, TCP, ...",
                     "the port has no protocol");
    else if (protocol_class_of(port->protocol.text) == PROTOCOL_CLASS_UNKNOWN)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, port->protocol.position,
                     "use HTTP, HTTPS, HTTP2, GRPC, GRPC-Web, HTTP_PROXY, TLS, TCP, MONGO, MYSQL or REDIS",
                     "the protocol '%.*s' is not known", SPAN_ARGUMENTS(port->protocol.text));
    if (!is_set(port->name))
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "add a name, as Istio's admission asks",
                       "the port has no name");
    if (port->target_port.value != 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, port->target_port.position,
                       "remove it; the Service decides the target port", "targetPort has no effect in a Gateway");
}

static void check_server_tls(struct decoder *decoder, const struct gateway_server *server) {
    enum protocol_class protocol = protocol_class_of(server->port.protocol.text);
    const struct gateway_tls *tls = server->tls;
    bool passes = tls != NULL && (tls->mode == GATEWAY_TLS_PASSTHROUGH || tls->mode == GATEWAY_TLS_AUTO_PASSTHROUGH);
    if (tls == NULL && protocol == PROTOCOL_CLASS_TLS)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, server->port.position, "add tls with a mode, such as SIMPLE",
                     "protocol %.*s needs a tls block", SPAN_ARGUMENTS(server->port.protocol.text));
    if (tls == NULL || protocol == PROTOCOL_CLASS_TLS || protocol == PROTOCOL_CLASS_UNKNOWN)
        return;
    if (protocol == PROTOCOL_CLASS_HTTP && passes && !holds_certificate_files(tls))
        return;
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position, "use protocol HTTPS or TLS, or keep httpsRedirect alone",
                 "a server of protocol %.*s cannot have this tls block", SPAN_ARGUMENTS(server->port.protocol.text));
}

static void decode_server_fields(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_server *server = target;
    server->position = node->position;
    DECODE_MAPPING(decoder, node, server_fields, server);
    if (!node_is_mapping(node))
        return;
    check_port(decoder, server);
    check_server_tls(decoder, server);
    if (server->hosts.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, server->position, "add hosts, for instance \"*.example.com\"",
                     "the server has no hosts");
    if (server->tls != NULL && server->tls->https_redirect.value &&
        protocol_class_of(server->port.protocol.text) != PROTOCOL_CLASS_HTTP)
        decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, server->tls->https_redirect.position,
                       "set it on the server of the HTTP port", "httpsRedirect has no effect on this protocol");
}

static void decode_server(struct decoder *decoder, const struct node *node, void *target) {
    struct gateway_server *server = target;
    server->invalid = decode_part(decoder, node, target, decode_server_fields);
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

static void check_port_names(struct decoder *decoder, const struct gateway *gateway) {
    for (size_t i = 0; i < gateway->server_count; i++) {
        for (size_t j = 0; j < i; j++) {
            struct located name = gateway->servers[i].port.name;
            if (!is_set(name) || !span_equal(name.text, gateway->servers[j].port.name.text))
                continue;
            decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, name.position,
                           "give each server's port a name of its own, as Istio's admission asks",
                           "the port name '%.*s' is used twice in this Gateway", SPAN_ARGUMENTS(name.text));
            break;
        }
    }
}

struct object_meta *gateway_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("selector", decode_selector),
        FIELD_CALL_WHOLE("servers", decode_servers),
    };
    struct gateway *gateway = arena_new(decoder->arena, struct gateway);
    gateway->meta = *meta;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), gateway);
    if (gateway->server_count == 0 && !decoder->failed)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, meta->position, "add spec.servers", "the Gateway has no servers");
    check_port_names(decoder, gateway);
    return &gateway->meta;
}
