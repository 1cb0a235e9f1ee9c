#include "proxy/request_rules.h"

#include "base/assert.h"
#include "base/clock.h"
#include "proxy/grpc_timeout.h"
#include "wire/path.h"

static struct span print_host(struct arena *arena, const struct network_address *address) {
    char *text = arena_allocate_aligned(arena, NETWORK_ADDRESS_TEXT_MAX, 1);
    return span_make(text, network_address_print_host(address, text));
}

/* The `count`-th member from the right of a list that proxies appended to; false when there are fewer. */
static bool member_from_right(struct span list, uint32_t count, struct span *ret_member) {
    struct span rest = list;
    for (uint32_t i = 1;; i++) {
        size_t comma;
        bool more = span_find_last_byte(rest, ',', &comma);
        struct span member = span_trim(more ? span_from(rest, comma + 1) : rest);
        if (i == count) {
            *ret_member = member;
            return true;
        }
        if (!more)
            return false;
        rest = span_first(rest, comma);
    }
}

static struct network_address trusted_client(struct span forwarded_for, uint32_t trusted_proxy_count, const struct request_origin *origin) {
    struct span member;
    struct network_address client;
    if (trusted_proxy_count == 0 || forwarded_for.size == 0 || !member_from_right(forwarded_for, trusted_proxy_count, &member) ||
        !network_address_parse(member, 0, &client))
        return origin->peer;
    return client;
}

/* Sets x-forwarded-for, x-forwarded-proto, x-forwarded-port and x-envoy-external-address. */
static void apply_forwarded(struct message_head *head, const struct request_origin *origin, const struct gateway_settings *settings,
                            struct network_address *ret_client) {
    struct span came = SPAN_EMPTY;
    bool has_came = message_head_has(head, HEADER_X_FORWARDED_FOR) &&
                    message_head_join(head, head->arena, SPAN_LITERAL("x-forwarded-for"), &came);
    *ret_client = trusted_client(came, settings->trusted_proxy_count, origin);
    struct span peer = print_host(head->arena, &origin->peer);
    /* Envoy joins with a bare comma, whatever stood there before. */
    struct span forwarded_for =
        has_came && came.size > 0 ? arena_print(head->arena, "%.*s,%.*s", SPAN_ARGUMENTS(came), SPAN_ARGUMENTS(peer)) : peer;
    message_head_set(head, HEADER_X_FORWARDED_FOR, forwarded_for);

    bool trusts = settings->trusted_proxy_count > 0;
    if (!trusts || message_head_value(head, HEADER_X_FORWARDED_PROTO).size == 0)
        message_head_set(head, HEADER_X_FORWARDED_PROTO, origin->tls ? SPAN_LITERAL("https") : SPAN_LITERAL("http"));
    if (settings->x_forwarded_port_enabled && (!trusts || !message_head_has(head, HEADER_X_FORWARDED_PORT)))
        message_head_set(head, HEADER_X_FORWARDED_PORT, arena_decimal(head->arena, origin->local.port));
    bool is_peer = network_address_equal(ret_client, &origin->peer);
    message_head_set(head, HEADER_X_ENVOY_EXTERNAL_ADDRESS, is_peer ? peer : print_host(head->arena, ret_client));
}

static void apply_request_id(struct message_head *head, const struct gateway_settings *settings, struct random *random) {
    if (settings->request_id_disabled)
        return;
    char *text = arena_allocate_aligned(head->arena, RANDOM_UUID_SIZE, 1);
    random_uuid(random, text);
    message_head_set(head, HEADER_X_REQUEST_ID, span_make(text, RANDOM_UUID_SIZE));
}

/* "%2f" and "%5c" become "/"; the query stays. */
static struct span decode_slashes(struct arena *arena, struct span path) {
    struct span plain = path_without_query(path);
    char *text = arena_allocate_aligned(arena, path.size, 1);
    size_t size = 0;
    for (size_t i = 0; i < plain.size; i++) {
        struct span escape = span_first(span_from(plain, i), 3);
        bool is_slash = span_equal_ignore_case(escape, SPAN_LITERAL("%2f")) || span_equal_ignore_case(escape, SPAN_LITERAL("%5c"));
        text[size++] = is_slash ? '/' : plain.data[i];
        i += is_slash ? 2 : 0;
    }
    if (path.size > plain.size)
        memcpy(text + size, path.data + plain.size, path.size - plain.size);
    return span_make(text, size + path.size - plain.size);
}

static struct span merge_slashes(struct arena *arena, struct span path) {
    struct span plain = path_without_query(path);
    char *text = arena_allocate_aligned(arena, path.size, 1);
    size_t size = 0;
    for (size_t i = 0; i < plain.size; i++) {
        if (plain.data[i] != '/' || size == 0 || text[size - 1] != '/')
            text[size++] = plain.data[i];
    }
    if (path.size > plain.size)
        memcpy(text + size, path.data + plain.size, path.size - plain.size);
    return span_make(text, size + path.size - plain.size);
}

