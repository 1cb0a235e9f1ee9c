#include "analysis/route_report.h"

#include "analysis/rule_overlap.h"

#define BLOCK_BYTES (16 * 1024)

struct report {
    struct arena arena;
    const struct virtual_service *service;
    struct diagnostic_list *diagnostics;
};

static void report_overlap(void *argument, const struct rule_overlap *overlap) {
    struct report *report = argument;
    bool unreachable = rule_overlap_is_unreachable(overlap);
    diagnostic_add(report->diagnostics, DIAGNOSTIC_WARNING, unreachable ? DIAGNOSTIC_ROUTE_UNREACHABLE : DIAGNOSTIC_ROUTE_INEFFECTIVE,
                   overlap->position, report->service->meta.title, SPAN_LITERAL("remove it, or move it before the other"), "%.*s",
                   SPAN_ARGUMENTS(rule_overlap_print(&report->arena, overlap)));
}

static bool concerns_gateways(const struct virtual_service *service) {
    bool concerns = service->hosts.count == 0;
    for (size_t i = 0; i < service->gateways.count; i++)
        concerns |= !span_equal(service->gateways.items[i].text, SPAN_LITERAL("mesh"));
    return concerns;
}

void route_report_service(const struct virtual_service *service, struct diagnostic_list *diagnostics) {
    struct report report = {.service = service, .diagnostics = diagnostics};
    if (service->meta.invalid || !concerns_gateways(service))
        return;
    arena_init(&report.arena, BLOCK_BYTES);
    rule_overlap_find(service, &report.arena, report_overlap, &report);
    arena_deinit(&report.arena);
}

void route_report(const struct resource_set *resources, struct diagnostic_list *diagnostics) {
    for (size_t i = 0; i < resources->virtual_services.count; i++)
        route_report_service(resources->virtual_services.items[i], diagnostics);
}
