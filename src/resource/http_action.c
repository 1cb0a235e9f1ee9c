#include "resource/http_action.h"

#include "base/limits.h"
#include "base/base64.h"
#include "resource/header_check.h"
#include "resource/name_check.h"
#include "resource/retry_on.h"

#define MILLISECOND_NS 1000000

/* Becomes part of a start line or a URI: no white space, no control byte. */
static void check_plain(struct decoder *decoder, const struct located *text) {
    for (size_t i = 0; i < text->text.size; i++) {
        unsigned char byte = (unsigned char)text->text.data[i];
        if (byte > ' ' && byte != 0x7f)
            continue;
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, text->position, "percent-encode it, as in %20",
                     "white space and control characters are not allowed here");
        return;
    }
}

static void decode_plain(struct decoder *decoder, const struct node *node, void *target) {
    struct located *text = target;
    if (decode_string(decoder, node, text))
        check_plain(decoder, text);
}

/* --- redirect --- */

static void decode_scheme(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {{"http", 0}, {"https", 1}};
    int ignored;
    if (DECODE_ENUM(decoder, node, names, &ignored))
        decode_string(decoder, node, target);
}

/* Istio's admission takes 300 to 399; those that it can answer with are the compiler's matter. 0 is not written. */
static void decode_redirect_code(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number *code = target;
    decode_number(decoder, node, 0, 999, code);
    if (code->is_set && code->value != 0 && (code->value < 300 || code->value > 399))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use 301, 302, 303, 307 or 308", "%lld is no redirect", (long long)code->value);
}

static void report_two_ports(struct decoder *decoder, const struct node *node) {
    decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, node->position, "keep one of them", "only one of port and derivePort may be set");
}

static void decode_redirect_port(struct decoder *decoder, const struct node *node, void *target) {
    struct http_redirect *redirect = target;
    if (redirect->port_kind != REDIRECT_PORT_UNSET)
        report_two_ports(decoder, node);
    redirect->port_kind = REDIRECT_PORT_NUMBER;
    decode_number(decoder, node, 1, 65535, &redirect->port);
}

static void decode_derived_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {{"FROM_PROTOCOL_DEFAULT", REDIRECT_PORT_FROM_PROTOCOL},
                                             {"FROM_REQUEST_PORT", REDIRECT_PORT_FROM_REQUEST}};
    struct http_redirect *redirect = target;
    int kind;
    if (redirect->port_kind != REDIRECT_PORT_UNSET)
        report_two_ports(decoder, node);
    else if (DECODE_ENUM(decoder, node, names, &kind))
        redirect->port_kind = (enum redirect_port)kind;
}

void http_redirect_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("uri", decode_plain, struct http_redirect, uri),
        FIELD_CALL_AT("prefixRewrite", decode_plain, struct http_redirect, prefix_rewrite),
        FIELD_CALL_AT("authority", decode_plain, struct http_redirect, authority),
        FIELD_CALL_AT("scheme", decode_scheme, struct http_redirect, scheme),
        FIELD_CALL_WHOLE("port", decode_redirect_port),
        FIELD_CALL_WHOLE("derivePort", decode_derived_port),
        FIELD_CALL_AT("redirectCode", decode_redirect_code, struct http_redirect, code),
    };
    struct http_redirect *redirect = target;
    redirect->is_set = true;
    redirect->position = node->position;
    DECODE_MAPPING(decoder, node, fields, redirect);
    if (!node_is_mapping(node) || decoder->failed)
        return;
    bool says_where = redirect->uri.text.size + redirect->prefix_rewrite.text.size + redirect->authority.text.size +
                          redirect->scheme.text.size > 0;
    if (!says_where && redirect->port_kind == REDIRECT_PORT_UNSET)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set uri, prefixRewrite, authority, scheme or port",
                     "the redirect leads to where the request came from");
    else if (redirect->uri.text.size > 0 && redirect->prefix_rewrite.text.size > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, redirect->prefix_rewrite.position, "keep one of them",
                     "only one of uri and prefixRewrite may be set");
}

/* --- directResponse --- */

static void decode_body_bytes(struct decoder *decoder, const struct node *node, void *target) {
    struct located *body = target;
    struct located text;
    size_t size;
    if (!decode_string(decoder, node, &text))
        return;
    char *bytes = arena_allocate_aligned(decoder->arena, text.text.size + 1, 1);
    if (base64_decode(text.text, bytes, &size))
        *body = (struct located){span_make(bytes, size), text.position};
    else
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "encode it with base64", "the bytes are no base64");
}

