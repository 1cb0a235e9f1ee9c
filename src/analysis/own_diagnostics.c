#include "analysis/own_diagnostics.h"

/* A diagnostic and the messages that say the same in Istio's words. */
static const struct {
    enum diagnostic_code code;
    int messages[2];
} counterparts[] = {
    {DIAGNOSTIC_GATEWAY_NOT_SELECTED, {MESSAGE_REFERENCE_NOT_FOUND}},
    {DIAGNOSTIC_GATEWAY_PORT, {MESSAGE_GATEWAY_PORT}},
    {DIAGNOSTIC_GATEWAY_SERVER_DROPPED, {MESSAGE_CONFLICTING_GATEWAYS}},
    {DIAGNOSTIC_ROUTE_GATEWAY_MISSING, {MESSAGE_REFERENCE_NOT_FOUND}},
    {DIAGNOSTIC_ROUTE_HOST, {MESSAGE_HOST_NOT_IN_GATEWAY}},
    {DIAGNOSTIC_ROUTE_UNREACHABLE, {MESSAGE_UNREACHABLE_RULE}},
    {DIAGNOSTIC_ROUTE_INEFFECTIVE, {MESSAGE_INEFFECTIVE_MATCH}},
    {DIAGNOSTIC_ROUTE_DESTINATION, {MESSAGE_REFERENCE_NOT_FOUND, MESSAGE_DESTINATION_PORT_REQUIRED}},
    {DIAGNOSTIC_SECRET_MISSING, {MESSAGE_REFERENCE_NOT_FOUND}},
    {DIAGNOSTIC_SECRET_CONTENT, {MESSAGE_REFERENCE_NOT_FOUND, MESSAGE_INVALID_CREDENTIAL}},
    {DIAGNOSTIC_CLUSTER_SERVICE_MISSING, {MESSAGE_REFERENCE_NOT_FOUND}},
    {DIAGNOSTIC_CLUSTER_PORT, {MESSAGE_REFERENCE_NOT_FOUND, MESSAGE_DESTINATION_PORT_REQUIRED}},
    {DIAGNOSTIC_CLUSTER_SUBSET, {MESSAGE_REFERENCE_NOT_FOUND}},
};

static bool has_message(const struct analysis *analysis, int number, struct span origin) {
    struct arena *arena = analysis->messages.arena;
    struct span code = arena_print(arena, "IST%04d", number);
    for (size_t i = 0; i < analysis->messages.count; i++)
        if (span_equal(analysis->messages.items[i].code, code) && span_equal(analysis->messages.items[i].origin, origin))
            return true;
    return false;
}

static bool is_said(const struct analysis *analysis, const struct diagnostic *diagnostic) {
    for (size_t i = 0; i < ARRAY_SIZE(counterparts); i++) {
        if (counterparts[i].code != diagnostic->code)
            continue;
        for (size_t message = 0; message < ARRAY_SIZE(counterparts[i].messages); message++)
            if (counterparts[i].messages[message] != 0 && has_message(analysis, counterparts[i].messages[message], diagnostic->resource))
                return true;
    }
    return false;
}

/* The compiler's warning, where it says an error if the input holds the kind. */
static bool is_for_want_of_a_kind(const struct diagnostic *diagnostic) {
    if (diagnostic->severity != DIAGNOSTIC_WARNING)
        return false;
    switch (diagnostic->code) {
    case DIAGNOSTIC_ROUTE_GATEWAY_MISSING:
    case DIAGNOSTIC_ROUTE_DESTINATION:
    case DIAGNOSTIC_SECRET_MISSING:
    case DIAGNOSTIC_CLUSTER_SERVICE_MISSING:
    case DIAGNOSTIC_CLUSTER_ENDPOINTS:
        return true;
    default:
        return false;
    }
}

/* That nothing selects the gateway follows from what was said of the Gateways, or from there being none. */
static bool is_explained(const struct analysis *analysis, const struct diagnostic *diagnostic) {
    if (diagnostic->code != DIAGNOSTIC_GATEWAY_NOT_SELECTED || diagnostic->resource.size > 0)
        return false;
    for (size_t i = 0; i < analysis->messages.count; i++)
        if (analysis->messages.items[i].level == DIAGNOSTIC_ERROR && span_starts_with(analysis->messages.items[i].origin, SPAN_LITERAL("Gateway ")))
            return true;
    return analysis->resources->gateways.count == 0;
}

/* Istio's admission warns of cipher suites, of which the compiler alone knows the names. */
static bool add_as_istio(struct analysis *analysis, const struct diagnostic *diagnostic, const struct object_meta *meta) {
    if (diagnostic->code != DIAGNOSTIC_TLS_CIPHER || meta == NULL)
        return false;
    message_add(&analysis->messages, MESSAGE_SCHEMA_WARNING, meta, diagnostic->position, "Schema validation warning: %.*s",
                SPAN_ARGUMENTS(diagnostic->message));
    return true;
}

void own_diagnostics_add(struct analysis *analysis, const struct diagnostic_list *diagnostics, size_t first) {
    for (size_t i = first; i < diagnostics->count; i++) {
        const struct diagnostic *diagnostic = &diagnostics->items[i];
        const struct object_meta *meta = analysis_find_object(analysis, diagnostic->resource);
        bool is_news = diagnostic->severity != DIAGNOSTIC_INFO && !is_for_want_of_a_kind(diagnostic) && !is_explained(analysis, diagnostic) &&
                       !is_said(analysis, diagnostic);
        if (is_news && !add_as_istio(analysis, diagnostic, meta))
            message_add_diagnostic(&analysis->messages, diagnostic, meta);
    }
}
