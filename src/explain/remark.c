/* What was said of the input, found again by place and by object. */
#include "explain/tell.h"

static bool same_origin(const struct origin *a, const struct origin *b) {
    return a->line == b->line && span_equal(a->file, b->file) && span_equal(a->object, b->object);
}

const struct background_remark *tell_remark_at(const struct snapshot *snapshot, uint32_t id) {
    struct origin wanted = snapshot_origin(snapshot, id);
    const struct background_remark *found = NULL;
    for (size_t i = 0; wanted.line > 0 && i < snapshot->background->remark_count; i++) {
        const struct background_remark *remark = &snapshot->background->remarks[i];
        struct origin origin = snapshot_origin(snapshot, remark->id);
        if (same_origin(&origin, &wanted) && (found == NULL || remark->severity > found->severity))
            found = remark;
    }
    return found;
}

const struct background_remark *tell_remark_of(const struct snapshot *snapshot, struct span title) {
    const struct background_remark *found = NULL;
    for (size_t i = 0; title.size > 0 && i < snapshot->background->remark_count; i++) {
        const struct background_remark *remark = &snapshot->background->remarks[i];
        if (span_equal(snapshot_origin(snapshot, remark->id).object, title) && (found == NULL || remark->severity > found->severity))
            found = remark;
    }
    return found;
}
