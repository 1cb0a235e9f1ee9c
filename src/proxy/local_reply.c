#include "proxy/local_reply.h"

#include "base/assert.h"
#include "proxy/redirect.h"
#include "wire/http1_write.h"
#include "wire/response_flag.h"

/* What RFC 9110 section 9.3.7 asks an OPTIONS answer to tell, and section 15.5.6 a 405. */
#define METHODS_SERVED "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

#define CLUSTER_REFUSED_BODY "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"

/* Details hold no spaces. */
static struct span refusal_details(struct arena *arena, struct span refusal) {
    struct span text = arena_print(arena, "refused{%.*s}", SPAN_ARGUMENTS(refusal));
    char *bytes = arena_allocate_aligned(arena, text.size, 1);
    for (size_t i = 0; i < text.size; i++)
        bytes[i] = text.data[i] == ' ' ? '_' : text.data[i];
    return span_make(bytes, text.size);
}

/* RFC 9110 sections 15.3.5 and 15.4.5: these have no content. */
static struct local_reply direct_response_reply(const struct direct_response_action *action) {
    bool has_content = action->status != 204 && action->status != 304;
    return (struct local_reply){.status = action->status,
                                .body = has_content ? action->body : SPAN_EMPTY,
                                .details = SPAN_LITERAL("direct_response")};
}

struct local_reply local_reply_of_decision(const struct decision *decision, const struct message_head *request) {
    switch (decision->kind) {
    case DECISION_REDIRECT_TLS:
        return (struct local_reply){
            .status = 301, .location = decide_tls_location(request->arena, request), .details = SPAN_LITERAL("direct_response")};
    case DECISION_REDIRECT:
        return (struct local_reply){.status = decision->route->redirect->status,
                                    .location = redirect_location(decision->route->redirect, request),
                                    .details = SPAN_LITERAL("direct_response")};
    case DECISION_DIRECT_RESPONSE: return direct_response_reply(decision->route->direct_response);
    case DECISION_NO_ROUTE:
        return (struct local_reply){.status = 404, .flags = RESPONSE_FLAG_NO_ROUTE, .details = SPAN_LITERAL("route_not_found")};
    case DECISION_NO_CLUSTER:
        return (struct local_reply){.status = 503, .flags = RESPONSE_FLAG_NO_CLUSTER, .details = SPAN_LITERAL("cluster_not_found")};
    case DECISION_NO_ENDPOINT:
        return (struct local_reply){.status = 503,
                                    .body = SPAN_LITERAL("no healthy upstream"),
                                    .flags = RESPONSE_FLAG_NO_HEALTHY_UPSTREAM,
                                    .details = SPAN_LITERAL("no_healthy_upstream")};
    case DECISION_MISDIRECTED:
        return (struct local_reply){.status = 421, .flags = RESPONSE_FLAG_NO_ROUTE, .details = decision->refusal};
    case DECISION_REFUSED:
        /* A cluster whose policy cannot be followed is to a client one that cannot be reached; why is for the log alone. */
        return (struct local_reply){.status = 503,
                                    .body = decision->destination == NULL ? SPAN_EMPTY : SPAN_LITERAL(CLUSTER_REFUSED_BODY),
                                    .details = refusal_details(request->arena, decision->refusal)};
    case DECISION_FORWARD: break;
    }
    UNREACHABLE();
}

struct local_reply local_reply_of_verdict(enum request_verdict verdict) {
    switch (verdict) {
    case REQUEST_BAD_PATH:
        return (struct local_reply){.status = 400,
                                    .flags = RESPONSE_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                    .details = SPAN_LITERAL("path_normalization_failed")};
    case REQUEST_CONNECT_REFUSED:
        return (struct local_reply){.status = 403, .details = SPAN_LITERAL("upgrade_failed"), .closes = true};
    case REQUEST_ANSWER_OPTIONS:
        return (struct local_reply){
            .status = 200, .allow = SPAN_LITERAL(METHODS_SERVED), .details = SPAN_LITERAL("max_forwards_reached")};
    case REQUEST_ANSWER_TRACE:
        return (struct local_reply){
            .status = 405, .allow = SPAN_LITERAL(METHODS_SERVED), .details = SPAN_LITERAL("max_forwards_reached")};
    case REQUEST_ROUTE: break;
    }
    UNREACHABLE();
}

struct local_reply local_reply_of_fault(enum http1_fault fault) {
    int status = http1_fault_status(fault);
    ASSERT(status != 0);
    return (struct local_reply){.status = status,
                                .body = http_status_reason(status),
                                .flags = RESPONSE_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                .details = http1_fault_details(fault),
                                .closes = true};
}

struct local_reply local_reply_head_timeout(void) {
    return (struct local_reply){.status = 408,
                                .body = SPAN_LITERAL("request header timeout"),
                                .flags = RESPONSE_FLAG_DOWNSTREAM_PROTOCOL_ERROR,
                                .details = SPAN_LITERAL("request_header_timeout"),
                                .closes = true};
}

