#include "resource/gateway_check.h"

#include "resource/name_check.h"
#include "resource/name_syntax.h"
#include "resource/protocol_class.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))
#define UNIX_BIND SPAN_LITERAL("unix://")

static bool is_set(struct located text) {
    return text.text.size > 0;
}

/* --- Hosts --- */

static void check_domain(struct decoder *decoder, struct span name, struct position position) {
    struct located host = {name, position};
    size_t dot;
    if (span_equal(name, SPAN_LITERAL("*")) || name_is_address(name))
        return;
    if (!span_find_byte(name, '.', &dot))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position, "write the whole name, such as shop.example.com",
                     "'%.*s' is a short name, which a Gateway cannot have", SHOWN(name));
    else if (name_check_wildcard_domain(decoder, &host) && name_is_partial_wildcard(name))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position, "write \"*.\" and a name",
                     "'%.*s' is a wildcard inside a label, which a Gateway cannot have", SHOWN(name));
}

static void check_host(struct decoder *decoder, const struct located *host) {
    size_t slash;
    struct span name = host->text;
    if (span_find_byte(name, '/', &slash)) {
        struct span namespace = span_first(name, slash);
        name = span_from(name, slash + 1);
        if (namespace.size == 0 || name.size == 0) {
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "write namespace/host, or the host alone",
                         "'%.*s' has an empty part", SHOWN(host->text));
            return;
        }
        bool is_token = span_equal(namespace, SPAN_LITERAL("*")) || span_equal(namespace, SPAN_LITERAL("."));
        if (!is_token && !name_is_dns_label(namespace))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "use \"*\", \".\" or the name of a namespace",
                         "'%.*s' is an invalid namespace", SHOWN(namespace));
    }
    check_domain(decoder, name, host->position);
}

/* --- Port and bind --- */

static void check_port(struct decoder *decoder, const struct gateway_server *server) {
    const struct gateway_port *port = &server->port;
    bool is_unix = span_starts_with(server->bind.text, UNIX_BIND);
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
                     "the protocol '%.*s' is not known", SHOWN(port->protocol.text));
    if (!is_set(port->name))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "add a name, unique in the Gateway", "the port has no name");
    if (port->target_port.value != 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, port->target_port.position, "remove it; the Service decides the target port",
                     "targetPort has no impact in a Gateway");
}

static void check_bind(struct decoder *decoder, const struct gateway_server *server) {
    struct span bind = server->bind.text;
    if (bind.size == 0 || name_is_address(bind))
        return;
    if (!span_starts_with(bind, UNIX_BIND)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, server->bind.position, "write an IP address, or leave bind out",
                     "the bind '%.*s' is not a valid IP address", SHOWN(bind));
        return;
    }
    struct span path = span_from(bind, UNIX_BIND.size);
    bool is_abstract = span_starts_with(path, SPAN_LITERAL("@")) && path.size > 1;
    bool is_file = span_starts_with(path, SPAN_LITERAL("/")) && !span_ends_with(path, SPAN_LITERAL("/"));
    if (!is_abstract && !is_file)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, server->bind.position, "write unix:///path or unix://@name",
                     "'%.*s' is neither the absolute path of a socket nor an abstract name", SHOWN(path));
    if (server->port.number.value != 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, server->port.number.position, "set it to 0", "a Unix socket has no port number");
}

/* --- TLS --- */

static bool holds_certificate_files(const struct gateway_tls *tls) {
    return is_set(tls->server_certificate) || is_set(tls->private_key) || is_set(tls->ca_certificates);
}

static void check_server_tls(struct decoder *decoder, const struct gateway_server *server) {
    enum protocol_class protocol = protocol_class_of(server->port.protocol.text);
    const struct gateway_tls *tls = server->tls;
    bool passes = tls != NULL && (tls->mode == GATEWAY_TLS_PASSTHROUGH || tls->mode == GATEWAY_TLS_AUTO_PASSTHROUGH);
    if (tls == NULL && protocol == PROTOCOL_CLASS_TLS)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, server->port.position, "add tls with a mode, such as SIMPLE",
                     "protocol %.*s needs a tls block: the server must have TLS settings", SHOWN(server->port.protocol.text));
    if (tls == NULL || protocol == PROTOCOL_CLASS_UNKNOWN)
        return;
    if (tls->https_redirect.value && protocol != PROTOCOL_CLASS_HTTP)
        decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->https_redirect.position,
                       "set it on the server of the HTTP port", "httpsRedirect has no effect on this protocol");
    if (protocol == PROTOCOL_CLASS_TLS || (protocol == PROTOCOL_CLASS_HTTP && passes && !holds_certificate_files(tls)))
        return;
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position, "use protocol HTTPS or TLS, or keep httpsRedirect alone",
                 "a server of protocol %.*s cannot have this tls block", SHOWN(server->port.protocol.text));
}

static void refuse_in_mesh_mode(struct decoder *decoder, bool written, struct position position, const char *field) {
    if (written)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, position, "remove it",
                     "mode ISTIO_MUTUAL uses the mesh's own certificate: it cannot have an associated %s", field);
}

