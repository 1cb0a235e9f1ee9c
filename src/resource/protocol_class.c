#include "resource/protocol_class.h"

struct protocol_entry {
    const char *name;
    enum protocol_class class;
};

enum protocol_class protocol_class_of(struct span name) {
    static const struct protocol_entry entries[] = {
        {"http", PROTOCOL_CLASS_HTTP},     {"https", PROTOCOL_CLASS_TLS},      {"tls", PROTOCOL_CLASS_TLS},
        {"tcp", PROTOCOL_CLASS_OTHER},     {"http2", PROTOCOL_CLASS_HTTP},     {"grpc", PROTOCOL_CLASS_HTTP},
        {"grpc-web", PROTOCOL_CLASS_HTTP}, {"http_proxy", PROTOCOL_CLASS_HTTP}, {"mongo", PROTOCOL_CLASS_OTHER},
        {"redis", PROTOCOL_CLASS_OTHER},   {"mysql", PROTOCOL_CLASS_OTHER},    {"udp", PROTOCOL_CLASS_OTHER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        if (span_equal_ignore_case(name, span_of(entries[i].name)))
            return entries[i].class;
    return PROTOCOL_CLASS_UNKNOWN;
}
