#include "compile/retry_policy.h"

#include "base/clock.h"

/* Istio's default policy, retry.go: two retries of what surely did no harm. */
#define RETRY_ATTEMPTS_DEFAULT 2
#define RETRY_BACKOFF_BASE_NS MILLISECONDS(25)
#define RETRY_BACKOFF_FACTOR_MAX 10

static const struct {
    struct span name;
    uint32_t bit; /* 0: known, but nothing at an Istio gateway ever leads to it */
} retry_conditions[] = {
    {{"5xx", 3}, RETRY_ON_5XX},
    {{"gateway-error", 13}, RETRY_ON_GATEWAY_ERROR},
    {{"reset", 5}, RETRY_ON_RESET},
    {{"connect-failure", 15}, RETRY_ON_CONNECT_FAILURE},
    {{"retriable-4xx", 13}, RETRY_ON_RETRIABLE_4XX},
    {{"refused-stream", 14}, RETRY_ON_REFUSED_STREAM},
    {{"retriable-status-codes", 22}, RETRY_ON_RETRIABLE_STATUS_CODES},
    {{"unavailable", 11}, RETRY_ON_UNAVAILABLE},
    {{"cancelled", 9}, RETRY_ON_CANCELLED},
    {{"deadline-exceeded", 17}, RETRY_ON_DEADLINE_EXCEEDED},
    {{"internal", 8}, RETRY_ON_INTERNAL},
    {{"resource-exhausted", 18}, RETRY_ON_RESOURCE_EXHAUSTED},
    {{"reset-before-request", 20}, RETRY_ON_CONNECT_FAILURE},
    {{"retriable-headers", 17}, 0},
    {{"envoy-ratelimited", 17}, RETRY_ON_ENVOY_RATE_LIMITED},
    {{"http3-post-connect-failure", 26}, 0},
};

static void add_status_code(struct compiler *compiler, struct retry_policy *policy, uint16_t code) {
    uint16_t *codes = arena_new_array(compiler->arena, uint16_t, policy->status_code_count + 1);
    for (size_t i = 0; i < policy->status_code_count; i++)
        codes[i] = policy->status_codes[i];
    codes[policy->status_code_count++] = code;
    policy->status_codes = codes;
    policy->retry_on |= RETRY_ON_RETRIABLE_STATUS_CODES;
}

/* The decoder let only words pass that are here. */
static void add_condition(struct compiler *compiler, struct retry_policy *policy, struct span word) {
    uint64_t code;
    if (span_to_u64(word, &code)) {
        add_status_code(compiler, policy, (uint16_t)code);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(retry_conditions); i++)
        if (span_equal(word, retry_conditions[i].name))
            policy->retry_on |= retry_conditions[i].bit;
}

void retry_policy_compile(struct compiler *compiler, const struct mesh_retry_policy *written, struct retry_policy *ret_policy) {
    struct retry_policy policy = {.attempts = RETRY_ATTEMPTS_DEFAULT, .backoff_base_ns = RETRY_BACKOFF_BASE_NS};
    if (written->is_set && written->attempts.is_set)
        policy.attempts = (uint32_t)written->attempts.value;
    if (written->is_set && written->per_try_timeout_ns.is_set)
        policy.per_try_timeout_ns = (uint64_t)written->per_try_timeout_ns.value;
    if (written->is_set && written->backoff_ns.is_set)
        policy.backoff_base_ns = (uint64_t)written->backoff_ns.value;
    policy.backoff_max_ns = RETRY_BACKOFF_FACTOR_MAX * policy.backoff_base_ns;
    struct span rest = written->retry_on.text;
    if (!written->is_set || rest.size == 0)
        rest = SPAN_LITERAL("connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes");
    struct span word;
    while (span_split(&rest, ',', &word))
        add_condition(compiler, &policy, word);
    policy.revisits_endpoints = written->retry_ignore_previous_hosts.is_set && !written->retry_ignore_previous_hosts.value;
    *ret_policy = policy;
}
