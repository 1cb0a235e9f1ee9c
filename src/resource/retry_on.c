#include "resource/retry_on.h"

/* Istio's supportedRetryOnPolicies, retry.go. */
static const char *const words[] = {
    "5xx",          "gateway-error",       "reset",    "reset-before-request", "connect-failure", "retriable-4xx",     "refused-stream",
    "retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure", "cancelled", "deadline-exceeded",
    "internal",     "resource-exhausted",  "unavailable",
};

/* Those that have a name in Go's net/http, which is what Istio asks. */
static const struct {
    uint16_t first, last;
} status_ranges[] = {{100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418}, {421, 426},
                     {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511}};

static bool is_known(struct span word) {
    uint64_t code;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (span_equal(word, span_of(words[i])))
            return true;
    if (!span_to_u64(word, &code))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(status_ranges); i++)
        if (code >= status_ranges[i].first && code <= status_ranges[i].last)
            return true;
    return false;
}

static void refuse(struct decoder *decoder, const struct node *node, struct span word) {
    const char *nearest = decode_nearest(word, words, sizeof(words[0]), ARRAY_SIZE(words));
    struct span hint = SPAN_LITERAL("use Envoy's words for retries, or status codes, separated by commas alone");
    if (nearest != NULL)
        hint = arena_print(decoder->arena, "did you mean %s? Words are separated by commas alone", nearest);
    decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, hint.data, "'%.*s' is no reason for a retry", SPAN_ARGUMENTS(span_excerpt(word, 80)));
}

void retry_on_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct located text;
    if (!decode_string(decoder, node, &text))
        return;
    *(struct located *)target = text;
    if (text.text.size == 0)
        return;
    struct span rest = text.text, word;
    while (span_split(&rest, ',', &word))
        if (!is_known(word))
            refuse(decoder, node, word);
}
