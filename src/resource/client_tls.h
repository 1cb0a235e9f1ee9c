/* ClientTLSSettings: the tls block of a DestinationRule's trafficPolicy. */
#ifndef FAIRLEAD_RESOURCE_CLIENT_TLS_H
#define FAIRLEAD_RESOURCE_CLIENT_TLS_H

#include "resource/object.h"

/* DISABLE is 0 in Istio's API, so a tls block without mode asks for no TLS. */
enum client_tls_mode { CLIENT_TLS_DISABLE, CLIENT_TLS_SIMPLE, CLIENT_TLS_MUTUAL, CLIENT_TLS_ISTIO_MUTUAL };

struct client_tls {
    struct position position;
    enum client_tls_mode mode;
    struct located client_certificate; /* files */
    struct located private_key;
    struct located ca_certificates;
    struct located ca_crl;
    struct located credential_name; /* a Secret */
    struct located_list subject_alt_names;
    struct located sni;
    struct located_flag insecure_skip_verify;
    bool broken; /* it cannot be understood as it is written, and may have asked for encryption */
};

const char *client_tls_mode_name(enum client_tls_mode mode);

#endif
