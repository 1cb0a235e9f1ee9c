#include "compile/route_action.h"

#include "compile/retry_policy.h"
#include "compile/route_match.h"
#include "wire/authority.h"

#define REDIRECT_STATUS_DEFAULT 301

static bool report(struct compiler *compiler, const struct object_meta *meta, struct position position, const char *text) {
    if (compiler_first_report(compiler, DIAGNOSTIC_ROUTE_ACTION, position, meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_ROUTE_ACTION, position, meta, "", "%s; requests are answered 503", text);
    return false;
}

static bool compile_authority(struct compiler *compiler, const struct object_meta *meta, const struct located *written,
                              struct span *ret_authority) {
    struct authority parts;
    if (written->text.size == 0)
        return true;
    if (!authority_parse(written->text, &parts) || parts.host.size == 0)
        return report(compiler, meta, written->position, "this is no host, nor host:port");
    *ret_authority = arena_copy(compiler->arena, written->text);
    return true;
}

/* With a prefix match its prefix is replaced, else the whole path. */
static struct path_rewrite compile_path_rewrite(struct compiler *compiler, const struct route_match *match, struct span text) {
    struct path_rewrite rewrite = {.kind = PATH_REWRITE_WHOLE, .text = arena_copy(compiler->arena, text)};
    if (match->path_match == PATH_MATCH_PREFIX) {
        rewrite.kind = PATH_REWRITE_PREFIX;
        rewrite.prefix_size = match->path.size;
    }
    return rewrite;
}

/* --- redirect --- */

static uint16_t redirect_port(const struct http_redirect *written, const struct merged_server *server) {
    uint16_t port = 0;
    if (written->port_kind == REDIRECT_PORT_NUMBER)
        port = (uint16_t)written->port.value;
    else if (written->port_kind == REDIRECT_PORT_FROM_REQUEST)
        port = (uint16_t)server->number;
    bool https = written->scheme.text.size > 0 ? span_equal(written->scheme.text, SPAN_LITERAL("https")) : merged_server_terminates_https(server);
    return port == (https ? 443 : 80) ? 0 : port;
}

static bool redirect_code_is_served(int64_t code) {
    return code == 0 || (code >= 301 && code <= 303) || code == 307 || code == 308;
}

static bool compile_redirect(struct compiler *compiler, const struct object_meta *meta, const struct http_redirect *written,
                             const struct merged_server *server, struct route *route) {
    struct redirect_action *action = arena_new(compiler->arena, struct redirect_action);
    if (!redirect_code_is_served(written->code.value))
        return report(compiler, meta, written->code.position, "as in Istio, only 301, 302, 303, 307 and 308 are redirects that can be answered");
    action->status = written->code.value != 0 ? (int)written->code.value : REDIRECT_STATUS_DEFAULT;
    action->scheme = arena_copy(compiler->arena, written->scheme.text);
    action->port = redirect_port(written, server);
    if (written->uri.text.size > 0)
        action->path = (struct path_rewrite){.kind = PATH_REWRITE_WHOLE, .text = arena_copy(compiler->arena, written->uri.text)};
    else if (written->prefix_rewrite.text.size > 0)
        action->path = compile_path_rewrite(compiler, &route->match, written->prefix_rewrite.text);
    route->redirect = action;
    route->action = ROUTE_REDIRECT;
    return compile_authority(compiler, meta, &written->authority, &action->authority);
}

/* --- directResponse --- */

static void compile_direct_response(struct compiler *compiler, const struct http_direct_response *written, struct route *route) {
    struct direct_response_action *action = arena_new(compiler->arena, struct direct_response_action);
    action->status = (int)written->status.value;
    action->body = arena_copy(compiler->arena, written->body.text);
    route->direct_response = action;
    route->action = ROUTE_DIRECT_RESPONSE;
}

/* --- rewrite --- */

static bool compile_rewrite(struct compiler *compiler, const struct object_meta *meta, const struct http_rewrite *written,
                            struct route *route) {
    struct rewrite_action *action = arena_new(compiler->arena, struct rewrite_action);
    route->rewrite = action;
    if (written->regex_match.text.size > 0) {
        action->path.kind = PATH_REWRITE_REGEX;
        action->path.text = arena_copy(compiler->arena, written->regex_rewrite.text);
        action->path.regex = regex_compile(compiler, meta, written->regex_match.text, written->regex_match.position, ROUTE_ANSWERS_503);
        if (action->path.regex == NULL)
            return false;
        if (!regex_substitution_is_valid(action->path.regex, written->regex_rewrite.text))
            return report(compiler, meta, written->regex_rewrite.position, "a backslash is not followed by a group of the pattern");
    } else if (written->uri.text.size > 0) {
        action->path = compile_path_rewrite(compiler, &route->match, written->uri.text);
    }
    return compile_authority(compiler, meta, &written->authority, &action->authority);
}

/* --- The whole --- */

/* The headers of a single destination count as the route's own. */
static bool compile_headers(struct compiler *compiler, const struct object_meta *meta, const struct http_route *written,
                            struct route *route) {
    const struct http_headers *levels[] = {written->headers, NULL};
    size_t count = 1;
    if (written->destination_count == 1)
        levels[count++] = written->destinations[0].headers;
    return header_action_compile(compiler, meta, levels, count, &route->headers);
}

bool route_action_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_route *written,
                          const struct merged_server *server, struct route *route) {
    bool usable = compile_headers(compiler, meta, written, route);
    route->timeout_ns = (uint64_t)written->timeout_ns.value;
    route->retry = compiler->retry;
    if (written->retries->is_set) {
        struct mesh_retry_policy retries = *written->retries;
        retries.attempts.is_set = true;
        retry_policy_compile(compiler, &retries, &route->retry);
    }
    if (written->redirect->is_set)
        return compile_redirect(compiler, meta, written->redirect, server, route) && usable;
    if (written->direct_response->is_set) {
        compile_direct_response(compiler, written->direct_response, route);
        return usable;
    }
    route->fault = fault_action_compile(compiler, written->fault);
    mirror_actions_compile(compiler, meta, written->mirrors, server, route);
    usable &= cors_policy_compile(compiler, meta, written->cors, &route->cors);
    if (written->rewrite->is_set)
        return compile_rewrite(compiler, meta, written->rewrite, route) && usable;
    return usable;
}
