#include "proxy/rewrite.h"

#include "base/assert.h"
#include "wire/path.h"

static struct span rewritten(const struct path_rewrite *rewrite, struct arena *arena, struct span plain) {
    switch (rewrite->kind) {
    case PATH_REWRITE_NONE: return plain;
    case PATH_REWRITE_PREFIX: {
        struct span rest = span_from(plain, rewrite->prefix_size);
        return arena_print(arena, "%.*s%.*s", SPAN_ARGUMENTS(rewrite->text), SPAN_ARGUMENTS(rest));
    }
    case PATH_REWRITE_WHOLE: return rewrite->text;
    case PATH_REWRITE_REGEX: return regex_replace_all(rewrite->regex, arena, plain, rewrite->text);
    }
    UNREACHABLE();
}

struct span path_rewrite_apply(const struct path_rewrite *rewrite, struct arena *arena, struct span path) {
    if (rewrite->kind == PATH_REWRITE_NONE || !span_starts_with(path, SPAN_LITERAL("/")))
        return path;
    struct span plain = path_without_query(path);
    struct span query = span_from(path, plain.size);
    struct span text = rewritten(rewrite, arena, plain);
    const char *slash = span_starts_with(text, SPAN_LITERAL("/")) ? "" : "/";
    return arena_print(arena, "%s%.*s%.*s", slash, SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(query));
}

void rewrite_authority(struct message_head *head, struct span authority) {
    if (authority.size == 0)
        return;
    bool valid = message_head_set_authority(head, authority);
    ASSERT(valid);
}

void rewrite_apply(const struct rewrite_action *rewrite, struct message_head *head, bool keeps_original) {
    rewrite_authority(head, rewrite->authority);
    if (rewrite->path.kind == PATH_REWRITE_NONE)
        return;
    if (keeps_original)
        message_head_set(head, HEADER_X_ENVOY_ORIGINAL_PATH, head->path);
    head->path = path_rewrite_apply(&rewrite->path, head->arena, head->path);
}
