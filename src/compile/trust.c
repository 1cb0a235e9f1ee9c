#include "compile/trust.h"

#include "base/clock.h"
#include "compile/compiler.h"
#include "compile/credentials.h"
#include "compile/identity_cache.h"

/* One source, looked at once a compile. */
struct known_trust {
    struct tls_trust *trust;
};

/* Where the texts stand. */
struct trust_place {
    struct compiler *compiler;
    const struct object_meta *meta; /* of what a diagnostic speaks of */
    struct position position;
    struct span title;     /* "Secret istio-system/foo-cacert" */
    struct span cache_key;
};

static const struct secret *find_secret(struct compiler *compiler, struct span name) {
    const struct secret *own = resource_set_find_secret(compiler->resources, compiler->gateway_namespace,
                                                        arena_print(&compiler->scratch, "%.*s-cacert", SPAN_ARGUMENTS(name)));
    return own != NULL ? own : resource_set_find_secret(compiler->resources, compiler->gateway_namespace, name);
}

static bool extract(const struct secret *secret, struct trust_text *ret_text) {
    static const char *const keys[][2] = {{"cacert", "crl"}, {"ca.crt", "ca.crl"}};
    for (size_t i = 0; secret != NULL && credential_secret_is_watched(secret) && i < ARRAY_SIZE(keys); i++) {
        struct trust_text text = {credential_secret_value(secret, keys[i][0]), credential_secret_value(secret, keys[i][1])};
        if (text.authorities.size == 0)
            continue;
        *ret_text = text;
        return true;
    }
    return false;
}

/* --- ConfigMaps: what authorities show is no secret, so any namespace will do --- */

static bool is_config_map_name(struct span name) {
    return span_starts_with(name, SPAN_LITERAL("configmap://"));
}

/* "configmap://NAMESPACE/NAME" */
static const struct config_map *find_config_map(struct compiler *compiler, struct span name) {
    struct span place = span_from(name, strlen("configmap://"));
    size_t slash;
    return span_find_byte(place, '/', &slash)
               ? resource_set_find_config_map(compiler->resources, span_first(place, slash), span_from(place, slash + 1))
               : NULL;
}

static bool extract_of_config_map(const struct config_map *map, struct trust_text *ret_text) {
    if (map == NULL || map->meta.invalid || (map->cacert.text.size == 0 && map->ca_crt.text.size == 0))
        return false;
    *ret_text = map->cacert.text.size > 0 ? (struct trust_text){map->cacert.text, map->crl.text}
                                          : (struct trust_text){map->ca_crt.text, map->ca_crl.text};
    return true;
}

bool compile_credential_trust(struct compiler *compiler, const struct located *credential_name, struct trust_text *ret_text) {
    struct span name = credential_name->text;
    if (is_config_map_name(name))
        return extract_of_config_map(find_config_map(compiler, name), ret_text);
    if (span_starts_with(name, SPAN_LITERAL("kubernetes://")))
        name = span_from(name, strlen("kubernetes://"));
    return extract(find_secret(compiler, name), ret_text);
}

static void unpin(void *trust) {
    tls_trust_unpin(trust);
}

static struct tls_trust *last_good_of(struct compiler *compiler, struct span cache_key) {
    struct identity_cache *cache = compiler->options->identities;
    struct tls_trust *last = cache == NULL ? NULL : identity_cache_last_trust(cache, cache_key);
    if (last != NULL)
        arena_on_destroy(compiler->arena, unpin, tls_trust_pin(last));
    return last;
}

static struct tls_trust *last_good(const struct trust_place *place) {
    return last_good_of(place->compiler, place->cache_key);
}

struct tls_trust *trust_build(struct compiler *compiler, struct span cache_key, const struct trust_text *text,
                              struct tls_identity_error *ret_error) {
    struct identity_cache *cache = compiler->options->identities;
    struct span parts[] = {text->authorities, text->crl};
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(parts, ARRAY_SIZE(parts), hash);
    struct tls_trust *trust = cache == NULL ? NULL : identity_cache_find_trust(cache, cache_key, hash);
    ret_error->text[0] = '\0';
    if (trust != NULL) {
        arena_on_destroy(compiler->arena, unpin, tls_trust_pin(trust));
        return trust;
    }
    if (!tls_trust_create(text->authorities, text->crl, ret_error, &trust))
        return last_good_of(compiler, cache_key);
    arena_on_destroy(compiler->arena, unpin, trust);
    if (cache != NULL)
        identity_cache_put_trust(cache, cache_key, trust);
    return trust;
}

/* --- Of servers --- */

static const char *last_good_text(const struct tls_trust *last) {
    return last != NULL ? "the last good authorities stay in use" : "handshakes are closed";
}

/* Served as it is, but not as its author may think. */
static void report_dates(const struct trust_place *place, const struct tls_trust *trust) {
    struct compiler *compiler = place->compiler;
    int64_t now_s = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    size_t expired = tls_trust_expired_count(trust, now_s);
    if (expired > 0)
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_DATE, place->position, place->meta, "renew it",
                        "%.*s: %zu of %zu authorities expired; clients of theirs are refused", SPAN_ARGUMENTS(place->title), expired,
                        tls_trust_authority_count(trust));
    if (tls_trust_crl_next_update(trust) < now_s)
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CERTIFICATE_DATE, place->position, place->meta, "publish a new one",
                        "%.*s: a revocation list is out of date; clients of its authority are refused", SPAN_ARGUMENTS(place->title));
}

