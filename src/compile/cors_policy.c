/* corsPolicy of a route -> the answers of the data plane (Istio's TranslateCORSPolicy). */
#include "base/clock.h"
#include "compile/route_action.h"
#include "compile/route_match.h"

static struct span join(struct arena *arena, const struct located_list *list) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < list->count; i++)
        text = arena_print(arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ",", SPAN_ARGUMENTS(list->items[i].text));
    return text;
}

bool cors_policy_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_cors *written,
                         const struct cors_policy **ret_policy) {
    struct arena *arena = compiler->arena;
    if (!written->is_set)
        return true;
    struct cors_policy *policy = arena_new(arena, struct cors_policy);
    policy->origins = arena_new_array(arena, struct text_match, written->allow_origin_count);
    for (size_t i = 0; i < written->allow_origin_count; i++) {
        struct text_match *origin = &policy->origins[policy->origin_count++];
        if (!text_match_compile(compiler, meta, &written->allow_origins[i], ROUTE_ANSWERS_503, origin))
            return false;
        policy->allows_any_origin |= text_match_holds(origin, SPAN_LITERAL("*"));
    }
    policy->allow_methods = join(arena, &written->allow_methods);
    policy->allow_headers = join(arena, &written->allow_headers);
    policy->expose_headers = join(arena, &written->expose_headers);
    if (written->max_age_ns.is_set)
        policy->max_age = arena_print(arena, "%lld", (long long)(written->max_age_ns.value / NANOSECONDS_PER_SECOND));
    policy->allows_credentials = written->allow_credentials.value;
    policy->answers_unmatched_preflights = written->answers_unmatched_preflights;
    *ret_policy = policy;
    return true;
}
