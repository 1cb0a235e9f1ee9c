/* One certificate in two Gateways: clients that reuse an HTTP/2 connection for another name get a 404. */
#include "analysis/analysis.h"

static bool same_text(const struct located *a, const struct located *b) {
    return a->text.size > 0 && span_equal(a->text, b->text);
}

static bool same_certificate(const struct gateway_tls *a, const struct gateway_tls *b) {
    if (a == NULL || b == NULL)
        return false;
    if (a->credential_name.text.size > 0 || b->credential_name.text.size > 0)
        return same_text(&a->credential_name, &b->credential_name);
    return same_text(&a->server_certificate, &b->server_certificate) && same_text(&a->private_key, &b->private_key);
}

static bool share_certificate(const struct gateway *a, const struct gateway *b) {
    for (size_t i = 0; i < a->server_count; i++)
        for (size_t j = 0; j < b->server_count; j++)
            if (same_certificate(a->servers[i].tls, b->servers[j].tls))
                return true;
    return false;
}

static void compare(struct analysis *analysis, const struct gateway *a, const struct gateway *b) {
    if (a == b || !label_set_contains(&b->selector, &a->selector) || !share_certificate(a, b))
        return;
    message_add(&analysis->messages, MESSAGE_DUPLICATE_CERTIFICATE, &a->meta, a->meta.name_position,
                "Duplicate certificate in multiple gateways [%.*s/%.*s %.*s/%.*s] may cause 404s if clients re-use HTTP2 connections.",
                SPAN_ARGUMENTS(a->meta.namespace), SPAN_ARGUMENTS(a->meta.name), SPAN_ARGUMENTS(b->meta.namespace), SPAN_ARGUMENTS(b->meta.name));
}

void analyze_gateway_certificates(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < resources->gateways.count; i++)
        for (size_t j = 0; j < resources->gateways.count; j++)
            compare(analysis, resources->gateways.items[i], resources->gateways.items[j]);
}
