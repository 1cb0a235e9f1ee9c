/* What is odd about a certificate that is served all the same. */
#ifndef FAIRLEAD_COMPILE_CERTIFICATE_REPORT_H
#define FAIRLEAD_COMPILE_CERTIFICATE_REPORT_H

#include "resource/secret.h"
#include "tls/identity.h"

struct compiler;

/* Diagnostics at the Secret: expired, not valid yet, and how its chain hangs together. */
void certificate_report(struct compiler *compiler, const struct secret *secret, const struct tls_identity *identity);

#endif