static void decode_body(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        {"string", FIELD_STRING, 0, 0, 0, NULL, 0},
        FIELD_CALL_WHOLE("bytes", decode_body_bytes),
    };
    static const char *const kinds[] = {"string", "bytes"};
    struct located *body = target;
    DECODE_MAPPING(decoder, node, fields, target);
    DECODE_ONE_OF(decoder, node, kinds);
    if (body->text.size > DIRECT_RESPONSE_BODY_BYTES_MAX)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, body->position, "serve it from a backend",
                     "the body has %zu bytes, more than 1 MiB", body->text.size);
    else if (body->text.size > DIRECT_RESPONSE_BODY_BYTES_MAX / 10)
        decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, body->position, "serve it from a backend",
                       "the body has %zu bytes: every copy of the configuration holds them", body->text.size);
}

void http_direct_response_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("status", struct http_direct_response, status, 200, 599),
        FIELD_CALL_AT("body", decode_body, struct http_direct_response, body),
    };
    struct http_direct_response *response = target;
    response->is_set = true;
    response->position = node->position;
    DECODE_MAPPING(decoder, node, fields, response);
    if (node_is_mapping(node) && !decoder->failed && !response->status.is_set)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add status", "the directResponse has no status");
}

/* --- rewrite --- */

static void decode_regex_rewrite(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("match", FIELD_STRING, struct http_rewrite, regex_match),
        FIELD_CALL_AT("rewrite", decode_plain, struct http_rewrite, regex_rewrite),
    };
    struct http_rewrite *rewrite = target;
    DECODE_MAPPING(decoder, node, fields, rewrite);
    if (node_is_mapping(node) && (rewrite->regex_match.text.size == 0 || rewrite->regex_rewrite.text.size == 0))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set match and rewrite",
                     "uriRegexRewrite needs both match and rewrite");
    else if (rewrite->regex_match.text.size > 0)
        name_check_regex(decoder, rewrite->regex_match.text, rewrite->regex_match.position);
}

void http_rewrite_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("uri", decode_plain, struct http_rewrite, uri),
        FIELD_CALL_AT("authority", decode_plain, struct http_rewrite, authority),
        FIELD_CALL_WHOLE("uriRegexRewrite", decode_regex_rewrite),
    };
    struct http_rewrite *rewrite = target;
    rewrite->is_set = true;
    rewrite->position = node->position;
    DECODE_MAPPING(decoder, node, fields, rewrite);
    if (!node_is_mapping(node) || decoder->failed)
        return;
    if (rewrite->uri.text.size + rewrite->authority.text.size + rewrite->regex_match.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set uri, authority or uriRegexRewrite",
                     "the rewrite changes nothing");
    else if (rewrite->uri.text.size > 0 && rewrite->regex_match.text.size > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, rewrite->uri.position, "keep one of them",
                     "only one of uri and uriRegexRewrite may be set");
}

/* --- headers --- */

static void decode_label_set(struct decoder *decoder, const struct node *node, void *target) {
    decode_labels(decoder, node, target);
}

static void decode_operations(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("set", decode_label_set, struct header_operations, set),
        FIELD_CALL_AT("add", decode_label_set, struct header_operations, add),
        FIELD_AT("remove", FIELD_STRINGS, struct header_operations, remove),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_request_headers(struct decoder *decoder, const struct node *node, void *target) {
    decode_operations(decoder, node, target);
    header_check_request(decoder, target);
}

static void decode_response_headers(struct decoder *decoder, const struct node *node, void *target) {
    decode_operations(decoder, node, target);
    header_check_response(decoder, target);
}

void http_headers_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("request", decode_request_headers, struct http_headers, request),
        FIELD_CALL_AT("response", decode_response_headers, struct http_headers, response),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

/* --- retries --- */

void http_retries_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("attempts", struct mesh_retry_policy, attempts, 0, INT32_MAX),
        FIELD_CALL_AT("retryOn", retry_on_decode, struct mesh_retry_policy, retry_on),
        FIELD_DURATION_AT("perTryTimeout", struct mesh_retry_policy, per_try_timeout_ns, MILLISECOND_NS),
        FIELD_DURATION_AT("backoff", struct mesh_retry_policy, backoff_ns, MILLISECOND_NS),
        FIELD_AT("retryRemoteLocalities", FIELD_FLAG, struct mesh_retry_policy, retry_remote_localities),
        FIELD_AT("retryIgnorePreviousHosts", FIELD_FLAG, struct mesh_retry_policy, retry_ignore_previous_hosts),
    };
    struct mesh_retry_policy *policy = target;
    policy->is_set = true;
    policy->position = node->position;
    DECODE_MAPPING(decoder, node, fields, policy);
    bool says_more = policy->per_try_timeout_ns.is_set || policy->retry_on.text.size > 0 || policy->retry_remote_localities.is_set;
    if (node_is_mapping(node) && policy->attempts.value == 0 && says_more)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, node->position, "set attempts to 1 or more",
                     "without attempts there are no retries that the other fields could be about");
}
