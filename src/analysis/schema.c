/* What Istio's admission refuses or warns of, as decoding found it, and rules that hide each other. */
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

static const struct object_meta *find_object(const struct analysis *analysis, struct span title) {
    const struct resource_set *set = analysis->resources;
    struct object_meta *meta = NULL;
    static const struct {
        const char *kind;
        enum resource_kind resource_kind;
    } kinds[] = {
        {"Gateway ", RESOURCE_GATEWAY}, {"VirtualService ", RESOURCE_VIRTUAL_SERVICE}, {"DestinationRule ", RESOURCE_DESTINATION_RULE},
        {"ServiceEntry ", RESOURCE_SERVICE_ENTRY}, {"WorkloadEntry ", RESOURCE_WORKLOAD_ENTRY},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct span kind = span_of(kinds[i].kind);
        struct span name = span_from(title, kind.size);
        size_t slash;
        if (span_starts_with(title, kind) && span_find_byte(name, '/', &slash))
            meta = resource_set_find(set, kinds[i].resource_kind, span_first(name, slash), span_from(name, slash + 1));
    }
    return meta;
}

void analyze_schema(struct analysis *analysis) {
    const struct diagnostic_list *decoding = analysis->decoding;
    const struct resource_set *resources = analysis->resources;
    for (size_t i = 0; i < decoding->count; i++) {
        const struct diagnostic *diagnostic = &decoding->items[i];
        const struct object_meta *meta = find_object(analysis, diagnostic->resource);
        bool is_error = diagnostic->severity == DIAGNOSTIC_ERROR, has_hint = diagnostic->hint.size > 0;
        if (meta != NULL && diagnostic->severity != DIAGNOSTIC_INFO && diagnostic->code != DIAGNOSTIC_OBJECT_DUPLICATE)
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
