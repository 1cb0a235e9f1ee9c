/* Whether the Secrets of a Gateway are where its pods look for them, and hold a certificate that is valid now. */
#include "analysis/analysis.h"
#include "analysis/gateway_pods.h"
#include "base/clock.h"
#include "tls/validity.h"

static struct span value_of(const struct secret *secret, const char *key) {
    const struct secret_entry *entry = secret_get(secret, span_of(key));
    return entry == NULL || entry->invalid ? SPAN_EMPTY : entry->value;
}

static bool is_usable(const struct secret *secret) {
    struct span certificate = value_of(secret, "cert"), key = value_of(secret, "key");
    int64_t not_before, not_after, now = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    if (certificate.size == 0 || key.size == 0) {
        certificate = value_of(secret, "tls.crt");
        key = value_of(secret, "tls.key");
    }
    return certificate.size > 0 && key.size > 0 && tls_certificate_validity(certificate, &not_before, &not_after) && not_before <= now &&
           now <= not_after;
}

static void check_credential(struct analysis *analysis, const struct gateway *gateway, const struct located *credential, struct span namespace) {
    struct span name = credential->text;
    size_t slash;
    if (span_find_byte(name, '/', &slash)) {
        namespace = span_first(name, slash);
        name = span_from(name, slash + 1);
    }
    const struct secret *secret = resource_set_find_secret(analysis->resources, namespace, name);
    if (secret == NULL)
        message_add(&analysis->messages, MESSAGE_REFERENCE_NOT_FOUND, &gateway->meta, credential->position,
                    "Referenced credentialName not found: \"%.*s\"", SPAN_ARGUMENTS(credential->text));
    else if (!is_usable(secret))
        message_add(&analysis->messages, MESSAGE_INVALID_CREDENTIAL, &gateway->meta, credential->position,
                    "The credential provided for the Gateway %.*s in namespace %.*s is invalid: it holds no certificate with its key that is "
                    "valid now",
                    SPAN_ARGUMENTS(gateway->meta.name), SPAN_ARGUMENTS(namespace));
}

static void check_gateway(struct analysis *analysis, const struct gateway *gateway) {
    const struct workload *pod = gateway_select_pod(analysis, gateway);
    for (size_t i = 0; pod != NULL && i < gateway->server_count; i++) {
        const struct gateway_tls *tls = gateway->servers[i].tls;
        if (tls != NULL && tls->credential_name.text.size > 0)
            check_credential(analysis, gateway, &tls->credential_name, pod->namespace);
    }
}

void analyze_gateway_secrets(struct analysis *analysis) {
    for (size_t i = 0; analysis->resources->any[RESOURCE_SECRET] && i < analysis->resources->gateways.count; i++)
        check_gateway(analysis, analysis->resources->gateways.items[i]);
}
