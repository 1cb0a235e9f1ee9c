#include "compile/protocol.h"

static const struct {
    struct span name;
    enum protocol protocol;
} names[] = {
    {{"http", 4}, PROTOCOL_HTTP},
    {{"http2", 5}, PROTOCOL_HTTP2},
    {{"http_proxy", 10}, PROTOCOL_HTTP_PROXY},
    {{"grpc", 4}, PROTOCOL_GRPC},
    {{"grpc-web", 8}, PROTOCOL_GRPC_WEB},
    {{"https", 5}, PROTOCOL_HTTPS},
    {{"tls", 3}, PROTOCOL_TLS},
    {{"tcp", 3}, PROTOCOL_TCP},
    {{"udp", 3}, PROTOCOL_UDP},
    {{"mongo", 5}, PROTOCOL_MONGO},
    {{"redis", 5}, PROTOCOL_REDIS},
    {{"mysql", 5}, PROTOCOL_MYSQL},
    {{"hbone", 5}, PROTOCOL_HBONE},
    {{"double-hbone", 12}, PROTOCOL_DOUBLE_HBONE},
};

enum protocol protocol_parse(struct span text) {
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (span_equal_ignore_case(text, names[i].name))
            return names[i].protocol;
    return PROTOCOL_UNSUPPORTED;
}

static enum protocol protocol_of_name(struct span name) {
    if (span_starts_with_ignore_case(name, SPAN_LITERAL("grpc-web")))
        return PROTOCOL_GRPC_WEB;
    size_t dash;
    return protocol_parse(span_find_byte(name, '-', &dash) ? span_first(name, dash) : name);
}

enum protocol protocol_of_service_port(const struct service_port *port) {
    if (span_equal(port->protocol.text, SPAN_LITERAL("UDP")))
        return PROTOCOL_UDP;
    struct span application = port->app_protocol.text;
    if (application.size > 0) {
        if (span_equal(application, SPAN_LITERAL("kubernetes.io/h2c")))
            return PROTOCOL_HTTP2;
        if (span_equal(application, SPAN_LITERAL("kubernetes.io/ws")))
            return PROTOCOL_HTTP;
        if (span_equal(application, SPAN_LITERAL("kubernetes.io/wss")))
            return PROTOCOL_HTTPS;
    }
    enum protocol protocol = protocol_of_name(application.size > 0 ? application : port->name.text);
    if (protocol != PROTOCOL_UNSUPPORTED)
        return protocol;
    /* Protocols in which the server speaks first, which Istio therefore never sniffs. */
    switch (port->number) {
    case 25:
    case 53:
    case 3306:
    case 27017:
        return PROTOCOL_TCP;
    default:
        return PROTOCOL_UNSUPPORTED;
    }
}

bool protocol_is_http(enum protocol protocol) {
    switch (protocol) {
    case PROTOCOL_HTTP:
    case PROTOCOL_HTTP2:
    case PROTOCOL_HTTP_PROXY:
    case PROTOCOL_GRPC:
    case PROTOCOL_GRPC_WEB:
        return true;
    default:
        return false;
    }
}

bool protocol_is_http2(enum protocol protocol) {
    return protocol == PROTOCOL_HTTP2 || protocol == PROTOCOL_GRPC || protocol == PROTOCOL_GRPC_WEB;
}
