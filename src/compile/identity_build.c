#include "compile/identity_build.h"

#include "base/clock.h"
#include "compile/compiler.h"
#include "compile/identity_cache.h"

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

struct tls_identity *identity_build(struct compiler *compiler, const struct identity_text *text, struct tls_identity_error *ret_error) {
    struct identity_cache *cache = compiler->options->identities;
    struct span parts[] = {text->chain, text->key, text->staple};
    struct tls_identity *identity = NULL;
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(parts, ARRAY_SIZE(parts), hash);
    if (cache != NULL)
        identity = identity_cache_find(cache, text->cache_key, hash);
    if (identity != NULL) {
        arena_on_destroy(compiler->arena, unpin, tls_identity_pin(identity));
        return identity;
    }
    if (tls_identity_create_stapled(text->chain, text->key, text->staple, ret_error, &identity) != TLS_IDENTITY_OK)
        return NULL;
    arena_on_destroy(compiler->arena, unpin, identity);
    if (cache != NULL)
        identity_cache_put(cache, text->cache_key, hash, identity);
    return identity;
}

struct tls_identity *identity_last_good(struct compiler *compiler, struct span cache_key) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_identity *last = cache == NULL ? NULL : identity_cache_last(cache, cache_key);
    if (last != NULL)
        arena_on_destroy(compiler->arena, unpin, tls_identity_pin(last));
    return last;
}

struct tls_identity *identity_build_or_last(struct compiler *compiler, const struct identity_text *text, struct tls_identity_error *ret_error) {
    ret_error->text[0] = '\0';
    struct tls_identity *identity = identity_build(compiler, text, ret_error);
    return identity != NULL ? identity : identity_last_good(compiler, text->cache_key);
}

const char *identity_last_good_text(const struct tls_identity *last) {
    return last != NULL ? "the last good certificate stays in use" : "handshakes are closed";
}

/* Who is spoken of. */
struct report {
    struct compiler *compiler;
    const struct object_meta *meta;
    struct position position;
};

static void report_dates(const struct report *report, const struct tls_identity *identity) {
    int64_t now_s = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    const char *what = NULL;
    if (tls_identity_not_after(identity) < now_s)
        what = "the certificate has expired";
    else if (tls_identity_not_before(identity) > now_s)
        what = "the certificate is not valid yet";
    if (what != NULL)
        compiler_report(report->compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_DATE, report->position, report->meta,
                        "renew it", "%s; it is served all the same", what);
}

static void report_chain(const struct report *report, const struct tls_identity *identity) {
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
    compiler_report(report->compiler, severity, DIAGNOSTIC_CERTIFICATE_CHAIN, report->position, report->meta,
                    "write the server's certificate first, then each one's issuer", "%s; it is served all the same", what);
}

static void report_staple(const struct report *report, const struct tls_identity *identity) {
    const char *what = NULL;
    switch (tls_identity_staple_state(identity, (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND))) {
    case TLS_STAPLE_NONE:
    case TLS_STAPLE_GOOD:
        return;
    case TLS_STAPLE_UNREADABLE:
        what = "the OCSP staple is no answer of a responder";
        break;
    case TLS_STAPLE_OF_ANOTHER:
        what = "the OCSP staple speaks of another certificate";
        break;
    case TLS_STAPLE_NOT_GOOD:
        what = "the OCSP staple does not say that the certificate is good";
        break;
    case TLS_STAPLE_EXPIRED:
        what = "the OCSP staple has expired, or is not valid yet";
        break;
    }
    compiler_report(report->compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_STAPLE, report->position, report->meta,
                    "write a fresh one, in DER, to tls.ocsp-staple", "%s; the certificate is served without it", what);
}

void identity_report(struct compiler *compiler, const struct object_meta *meta, struct position position, const struct tls_identity *identity) {
    struct report report = {compiler, meta, position};
    report_dates(&report, identity);
    report_chain(&report, identity);
    report_staple(&report, identity);
}
