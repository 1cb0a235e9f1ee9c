/* fault of a route -> what the data plane injects (Istio's TranslateFault). */
#include "compile/route_action.h"

const struct fault_action *fault_action_compile(struct compiler *compiler, const struct http_fault *written) {
    struct fault_action action = {.grpc_status = -1};
    if (written->delay_ns.is_set && written->delay_share.value > 0) {
        action.delay_share = (uint32_t)written->delay_share.value;
        action.delay_ns = (uint64_t)written->delay_ns.value;
    }
    if (written->abort_share.value > 0 && (written->abort_status.is_set || written->grpc_status.is_set)) {
        action.abort_share = (uint32_t)written->abort_share.value;
        action.abort_status = written->abort_status.is_set ? (int)written->abort_status.value : 200;
        action.grpc_status = written->grpc_status.is_set ? (int)written->grpc_status.value : -1;
    }
    if (action.delay_ns == 0 && action.abort_status == 0)
        return NULL;
    struct fault_action *copy = arena_new(compiler->arena, struct fault_action);
    *copy = action;
    return copy;
}
