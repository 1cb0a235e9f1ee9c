#include "explain/explain.h"

#include "explain/print.h"
#include "explain/tell.h"

#define EXPLAIN_ARENA_BLOCK_BYTES (64 * 1024)

bool explain(const struct snapshot *snapshot, const struct endpoint_table *endpoints, const struct explain_request *request,
             enum explain_format format, struct builder *output) {
    struct arena arena;
    struct verdict verdict;
    struct story story;
    arena_init(&arena, EXPLAIN_ARENA_BLOCK_BYTES);
    verdict_find(snapshot, endpoints, request, &arena, &verdict);
    story_init(&story, &arena, snapshot);
    struct telling telling = {&story, snapshot, endpoints, request, &verdict, &arena};
    tell_listener(&telling);
    tell_chains(&telling);
    tell_certificate(&telling);
    tell_host(&telling);
    tell_routes(&telling);
    tell_action(&telling);
    tell_upstream(&telling);
    tell_cause(&telling);
    switch (format) {
    case EXPLAIN_TEXT: print_explanation_text(&telling, output); break;
    case EXPLAIN_JSON: print_explanation_json(&telling, output); break;
    case EXPLAIN_VERDICT: print_verdict_json(&telling, output); break;
    }
    bool agreed = story.disagreement.size == 0;
    arena_deinit(&arena);
    return agreed;
}
