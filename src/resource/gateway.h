/* networking.istio.io Gateway, as written: merging, port resolution and support are the compiler's matter. */
#ifndef FAIRLEAD_RESOURCE_GATEWAY_H
#define FAIRLEAD_RESOURCE_GATEWAY_H

#include "resource/object.h"

/* PASSTHROUGH is 0 and therefore the mode of a tls block without mode (such as one with httpsRedirect only). */
enum gateway_tls_mode {
    GATEWAY_TLS_PASSTHROUGH,
    GATEWAY_TLS_SIMPLE,
    GATEWAY_TLS_MUTUAL,
    GATEWAY_TLS_AUTO_PASSTHROUGH,
    GATEWAY_TLS_ISTIO_MUTUAL,
    GATEWAY_TLS_OPTIONAL_MUTUAL
};

enum gateway_tls_version {
    GATEWAY_TLS_AUTO, /* unset */
    GATEWAY_TLS_V1_0,
    GATEWAY_TLS_V1_1,
    GATEWAY_TLS_V1_2,
    GATEWAY_TLS_V1_3
};

struct gateway_tls_certificate {
    struct located server_certificate;
    struct located private_key;
    struct located ca_certificates;
};

struct gateway_tls {
    struct position position;
    enum gateway_tls_mode mode;
    struct position mode_position; /* unknown when mode is not written */
    struct located_flag https_redirect;
    struct located server_certificate;
    struct located private_key;
    struct located ca_certificates;
    struct located ca_crl;
    struct located credential_name;
    struct located_list credential_names;
    struct located ca_cert_credential_name;
    struct gateway_tls_certificate *tls_certificates;
    size_t tls_certificate_count;
    struct located_list subject_alt_names;
    struct located_list verify_certificate_spki;
    struct located_list verify_certificate_hash;
    enum gateway_tls_version min_protocol_version;
    enum gateway_tls_version max_protocol_version;
    struct located_list cipher_suites;
    struct located_list ecdh_curves;
    struct located_flag insecure_skip_verify;
};

struct gateway_port {
    struct position position;
    struct located_number number;
    struct located name;
    struct located protocol; /* as written; compared ignoring case */
    struct located_number target_port;
};

struct gateway_server {
    struct position position;
    bool has_port;
    struct gateway_port port;
    struct located bind;
    struct located_list hosts; /* as written, with "ns/" */
    struct gateway_tls *tls;   /* NULL when not written */
    struct located name;
    struct located default_endpoint;
};

struct gateway {
    struct object_meta meta;
    bool has_selector; /* false: every ingress gateway */
    struct label_set selector;
    struct gateway_server *servers;
    size_t server_count;
};

#endif
