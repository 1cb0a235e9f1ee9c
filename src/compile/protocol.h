/* Istio's port protocols, as Gateways and ServiceEntries write them and as Service ports imply them. */
#ifndef FAIRLEAD_COMPILE_PROTOCOL_H
#define FAIRLEAD_COMPILE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "resource/service.h"

enum protocol {
    PROTOCOL_UNSUPPORTED, /* not declared: Istio would sniff */
    PROTOCOL_HTTP,
    PROTOCOL_HTTP2,
    PROTOCOL_HTTP_PROXY,
    PROTOCOL_GRPC,
    PROTOCOL_GRPC_WEB,
    PROTOCOL_HTTPS,
    PROTOCOL_TLS,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    PROTOCOL_MONGO,
    PROTOCOL_REDIS,
    PROTOCOL_MYSQL,
    PROTOCOL_HBONE,
    PROTOCOL_DOUBLE_HBONE,
};

/* pkg/config/protocol/instance.go Parse: any case; PROTOCOL_UNSUPPORTED for what it does not know. */
enum protocol protocol_parse(struct span text);
/* pkg/config/kube/conversion.go ConvertProtocol: from L4 protocol, appProtocol, name and number. */
enum protocol protocol_of_service_port(const struct service_port *port);
/* HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC-Web: plaintext HTTP on a server. */
bool protocol_is_http(enum protocol protocol);
/* Upstream HTTP/2 without asking. */
bool protocol_is_http2(enum protocol protocol);

#endif
