/* For tls itself: the cipher suites of TLS 1.2 where nothing is said of them, on both sides. */
#ifndef FAIRLEAD_TLS_CIPHER_DEFAULTS_H
#define FAIRLEAD_TLS_CIPHER_DEFAULTS_H

/* Envoy's defaults: AES-128 and ChaCha20 are equal, so the client's hardware decides; AES-256 after them. */
#define TLS_CIPHERS_DEFAULT                                          \
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:" \
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"     \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

#endif
