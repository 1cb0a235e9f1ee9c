#include "explain/request.h"

#include <stdio.h>

#include "proxy/connection.h"
#include "text/json.h"
#include "wire/authority.h"

/* Of documentation (RFC 5737). */
#define FROM_DEFAULT "192.0.2.1"

static const char *const scheme_names[] = {"http", "https", "tls", "tcp"};

static bool fail(struct explain_request_error *error, const char *what, struct span text) {
    snprintf(error->text, sizeof(error->text), "%s: %.*s", what, (int)(text.size < 120 ? text.size : 120), text.size == 0 ? "" : text.data);
    return false;
}

static bool is_ip_address(struct span host) {
    struct network_address address;
    if (span_starts_with(host, SPAN_LITERAL("[")))
        return true;
    return network_address_parse(host, 0, &address);
}

static size_t authority_end(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '/' || text.data[i] == '?' || text.data[i] == '#')
            return i;
    return text.size;
}

static struct span path_of(struct arena *arena, struct span rest) {
    size_t fragment;
    if (span_find_byte(rest, '#', &fragment))
        rest = span_first(rest, fragment);
    if (rest.size == 0)
        return SPAN_LITERAL("/");
    return rest.data[0] == '/' ? rest : arena_print(arena, "/%.*s", SPAN_ARGUMENTS(rest));
}

