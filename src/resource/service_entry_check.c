#include "resource/service_entry_check.h"

#include "resource/name_check.h"
#include "resource/name_syntax.h"
#include "resource/protocol_class.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))
#define UNIX_ADDRESS SPAN_LITERAL("unix://")

static bool is_dynamic(const struct service_entry *entry) {
    return entry->resolution == SERVICE_ENTRY_DYNAMIC_DNS;
}

/* --- Hosts and addresses --- */

static void check_hosts(struct decoder *decoder, const struct service_entry *entry) {
    if (entry->hosts.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, entry->meta.position, "add spec.hosts", "the ServiceEntry has no hosts");
    for (size_t i = 0; i < entry->hosts.count; i++) {
        const struct located *host = &entry->hosts.items[i];
        if (span_equal(host->text, SPAN_LITERAL("*")))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "name the hosts", "the host '*' is not allowed in a ServiceEntry");
        else if (name_check_wildcard_domain(decoder, host) && name_is_partial_wildcard(host->text) && !is_dynamic(entry))
            decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "write \"*.\" and a name",
                           "'%.*s' is a wildcard inside a label, which matches nothing but itself", SHOWN(host->text));
    }
}

static void check_addresses(struct decoder *decoder, const struct service_entry *entry) {
    bool takes_ranges = entry->resolution == SERVICE_ENTRY_NONE || entry->resolution == SERVICE_ENTRY_STATIC;
    for (size_t i = 0; i < entry->addresses.count; i++) {
        const struct located *address = &entry->addresses.items[i];
        size_t slash;
        if (!name_is_subnet(address->text))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, address->position, "write an address, or address/bits", "'%.*s' is no address",
                         SHOWN(address->text));
        else if (!takes_ranges && span_find_byte(address->text, '/', &slash))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, address->position, "write one address, or use resolution: STATIC",
                         "a range of addresses goes with resolution NONE or STATIC only");
    }
}

/* --- Ports --- */

static bool is_plain_tcp(const struct service_entry_port *port) {
    return port->protocol.text.size == 0 || span_equal(port->protocol.text, SPAN_LITERAL("TCP"));
}

static void check_port(struct decoder *decoder, const struct service_entry *entry, size_t index) {
    const struct service_entry_port *port = &entry->ports[index];
    bool is_empty = !port->number.is_set && port->name.text.size + port->protocol.text.size == 0;
    if (is_empty)
        return;
    for (size_t i = 0; i < index; i++) {
        const struct service_entry_port *other = &entry->ports[i];
        if (port->name.text.size > 0 && span_equal(port->name.text, other->name.text))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, port->name.position, "give each port a name of its own",
                         "the port name '%.*s' is there twice", SHOWN(port->name.text));
        if (port->number.is_set && port->number.value == other->number.value)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, port->number.position, "keep one of them", "the port number %d is there twice",
                         (int)port->number.value);
    }
    if (port->name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "add a name", "the port has no name");
    else
        name_check_dns_label(decoder, &port->name, "a port");
    if (is_plain_tcp(port) && entry->addresses.count == 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, port->position, "add addresses, or name the protocol",
                       "a TCP port without addresses is told from others by its number alone");
}

static bool is_http_or_tls(const struct service_entry_port *port) {
    enum protocol_class class = protocol_class_of(port->protocol.text);
    return class == PROTOCOL_CLASS_HTTP || class == PROTOCOL_CLASS_TLS;
}

static void check_ports(struct decoder *decoder, const struct service_entry *entry) {
    for (size_t i = 0; i < entry->port_count; i++) {
        const struct service_entry_port *port = &entry->ports[i];
        check_port(decoder, entry, i);
        if (entry->hosts.count > 1 && !is_http_or_tls(port) && entry->resolution != SERVICE_ENTRY_NONE && !is_dynamic(entry))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, port->position, "write one ServiceEntry a host, or name an HTTP or TLS protocol",
                         "several hosts cannot be told apart on a port that is neither HTTP nor TLS");
    }
}