static struct tls_trust *build(const struct trust_place *place, const struct trust_text *text) {
    struct tls_identity_error error;
    struct tls_trust *trust = trust_build(place->compiler, place->cache_key, text, &error);
    if (error.text[0] != '\0')
        compiler_report(place->compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLIENT_TRUST, place->position, place->meta, "write PEM", "%.*s: %s; %s",
                        SPAN_ARGUMENTS(place->title), error.text, last_good_text(trust));
    else
        report_dates(place, trust);
    return trust;
}

static struct known_trust *find_known(struct compiler *compiler, struct span key, bool *ret_is_new) {
    struct known_trust *known = map_get(&compiler->trusts, key);
    *ret_is_new = known == NULL;
    if (known == NULL) {
        known = arena_new(&compiler->scratch, struct known_trust);
        map_set(&compiler->trusts, key, known);
    }
    return known;
}

static struct tls_trust *report_nothing(struct trust_place *place, const struct secret *secret) {
    struct tls_trust *last = last_good(place);
    if (secret == NULL)
        compiler_report(place->compiler, compiler_missing_severity(place->compiler, RESOURCE_SECRET), DIAGNOSTIC_CLIENT_TRUST,
                        place->position, place->meta, "add one with ca.crt, the authorities' certificates, to the ingress gateway's namespace",
                        "neither %.*s nor one of its name and -cacert is in the input, so it is not known whom to trust; %s",
                        SPAN_ARGUMENTS(place->title), last_good_text(last));
    else
        compiler_report(place->compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLIENT_TRUST, secret->meta.position, &secret->meta,
                        "write the authorities' certificates to ca.crt, or into a Secret of the credentialName and -cacert",
                        "it holds neither cacert nor ca.crt, so it is not known whom to trust; %s", last_good_text(last));
    return last;
}

static struct tls_trust *build_of_config_map(struct compiler *compiler, const struct object_meta *meta, const struct located *credential_name) {
    const struct config_map *map = find_config_map(compiler, credential_name->text);
    struct trust_place place = {.compiler = compiler,
                                .meta = map == NULL ? meta : &map->meta,
                                .position = map == NULL ? credential_name->position : map->meta.position,
                                .title = SPAN_LITERAL("clients' authorities"),
                                .cache_key = credential_name->text};
    struct trust_text text;
    if (extract_of_config_map(map, &text))
        return build(&place, &text);
    struct tls_trust *last = last_good(&place);
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLIENT_TRUST, place.position, place.meta,
                    "write configmap://NAMESPACE/NAME of a ConfigMap with the authorities' certificates in ca.crt",
                    "\"%.*s\" leads to no ConfigMap with cacert or ca.crt, so it is not known whom to trust; %s",
                    SPAN_ARGUMENTS(credential_name->text), last_good_text(last));
    return last;
}

struct tls_trust *compile_trust_of_credential(struct compiler *compiler, const struct object_meta *meta, const struct located *credential_name) {
    bool is_new;
    struct known_trust *known = find_known(compiler, credential_name->text, &is_new);
    struct trust_place place = {.compiler = compiler, .meta = meta, .position = credential_name->position};
    struct trust_text text;
    struct span name;
    if (is_new && is_config_map_name(credential_name->text)) {
        known->trust = build_of_config_map(compiler, meta, credential_name);
        return known->trust;
    }
    if (!is_new || !compile_credential_name(compiler, meta, credential_name, &name))
        return known->trust;
    const struct secret *secret = find_secret(compiler, name);
    place.title = arena_print(&compiler->scratch, "Secret %.*s/%.*s", SPAN_ARGUMENTS(compiler->gateway_namespace), SPAN_ARGUMENTS(name));
    place.cache_key = arena_print(&compiler->scratch, "%.*s/%.*s", SPAN_ARGUMENTS(compiler->gateway_namespace), SPAN_ARGUMENTS(name));
    if (!extract(secret, &text)) {
        known->trust = report_nothing(&place, secret);
        return known->trust;
    }
    place.meta = &secret->meta;
    place.position = secret->meta.position;
    place.title = SPAN_LITERAL("clients' authorities");
    known->trust = build(&place, &text);
    return known->trust;
}

static bool read_part(const struct trust_place *place, const struct located *path, struct span *ret_text) {
    if (path->text.size == 0 || compiler_read_file(place->compiler, path->text, ret_text))
        return true;
    compiler_report(place->compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CERTIFICATE_FILE, path->position, place->meta,
                    "check the path and its permissions", "the file %.*s cannot be read; %s", SPAN_ARGUMENTS(path->text),
                    last_good_text(last_good(place)));
    return false;
}

struct tls_trust *compile_trust_of_files(struct compiler *compiler, const struct object_meta *meta, const struct located *authorities,
                                         const struct located *crl) {
    bool is_new;
    struct span key = arena_print(&compiler->scratch, "file://%.*s~%.*s", SPAN_ARGUMENTS(authorities->text), SPAN_ARGUMENTS(crl->text));
    struct known_trust *known = find_known(compiler, key, &is_new);
    struct trust_place place = {
        .compiler = compiler, .meta = meta, .position = authorities->position, .title = authorities->text, .cache_key = key};
    struct trust_text text = {SPAN_EMPTY, SPAN_EMPTY};
    if (!is_new)
        return known->trust;
    bool is_read = read_part(&place, authorities, &text.authorities) && read_part(&place, crl, &text.crl);
    /* A list that is there and empty would be no list. */
    if (is_read && crl->text.size > 0 && text.crl.size == 0)
        text.crl = SPAN_LITERAL("\n");
    known->trust = is_read ? build(&place, &text) : last_good(&place);
    return known->trust;
}
