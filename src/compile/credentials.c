#include "compile/credentials.h"

#include "compile/compiler.h"
#include "compile/identity_build.h"

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

bool compile_credential_name(struct compiler *compiler, const struct object_meta *meta, const struct located *written,
                             struct span *ret_name) {
    static const char *const other_schemes[] = {"configmap://", "builtin://", "sds://", "invalid://"};
    struct span name = written->text;
    for (size_t i = 0; i < ARRAY_SIZE(other_schemes); i++) {
        if (!span_starts_with(name, span_of(other_schemes[i])))
            continue;
        if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_FIELD, written->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, written->position, meta,
                        "name a Secret of the gateway's namespace; a ConfigMap may hold authorities (caCertCredentialName)",
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
        if (compiler_first_report(compiler, DIAGNOSTIC_SECRET_NAMESPACE, written->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_NAMESPACE, written->position, meta,
                        "copy the Secret into the ingress gateway's namespace",
                        "credentialName \"%.*s\" lies in namespace %.*s, but the ingress gateway may only read Secrets of its "
                        "own namespace %.*s; handshakes are closed",
                        SPAN_ARGUMENTS(written->text), SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(compiler->gateway_namespace));
        return false;
    }
    *ret_name = name;
    return true;
}

bool credential_secret_is_watched(const struct secret *secret) {
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
                        SPAN_ARGUMENTS(elsewhere->meta.namespace), identity_last_good_text(last));
        return;
    }
    compiler_report(compiler, compiler_missing_severity(compiler, RESOURCE_SECRET), DIAGNOSTIC_SECRET_MISSING,
                    lookup->written->position, lookup->meta, "add the Secret to the ingress gateway's namespace",
                    "Secret %.*s/%.*s is not in the input; %s", SPAN_ARGUMENTS(lookup->namespace),
                    SPAN_ARGUMENTS(lookup->name), identity_last_good_text(last));
}

static void report_unusable(struct compiler *compiler, const struct lookup *lookup, const struct secret *secret,
                            const struct tls_identity *last) {
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_CONTENT, lookup->written->position, lookup->meta, "",
                    "Secret %.*s/%.*s %s; %s", SPAN_ARGUMENTS(lookup->namespace), SPAN_ARGUMENTS(lookup->name),
                    secret->meta.invalid ? "holds a mistake" : "has a type that Istio does not look at", identity_last_good_text(last));
}

struct span credential_secret_value(const struct secret *secret, const char *key) {
    const struct secret_entry *entry = secret_get(secret, span_of(key));
    return entry == NULL || entry->invalid ? SPAN_EMPTY : entry->value;
}

/* cert and key, else tls.crt and tls.key; the Secret's type does not matter. */
static bool extract_pair(const struct secret *secret, struct identity_text *text) {
    static const char *const keys[][2] = {{"cert", "key"}, {"tls.crt", "tls.key"}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct span chain = credential_secret_value(secret, keys[i][0]);
        struct span key = credential_secret_value(secret, keys[i][1]);
        if (chain.size == 0 || key.size == 0)
            continue;
        text->chain = chain;
        text->key = key;
        text->staple = credential_secret_value(secret, "tls.ocsp-staple");
        return true;
    }
    return false;
}

static void report_content(struct compiler *compiler, const struct secret *secret, const char *what,
                           const struct tls_identity *last) {
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_SECRET_CONTENT, secret->meta.position, &secret->meta,
                    "tls.crt holds the PEM chain, the server's certificate first, and tls.key its PEM key", "%s; %s", what,
                    identity_last_good_text(last));
}