/* What would end a line, or the request, is no part of one. */
static bool is_printable(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool parse_scheme(struct span url, enum explain_scheme *ret_scheme, struct span *ret_rest) {
    for (size_t i = 0; i < ARRAY_SIZE(scheme_names); i++) {
        struct span scheme = span_of(scheme_names[i]);
        if (!span_starts_with_ignore_case(url, scheme) || !span_starts_with(span_from(url, scheme.size), SPAN_LITERAL("://")))
            continue;
        *ret_scheme = (enum explain_scheme)i;
        *ret_rest = span_from(url, scheme.size + 3);
        return true;
    }
    return false;
}

bool explain_request_parse(struct arena *arena, struct span url, struct explain_request *ret_request,
                           struct explain_request_error *ret_error) {
    struct explain_request request = {.method = SPAN_LITERAL("GET")};
    struct span rest;
    struct authority parts;
    if (!is_printable(url) || !parse_scheme(url, &request.scheme, &rest))
        return fail(ret_error, "want a URL of http://, https://, tls:// or tcp://", url);
    request.authority = span_first(rest, authority_end(rest));
    bool only_port = request.scheme == EXPLAIN_TCP && span_starts_with(request.authority, SPAN_LITERAL(":"));
    if (!authority_parse(request.authority, &parts) || (parts.host.size == 0 && !only_port))
        return fail(ret_error, "the URL's host is no host name with or without a port", request.authority);
    request.host = arena_lower(arena, parts.host);
    request.port = parts.port_number;
    if (request.port == 0 && request.scheme == EXPLAIN_TCP)
        return fail(ret_error, "want a port, as in tcp://host:5432", url);
    if (request.port == 0)
        request.port = request.scheme == EXPLAIN_HTTP ? 80 : 443;
    request.path = path_of(arena, span_from(rest, request.authority.size));
    if (explain_request_has_tls(&request) && !is_ip_address(request.host))
        request.sni = request.host;
    if (!network_address_parse(SPAN_LITERAL(FROM_DEFAULT), 40000, &request.from))
        return fail(ret_error, "no address", SPAN_EMPTY);
    *ret_request = request;
    return true;
}

bool explain_request_add_header(struct arena *arena, struct explain_request *request, struct span line,
                                struct explain_request_error *ret_error) {
    size_t colon;
    bool pseudo = span_starts_with(line, SPAN_LITERAL(":"));
    if (pseudo || !is_printable(line) || !span_find_byte(line, ':', &colon) || colon == 0)
        return fail(ret_error, "want \"name: value\"", line);
    struct explain_header header = {arena_lower(arena, span_first(line, colon)), span_trim(span_from(line, colon + 1))};
    if (span_equal(header.name, SPAN_LITERAL("host"))) {
        struct authority parts;
        if (!authority_parse(header.value, &parts) || parts.host.size == 0)
            return fail(ret_error, "no valid Host", header.value);
        request->authority = header.value;
        request->host = arena_lower(arena, parts.host);
        return true;
    }
    if (request->header_count == EXPLAIN_HEADERS_MAX)
        return fail(ret_error, "too many headers", line);
    request->headers[request->header_count++] = header;
    return true;
}

bool explain_request_set_method(struct explain_request *request, struct span text, struct explain_request_error *ret_error) {
    if (text.size == 0 || !is_printable(text))
        return fail(ret_error, "no method", text);
    request->method = text;
    return true;
}

bool explain_request_set_alpn(struct explain_request *request, struct span text, struct explain_request_error *ret_error) {
    struct span rest = text, part;
    while (span_split(&rest, ',', &part)) {
        if (!span_equal(part, SPAN_LITERAL("h2")) && !span_equal(part, SPAN_LITERAL("http/1.1")) && !alpn_is_of_mesh(part))
            return fail(ret_error, "want h2, http/1.1 or one of Istio's own", part);
        request->http2 |= span_equal(part, SPAN_LITERAL("h2"));
        request->mesh |= alpn_is_of_mesh(part);
    }
    request->alpn = text;
    return true;
}

bool explain_request_set_from(struct explain_request *request, struct span text, struct explain_request_error *ret_error) {
    if (!network_address_parse(text, 40000, &request->from))
        return fail(ret_error, "want an IP address", text);
    return true;
}

void explain_request_set_connection_for(struct arena *arena, struct explain_request *request, struct span host) {
    request->sni = arena_lower(arena, host);
    request->http2 = true;
}

/* --- JSON --- */

static bool add_json_headers(struct arena *arena, struct explain_request *request, const struct node *headers,
                             struct explain_request_error *error) {
    bool mapping = headers->kind == NODE_MAPPING;
    if (!mapping && headers->kind != NODE_SEQUENCE)
        return fail(error, "headers is neither an object nor an array", SPAN_EMPTY);
    for (uint32_t i = 0; i < headers->count; i++) {
        const struct node *value = mapping ? headers->fields[i].value : headers->items[i];
        if (value->kind != NODE_SCALAR)
            return fail(error, "a header is no string", SPAN_EMPTY);
        struct span line = value->scalar;
        if (mapping)
            line = arena_print(arena, "%.*s: %.*s", SPAN_ARGUMENTS(headers->fields[i].key), SPAN_ARGUMENTS(value->scalar));
        if (!explain_request_add_header(arena, request, line, error))
            return false;
    }
    return true;
}

static bool set_json_text(struct arena *arena, struct explain_request *request, struct span key, struct span text,
                          struct explain_request_error *error) {
    uint64_t port;
    if (span_equal(key, SPAN_LITERAL("method")))
        return explain_request_set_method(request, text, error);
    else if (span_equal(key, SPAN_LITERAL("sni")))
        request->sni = arena_lower(arena, text);
    else if (span_equal(key, SPAN_LITERAL("alpn")))
        return explain_request_set_alpn(request, text, error);
    else if (span_equal(key, SPAN_LITERAL("from")))
        return explain_request_set_from(request, text, error);
    else if (span_equal(key, SPAN_LITERAL("client_certificate")))
        request->client_certificate_pem = text;
    else if (span_equal(key, SPAN_LITERAL("http2_on_connection_for")))
        explain_request_set_connection_for(arena, request, text);
    else if (!span_equal(key, SPAN_LITERAL("port")))
        return fail(error, "not known", key);
    else if (!span_to_u64(text, &port) || port == 0 || port > UINT16_MAX)
        return fail(error, "no port", text);
    else
        request->port = (uint16_t)port;
    return true;
}

bool explain_request_parse_json(struct arena *arena, struct span text, struct explain_request *ret_request,
                                struct explain_request_error *ret_error) {
    struct node *root;
    struct explain_request request;
    if (!json_parse(arena, text, POSITION_NONE, NULL, &root) || root->kind != NODE_MAPPING)
        return fail(ret_error, "no JSON object", text);
    const struct node *url = node_get(root, SPAN_LITERAL("url"));
    if (url == NULL || url->kind != NODE_SCALAR)
        return fail(ret_error, "want \"url\"", text);
    if (!explain_request_parse(arena, url->scalar, &request, ret_error))
        return false;
    for (uint32_t i = 0; i < root->count; i++) {
        struct span key = root->fields[i].key;
        const struct node *value = root->fields[i].value;
        if (span_equal(key, SPAN_LITERAL("url")) || value->kind == NODE_NULL)
            continue;
        if (span_equal(key, SPAN_LITERAL("headers"))) {
            if (!add_json_headers(arena, &request, value, ret_error))
                return false;
            continue;
        }
        if (value->kind != NODE_SCALAR)
            return fail(ret_error, "neither text nor number", key);
        if (!set_json_text(arena, &request, key, value->scalar, ret_error))
            return false;
    }
    *ret_request = request;
    return true;
}

void explain_request_write_json(struct arena *arena, const struct explain_request *request, struct json_writer *json) {
    bool sends_host = explain_request_has_tls(request) && !is_ip_address(request->host);
    json_object_begin(json);
    if (!span_equal(request->method, SPAN_LITERAL("GET")))
        json_put_text(json, "method", request->method);
    json_put_text(json, "url",
                  arena_print(arena, "%s://%.*s%.*s", scheme_names[request->scheme], SPAN_ARGUMENTS(request->authority),
                              SPAN_ARGUMENTS(request->path)));
    json_put_number(json, "port", request->port);
    if (request->header_count > 0)
        json_put_array(json, "headers");
    for (size_t i = 0; i < request->header_count; i++)
        json_text(json, arena_print(arena, "%.*s: %.*s", SPAN_ARGUMENTS(request->headers[i].name), SPAN_ARGUMENTS(request->headers[i].value)));
    if (request->header_count > 0)
        json_array_end(json);
    if (!span_equal(request->sni, sends_host ? request->host : SPAN_EMPTY))
        json_put_text(json, "sni", request->sni);
    if (request->http2 || request->alpn.size > 0)
        json_put_text(json, "alpn", request->alpn.size > 0 ? request->alpn : SPAN_LITERAL("h2"));
    if (request->client_certificate_pem.size > 0)
        json_put_text(json, "client_certificate", request->client_certificate_pem);
    char from[NETWORK_ADDRESS_TEXT_MAX];
    size_t from_size = network_address_print_host(&request->from, from);
    if (!span_equal(span_make(from, from_size), SPAN_LITERAL(FROM_DEFAULT)))
        json_put_text(json, "from", span_make(from, from_size));
    json_object_end(json);
}

static struct span url_of(struct arena *arena, const struct explain_request *request) {
    struct authority parts;
    bool has_port = authority_parse(request->authority, &parts) && parts.port.size > 0;
    bool is_default = request->port == (request->scheme == EXPLAIN_HTTP ? 80 : 443) && request->scheme != EXPLAIN_TCP;
    struct span port = has_port || is_default ? SPAN_EMPTY : arena_print(arena, ":%u", request->port);
    struct span path = explain_request_has_http(request) ? request->path : SPAN_EMPTY;
    return arena_print(arena, "%s://%.*s%.*s%.*s", scheme_names[request->scheme], SPAN_ARGUMENTS(request->authority), SPAN_ARGUMENTS(port),
                       SPAN_ARGUMENTS(path));
}

struct span explain_request_title(struct arena *arena, const struct explain_request *request) {
    struct span url = url_of(arena, request);
    if (!explain_request_has_http(request))
        return arena_print(arena, "a connection to %.*s", SPAN_ARGUMENTS(url));
    return arena_print(arena, "%.*s %.*s", SPAN_ARGUMENTS(request->method), SPAN_ARGUMENTS(url));
}
