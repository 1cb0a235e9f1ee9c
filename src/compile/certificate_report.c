#include "compile/certificate_report.h"

#include "base/clock.h"
#include "compile/compiler.h"

static void report_dates(struct compiler *compiler, const struct secret *secret, const struct tls_identity *identity) {
    int64_t now_s = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    const char *what = NULL;
    if (tls_identity_not_after(identity) < now_s)
        what = "the certificate has expired";
    else if (tls_identity_not_before(identity) > now_s)
        what = "the certificate is not valid yet";
    if (what != NULL)
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_DATE, secret->meta.position, &secret->meta,
                        "renew it", "%s; it is served all the same", what);
}

static void report_chain(struct compiler *compiler, const struct secret *secret, const struct tls_identity *identity) {
    const char *what = "";
    enum diagnostic_severity severity = DIAGNOSTIC_WARNING;
    switch (tls_identity_chain_state(identity)) {
    case TLS_CHAIN_ORDERED:
        return;
    case TLS_CHAIN_LEAF_ONLY:
        /* Right for a private authority that signs servers itself, so nothing to be warned of. */
        severity = DIAGNOSTIC_INFO;
        what = "the chain is the server's certificate alone: clients that do not hold its issuer refuse it, an intermediate may be missing";
        break;
    case TLS_CHAIN_MISORDERED:
        what = "the certificates of the chain are in the wrong order: many clients refuse it";
        break;
    case TLS_CHAIN_BROKEN:
        what = "a certificate of the chain was issued by none of the others: an intermediate is missing or a certificate does not belong here";
        break;
    }
    compiler_report(compiler, severity, DIAGNOSTIC_CERTIFICATE_CHAIN, secret->meta.position, &secret->meta,
                    "write the server's certificate first, then each one's issuer", "%s; it is served all the same", what);
}

void certificate_report(struct compiler *compiler, const struct secret *secret, const struct tls_identity *identity) {
    report_dates(compiler, secret, identity);
    report_chain(compiler, secret, identity);
}