static void check_mesh_mode(struct decoder *decoder, const struct gateway_tls *tls) {
    refuse_in_mesh_mode(decoder, is_set(tls->server_certificate), tls->server_certificate.position, "serverCertificate");
    refuse_in_mesh_mode(decoder, is_set(tls->private_key), tls->private_key.position, "privateKey");
    refuse_in_mesh_mode(decoder, is_set(tls->ca_certificates), tls->ca_certificates.position, "caCertificates");
    refuse_in_mesh_mode(decoder, tls->tls_certificate_count > 0, tls->position, "tlsCertificates");
    refuse_in_mesh_mode(decoder, is_set(tls->credential_name), tls->credential_name.position, "credentialName");
    refuse_in_mesh_mode(decoder, tls->credential_names.count > 0, tls->credential_names.position, "credentialNames");
}

static void check_certificate(struct decoder *decoder, const struct located *certificate, const struct located *key, struct position position) {
    if (!is_set(*certificate))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, position, "set serverCertificate, or credentialName to the name of a TLS Secret",
                     "the server certificate is missing");
    if (!is_set(*key))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, position, "set privateKey, or credentialName to the name of a TLS Secret",
                     "the private key is missing");
}

/* The modes that terminate TLS with files: credentials that a Secret holds are judged when they are read. */
static void check_files(struct decoder *decoder, const struct gateway_tls *tls) {
    if (tls->mode != GATEWAY_TLS_SIMPLE && !is_set(tls->ca_certificates))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, tls->position, "set caCertificates",
                     "the mode asks clients for certificates: it needs a client CA bundle");
    if (tls->tls_certificate_count > 2)
        decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, tls->position, "keep one RSA and one ECDSA certificate",
                       "more than two tlsCertificates are there");
    for (size_t i = 0; i < tls->tls_certificate_count; i++)
        check_certificate(decoder, &tls->tls_certificates[i].server_certificate, &tls->tls_certificates[i].private_key, tls->position);
    if (tls->tls_certificate_count == 0)
        check_certificate(decoder, &tls->server_certificate, &tls->private_key, tls->position);
    if (is_set(tls->ca_crl) && tls->mode == GATEWAY_TLS_SIMPLE)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->ca_crl.position, "remove it, or use mode MUTUAL",
                     "without client certificates there is nothing that a CRL could revoke");
}

static int certificate_sources(const struct gateway_tls *tls) {
    return (is_set(tls->server_certificate) || is_set(tls->private_key)) + is_set(tls->credential_name) +
           (tls->credential_names.count > 0) + (tls->tls_certificate_count > 0);
}

void gateway_tls_check(struct decoder *decoder, const struct gateway_tls *tls) {
    int sources = certificate_sources(tls);
    bool is_old = tls->min_protocol_version == GATEWAY_TLS_V1_0 || tls->min_protocol_version == GATEWAY_TLS_V1_1;
    if (is_old && tls->cipher_suites.count == 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, tls->position, "name the cipherSuites that are meant, or use TLSV1_2",
                       "a minProtocolVersion below TLSV1_2 without cipherSuites has no cipher that old clients know");
    if (tls->mode == GATEWAY_TLS_ISTIO_MUTUAL) {
        check_mesh_mode(decoder, tls);
        return;
    }
    bool passes = tls->mode == GATEWAY_TLS_PASSTHROUGH || tls->mode == GATEWAY_TLS_AUTO_PASSTHROUGH;
    if (passes && (sources > 0 || is_set(tls->ca_certificates) || is_set(tls->ca_crl)))
        decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position,
                       "set mode to SIMPLE to terminate TLS here, or remove the certificate",
                       "TLS passes through here, so the certificate is not used");
    if (sources > 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->position, "keep one of them",
                     "only one of credentialName, credentialNames, tlsCertificates, and serverCertificate with privateKey "
                     "may be set");
    bool has_secret = is_set(tls->credential_name) || tls->credential_names.count > 0;
    if (has_secret && is_set(tls->ca_crl))
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, tls->ca_crl.position, "put the list into the Secret's ca.crl, beside ca.crt",
                     "caCrl goes with caCertificates; it would have no effect beside a credentialName");
    if (passes || has_secret)
        return;
    check_files(decoder, tls);
}

/* --- The whole --- */

void gateway_server_check(struct decoder *decoder, const struct gateway_server *server) {
    check_port(decoder, server);
    check_bind(decoder, server);
    check_server_tls(decoder, server);
    if (server->hosts.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, server->position, "add hosts, for instance \"*.example.com\"",
                     "the server needs at least one host");
    for (size_t i = 0; i < server->hosts.count; i++)
        check_host(decoder, &server->hosts.items[i]);
}

static void check_port_names(struct decoder *decoder, const struct gateway *gateway) {
    for (size_t i = 0; i < gateway->server_count; i++) {
        for (size_t j = 0; j < i; j++) {
            struct located name = gateway->servers[i].port.name;
            if (!is_set(name) || !span_equal(name.text, gateway->servers[j].port.name.text))
                continue;
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, name.position, "give each server's port a name of its own",
                         "port names must be unique in a Gateway: '%.*s' is there already", SHOWN(name.text));
            break;
        }
    }
}

void gateway_check(struct decoder *decoder, const struct gateway *gateway) {
    if (!name_is_dns_label(gateway->meta.name))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, gateway->meta.name_position, "use up to 63 letters, digits and '-'",
                     "invalid gateway name: it must be a DNS label");
    if (gateway->server_count == 0 && !decoder->failed)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, gateway->meta.position, "add spec.servers", "the Gateway has no servers");
    check_port_names(decoder, gateway);
}
