/* When the first certificate of a PEM text is valid. */
#ifndef FAIRLEAD_TLS_VALIDITY_H
#define FAIRLEAD_TLS_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/* Seconds of Unix time. False: the text's first block is no certificate. */
MUST_USE bool tls_certificate_validity(struct span pem, int64_t *ret_not_before_s, int64_t *ret_not_after_s);

#endif
