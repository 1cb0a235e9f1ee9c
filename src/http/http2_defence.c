#include "http/http2_defence.h"

#include "base/limits.h"

static const struct {
    uint32_t budget, per_tick;
    enum close_reason reason;
} kinds[HTTP2_DEFENCE_KIND_COUNT] = {
#define HTTP2_DEFENCE_ROW(name, budget, tick, reason) [HTTP2_DEFENCE_##name] = {budget, tick, CLOSE_REASON_##reason},
    HTTP2_DEFENCE_TABLE(HTTP2_DEFENCE_ROW)
#undef HTTP2_DEFENCE_ROW
};

void http2_defence_init(struct http2_defence *defence) {
    defence->continuations = 0;
    for (unsigned kind = 0; kind < HTTP2_DEFENCE_KIND_COUNT; kind++)
        defence->left[kind] = kinds[kind].budget;
}

void http2_defence_earn(struct http2_defence *defence, enum http2_defence_kind kind, uint32_t count) {
    uint32_t spent = kinds[kind].budget - defence->left[kind];
    defence->left[kind] += count < spent ? count : spent;
}

void http2_defence_tick(struct http2_defence *defence) {
    for (unsigned kind = 0; kind < HTTP2_DEFENCE_KIND_COUNT; kind++)
        http2_defence_earn(defence, (enum http2_defence_kind)kind, kinds[kind].per_tick);
}

enum close_reason http2_defence_spend(struct http2_defence *defence, enum http2_defence_kind kind) {
    if (defence->left[kind] == 0)
        return kinds[kind].reason;
    defence->left[kind]--;
    return CLOSE_REASON_NONE;
}

void http2_defence_head_begin(struct http2_defence *defence) {
    defence->continuations = 0;
}

enum close_reason http2_defence_continuation(struct http2_defence *defence) {
    return ++defence->continuations > HTTP2_CONTINUATIONS_MAX ? CLOSE_REASON_HTTP2_CONTINUATION_FLOOD : CLOSE_REASON_NONE;
}
