/* A request that somebody asks about: as on the command line, as a JSON object, or as derived from a configuration. */
#ifndef FAIRLEAD_EXPLAIN_REQUEST_H
#define FAIRLEAD_EXPLAIN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/json_writer.h"
#include "base/network_address.h"
#include "base/span.h"

enum explain_scheme {
    EXPLAIN_HTTP,
    EXPLAIN_HTTPS,
    EXPLAIN_TLS, /* a connection over TLS, whatever is inside */
    EXPLAIN_TCP, /* a connection without TLS, whatever is inside */
};

struct explain_header {
    struct span name, value;
};

#define EXPLAIN_HEADERS_MAX 64

struct explain_request {
    enum explain_scheme scheme;
    uint16_t port;
    struct span authority; /* the Host field, its port only where the URL has one */
    struct span host;      /* the same, lower-case and without port */
    struct span path;      /* with its query; "/" when the URL has none */
    struct span method;    /* "GET" */
    struct explain_header headers[EXPLAIN_HEADERS_MAX];
    size_t header_count;
    struct span sni; /* lower-case; of TLS the host unless it is an IP address or another name is asked for; empty: none */
    struct span alpn; /* what is offered, separated by commas; empty: nothing is said */
    bool http2;       /* h2 among it */
    bool mesh;        /* one of Istio's own protocols among it */
    struct span client_certificate_pem; /* shown to servers that ask; empty: none */
    bool client_is_trusted;             /* shows each server that asks a certificate that it trusts, whichever that is */
    bool certificate_is_assumed;        /* a server whose certificate is missing has one */
    struct network_address from; /* 192.0.2.1 (RFC 5737) unless said */
};

struct explain_request_error {
    char text[256];
};

/* `url`: http, https, tls or tcp, "://", authority, path. Everything else gets its default. Borrows from the url or the arena. */
MUST_USE bool explain_request_parse(struct arena *arena, struct span url, struct explain_request *ret_request,
                                    struct explain_request_error *ret_error);
/* "name: value". "Host" replaces the authority, not the server name. */
MUST_USE bool explain_request_add_header(struct arena *arena, struct explain_request *request, struct span line,
                                         struct explain_request_error *ret_error);
MUST_USE bool explain_request_set_method(struct explain_request *request, struct span text, struct explain_request_error *ret_error);
MUST_USE bool explain_request_set_alpn(struct explain_request *request, struct span text, struct explain_request_error *ret_error);
MUST_USE bool explain_request_set_from(struct explain_request *request, struct span text, struct explain_request_error *ret_error);
/* An object: "url" and, where wanted, "method", "headers" (object, or array of "name: value"), "sni", "alpn", "from", "port",
 * "client_certificate" (PEM), "http2_on_connection_for". */
MUST_USE bool explain_request_parse_json(struct arena *arena, struct span text, struct explain_request *ret_request,
                                         struct explain_request_error *ret_error);
/* The server name of the connection on which the request is made over HTTP/2. */
void explain_request_set_connection_for(struct arena *arena, struct explain_request *request, struct span host);
/* The other way round: the object that explain_request_parse_json reads. */
void explain_request_write_json(struct arena *arena, const struct explain_request *request, struct json_writer *json);
/* "GET https://shop.example.com/cart" */
struct span explain_request_title(struct arena *arena, const struct explain_request *request);

static inline bool explain_request_has_tls(const struct explain_request *request) {
    return request->scheme == EXPLAIN_HTTPS || request->scheme == EXPLAIN_TLS;
}

static inline bool explain_request_has_http(const struct explain_request *request) {
    return request->scheme == EXPLAIN_HTTP || request->scheme == EXPLAIN_HTTPS;
}

#endif
