/* What the parts of one compile share. Lives as long as one call of compile(). */
#ifndef FAIRLEAD_COMPILE_COMPILER_H
#define FAIRLEAD_COMPILE_COMPILER_H

#include "compile/array.h"
#include "compile/compile.h"
#include "compile/gateways.h"
#include "compile/input_files.h"
#include "compile/mesh_identity.h"
#include "compile/ports.h"
#include "compile/service_registry.h"
#include "compile/virtual_services.h"

struct compiler {
    const struct resource_set *resources;
    const struct compile_options *options;
    struct diagnostic_list *diagnostics;
    struct snapshot *snapshot;
    struct arena *arena;  /* the snapshot's: what stays */
    struct arena scratch; /* what only this compile needs */
    struct mesh_config mesh;

    /* The ingress gateway that is served: the pods' namespace ("GWNS" in Istio's rules) and labels. */
    const struct ingress_gateway *gateway;
    struct span gateway_name;
    struct span gateway_namespace;
    struct label_set gateway_labels;

    struct service_target_list service_targets;
    struct server_merge servers;
    struct virtual_service_list virtual_services;
    struct map services_by_gateway;      /* "namespace/name" -> struct virtual_service_list, in the same order */
    struct map route_servers_by_name;    /* of servers.route_tables */
    struct map route_tables_by_name;     /* of route_tables */
    struct service_registry registry;
    struct span *rule_hosts; /* of resources->destination_rules, once they are asked for */
    struct retry_policy retry; /* of every route */
    struct span_list service_accounts; /* of the endpoints that were compiled last */
    struct mesh_identity mesh_identity;
    struct map peer_authentications; /* namespace -> struct peer_list, once they are asked for */
    bool has_peer_authentications;
    bool said_plaintext; /* that what takes mutual TLS gets plaintext */

    /* Why everything, or all HTTP, is refused: a policy for this gateway that is not supported. Empty: it is not. */
    struct span refusal;
    struct span http_refusal;

    ARRAY_OF(struct origin_object) origin_objects;
    ARRAY_OF(struct origin_place) origins;
    struct map origin_numbers; /* of origin_objects */
    ARRAY_OF(struct listener *) listeners;
    ARRAY_OF(struct route_table *) route_tables;
    ARRAY_OF(struct cluster *) clusters;
    struct map clusters_by_name;
    struct map reported; /* "code file:line:column" of what is said once */
    struct map tls_policies;  /* encoded parameters -> struct tls_server_policy */
    struct map regexes;       /* pattern -> struct regex */
    struct map credentials;   /* credential name -> struct credential */
    struct map trusts;        /* name of the source -> struct known_trust */
};

void compiler_init(struct compiler *compiler, const struct resource_set *resources,
                   const struct compile_options *options, struct diagnostic_list *diagnostics);
void compiler_deinit(struct compiler *compiler);

/* A diagnostic about a known object, with an optional way out. */
#define compiler_report(compiler, severity, code, position, meta, hint, ...)                                       \
    diagnostic_add((compiler)->diagnostics, (severity), (code), (position), (meta)->title, span_of(hint), __VA_ARGS__)

/* Whether this is the first time that the code is asked for at this place: parts are compiled once for each server that uses them, but
 * spoken of once. */
MUST_USE bool compiler_first_report(struct compiler *compiler, enum diagnostic_code code, struct position position,
                                    const struct object_meta *meta);

/* A missing object of a kind that the input holds is an error; of a kind that it does not hold at all, a warning. */
enum diagnostic_severity compiler_missing_severity(const struct compiler *compiler, enum resource_kind kind);
/* Error, or warning when --allow-unsupported lets it pass. */
enum diagnostic_severity compiler_restriction_severity(const struct compiler *compiler);

/* The id under which the snapshot's origins hold the place, or where that is not known the object's. */
uint32_t compiler_origin(struct compiler *compiler, const struct object_meta *meta, struct position position);
/* The same for an object of which only the title is known; empty: none. */
uint32_t compiler_origin_titled(struct compiler *compiler, struct span title, struct position place);

/* input_files_read of this compile; the text is scratch. */
MUST_USE bool compiler_read_file(struct compiler *compiler, struct span path, struct span *ret_text);

/* The position, or the fallback's when it is unknown. */
static inline struct position position_or(struct position position, struct position fallback) {
    return position_is_known(position) ? position : fallback;
}

/* A name list as Istio's exportTo: whether what lies in `namespace` is visible in the gateway's namespace. */
bool compiler_exported(const struct compiler *compiler, const struct located_list *export_to,
                       const struct located_list *mesh_default, struct span namespace);

#endif
