#include "proxy/cors.h"

static struct span request_field(const struct message_head *request, struct span name) {
    const struct header *field = message_head_find_name(request, name);
    return field == NULL ? SPAN_EMPTY : field->value;
}

static bool origin_is_allowed(const struct cors_policy *policy, struct span origin) {
    bool allowed = policy->allows_any_origin;
    for (size_t i = 0; i < policy->origin_count && !allowed; i++)
        allowed = text_match_holds(&policy->origins[i], origin);
    return allowed;
}

static bool is_preflight(const struct message_head *request) {
    return request->method_token == HTTP_METHOD_OPTIONS && request_field(request, SPAN_LITERAL("access-control-request-method")).size > 0;
}

enum cors_verdict cors_decide(const struct cors_policy *policy, const struct message_head *request, const struct cors_grant **ret_grant) {
    if (policy == NULL)
        return CORS_FOREIGN;
    struct span origin = message_head_value(request, HEADER_ORIGIN);
    if (origin.size == 0)
        return CORS_FOREIGN;
    bool allowed = origin_is_allowed(policy, origin);
    if (allowed) {
        struct cors_grant *grant = arena_new(request->arena, struct cors_grant);
        *grant = (struct cors_grant){.origin = origin,
                                     .expose_headers = arena_copy(request->arena, policy->expose_headers),
                                     .credentials = policy->allows_credentials};
        *ret_grant = grant;
    }
    if (is_preflight(request) && (allowed || policy->answers_unmatched_preflights))
        return CORS_PREFLIGHT;
    return allowed ? CORS_GRANTED : CORS_FOREIGN;
}

/* A "*" of the policy stands for whatever the request asks, since browsers do not take it for all when credentials are sent. */
static void add_list(struct message_head *answer, struct span name, struct span policy, struct span asked) {
    struct span value = span_equal(policy, SPAN_LITERAL("*")) ? asked : policy;
    if (value.size > 0)
        message_head_add_name(answer, name, value);
}

struct local_reply cors_preflight_reply(const struct cors_policy *policy, const struct message_head *request, const struct cors_grant *grant) {
    struct message_head answer;
    message_head_init(&answer, request->arena, 8);
    if (grant != NULL)
        cors_grant_apply(grant, &answer);
    else if (policy->allows_credentials)
        message_head_add_name(&answer, SPAN_LITERAL("access-control-allow-credentials"), SPAN_LITERAL("true"));
    add_list(&answer, SPAN_LITERAL("access-control-allow-methods"), policy->allow_methods,
             request_field(request, SPAN_LITERAL("access-control-request-method")));
    add_list(&answer, SPAN_LITERAL("access-control-allow-headers"), policy->allow_headers,
             request_field(request, SPAN_LITERAL("access-control-request-headers")));
    if (policy->max_age.size > 0)
        message_head_add_name(&answer, SPAN_LITERAL("access-control-max-age"), policy->max_age);
    return (struct local_reply){
        .status = 200, .fields = answer.headers, .field_count = answer.header_count, .details = SPAN_LITERAL("cors_response")};
}

void cors_grant_apply(const struct cors_grant *grant, struct message_head *response) {
    message_head_set_name(response, SPAN_LITERAL("access-control-allow-origin"), grant->origin);
    if (grant->credentials)
        message_head_set_name(response, SPAN_LITERAL("access-control-allow-credentials"), SPAN_LITERAL("true"));
    if (grant->expose_headers.size > 0)
        message_head_set_name(response, SPAN_LITERAL("access-control-expose-headers"), grant->expose_headers);
}
