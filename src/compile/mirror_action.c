/* mirror and mirrors of a route -> where copies of its requests go (Istio's MirrorPercent and MirrorPercentByPolicy). */
#include "compile/clusters.h"
#include "compile/route_action.h"

#define SHARE_WHOLE 1000000

struct mirror_draft {
    struct compiler *compiler;
    const struct object_meta *meta;
    const struct merged_server *server;
    struct mirror_action *items;
    size_t count;
};

static void add(struct mirror_draft *draft, const struct http_mirror *written, const struct located_number *share) {
    struct destinations found;
    if (share->is_set && share->value == 0)
        return;
    compile_destinations(draft->compiler, &draft->compiler->scratch, draft->meta, &written->destination, 1, draft->server->number, &found);
    draft->items[draft->count++] = (struct mirror_action){.cluster = found.items[0].cluster,
                                                          .cluster_name = found.items[0].cluster_name,
                                                          .share = share->is_set ? (uint32_t)share->value : SHARE_WHOLE};
}

void mirror_actions_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_mirrors *written,
                            const struct merged_server *server, struct route *route) {
    struct mirror_draft draft = {.compiler = compiler, .meta = meta, .server = server};
    if (!written->single.is_set && written->count == 0)
        return;
    draft.items = arena_new_array(compiler->arena, struct mirror_action, written->count + 1);
    if (written->single.is_set)
        add(&draft, &written->single, written->single.share.is_set ? &written->single.share : &written->deprecated_share);
    for (size_t i = 0; i < written->count; i++)
        add(&draft, &written->items[i], &written->items[i].share);
    route->mirrors = draft.items;
    route->mirror_count = draft.count;
}
