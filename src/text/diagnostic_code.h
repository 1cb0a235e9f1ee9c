/* Every kind of diagnostic, once: name, number, summary. Numbers are stable between releases and never used twice.
 * 1-99 text and source, 100-199 resources, 200-299 gateways and listeners, 300-399 routes, 400-499 TLS and secrets, 500-599 clusters and
 * endpoints, 600-699 mesh configuration, 900-999 not supported. Append; keep the numbers sorted. */
#ifndef FAIRLEAD_TEXT_DIAGNOSTIC_CODE_H
#define FAIRLEAD_TEXT_DIAGNOSTIC_CODE_H

#define DIAGNOSTIC_CODES(X)                                                                     \
    X(DIAGNOSTIC_SOURCE_UNREADABLE, 1, "a file or folder cannot be read")                       \
    X(DIAGNOSTIC_SOURCE_TOO_LARGE, 2, "the input is larger than a ceiling")                     \
    X(DIAGNOSTIC_SOURCE_EMPTY, 3, "the input holds no configuration")                           \
    X(DIAGNOSTIC_STALE, 4, "the last good version of a file or object stays in use")            \
    X(DIAGNOSTIC_YAML_SYNTAX, 10, "the YAML is broken")                                         \
    X(DIAGNOSTIC_YAML_DUPLICATE_KEY, 11, "a mapping holds one key twice")                       \
    X(DIAGNOSTIC_YAML_ALIAS, 12, "a YAML alias or merge key cannot be resolved")                \
    X(DIAGNOSTIC_YAML_CEILING, 13, "the YAML is too deep or too large")                         \
    X(DIAGNOSTIC_JSON_SYNTAX, 14, "the JSON is broken")                                         \
    X(DIAGNOSTIC_KIND_SKIPPED, 100, "a kind that does not concern the gateway is skipped")      \
    X(DIAGNOSTIC_OBJECT_SHAPE, 101, "a document is not a Kubernetes object")                    \
    X(DIAGNOSTIC_API_VERSION, 102, "an apiVersion is not known")                                \
    X(DIAGNOSTIC_OBJECT_DUPLICATE, 103, "two objects have one name")                            \
    X(DIAGNOSTIC_FIELD_TYPE, 104, "a field has the wrong type")                                 \
    X(DIAGNOSTIC_FIELD_UNKNOWN, 105, "a field is not known")                                    \
    X(DIAGNOSTIC_FIELD_MISSING, 106, "a required field is missing")                             \
    X(DIAGNOSTIC_FIELD_VALUE, 107, "a field's value is not allowed")                            \
    X(DIAGNOSTIC_FIELD_CONFLICT, 108, "fields contradict each other")                           \
    X(DIAGNOSTIC_OVERLAY, 109, "an overlay patch cannot be applied")                            \
    X(DIAGNOSTIC_GATEWAY_CHOICE, 200, "the ingress gateway to run is not clear")                \
    X(DIAGNOSTIC_GATEWAY_NOT_SELECTED, 201, "a Gateway does not select this ingress gateway")   \
    X(DIAGNOSTIC_GATEWAY_PORT, 202, "a port number resolves in an unexpected way")              \
    X(DIAGNOSTIC_GATEWAY_SERVER_DROPPED, 203, "a server loses against an earlier one")          \
    X(DIAGNOSTIC_GATEWAY_HOST, 204, "a host of a server is not usable")                         \
    X(DIAGNOSTIC_GATEWAY_SERVICE, 205, "the ingress gateway's Service is assumed or missing")   \
    X(DIAGNOSTIC_LISTENER_CHAIN_DROPPED, 210, "a filter chain loses against an earlier one")    \
    X(DIAGNOSTIC_LISTENER_NOT_BOUND, 211, "a listener cannot be served")                        \
    X(DIAGNOSTIC_ROUTE_GATEWAY_MISSING, 300, "a VirtualService names a Gateway that is missing") \
    X(DIAGNOSTIC_ROUTE_HOST, 301, "a VirtualService's host matches no server")                  \
    X(DIAGNOSTIC_ROUTE_DROPPED, 302, "a route loses against an earlier one")                    \
    X(DIAGNOSTIC_ROUTE_UNREACHABLE, 303, "a rule can never be reached (IST0130)")               \
    X(DIAGNOSTIC_ROUTE_MATCH, 304, "a match is not usable")                                     \
    X(DIAGNOSTIC_ROUTE_DESTINATION, 305, "a destination cannot be found")                       \
    X(DIAGNOSTIC_ROUTE_REGEX, 306, "a regular expression is not usable")                        \
    X(DIAGNOSTIC_ROUTE_INEFFECTIVE, 307, "a match has no effect (IST0131)")                     \
    X(DIAGNOSTIC_ROUTE_DELEGATE, 308, "a delegate cannot be used")                              \
    X(DIAGNOSTIC_ROUTE_ACTION, 309, "an action of a route is not usable")                       \
    X(DIAGNOSTIC_ROUTE_HEADER, 310, "a header that the gateway decides about is changed")       \
    X(DIAGNOSTIC_SECRET_MISSING, 400, "a Secret is missing")                                    \
    X(DIAGNOSTIC_SECRET_CONTENT, 401, "a Secret holds no usable certificate and key")           \
    X(DIAGNOSTIC_SECRET_NAMESPACE, 402, "a Secret lies in the wrong namespace")                 \
    X(DIAGNOSTIC_CERTIFICATE_DATE, 403, "a certificate is expired or not yet valid")            \
    X(DIAGNOSTIC_TLS_SETTING, 404, "a TLS setting is not usable")                               \
    X(DIAGNOSTIC_CERTIFICATE_HOST, 405, "a certificate does not cover a host")                  \
    X(DIAGNOSTIC_CERTIFICATE_CHAIN, 406, "a certificate chain is out of order or incomplete")   \
    X(DIAGNOSTIC_CLIENT_TRUST, 407, "clients' certificates cannot be verified")                 \
    X(DIAGNOSTIC_CERTIFICATE_FILE, 408, "a file of a certificate or key is not usable")         \
    X(DIAGNOSTIC_CERTIFICATE_STAPLE, 409, "an OCSP staple is not usable")                       \
    X(DIAGNOSTIC_TICKET_KEYS, 410, "session ticket keys are not usable or stale")               \
    X(DIAGNOSTIC_TLS_CIPHER, 411, "a cipher suite is not known")                                \
    X(DIAGNOSTIC_CLUSTER_SERVICE_MISSING, 500, "a Service is missing")                          \
    X(DIAGNOSTIC_CLUSTER_PORT, 501, "a Service has no such port")                               \
    X(DIAGNOSTIC_CLUSTER_SUBSET, 502, "a subset is missing")                                    \
    X(DIAGNOSTIC_CLUSTER_ENDPOINTS, 503, "a cluster has no endpoint")                           \
    X(DIAGNOSTIC_CLUSTER_ADDRESS, 504, "an endpoint's address is not usable")                   \
    X(DIAGNOSTIC_MESH_CONFIG, 600, "a mesh setting is not usable")                              \
    X(DIAGNOSTIC_MESH_CONFIG_OVERRIDDEN, 601, "a mesh configuration loses against another")     \
    X(DIAGNOSTIC_MESH_ACCESS_LOG_FORMAT, 602, "an access log format is not usable")             \
    X(DIAGNOSTIC_UNSUPPORTED_FIELD, 900, "a field is not supported yet")                        \
    X(DIAGNOSTIC_UNSUPPORTED_KIND, 901, "a kind is not supported yet")                          \
    X(DIAGNOSTIC_UNSUPPORTED_RESTRICTION, 902, "what restricts or encrypts is not supported: closed")

#define DIAGNOSTIC_CODE_ENUM(name, number, summary) name = (number),
enum diagnostic_code { DIAGNOSTIC_CODES(DIAGNOSTIC_CODE_ENUM) };
#undef DIAGNOSTIC_CODE_ENUM

/* The summary above; never NULL for a code of the enum. */
const char *diagnostic_code_summary(enum diagnostic_code code);

#endif
