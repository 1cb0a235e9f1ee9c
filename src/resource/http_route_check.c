#include "resource/http_route_check.h"

#include "resource/http_mirror.h"

static void report_conflict(struct decoder *decoder, const struct http_route *route, const char *action, const char *other) {
    const struct node *node = node_get_present(route->node, other);
    if (node_is_sequence(node) && node->count == 0)
        return;
    if (node != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, node->position, "keep one of them", "%s cannot be used together with %s", other, action);
}

static void report_conflicts(struct decoder *decoder, const struct http_route *route, const char *action, const char *const *others,
                             size_t count) {
    for (size_t i = 0; i < count; i++)
        report_conflict(decoder, route, action, others[i]);
}

static void check_prefix_rewrite(struct decoder *decoder, const struct http_route *route) {
    if (route->redirect->prefix_rewrite.text.size == 0)
        return;
    for (size_t i = 0; i < route->match_count; i++) {
        const struct string_match *uri = &route->matches[i].uri;
        if (uri->kind == STRING_MATCH_EXACT || uri->kind == STRING_MATCH_REGEX)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, uri->position, "match with prefix, or redirect with uri",
                         "prefixRewrite needs a uri prefix to replace");
    }
}

/* What is done with requests on their way to a destination is nothing to a request that is answered here. */
static void check_action(struct decoder *decoder, const struct http_route *route) {
    static const char *const beside_delegate[] = {"redirect", "route"};
    static const char *const beside_redirect[] = {"route", "fault", "rewrite", "directResponse"};
    static const char *const beside_answer[] = {"route", "fault", "rewrite"};
    if (node_get_present(route->node, "delegate") != NULL) {
        report_conflicts(decoder, route, "delegate", beside_delegate, ARRAY_SIZE(beside_delegate));
    } else if (node_get_present(route->node, "redirect") != NULL) {
        report_conflicts(decoder, route, "redirect", beside_redirect, ARRAY_SIZE(beside_redirect));
        check_prefix_rewrite(decoder, route);
    } else if (node_get_present(route->node, "directResponse") != NULL) {
        report_conflicts(decoder, route, "directResponse", beside_answer, ARRAY_SIZE(beside_answer));
    } else if (route->destination_count == 0 && node_is_null(node_get(route->node, SPAN_LITERAL("route")))) {
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, route->position, "add route with a destination",
                     "the HTTP route does nothing: it has neither route nor redirect, directResponse or delegate");
    } else if (route->destination_count == 0) {
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node_get_present(route->node, "route")->position, "add a destination",
                     "the HTTP route has no destination");
    }
}

/* Istio's validateAuthorityRewrite. */
static void check_authority(struct decoder *decoder, const struct http_route *route) {
    const struct label_set *const sets[] = {&route->headers->request.set, &route->headers->request.add};
    bool is_set = route->rewrite->authority.text.size > 0;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        for (size_t item = 0; item < sets[i]->count; item++) {
            const struct label *label = &sets[i]->items[item];
            if (!span_equal_ignore_case(label->key, SPAN_LITERAL("host")) && !span_equal_ignore_case(label->key, SPAN_LITERAL(":authority")))
                continue;
            if (is_set)
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, label->position, "keep one of them", "the authority is rewritten more than once");
            is_set = true;
        }
    }
}

void http_route_check(struct decoder *decoder, const struct http_route *route) {
    check_action(decoder, route);
    check_authority(decoder, route);
    http_mirrors_check(decoder, route->mirrors);
}
