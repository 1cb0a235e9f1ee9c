/* Istio's mesh configuration as far as a gateway is concerned: from IstioOperator.spec.meshConfig or the ConfigMap `istio`. */
#ifndef FAIRLEAD_RESOURCE_MESH_CONFIG_H
#define FAIRLEAD_RESOURCE_MESH_CONFIG_H

#include "base/arena.h"
#include "resource/gateway.h"
#include "resource/object.h"
#include "text/diagnostic.h"

enum access_log_encoding { ACCESS_LOG_TEXT, ACCESS_LOG_JSON };

/* Prefixed: snapshot/snapshot.h has the data plane's. */
enum mesh_path_normalization {
    MESH_PATH_NORMALIZATION_DEFAULT, /* as BASE */
    MESH_PATH_NORMALIZATION_NONE,
    MESH_PATH_NORMALIZATION_BASE,
    MESH_PATH_NORMALIZATION_MERGE_SLASHES,
    MESH_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES
};

enum forward_client_cert {
    FORWARD_CLIENT_CERT_UNDEFINED, /* a gateway's default: SANITIZE_SET */
    FORWARD_CLIENT_CERT_SANITIZE,
    FORWARD_CLIENT_CERT_FORWARD_ONLY,
    FORWARD_CLIENT_CERT_APPEND_FORWARD,
    FORWARD_CLIENT_CERT_SANITIZE_SET,
    FORWARD_CLIENT_CERT_ALWAYS_FORWARD_ONLY
};

/* HTTPRetry, here only as meshConfig.defaultHttpRetryPolicy. */
struct mesh_retry_policy {
    bool is_set;
    struct position position;
    struct located_number attempts; /* not set: Istio's 2 */
    struct located retry_on;        /* empty: Istio's default list */
    struct located_number per_try_timeout_ns;
    struct located_number backoff_ns;
    struct located_flag retry_remote_localities;
    struct located_flag retry_ignore_previous_hosts;
};

/* defaultConfig.proxyHeaders: a `disabled` that is not set is false. */
struct proxy_headers {
    struct located_flag server_disabled;
    struct located server_value; /* empty: "istio-envoy" */
    struct located_flag request_id_disabled;
    struct located_flag attempt_count_disabled;
    struct located_flag envoy_debug_headers_disabled;
    struct located_flag preserve_http1_header_case;
    struct located_flag x_forwarded_host; /* enabled */
    struct located_flag x_forwarded_port; /* enabled */
    enum forward_client_cert forwarded_client_cert;
    bool has_client_cert_details;
    struct located_flag client_cert_subject; /* setCurrentClientCertDetails */
    struct located_flag client_cert_cert;
    struct located_flag client_cert_chain;
    struct located_flag client_cert_dns;
    struct located_flag client_cert_uri;
    struct located metadata_exchange_headers_mode; /* UNDEFINED or IN_MESH */
};

struct mesh_config {
    struct position position; /* unknown: all defaults */
    struct span origin;       /* title of the object it came from; empty: all defaults */
    /* Unknown fields and those of no concern are accepted silently; those that would change traffic and are not served stand here. */
    struct unsupported_list unsupported;

    struct located access_log_file; /* "": no access log; otherwise a path */
    enum access_log_encoding access_log_encoding;
    struct located access_log_format; /* "": the default format */

    int64_t connect_timeout_ns;           /* default 10 s */
    struct mesh_retry_policy default_http_retry_policy;
    int64_t termination_drain_duration_ns; /* defaultConfig.terminationDrainDuration, default 5 s */
    int64_t drain_duration_ns;             /* defaultConfig.drainDuration, default 45 s */
    uint32_t num_trusted_proxies;          /* defaultConfig.gatewayTopology, default 0 */
    struct located_flag proxy_protocol;    /* gatewayTopology.proxyProtocol was written */
    enum forward_client_cert forward_client_cert_details; /* gatewayTopology */
    uint32_t concurrency;                  /* defaultConfig.concurrency; 0: not set */
    struct proxy_headers proxy_headers;

    struct span root_namespace; /* default "istio-system" */
    struct span trust_domain;   /* default "cluster.local" */
    struct located_list trust_domain_aliases;
    struct span domain_suffix;  /* "cluster.local" */
    struct located_list default_service_export_to;          /* empty: "*" */
    struct located_list default_virtual_service_export_to;  /* empty: "*" */
    struct located_list default_destination_rule_export_to; /* empty: "*" */
    enum mesh_path_normalization path_normalization;
    bool h2_upgrade;         /* h2UpgradePolicy: UPGRADE */
    bool enable_auto_mtls;   /* default true */
    enum gateway_tls_version tls_min_protocol_version; /* tlsDefaults */
    struct located_list tls_cipher_suites;
    struct located_list tls_ecdh_curves;
    struct located access_log_service; /* placeholder of envoyAccessLogService etc.: position only, when written */
};

/* Istio's defaults. */
void mesh_config_init(struct mesh_config *mesh);
/* The mapping (MeshConfig as YAML has it) over the defaults. Mistakes are diagnostics; the field keeps its default. `node` may be NULL. */
void mesh_config_decode(struct mesh_config *mesh, struct arena *arena, const struct node *node, struct span title,
                        struct diagnostic_list *diagnostics);
/* A ProxyConfig as YAML has it, over what defaultConfig says. */
void mesh_config_apply_proxy(struct mesh_config *mesh, struct arena *arena, const struct node *node, struct span title,
                             struct diagnostic_list *diagnostics);

#endif
