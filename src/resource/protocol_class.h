/* What a protocol's name asks of the object that writes it; the compiler's own protocol.h knows the rest. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_PROTOCOL_CLASS_H
#define FAIRLEAD_RESOURCE_PROTOCOL_CLASS_H

#include "base/span.h"

enum protocol_class {
    PROTOCOL_CLASS_UNKNOWN, /* no name that Istio's admission accepts */
    PROTOCOL_CLASS_HTTP,    /* HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC-Web */
    PROTOCOL_CLASS_TLS,     /* HTTPS, TLS */
    PROTOCOL_CLASS_OTHER
};

/* Ignoring case. */
enum protocol_class protocol_class_of(struct span name);

#endif
