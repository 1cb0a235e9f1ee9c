#include "resource/virtual_service_check.h"

#include "resource/host_wildcard.h"
#include "resource/name_check.h"
#include "resource/name_syntax.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))

/* --- Hosts and Gateways --- */

static bool is_for_gateways_only(const struct virtual_service *service) {
    for (size_t i = 0; i < service->gateways.count; i++)
        if (span_equal(service->gateways.items[i].text, SPAN_LITERAL("mesh")))
            return false;
    return service->gateways.count > 0;
}

/* "outbound_.80_._.host": the names by which the mesh's gateways between clusters call services. */
static bool is_mesh_sni(struct span name) {
    struct span rest = name, part;
    bool has_digit = false, has_letter = false;
    size_t parts = 0;
    for (; span_split(&rest, '_', &part); parts++) {
        if (parts == 0 && !span_equal(part, SPAN_LITERAL("outbound")))
            return false;
        for (size_t i = 0; i < part.size; i++) {
            char byte = byte_to_lower(part.data[i]);
            has_digit |= parts == 1 && byte >= '0' && byte <= '9';
            has_letter |= parts >= 3 && byte >= 'a' && byte <= 'z';
        }
    }
    return parts >= 4 && has_digit && has_letter;
}

static bool is_sni_form(struct span name) {
    return span_starts_with(name, SPAN_LITERAL("outbound_"));
}

static bool check_host(struct decoder *decoder, const struct virtual_service *service, const struct located *host) {
    if (service->tls_count > 0 && is_for_gateways_only(service) && is_sni_form(host->text) && is_mesh_sni(host->text))
        return true;
    if (!name_is_wildcard_domain(host->text) && name_is_address(host->text))
        return true;
    if (!name_check_wildcard_domain(decoder, host))
        return false;
    if (!span_equal(host->text, SPAN_LITERAL("*")) || is_for_gateways_only(service))
        return true;
    decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "name the hosts, or the Gateways that it is for without 'mesh'",
                 "the host \"*\" is not allowed for the mesh");
    return false;
}

static void check_hosts(struct decoder *decoder, const struct virtual_service *service) {
    const struct located_list *hosts = &service->hosts;
    bool usable = true;
    for (size_t i = 0; i < hosts->count; i++)
        usable &= check_host(decoder, service, &hosts->items[i]);
    for (size_t i = 0; usable && i < hosts->count; i++)
        for (size_t j = 0; j < i; j++)
            if (host_name_overlaps(hosts->items[i].text, hosts->items[j].text))
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, hosts->items[i].position, "keep the one that is meant",
                             "the duplicate hosts '%.*s' and '%.*s' have requests in common", SHOWN(hosts->items[j].text),
                             SHOWN(hosts->items[i].text));
}

static void report_in_delegate(struct decoder *decoder, const struct virtual_service *service, const char *field) {
    const struct node *node = node_get_present(node_get_present(service->meta.root, "spec"), field);
    if (node != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, node->position, "add hosts, or remove it",
                     "a VirtualService without hosts is a delegate, which cannot have %s", field);
}

static void check_delegate(struct decoder *decoder, const struct virtual_service *service) {
    if (service->gateways.count > 0)
        report_in_delegate(decoder, service, "gateways");
    if (service->tls_count > 0)
        report_in_delegate(decoder, service, "tls");
    if (service->tcp_count > 0)
        report_in_delegate(decoder, service, "tcp");
    for (size_t i = 0; i < service->http_count; i++) {
        const struct node *nested = node_get_present(service->http[i].node, "delegate");
        if (nested != NULL)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, nested->position, "delegate from the VirtualService with the hosts",
                         "a delegate cannot delegate further");
    }
}

/* --- What only a gateway has --- */

static void check_claim(struct decoder *decoder, const struct named_match_list *list) {
    if (list->claim.text.size > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, list->claim.position, "name the Gateways that it is for, without 'mesh'",
                     "claims of a token can be matched at gateways only");
}

static void check_claims(struct decoder *decoder, const struct virtual_service *service) {
    for (size_t i = 0; i < service->http_count; i++) {
        for (size_t match = 0; match < service->http[i].match_count; match++) {
            check_claim(decoder, &service->http[i].matches[match].headers);
            check_claim(decoder, &service->http[i].matches[match].without_headers);
        }
    }
}

/* --- SNI --- */

static void check_sni_host(struct decoder *decoder, const struct virtual_service *service, const struct located *name) {
    bool bound = is_for_gateways_only(service) && is_sni_form(name->text) && is_mesh_sni(name->text);
    if (!bound && !name_is_wildcard_domain(name->text) && name_is_address(name->text))
        decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, name->position, "use a name",
                       "SNI holds no addresses (RFC 6066), and most clients send none");
    else if (!bound && !name_check_wildcard_domain(decoder, name))
        return;
    for (size_t i = 0; i < service->hosts.count; i++)
        if (host_name_is_subset(name->text, service->hosts.items[i].text))
            return;
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, name->position, "add it to spec.hosts",
                 "the SNI host '%.*s' is none of the VirtualService's hosts", SHOWN(name->text));
}

static void check_sni_hosts(struct decoder *decoder, const struct virtual_service *service) {
    for (size_t i = 0; i < service->tls_count; i++)
        for (size_t match = 0; match < service->tls[i].match_count; match++)
            for (size_t name = 0; name < service->tls[i].matches[match].sni_hosts.count; name++)
                check_sni_host(decoder, service, &service->tls[i].matches[match].sni_hosts.items[name]);
}

void virtual_service_check(struct decoder *decoder, const struct virtual_service *service) {
    if (service->hosts.count == 0)
        check_delegate(decoder, service);
    else
        check_sni_hosts(decoder, service);
    name_check_gateways(decoder, &service->gateways);
    check_hosts(decoder, service);
    if (!is_for_gateways_only(service))
        check_claims(decoder, service);
    name_check_export_to(decoder, &service->export_to, service->meta.namespace, EXPORT_TO_ANY);
    if (!decoder->failed && service->http_count + service->tls_count + service->tcp_count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, service->meta.position, "add one of http, tls and tcp",
                     "the VirtualService has no routes");
}