/* --- Endpoints --- */

static bool has_port(const struct service_entry *entry, struct span name) {
    for (size_t i = 0; i < entry->port_count; i++)
        if (span_equal(entry->ports[i].name.text, name))
            return true;
    return false;
}

/* `entry` is NULL for a WorkloadEntry. */
static void check_unix_endpoint(struct decoder *decoder, const struct service_entry_endpoint *endpoint, const struct service_entry *entry) {
    struct span path = span_from(endpoint->address.text, UNIX_ADDRESS.size);
    bool is_abstract = span_starts_with(path, SPAN_LITERAL("@")) && path.size > 1;
    bool is_file = span_starts_with(path, SPAN_LITERAL("/")) && !span_ends_with(path, SPAN_LITERAL("/"));
    if (!is_abstract && !is_file)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, endpoint->address.position, "write unix:///path or unix://@name",
                     "'%.*s' is neither the absolute path of a socket nor an abstract name", SHOWN(path));
    if (endpoint->port_count > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, endpoint->ports[0].name.position, "remove ports", "a Unix socket has no ports");
    if (entry != NULL && entry->port_count != 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, endpoint->address.position, "keep one port in the ServiceEntry",
                     "a Unix socket serves one port, but the ServiceEntry has %zu", entry->port_count);
}

static void check_address(struct decoder *decoder, const struct service_entry_endpoint *endpoint, const struct service_entry *entry) {
    bool names_allowed = entry == NULL || entry->resolution != SERVICE_ENTRY_STATIC;
    bool unix_allowed = entry == NULL || entry->resolution == SERVICE_ENTRY_STATIC;
    struct span address = endpoint->address.text;
    if (address.size == 0) {
        if (endpoint->network.text.size > 0)
            decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, endpoint->position, "set address",
                           "an endpoint without address is reached through its network's gateway alone");
        else
            decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, endpoint->position, "set address to an IP address", "the endpoint has no address");
    } else if (unix_allowed && span_starts_with(address, UNIX_ADDRESS)) {
        check_unix_endpoint(decoder, endpoint, entry);
    } else if (!name_is_address(address) && (!names_allowed || !name_is_fqdn(address))) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, endpoint->address.position,
                     names_allowed ? "write an address or a name" : "write an IP address, or use resolution: DNS", "'%.*s' is no %s",
                     SHOWN(address), names_allowed ? "address and no domain name" : "IP address");
    }
}

static void check_endpoint(struct decoder *decoder, const struct service_entry_endpoint *endpoint, const struct service_entry *entry) {
    check_address(decoder, endpoint, entry);
    for (size_t i = 0; i < endpoint->port_count; i++) {
        const struct located *name = &endpoint->ports[i].name;
        name_check_dns_label(decoder, name, "a port");
        if (entry != NULL && !has_port(entry, name->text))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, name->position, "name one of the ServiceEntry's ports",
                         "the ServiceEntry has no port of the name '%.*s'", SHOWN(name->text));
    }
    name_check_labels(decoder, &endpoint->labels);
}

/* --- Resolutions --- */

static void check_dns(struct decoder *decoder, const struct service_entry *entry) {
    if (entry->resolution == SERVICE_ENTRY_DNS_ROUND_ROBIN && entry->endpoint_count > 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->endpoints[1].position, "use resolution: DNS",
                     "resolution DNS_ROUND_ROBIN takes one endpoint at most");
    for (size_t i = 0; entry->endpoint_count == 0 && i < entry->hosts.count; i++)
        if (!name_is_fqdn(entry->hosts.items[i].text))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, entry->hosts.items[i].position, "name the host, or write endpoints",
                         "without endpoints the host itself is resolved by DNS, but '%.*s' is no name that DNS knows",
                         SHOWN(entry->hosts.items[i].text));
    for (size_t i = 0; entry->addresses.count > 0 && entry->hosts.count > 1 && i < entry->port_count; i++)
        if (!is_http_or_tls(&entry->ports[i]))
            decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->ports[i].position, "write one ServiceEntry a host",
                           "the addresses of this TCP port stand for several hosts");
}