struct local_reply local_reply_chain_gone(bool is_changed) {
    if (is_changed)
        return (struct local_reply){.status = 421, .details = SPAN_LITERAL("misdirected_request{other_client_policy}"), .closes = true};
    return (struct local_reply){
        .status = 404, .flags = RESPONSE_FLAG_NO_ROUTE, .details = SPAN_LITERAL("filter_chain_not_found"), .closes = true};
}

struct local_reply local_reply_route_timeout(void) {
    return (struct local_reply){.status = 504,
                                .body = SPAN_LITERAL("upstream request timeout"),
                                .flags = RESPONSE_FLAG_UPSTREAM_REQUEST_TIMEOUT,
                                .details = SPAN_LITERAL("response_timeout")};
}

struct local_reply local_reply_overload(void) {
    return (struct local_reply){
        .status = 503, .flags = RESPONSE_FLAG_OVERLOAD_MANAGER, .details = SPAN_LITERAL("overload"), .closes = true};
}

struct span attempt_failure_word(enum attempt_failure failure) {
    switch (failure) {
    case ATTEMPT_CONNECT_FAILED: return SPAN_LITERAL("remote_connection_failure");
    case ATTEMPT_CONNECT_TIMED_OUT: return SPAN_LITERAL("connection_timeout");
    case ATTEMPT_ENDED:
    case ATTEMPT_ENDED_WITHIN_HEAD: return SPAN_LITERAL("connection_termination");
    case ATTEMPT_MALFORMED: return SPAN_LITERAL("protocol_error");
    case ATTEMPT_RESET: return SPAN_LITERAL("remote_reset");
    case ATTEMPT_REFUSED: return SPAN_LITERAL("remote_refused_stream_reset");
    case ATTEMPT_TRY_TIMED_OUT: return SPAN_LITERAL("upstream_per_try_timeout");
    case ATTEMPT_STATUS: break;
    }
    UNREACHABLE();
}

uint32_t attempt_failure_flag(enum attempt_failure failure) {
    switch (failure) {
    case ATTEMPT_CONNECT_FAILED:
    case ATTEMPT_CONNECT_TIMED_OUT: return RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE;
    case ATTEMPT_ENDED:
    case ATTEMPT_ENDED_WITHIN_HEAD: return RESPONSE_FLAG_UPSTREAM_CONNECTION_TERMINATION;
    case ATTEMPT_MALFORMED: return RESPONSE_FLAG_UPSTREAM_PROTOCOL_ERROR;
    case ATTEMPT_RESET:
    case ATTEMPT_REFUSED: return RESPONSE_FLAG_UPSTREAM_REMOTE_RESET;
    case ATTEMPT_TRY_TIMED_OUT: return RESPONSE_FLAG_UPSTREAM_REQUEST_TIMEOUT;
    case ATTEMPT_STATUS: break;
    }
    UNREACHABLE();
}

/* The same reasons as they stand in the body. */
static const char *failure_text(enum attempt_failure failure) {
    switch (failure) {
    case ATTEMPT_CONNECT_FAILED: return "remote connection failure";
    case ATTEMPT_CONNECT_TIMED_OUT: return "connection timeout";
    case ATTEMPT_ENDED:
    case ATTEMPT_ENDED_WITHIN_HEAD: return "connection termination";
    case ATTEMPT_MALFORMED: return "protocol error";
    case ATTEMPT_RESET: return "remote reset";
    case ATTEMPT_REFUSED: return "remote refused stream reset";
    case ATTEMPT_TRY_TIMED_OUT:
    case ATTEMPT_STATUS: break;
    }
    UNREACHABLE();
}

struct local_reply local_reply_of_failure(struct arena *arena, const struct upstream_failure *failure) {
    uint32_t flags = attempt_failure_flag(failure->failure) | (failure->limit_exceeded ? (uint32_t)RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT : 0);
    if (failure->failure == ATTEMPT_TRY_TIMED_OUT)
        return (struct local_reply){.status = 504,
                                    .body = SPAN_LITERAL("upstream request timeout"),
                                    .flags = flags,
                                    .details = SPAN_LITERAL("upstream_per_try_timeout")};
    struct span word = attempt_failure_word(failure->failure);
    bool has_reason = failure->transport_reason.size > 0;
    return (struct local_reply){
        .status = failure->failure == ATTEMPT_MALFORMED ? 502 : 503,
        .body = arena_print(arena, "upstream connect error or disconnect/reset before headers. %sreset reason: %s",
                            failure->retried ? "retried and the latest " : "", failure_text(failure->failure)),
        .flags = flags,
        .details = arena_print(arena, "upstream_reset_before_response_started{%.*s%s%.*s}", SPAN_ARGUMENTS(word), has_reason ? "|" : "",
                               SPAN_ARGUMENTS(failure->transport_reason)),
    };
}
