#include "compile/credentials.h"

#include "compile/certificate_report.h"
#include "compile/compiler.h"
#include "compile/identity_cache.h"

/* One credential name, looked up once a compile. */
struct credential {
    struct tls_identity *identity;
};

/* What is looked up, and who asks. */
struct lookup {
    const struct object_meta *meta;
    const struct located *written;
    struct span namespace;
    struct span name;
    struct span cache_key; /* "namespace/name" */
};

static const char *last_good_text(const struct tls_identity *last) {
    return last != NULL ? "the last good certificate stays in use" : "handshakes are closed";
}

static bool parse_name(struct compiler *compiler, const struct object_meta *meta, const struct located *written,
                       struct lookup *ret_lookup) {
    static const char *const other_schemes[] = {"configmap://", "builtin://", "sds://", "invalid://"};
    struct span name = written->text;
    for (size_t i = 0; i < ARRAY_SIZE(other_schemes); i++) {
        if (!span_starts_with(name, span_of(other_schemes[i])))
            continue;
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, written->position, meta,
                        "name a Secret of the gateway's namespace",
                        "credentialName \"%.*s\": %s is not supported; handshakes are closed", SPAN_ARGUMENTS(name),
                        other_schemes[i]);
        return false;
    }
    if (span_starts_with(name, SPAN_LITERAL("kubernetes://")))
        name = span_from(name, strlen("kubernetes://"));
    else if (span_starts_with(name, SPAN_LITERAL("kubernetes-gateway://")))
        name = span_from(name, strlen("kubernetes-gateway://"));
    struct span namespace = compiler->gateway_namespace;
    size_t slash;
    if (span_find_byte(name, '/', &slash)) {
        namespace = span_first(name, slash);
        name = span_from(name, slash + 1);
    }
    if (!span_equal(namespace, compiler->gateway_namespace)) {
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_NAMESPACE, written->position, meta,
                        "copy the Secret into the ingress gateway's namespace",
                        "credentialName \"%.*s\" lies in namespace %.*s, but the ingress gateway may only read Secrets of its "
                        "own namespace %.*s; handshakes are closed",
                        SPAN_ARGUMENTS(written->text), SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(compiler->gateway_namespace));
        return false;
    }
    *ret_lookup = (struct lookup){.meta = meta, .written = written, .namespace = namespace, .name = name};
    ret_lookup->cache_key =
        arena_print(&compiler->scratch, "%.*s/%.*s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name));
    return true;
}

static bool is_watched(const struct secret *secret) {
    return !secret->meta.invalid && !span_equal(secret->type.text, SPAN_LITERAL("helm.sh/release.v1")) &&
           !span_equal(secret->type.text, SPAN_LITERAL("kubernetes.io/service-account-token"));
}

static const struct secret *find_elsewhere(const struct compiler *compiler, struct span name) {
    for (size_t i = 0; i < compiler->resources->secrets.count; i++)
        if (span_equal(compiler->resources->secrets.items[i]->meta.name, name))
            return compiler->resources->secrets.items[i];
    return NULL;
}

static void report_missing(struct compiler *compiler, const struct lookup *lookup, const struct tls_identity *last) {
    const struct secret *elsewhere = find_elsewhere(compiler, lookup->name);
    if (elsewhere != NULL && !span_equal(elsewhere->meta.namespace, lookup->namespace)) {
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_NAMESPACE, lookup->written->position, lookup->meta,
                        "move it to the ingress gateway's namespace; the Gateway's own does not count",
                        "Secret %.*s/%.*s is not in the input, only one in namespace %.*s; %s",
                        SPAN_ARGUMENTS(lookup->namespace), SPAN_ARGUMENTS(lookup->name),
                        SPAN_ARGUMENTS(elsewhere->meta.namespace), last_good_text(last));
        return;
    }
    compiler_report(compiler, compiler_missing_severity(compiler, RESOURCE_SECRET), DIAGNOSTIC_SECRET_MISSING,
                    lookup->written->position, lookup->meta, "add the Secret to the ingress gateway's namespace",
                    "Secret %.*s/%.*s is not in the input; %s", SPAN_ARGUMENTS(lookup->namespace),
                    SPAN_ARGUMENTS(lookup->name), last_good_text(last));
}

static void report_unusable(struct compiler *compiler, const struct lookup *lookup, const struct secret *secret,
                            const struct tls_identity *last) {
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_CONTENT, lookup->written->position, lookup->meta, "",
                    "Secret %.*s/%.*s %s; %s", SPAN_ARGUMENTS(lookup->namespace), SPAN_ARGUMENTS(lookup->name),
                    secret->meta.invalid ? "holds a mistake" : "has a type that Istio does not look at", last_good_text(last));
}

