#include "proxy/retry.h"

#include "base/clock.h"

/* Envoy's defaults where the policy leaves them open. */
#define BACKOFF_BASE_NS MILLISECONDS(25)
#define BACKOFF_MAX_NS MILLISECONDS(250)

void retry_init(struct retry_state *state, const struct retry_policy *policy) {
    *state = (struct retry_state){.policy = policy};
}

static bool status_is_listed(const struct retry_policy *policy, unsigned status) {
    for (size_t i = 0; i < policy->status_code_count; i++) {
        if (policy->status_codes[i] == status)
            return true;
    }
    return false;
}

static bool status_is_retriable(const struct retry_policy *policy, const struct retry_question *question) {
    unsigned status = question->status;
    uint32_t on = policy->retry_on;
    /* Envoy: what another Envoy's rate limit answered is retried where that is asked for, and never otherwise. */
    if (question->rate_limited)
        return (on & RETRY_ON_ENVOY_RATE_LIMITED) != 0;
    return ((on & RETRY_ON_5XX) && status >= 500 && status <= 599) ||
           ((on & RETRY_ON_GATEWAY_ERROR) && status >= 502 && status <= 504) ||
           ((on & RETRY_ON_RETRIABLE_4XX) && status == 409) ||
           ((on & RETRY_ON_RETRIABLE_STATUS_CODES) && status_is_listed(policy, status)) ||
           ((on & RETRY_ON_UNAVAILABLE) && span_equal(question->grpc_status, SPAN_LITERAL("14"))) ||
           ((on & RETRY_ON_DEADLINE_EXCEEDED) && span_equal(question->grpc_status, SPAN_LITERAL("4"))) ||
           ((on & RETRY_ON_RESOURCE_EXHAUSTED) && span_equal(question->grpc_status, SPAN_LITERAL("8"))) ||
           ((on & RETRY_ON_INTERNAL) && span_equal(question->grpc_status, SPAN_LITERAL("13"))) ||
           ((on & RETRY_ON_CANCELLED) && span_equal(question->grpc_status, SPAN_LITERAL("1")));
}

/* Envoy: RetryStateImpl::wouldRetryFromReset. 5xx covers every reset, gateway-error too. */
static bool policy_covers(const struct retry_policy *policy, const struct retry_question *question) {
    const uint32_t any_reset = RETRY_ON_5XX | RETRY_ON_GATEWAY_ERROR | RETRY_ON_RESET;
    switch (question->failure) {
    case ATTEMPT_CONNECT_FAILED:
    case ATTEMPT_CONNECT_TIMED_OUT:
        return (policy->retry_on & (any_reset | RETRY_ON_CONNECT_FAILURE)) != 0;
    case ATTEMPT_ENDED:
    case ATTEMPT_ENDED_WITHIN_HEAD:
    case ATTEMPT_MALFORMED:
    case ATTEMPT_RESET:
    case ATTEMPT_TRY_TIMED_OUT:
        return (policy->retry_on & any_reset) != 0;
    case ATTEMPT_REFUSED:
        return (policy->retry_on & (any_reset | RETRY_ON_REFUSED_STREAM)) != 0;
    case ATTEMPT_STATUS:
        return status_is_retriable(policy, question);
    }
    return false;
}

enum retry_answer retry_decide(struct retry_state *state, const struct retry_question *question) {
    /* RFC 9113 section 8.7: what was refused was not processed, whatever its method. */
    bool is_untouched = question->failure == ATTEMPT_REFUSED || (question->failure == ATTEMPT_ENDED && question->reused && question->idempotent);
    if (is_untouched && question->replayable && !state->fresh_retry_done) {
        state->fresh_retry_done = true;
        return RETRY_FRESH;
    }
    if (state->policy->attempts == 0 || !policy_covers(state->policy, question) || !question->replayable)
        return RETRY_NO;
    if (state->retries_done >= state->policy->attempts)
        return RETRY_LIMIT_EXCEEDED;
    state->retries_done++;
    return RETRY_AFTER_BACKOFF;
}

uint64_t retry_backoff_ns(const struct retry_state *state, struct random *random) {
    uint64_t base = state->policy->backoff_base_ns != 0 ? state->policy->backoff_base_ns : BACKOFF_BASE_NS;
    uint64_t most = state->policy->backoff_max_ns != 0 ? state->policy->backoff_max_ns : BACKOFF_MAX_NS;
    uint64_t steps = state->retries_done >= 32 ? UINT32_MAX : (1ULL << state->retries_done) - 1;
    uint64_t limit;
    if (__builtin_mul_overflow(base, steps, &limit) || limit > most)
        limit = most;
    return limit == 0 ? 0 : random_below(random, limit);
}

void retry_remember(struct retry_state *state, const struct network_address *endpoint) {
    state->tried[state->tried_count % RETRY_TRIED_MAX] = *endpoint;
    state->tried_count++;
}

size_t retry_tried_count(const struct retry_state *state) {
    if (state->policy->revisits_endpoints)
        return 0;
    return state->tried_count < RETRY_TRIED_MAX ? state->tried_count : RETRY_TRIED_MAX;
}