static bool apply_path(struct message_head *head, enum path_normalization normalization) {
    struct span path = head->path;
    if (path.size == 0 || span_equal(path, SPAN_LITERAL("*")))
        return true;
    switch (normalization) {
    case PATH_NORMALIZATION_NONE: return true;
    case PATH_NORMALIZATION_BASE: return path_normalize(head->arena, path, &head->path);
    case PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES:
        path = decode_slashes(head->arena, path);
        break;
    case PATH_NORMALIZATION_MERGE_SLASHES: break;
    }
    if (!path_normalize(head->arena, path, &path))
        return false;
    head->path = merge_slashes(head->arena, path);
    return true;
}

/* RFC 9110 section 7.6.2: only OPTIONS and TRACE count their hops. */
static enum request_verdict apply_max_forwards(struct message_head *head) {
    bool counts = head->method_token == HTTP_METHOD_OPTIONS || head->method_token == HTTP_METHOD_TRACE;
    uint64_t hops;
    if (!counts || !message_head_has(head, HEADER_MAX_FORWARDS) || !span_to_u64(message_head_value(head, HEADER_MAX_FORWARDS), &hops))
        return REQUEST_ROUTE;
    if (hops == 0)
        return head->method_token == HTTP_METHOD_TRACE ? REQUEST_ANSWER_TRACE : REQUEST_ANSWER_OPTIONS;
    message_head_set(head, HEADER_MAX_FORWARDS, hops == 1 ? SPAN_LITERAL("0") : arena_decimal(head->arena, hops - 1));
    return REQUEST_ROUTE;
}

/* RFC 9110 section 7.6.3: a gateway MUST send Via towards the origin. */
static struct span via_value(enum http_version version) {
    switch (version) {
    case HTTP_1_0: return SPAN_LITERAL("1.0 fairlead");
    case HTTP_1_1: return SPAN_LITERAL("1.1 fairlead");
    case HTTP_2: return SPAN_LITERAL("2 fairlead");
    }
    UNREACHABLE();
}

/* Envoy's mutateXfccRequestHeader: nothing of it can come from outside, unless the gateway is told to believe it. */
static void apply_client_certificate(struct message_head *head, const struct request_origin *origin,
                                     enum client_certificate_forwarding forwarding) {
    struct span came = SPAN_EMPTY;
    bool has_came = message_head_has(head, HEADER_X_FORWARDED_CLIENT_CERT);
    if (forwarding == CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY)
        return;
    if (!origin->has_client_certificate || forwarding == CLIENT_CERTIFICATE_SANITIZE) {
        if (has_came)
            message_head_remove(head, HEADER_X_FORWARDED_CLIENT_CERT);
        return;
    }
    if (forwarding == CLIENT_CERTIFICATE_FORWARD_ONLY)
        return;
    struct span element = origin->client_certificate;
    if (has_came && forwarding == CLIENT_CERTIFICATE_APPEND_FORWARD &&
        message_head_join(head, head->arena, SPAN_LITERAL("x-forwarded-client-cert"), &came) && came.size > 0)
        element = arena_print(head->arena, "%.*s,%.*s", SPAN_ARGUMENTS(came), SPAN_ARGUMENTS(element));
    message_head_set(head, HEADER_X_FORWARDED_CLIENT_CERT, element);
}

enum request_verdict request_rules_apply(struct message_head *head, const struct request_origin *origin,
                                         const struct gateway_settings *settings, struct random *random,
                                         struct network_address *ret_client) {
    /* An upgrade to anything but WebSocket is not offered; the request goes on without it (RFC 9110 section 7.8 allows to ignore it). */
    if (!span_equal_ignore_case(span_trim(head->upgrade), SPAN_LITERAL("websocket")))
        head->upgrade = SPAN_EMPTY;
    message_head_strip_hop_by_hop(head, head->upgrade.size > 0);
    message_head_remove_properties(head, HEADER_PROPERTY_FROM_INSIDE);
    apply_forwarded(head, origin, settings, ret_client);
    apply_request_id(head, settings, random);
    apply_client_certificate(head, origin, settings->client_certificate_forwarding);
    head->scheme = origin->tls ? SPAN_LITERAL("https") : SPAN_LITERAL("http");
    message_head_add(head, HEADER_VIA, via_value(head->version));
    if (head->method_token == HTTP_METHOD_CONNECT)
        return REQUEST_CONNECT_REFUSED;
    if (!apply_path(head, settings->path_normalization))
        return REQUEST_BAD_PATH;
    return apply_max_forwards(head);
}

void request_rules_attempt(struct message_head *head, const struct gateway_settings *settings, uint32_t attempt, uint64_t timeout_ns) {
    if (timeout_ns > 0 && !settings->envoy_debug_headers_disabled)
        message_head_set(head, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
                         arena_decimal(head->arena, timeout_ns / NANOSECONDS_PER_MILLISECOND));
    grpc_timeout_write(head, timeout_ns);
    if (!settings->attempt_count_disabled)
        message_head_set(head, HEADER_X_ENVOY_ATTEMPT_COUNT, arena_decimal(head->arena, attempt));
}

size_t request_rules_trailers(struct header *trailers, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if ((header_token_properties(trailers[i].token) & HEADER_PROPERTY_FROM_INSIDE) == 0 &&
            trailers[i].token != HEADER_X_FORWARDED_CLIENT_CERT)
            trailers[kept++] = trailers[i];
    }
    return kept;
}
