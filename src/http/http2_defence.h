/* What an HTTP/2 peer may do for nothing: budgets of frames that cost their sender little and us something. A budget is spent frame by frame
 * and grows again with each tick of the session (HTTP_SESSION_TICK_NS) and with honest work. No clock. */
#ifndef FAIRLEAD_HTTP_HTTP2_DEFENCE_H
#define FAIRLEAD_HTTP_HTTP2_DEFENCE_H

#include <stdint.h>

#include "base/compiler.h"
#include "wire/close_reason.h"

/* X(name, budget, what a tick gives back, reason of the end). */
#define HTTP2_DEFENCE_TABLE(X)                                                                             \
    /* Of a client: streams that it resets before their answer, or makes us reset; of an upstream: \
     * resets of streams that are no more. */                                                              \
    X(RESET, HTTP2_RESETS_MAX, HTTP2_RESETS_PER_TICK, HTTP2_RAPID_RESET)                                   \
    X(SETTINGS, HTTP2_SETTINGS_FRAMES_MAX, HTTP2_SETTINGS_FRAMES_PER_TICK, HTTP2_SETTINGS_FLOOD)           \
    X(PING, HTTP2_PINGS_MAX, HTTP2_PINGS_PER_TICK, HTTP2_PING_FLOOD)                                       \
    X(EMPTY, HTTP2_EMPTY_FRAMES_MAX, HTTP2_EMPTY_FRAMES_PER_TICK, HTTP2_EMPTY_FRAMES_FLOOD)                \
    X(WINDOW, HTTP2_WINDOW_FRAMES_MAX, HTTP2_WINDOW_FRAMES_PER_TICK, HTTP2_WINDOW_FLOOD)                   \
    /* And frames of unknown types. */                                                                     \
    X(PRIORITY, HTTP2_PRIORITY_FRAMES_MAX, HTTP2_PRIORITY_FRAMES_PER_TICK, HTTP2_PRIORITY_FLOOD)

enum http2_defence_kind {
#define HTTP2_DEFENCE_MEMBER(name, budget, tick, reason) HTTP2_DEFENCE_##name,
    HTTP2_DEFENCE_TABLE(HTTP2_DEFENCE_MEMBER)
#undef HTTP2_DEFENCE_MEMBER
        HTTP2_DEFENCE_KIND_COUNT
};

struct http2_defence {
    uint32_t left[HTTP2_DEFENCE_KIND_COUNT];
    uint32_t continuations; /* of the present head */
};

void http2_defence_init(struct http2_defence *defence);
void http2_defence_tick(struct http2_defence *defence);
/* One frame of the kind: NONE, or why the session must end. */
MUST_USE enum close_reason http2_defence_spend(struct http2_defence *defence, enum http2_defence_kind kind);
/* Honest work gives `count` back, up to the whole budget. */
void http2_defence_earn(struct http2_defence *defence, enum http2_defence_kind kind, uint32_t count);
/* A HEADERS frame began a head; a CONTINUATION frame goes on with it. */
void http2_defence_head_begin(struct http2_defence *defence);
MUST_USE enum close_reason http2_defence_continuation(struct http2_defence *defence);

#endif
