/* Why a handshake failed, in the terms that a log line has words for. */
#ifndef FAIRLEAD_TLS_FAILURE_H
#define FAIRLEAD_TLS_FAILURE_H

/* What a failed handshake failed of, as far as the library tells. */
enum tls_failure {
    TLS_FAILURE_OTHER,
    TLS_FAILURE_NO_COMMON_VERSION,
    TLS_FAILURE_NO_SHARED_CIPHER, /* nor group, nor signature algorithm */
    TLS_FAILURE_UNKNOWN_CA,       /* the peer says so of our certificate (RFC 8446 section 6.2, unknown_ca) */
    TLS_FAILURE_BAD_CERTIFICATE,  /* likewise: bad, unsupported, revoked, expired or unknown */
    /* Of a server, and of the client's certificate. */
    TLS_FAILURE_CLIENT_CERTIFICATE_MISSING,
    TLS_FAILURE_CLIENT_CERTIFICATE_UNKNOWN_CA,
    TLS_FAILURE_CLIENT_CERTIFICATE_EXPIRED, /* or not valid yet */
    TLS_FAILURE_CLIENT_CERTIFICATE_REVOKED,
    TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED, /* none of the names or pins that are allowed */
    TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED,     /* for another reason, such as its purpose or a stale revocation list */
};

#endif
