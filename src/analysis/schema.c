/* What Istio's admission refuses or warns of, as decoding found it, what else was found then, and rules that hide each other. */
#include "analysis/analysis.h"
#include "analysis/rule_overlap.h"

struct overlap_report {
    struct analysis *analysis;
    const struct virtual_service *service;
};

static void report_overlap(void *argument, const struct rule_overlap *overlap) {
    const struct overlap_report *report = argument;
    struct analysis *analysis = report->analysis;
    enum message_code code = rule_overlap_is_unreachable(overlap) ? MESSAGE_UNREACHABLE_RULE : MESSAGE_INEFFECTIVE_MATCH;
    struct span text = rule_overlap_print(&analysis->arena, overlap);
    message_add(&analysis->messages, code, &report->service->meta, overlap->position, "VirtualService %.*s", SPAN_ARGUMENTS(text));
}

/* What admission judges: its errors and warnings. Two objects of one name are no concern of its, nor what it lets pass without a word. */
static bool is_of_admission(const struct diagnostic *diagnostic, const struct object_meta *meta) {
    if (meta == NULL || diagnostic->code == DIAGNOSTIC_OBJECT_DUPLICATE || diagnostic->code == DIAGNOSTIC_ROUTE_ACTION)
        return false;
    switch (meta->resource_kind) {
    case RESOURCE_GATEWAY:
    case RESOURCE_VIRTUAL_SERVICE:
    case RESOURCE_DESTINATION_RULE:
    case RESOURCE_SERVICE_ENTRY:
    case RESOURCE_WORKLOAD_ENTRY:
        return true;
    default:
        return false;
    }
}

void analyze_schema(struct analysis *analysis) {
    const struct diagnostic_list *decoding = analysis->decoding;
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < decoding->count; i++) {
        const struct diagnostic *diagnostic = &decoding->items[i];
        const struct object_meta *meta = analysis_find_object(analysis, diagnostic->resource);
        bool is_error = diagnostic->severity == DIAGNOSTIC_ERROR, has_hint = diagnostic->hint.size > 0;
        if (diagnostic->severity == DIAGNOSTIC_INFO || analysis_is_unread(diagnostic))
            continue;
        if (!is_of_admission(diagnostic, meta))
            message_add_diagnostic(&analysis->messages, diagnostic, meta);
        else
            message_add(&analysis->messages, is_error ? MESSAGE_SCHEMA_ERROR : MESSAGE_SCHEMA_WARNING, meta, diagnostic->position,
                        "Schema validation %s: %.*s%s%.*s%s", is_error ? "error" : "warning", SPAN_ARGUMENTS(diagnostic->message),
                        has_hint ? " (" : "", SPAN_ARGUMENTS(diagnostic->hint), has_hint ? ")" : "");
    }
    for (size_t i = 0; i < resources->virtual_services.count; i++) {
        struct overlap_report report = {analysis, resources->virtual_services.items[i]};
        if (!report.service->meta.invalid)
            rule_overlap_find(report.service, &analysis->arena, report_overlap, &report);
    }
}
