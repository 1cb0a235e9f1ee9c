#include "resource/client_tls.h"

#include "base/assert.h"
#include "resource/object_decode.h"

static const struct enum_name modes[] = {
    {"DISABLE", CLIENT_TLS_DISABLE},
    {"SIMPLE", CLIENT_TLS_SIMPLE},
    {"MUTUAL", CLIENT_TLS_MUTUAL},
    {"ISTIO_MUTUAL", CLIENT_TLS_ISTIO_MUTUAL},
};

const char *client_tls_mode_name(enum client_tls_mode mode) {
    ASSERT((size_t)mode < ARRAY_SIZE(modes));
    return modes[mode].name;
}

static void decode_mode(struct decoder *decoder, const struct node *node, void *target) {
    struct client_tls *tls = target;
    int value;
    if (DECODE_ENUM(decoder, node, modes, &value))
        tls->mode = (enum client_tls_mode)value;
}

static void conflict(struct decoder *decoder, struct position position, const char *hint, const char *message) {
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, position, hint, "%s", message);
}

/* "configmap://namespace/name" */
static void check_config_map(struct decoder *decoder, const struct located *name) {
    struct span rest = span_from(name->text, SPAN_LITERAL("configmap://").size), namespace;
    size_t slash;
    if (!span_starts_with(name->text, SPAN_LITERAL("configmap://")))
        return;
    if (!span_find_byte(rest, '/', &slash) || slash == 0 || slash + 1 == rest.size) {
        conflict(decoder, name->position, "write configmap://namespace/name", "the credentialName names no ConfigMap");
        return;
    }
    namespace = span_first(rest, slash);
    if (!span_equal(namespace, decoder->namespace))
        conflict(decoder, name->position, "use a ConfigMap of the DestinationRule's own namespace", "a ConfigMap of another namespace cannot be used");
}

/* Source: ValidateTLS of Istio's admission. */
static void check(struct decoder *decoder, const struct client_tls *tls) {
    bool has_files = tls->client_certificate.text.size > 0 || tls->private_key.text.size > 0 ||
                     tls->ca_certificates.text.size > 0 || tls->ca_crl.text.size > 0;
    check_config_map(decoder, &tls->credential_name);
    bool originates = tls->mode == CLIENT_TLS_SIMPLE || tls->mode == CLIENT_TLS_MUTUAL;
    if (originates && tls->credential_name.text.size > 0 && has_files)
        conflict(decoder, tls->credential_name.position, "keep the Secret or the files",
                 "credentialName excludes clientCertificate, privateKey, caCertificates and caCrl");
    if (tls->mode == CLIENT_TLS_MUTUAL && tls->credential_name.text.size == 0 &&
        (tls->client_certificate.text.size == 0 || tls->private_key.text.size == 0))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, tls->position, "set credentialName, or clientCertificate and privateKey",
                     "mode MUTUAL needs a certificate of the gateway's own");
    if (originates && tls->insecure_skip_verify.value &&
        (tls->ca_certificates.text.size > 0 || tls->subject_alt_names.count > 0 ||
         (tls->mode == CLIENT_TLS_SIMPLE && tls->credential_name.text.size > 0)))
        conflict(decoder, tls->insecure_skip_verify.position, "remove insecureSkipVerify, or what is to be verified",
                 "insecureSkipVerify contradicts caCertificates, credentialName and subjectAltNames");
}

static void decode_fields(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("mode", decode_mode),
        FIELD_AT("clientCertificate", FIELD_STRING, struct client_tls, client_certificate),
        FIELD_AT("privateKey", FIELD_STRING, struct client_tls, private_key),
        FIELD_AT("caCertificates", FIELD_STRING, struct client_tls, ca_certificates),
        FIELD_AT("caCrl", FIELD_STRING, struct client_tls, ca_crl),
        FIELD_AT("credentialName", FIELD_STRING, struct client_tls, credential_name),
        FIELD_AT("subjectAltNames", FIELD_STRINGS, struct client_tls, subject_alt_names),
        FIELD_AT("sni", FIELD_STRING, struct client_tls, sni),
        FIELD_AT("insecureSkipVerify", FIELD_FLAG, struct client_tls, insecure_skip_verify),
    };
    struct client_tls *tls = target;
    DECODE_MAPPING(decoder, node, fields, tls);
    if (node_is_mapping(node))
        check(decoder, tls);
}

void client_tls_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct client_tls *tls = arena_new(decoder->arena, struct client_tls);
    tls->position = node->position;
    tls->broken = decode_part(decoder, node, tls, decode_fields);
    *(struct client_tls **)target = tls;
}