static void check_dynamic_port(struct decoder *decoder, const struct service_entry_port *port) {
    static const char *const allowed[] = {"HTTP", "TLS", "GRPC", "HTTP2"};
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
        if (span_equal_ignore_case(port->protocol.text, span_of(allowed[i])))
            return;
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, port->protocol.text.size > 0 ? port->protocol.position : port->position,
                 "use HTTP, HTTP2, GRPC or TLS", "resolution DYNAMIC_DNS needs a protocol that says a request's host");
}

static void check_dynamic(struct decoder *decoder, const struct service_entry *entry) {
    static const char reason[] = "resolution DYNAMIC_DNS resolves the host that a request names";
    for (size_t i = 0; i < entry->hosts.count; i++)
        if (!span_starts_with(entry->hosts.items[i].text, SPAN_LITERAL("*")))
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->hosts.items[i].position, "write a wildcard, or use resolution: DNS",
                         "%s: each of its hosts is a wildcard", reason);
    if (entry->addresses.count > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->addresses.position, "remove them", "%s: it has no addresses", reason);
    if (entry->endpoint_count > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->endpoints[0].position, "remove them", "%s: it has no endpoints", reason);
    for (size_t i = 0; i < entry->port_count; i++)
        check_dynamic_port(decoder, &entry->ports[i]);
    struct span waypoint;
    if (entry->location == SERVICE_ENTRY_MESH_INTERNAL && label_set_get(&entry->meta.labels, SPAN_LITERAL("istio.io/use-waypoint"), &waypoint))
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->resolution_position, "use location: MESH_EXTERNAL, or remove the label",
                     "resolution DYNAMIC_DNS inside of the mesh goes with no waypoint");
}

static void check_none(struct decoder *decoder, const struct service_entry *entry) {
    if (entry->endpoint_count > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->endpoints[0].position, "set resolution: STATIC or DNS",
                     "endpoints need a resolution other than NONE");
    if (entry->has_workload_selector)
        decode_warning(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->workload_selector_position, "set resolution: STATIC",
                       "a workloadSelector has no effect with resolution NONE");
}

/* --- The whole --- */

static void check_resolution(struct decoder *decoder, const struct service_entry *entry) {
    switch (entry->resolution) {
    case SERVICE_ENTRY_NONE:
        check_none(decoder, entry);
        break;
    case SERVICE_ENTRY_DNS:
    case SERVICE_ENTRY_DNS_ROUND_ROBIN:
        check_dns(decoder, entry);
        break;
    case SERVICE_ENTRY_DYNAMIC_DNS:
        check_dynamic(decoder, entry);
        break;
    case SERVICE_ENTRY_STATIC:
        break;
    }
}

void service_entry_check(struct decoder *decoder, const struct service_entry *entry) {
    if (entry->has_workload_selector) {
        name_check_selector(decoder, &entry->workload_selector, entry->workload_selector_position);
        if (entry->endpoint_count > 0)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, entry->workload_selector_position, "keep one of them",
                         "only one of endpoints and workloadSelector may be set");
    }
    check_hosts(decoder, entry);
    check_addresses(decoder, entry);
    check_ports(decoder, entry);
    check_resolution(decoder, entry);
    if (entry->resolution != SERVICE_ENTRY_NONE && !is_dynamic(entry))
        for (size_t i = 0; i < entry->endpoint_count; i++)
            check_endpoint(decoder, &entry->endpoints[i], entry);
    name_check_export_to(decoder, &entry->export_to, entry->meta.namespace, EXPORT_TO_SERVICE_ENTRY);
}

void workload_entry_check(struct decoder *decoder, const struct workload_entry *entry) {
    check_endpoint(decoder, &entry->endpoint, NULL);
}
