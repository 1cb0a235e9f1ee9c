/* What an exchange adds to the counters of its destination. */
#include "proxy/destination_counters.h"
#include "proxy/exchange_internal.h"
#include "proxy/grpc_status.h"

static void let_go(struct exchange *exchange) {
    if (exchange->counters_pinned)
        destination_slot_unpin(exchange->counters);
    exchange->counters_pinned = false;
    exchange->counters = NULL;
}

void exchange_count_under(struct exchange *exchange, const struct cluster *cluster) {
    let_go(exchange);
    if (cluster != NULL)
        exchange->counters = destination_slot_of(cluster->counters, exchange->context->worker_index);
}

void exchange_count_alone(struct exchange *exchange) {
    if (exchange->counters == NULL || exchange->counters_pinned)
        return;
    destination_slot_pin(exchange->counters);
    exchange->counters_pinned = true;
}

static struct span grpc_status_text(const struct exchange *exchange) {
    for (size_t i = 0; i < exchange->response_trailer_count; i++)
        if (exchange->response_trailers[i].token == HEADER_GRPC_STATUS)
            return exchange->response_trailers[i].value;
    return exchange->response == NULL ? SPAN_EMPTY : message_head_value(exchange->response, HEADER_GRPC_STATUS);
}

static void fill_grpc(const struct exchange *exchange, struct outcome *outcome) {
    enum { GRPC_STATUS_MAX = 16 };
    uint64_t status;
    outcome->protocol = COUNTED_GRPC;
    if (span_to_u64(grpc_status_text(exchange), &status) && status <= GRPC_STATUS_MAX)
        outcome->grpc_status = (int)status;
}

void exchange_count(struct exchange *exchange) {
    struct proxy_context *context = exchange->context;
    const struct pinned_snapshot *pinned = exchange->pinned != NULL ? exchange->pinned : context->current;
    struct destination_slot *slot = exchange->counters;
    if (slot == NULL && pinned != NULL)
        slot = destination_slot_of(pinned->snapshot->unrouted, context->worker_index);
    if (slot != NULL) {
        struct counted_request request = {
            .outcome = {.response_code = exchange->response != NULL ? (unsigned)exchange->response->status : 0,
                        .response_flags = exchange->flags,
                        .protocol = COUNTED_HTTP,
                        .grpc_status = -1},
            .duration_ns = context->now_ns - exchange->start_ns,
            .received_bytes = exchange->bytes_received,
            .sent_bytes = exchange->bytes_sent,
        };
        if (grpc_is_request(exchange->request))
            fill_grpc(exchange, &request.outcome);
        destination_slot_count_request(slot, &request);
    }
    let_go(exchange);
}
