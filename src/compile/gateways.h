/* Which ingress gateway is served, which Gateways apply to it, and how their servers merge. Source: Istio's mergeGateways. */
#ifndef FAIRLEAD_COMPILE_GATEWAYS_H
#define FAIRLEAD_COMPILE_GATEWAYS_H

#include "base/compiler.h"
#include "compile/array.h"
#include "compile/protocol.h"
#include "resource/gateway.h"

struct compiler;

/* One accepted server of a Gateway. */
struct merged_server {
    const struct gateway *gateway;
    const struct gateway_server *server;
    struct span title;         /* "namespace/name servers[1]" */
    struct span gateway_title; /* "namespace/name" */
    enum protocol protocol;
    uint16_t number;        /* server.port.number: what matches of VirtualServices speak of */
    uint16_t port;          /* what it listens on */
    struct span bind;       /* empty: every address */
    struct span_list hosts; /* sanitised, some with "namespace/" */
    struct span route_name; /* of its route table; empty: none */
};

struct merged_server_list {
    struct merged_server **items;
    size_t count;
    size_t capacity;
};

/* Servers that share a listener and, when they speak plaintext HTTP, one filter chain. */
struct server_group {
    uint16_t port;
    struct span protocol_text; /* as written */
    enum protocol protocol;
    struct span bind;
    struct span route_name;
    struct merged_server_list servers;
};

struct route_servers {
    struct span route_name;
    struct merged_server_list servers;
};

struct server_merge {
    ARRAY_OF(struct server_group *) groups;        /* in order of their first server */
    ARRAY_OF(struct route_servers *) route_tables; /* in order of their first server */
};

/* Chooses the ingress gateway: name, namespace and labels. False (said why) when the input does not tell which. */
MUST_USE bool compile_gateway_choice(struct compiler *compiler);
/* Fills compiler->servers. Needs the service targets. */
void compile_gateways(struct compiler *compiler);

bool gateway_server_is_passthrough(const struct gateway_server *server); /* PASSTHROUGH or AUTO_PASSTHROUGH */
/* HTTPS that ends TLS and speaks HTTP inside. */
bool merged_server_terminates_https(const struct merged_server *server);
/* The host strings that a VirtualService of `namespace` may bind through, without their "namespace/". */
void merged_server_hosts_for(struct arena *arena, const struct merged_server *server, struct span namespace,
                             struct span_list *ret_hosts);
/* All host strings without "namespace/", lower-case, each once, sorted. */
void merged_server_sni_names(struct arena *arena, const struct merged_server *server, struct span_list *ret_names);

#endif
