#include "server/admin_explain.h"

#include "explain/explain.h"

void admin_explain(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    struct explain_request asked;
    struct explain_request_error error;
    struct span format;
    if (!explain_request_parse_json(request->arena, request->body, &asked, &error)) {
        admin_say(answer, 400, "%s", error.text);
        return;
    }
    bool json = admin_query(request, SPAN_LITERAL("format"), &format) && span_equal(format, SPAN_LITERAL("json"));
    struct endpoint_table *endpoints = resolution_table(admin->resolution);
    bool agreed = explain(publisher_current(admin->publisher), endpoints, &asked, json ? EXPLAIN_JSON : EXPLAIN_TEXT, &answer->text);
    endpoint_table_unpin(endpoints);
    /* That the walk and the index disagree is a fault of the program, which the text tells. */
    answer->status = agreed ? 200 : 500;
    answer->content_type = json ? "application/json" : "text/plain; charset=utf-8";
}
