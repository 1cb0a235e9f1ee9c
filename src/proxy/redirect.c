#include "proxy/redirect.h"

#include "proxy/rewrite.h"
#include "wire/authority.h"

/* The scheme by which the client came, as far as a trusted proxy tells. */
static struct span forwarded_scheme(const struct message_head *request) {
    struct span value = message_head_value(request, HEADER_X_FORWARDED_PROTO);
    if (span_equal_ignore_case(value, SPAN_LITERAL("https")))
        return SPAN_LITERAL("https");
    return span_equal_ignore_case(value, SPAN_LITERAL("http")) ? SPAN_LITERAL("http") : request->scheme;
}

/* The request's Host with its port, unless another is written, or it is the default port of a scheme that changes. */
static struct span request_authority(const struct redirect_action *action, const struct message_head *request, struct span scheme) {
    struct span came_by = forwarded_scheme(request);
    struct authority parts;
    if (!authority_parse(request->authority, &parts) || parts.port.size == 0)
        return request->authority;
    bool is_default = span_equal(parts.port, span_equal(came_by, SPAN_LITERAL("https")) ? SPAN_LITERAL("443") : SPAN_LITERAL("80"));
    bool drops_port = action->port != 0 || (is_default && !span_equal(scheme, came_by));
    return drops_port ? parts.host : request->authority;
}

static struct span location_path(const struct redirect_action *action, const struct message_head *request) {
    size_t query;
    if (action->path.kind == PATH_REWRITE_WHOLE && span_find_byte(action->path.text, '?', &query))
        return action->path.text;
    return path_rewrite_apply(&action->path, request->arena, request->path);
}

struct span redirect_location(const struct redirect_action *action, const struct message_head *request) {
    struct arena *arena = request->arena;
    struct span scheme = action->scheme.size > 0 ? action->scheme : forwarded_scheme(request);
    struct span authority = action->authority.size > 0 ? action->authority : request_authority(action, request, scheme);
    struct span path = location_path(action, request);
    const char *slash = span_starts_with(path, SPAN_LITERAL("/")) ? "" : "/";
    struct span port = action->port == 0 ? SPAN_EMPTY : arena_print(arena, ":%u", action->port);
    return arena_print(arena, "%.*s://%.*s%.*s%s%.*s", SPAN_ARGUMENTS(scheme), SPAN_ARGUMENTS(authority), SPAN_ARGUMENTS(port), slash,
                       SPAN_ARGUMENTS(path));
}
