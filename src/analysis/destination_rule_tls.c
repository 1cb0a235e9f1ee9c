/* TLS towards upstreams of which no authority is named: the server's identity is not verified by Istio. */
#include "analysis/analysis.h"

static bool verifies(const struct destination_rule *rule, const struct client_tls *tls) {
    bool originates = tls != NULL && (tls->mode == CLIENT_TLS_SIMPLE || tls->mode == CLIENT_TLS_MUTUAL);
    return !originates || tls->ca_certificates.text.size > 0 || (tls->credential_name.text.size > 0 && rule->has_workload_selector);
}

static void check_rule(struct analysis *analysis, const struct destination_rule *rule) {
    const struct traffic_policy *policy = rule->traffic_policy;
    const struct object_meta *meta = &rule->meta;
    if (policy == NULL)
        return;
    if (!verifies(rule, policy->tls))
        message_add(&analysis->messages, MESSAGE_NO_SERVER_VERIFICATION, meta, POSITION_NONE,
                    "DestinationRule %.*s in namespace %.*s has TLS mode set to %s but no caCertificates are set to validate server identity for "
                    "host: %.*s",
                    SPAN_ARGUMENTS(meta->name), SPAN_ARGUMENTS(meta->namespace), client_tls_mode_name(policy->tls->mode),
                    SPAN_ARGUMENTS(rule->host.text));
    for (size_t i = 0; i < policy->port_level_count; i++) {
        const struct traffic_policy *port = &policy->port_level[i];
        if (!verifies(rule, port->tls))
            message_add(&analysis->messages, MESSAGE_NO_SERVER_VERIFICATION_PORT, meta, POSITION_NONE,
                        "DestinationRule %.*s in namespace %.*s has TLS mode set to %s but no caCertificates are set to validate server identity "
                        "for host: %.*s at port number:%lld",
                        SPAN_ARGUMENTS(meta->name), SPAN_ARGUMENTS(meta->namespace), client_tls_mode_name(port->tls->mode),
                        SPAN_ARGUMENTS(rule->host.text), (long long)port->port.value);
    }
}

void analyze_destination_rule_tls(struct analysis *analysis) {
    for (size_t i = 0; i < analysis->resources->destination_rules.count; i++)
        check_rule(analysis, analysis->resources->destination_rules.items[i]);
}
