#include "proxy/fault.h"

#include "wire/response_flag.h"

#define SHARE_WHOLE 1000000

static bool draw(struct random *random, uint32_t share) {
    return share >= SHARE_WHOLE || random_below(random, SHARE_WHOLE) < share;
}

uint64_t fault_draw_delay_ns(const struct fault_action *fault, struct random *random) {
    if (fault == NULL || fault->delay_ns == 0 || !draw(random, fault->delay_share))
        return 0;
    return fault->delay_ns;
}

bool fault_draw_abort(const struct fault_action *fault, struct random *random) {
    return fault != NULL && fault->abort_status != 0 && draw(random, fault->abort_share);
}

struct local_reply fault_reply(const struct fault_action *fault) {
    return (struct local_reply){.status = fault->abort_status,
                                .grpc_status = fault->grpc_status,
                                .has_grpc_status = fault->grpc_status >= 0,
                                .body = SPAN_LITERAL("fault filter abort"),
                                .flags = RESPONSE_FLAG_FAULT_INJECTED,
                                .details = SPAN_LITERAL("fault_filter_abort")};
}
