#include "resource/destination_rule_check.h"

#include "resource/locality_setting.h"
#include "resource/name_check.h"
#include "resource/name_syntax.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))

/* --- Parts of a policy --- */

struct tunnel {
    struct located protocol, target_host;
    struct located_number target_port;
};

void tunnel_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("protocol", FIELD_STRING, struct tunnel, protocol),
        FIELD_AT("targetHost", FIELD_STRING, struct tunnel, target_host),
        FIELD_NUMBER_AT("targetPort", struct tunnel, target_port, 1, 65535),
    };
    struct tunnel tunnel = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &tunnel);
    if (!node_is_mapping(node))
        return;
    struct span protocol = tunnel.protocol.text;
    if (protocol.size > 0 && !span_equal(protocol, SPAN_LITERAL("CONNECT")) && !span_equal(protocol, SPAN_LITERAL("POST")))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, tunnel.protocol.position, "use CONNECT or POST", "'%.*s' is no protocol of a tunnel",
                     SHOWN(protocol));
    if (!name_is_fqdn(tunnel.target_host.text) && !name_is_address(tunnel.target_host.text))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, tunnel.target_host.text.size > 0 ? tunnel.target_host.position : node->position,
                     "set targetHost to a name or an address", "the tunnel's targetHost is neither a domain name nor an address");
    if (node_get_present(node, "targetPort") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add targetPort", "the tunnel has no targetPort");
}

void upstream_proxy_protocol_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {{"V1", 1}, {"V2", 2}};
    const struct node *version = node_get_present(node, "version");
    int ignored;
    (void)target;
    if (!node_is_mapping(node))
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write version: V1", "a mapping is expected here, not %s", node_type_name(node));
    else if (version != NULL)
        (void)DECODE_ENUM(decoder, version, names, &ignored);
}

/* --- Policies --- */

static bool has_any(const struct node *mapping, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (node_get_present(mapping, names[i]) != NULL)
            return true;
    return false;
}

void traffic_policy_check(struct decoder *decoder, const struct node *policy) {
    static const char *const parts[] = {"outlierDetection", "connectionPool", "loadBalancer", "tls", "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"};
    if (!node_is_mapping(policy))
        return;
    if (!has_any(policy, parts, ARRAY_SIZE(parts)))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, policy->position, "add one, or remove trafficPolicy",
                     "the traffic policy must have at least one field");
    const struct node *proxy = node_get_present(policy, "proxyProtocol");
    if (proxy != NULL && node_get_present(policy, "tunnel") != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, proxy->position, "keep one of them", "proxyProtocol cannot be used together with tunnel");
    locality_setting_check(decoder, policy);
}

void port_policy_check(struct decoder *decoder, const struct node *policy) {
    static const char *const parts[] = {"outlierDetection", "connectionPool", "loadBalancer", "tls"};
    if (!node_is_mapping(policy))
        return;
    const struct node *port = node_get_present(policy, "port");
    if (port == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, policy->position, "add port with a number", "the settings name no port");
    else if (node_is_mapping(port) && node_get_present(port, "number") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "set number", "the port has no number");
    if (!has_any(policy, parts, ARRAY_SIZE(parts)))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, policy->position, "add one, or remove the entry",
                     "the settings of a port must have at least one field");
    locality_setting_check(decoder, policy);
}

/* --- The whole --- */

static void check_subset(struct decoder *decoder, const struct destination_rule *rule, size_t index) {
    const struct destination_subset *subset = &rule->subsets[index];
    if (subset->name.text.size == 0)
        return;
    name_check_dns_label(decoder, &subset->name, "a subset");
    for (size_t i = 0; i < index; i++)
        if (span_equal(rule->subsets[i].name.text, subset->name.text))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, subset->name.position, "give it a name of its own",
                         "the subset '%.*s' is there twice", SHOWN(subset->name.text));
    name_check_labels(decoder, &subset->labels);
}

void destination_rule_check(struct decoder *decoder, const struct destination_rule *rule) {
    if (rule->host.text.size > 0)
        (void)name_check_wildcard_domain(decoder, &rule->host);
    else if (!decoder->failed)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, rule->meta.position, "set host to a Service's name",
                     "the DestinationRule has no host");
    for (size_t i = 0; i < rule->subset_count; i++)
        check_subset(decoder, rule, i);
    if (rule->has_workload_selector)
        name_check_selector(decoder, &rule->workload_selector, rule->workload_selector_position);
    name_check_export_to(decoder, &rule->export_to, rule->meta.namespace, rule->has_workload_selector ? EXPORT_TO_OWN_ONLY : EXPORT_TO_ANY);
}