static struct span value_of(const struct secret *secret, const char *key) {
    const struct secret_entry *entry = secret_get(secret, span_of(key));
    return entry == NULL || entry->invalid ? SPAN_EMPTY : entry->value;
}

/* cert and key, else tls.crt and tls.key; the Secret's type does not matter. */
static bool extract_pair(const struct secret *secret, struct span *ret_chain, struct span *ret_key) {
    static const char *const keys[][2] = {{"cert", "key"}, {"tls.crt", "tls.key"}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct span chain = value_of(secret, keys[i][0]);
        struct span key = value_of(secret, keys[i][1]);
        if (chain.size == 0 || key.size == 0)
            continue;
        *ret_chain = chain;
        *ret_key = key;
        return true;
    }
    return false;
}

static void report_content(struct compiler *compiler, const struct secret *secret, const char *what,
                           const struct tls_identity *last) {
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_CONTENT, secret->meta.position, &secret->meta,
                    "tls.crt holds the PEM chain, the server's certificate first, and tls.key its PEM key", "%s; %s", what,
                    last_good_text(last));
}

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

/* The cached one for the same bytes, or a new one; the snapshot holds a reference. NULL: the bytes are not usable. */
static struct tls_identity *make_identity(struct compiler *compiler, const struct lookup *lookup, const struct span pair[2],
                                          struct tls_identity_error *ret_error) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_identity *identity = NULL;
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(pair, 2, hash);
    if (cache != NULL)
        identity = identity_cache_find(cache, lookup->cache_key, hash);
    if (identity != NULL) {
        arena_on_destroy(compiler->arena, unpin, tls_identity_pin(identity));
        return identity;
    }
    if (tls_identity_create(pair[0], pair[1], ret_error, &identity) != TLS_IDENTITY_OK)
        return NULL;
    arena_on_destroy(compiler->arena, unpin, identity);
    if (cache != NULL)
        identity_cache_put(cache, lookup->cache_key, hash, identity);
    return identity;
}

static struct tls_identity *last_good(struct compiler *compiler, const struct lookup *lookup) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_identity *last = cache == NULL ? NULL : identity_cache_last(cache, lookup->cache_key);
    if (last != NULL)
        arena_on_destroy(compiler->arena, unpin, tls_identity_pin(last));
    return last;
}

static struct tls_identity *find_identity(struct compiler *compiler, const struct lookup *lookup) {
    const struct secret *secret = resource_set_find_secret(compiler->resources, lookup->namespace, lookup->name);
    struct span pair[2];
    struct tls_identity_error error;
    if (secret == NULL || !is_watched(secret)) {
        struct tls_identity *last = last_good(compiler, lookup);
        if (secret == NULL)
            report_missing(compiler, lookup, last);
        else
            report_unusable(compiler, lookup, secret, last);
        return last;
    }
    if (span_ends_with(lookup->name, SPAN_LITERAL("-cacert")) || !extract_pair(secret, &pair[0], &pair[1])) {
        struct tls_identity *last = last_good(compiler, lookup);
        report_content(compiler, secret, "it holds neither cert and key nor tls.crt and tls.key", last);
        return last;
    }
    struct tls_identity *identity = make_identity(compiler, lookup, pair, &error);
    if (identity == NULL) {
        struct tls_identity *last = last_good(compiler, lookup);
        report_content(compiler, secret, error.text, last);
        return last;
    }
    certificate_report(compiler, secret, identity);
    return identity;
}

struct tls_identity *compile_credential(struct compiler *compiler, const struct object_meta *meta,
                                        const struct located *credential_name) {
    struct credential *known = map_get(&compiler->credentials, credential_name->text);
    if (known != NULL)
        return known->identity;
    struct lookup lookup;
    known = arena_new(&compiler->scratch, struct credential);
    if (parse_name(compiler, meta, credential_name, &lookup))
        known->identity = find_identity(compiler, &lookup);
    map_set(&compiler->credentials, credential_name->text, known);
    return known->identity;
}

bool compile_credential_trust(struct compiler *compiler, const struct located *credential_name, struct span *ret_pem) {
    static const char *const keys[] = {"cacert", "ca.crt"};
    struct span name = credential_name->text;
    if (span_starts_with(name, SPAN_LITERAL("kubernetes://")))
        name = span_from(name, strlen("kubernetes://"));
    struct span names[] = {arena_print(&compiler->scratch, "%.*s-cacert", SPAN_ARGUMENTS(name)), name};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct secret *secret = resource_set_find_secret(compiler->resources, compiler->gateway_namespace, names[i]);
        for (size_t key = 0; secret != NULL && is_watched(secret) && key < ARRAY_SIZE(keys); key++) {
            struct span pem = value_of(secret, keys[key]);
            if (pem.size == 0)
                continue;
            *ret_pem = pem;
            return true;
        }
    }
    return false;
}