static struct tls_identity *find_identity(struct compiler *compiler, const struct lookup *lookup) {
    const struct secret *secret = resource_set_find_secret(compiler->resources, lookup->namespace, lookup->name);
    struct identity_text text = {.cache_key = lookup->cache_key};
    struct tls_identity_error error;
    if (secret == NULL || !credential_secret_is_watched(secret)) {
        struct tls_identity *last = identity_last_good(compiler, lookup->cache_key);
        if (secret == NULL)
            report_missing(compiler, lookup, last);
        else
            report_unusable(compiler, lookup, secret, last);
        return last;
    }
    if (span_ends_with(lookup->name, SPAN_LITERAL("-cacert")) || !extract_pair(secret, &text)) {
        struct tls_identity *last = identity_last_good(compiler, lookup->cache_key);
        report_content(compiler, secret, "it holds neither cert and key nor tls.crt and tls.key", last);
        return last;
    }
    struct tls_identity *identity = identity_build(compiler, &text, &error);
    if (identity == NULL) {
        struct tls_identity *last = identity_last_good(compiler, lookup->cache_key);
        report_content(compiler, secret, error.text, last);
        return last;
    }
    identity_report(compiler, &secret->meta, secret->meta.position, identity);
    return identity;
}

struct tls_identity *compile_credential(struct compiler *compiler, const struct object_meta *meta,
                                        const struct located *credential_name) {
    struct credential *known = map_get(&compiler->credentials, credential_name->text);
    if (known != NULL)
        return known->identity;
    struct lookup lookup = {.meta = meta, .written = credential_name, .namespace = compiler->gateway_namespace};
    known = arena_new(&compiler->scratch, struct credential);
    if (compile_credential_name(compiler, meta, credential_name, &lookup.name)) {
        lookup.cache_key = arena_print(&compiler->scratch, "%.*s/%.*s", SPAN_ARGUMENTS(lookup.namespace), SPAN_ARGUMENTS(lookup.name));
        known->identity = find_identity(compiler, &lookup);
    }
    map_set(&compiler->credentials, credential_name->text, known);
    return known->identity;
}

/* --- Files --- */

static bool read_part(struct compiler *compiler, const struct object_meta *meta, const struct located *path, const struct tls_identity *last,
                      struct span *ret_text) {
    if (compiler_read_file(compiler, path->text, ret_text))
        return true;
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CERTIFICATE_FILE, path->position, meta, "check the path and its permissions",
                    "the file %.*s cannot be read; %s", SPAN_ARGUMENTS(path->text), identity_last_good_text(last));
    return false;
}

static struct tls_identity *find_identity_of_files(struct compiler *compiler, const struct object_meta *meta, const struct located *chain,
                                                   const struct located *key, struct span cache_key) {
    struct identity_text text = {.cache_key = cache_key};
    struct tls_identity_error error;
    struct tls_identity *last = identity_last_good(compiler, cache_key);
    if (!read_part(compiler, meta, chain, last, &text.chain) || !read_part(compiler, meta, key, last, &text.key))
        return last;
    struct tls_identity *identity = identity_build(compiler, &text, &error);
    if (identity == NULL) {
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CERTIFICATE_FILE, chain->position, meta,
                        "serverCertificate holds the PEM chain, the server's certificate first, and privateKey its PEM key",
                        "the files %.*s and %.*s: %s; %s", SPAN_ARGUMENTS(chain->text), SPAN_ARGUMENTS(key->text), error.text,
                        identity_last_good_text(last));
        return last;
    }
    identity_report(compiler, meta, chain->position, identity);
    return identity;
}

struct tls_identity *compile_certificate_files(struct compiler *compiler, const struct object_meta *meta, const struct located *chain,
                                               const struct located *key) {
    struct span name = arena_print(&compiler->scratch, "file://%.*s~%.*s", SPAN_ARGUMENTS(chain->text), SPAN_ARGUMENTS(key->text));
    struct credential *known = map_get(&compiler->credentials, name);
    if (known != NULL)
        return known->identity;
    known = arena_new(&compiler->scratch, struct credential);
    known->identity = find_identity_of_files(compiler, meta, chain, key, name);
    map_set(&compiler->credentials, name, known);
    return known->identity;
}
