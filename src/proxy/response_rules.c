#include "proxy/response_rules.h"

#include "base/clock.h"

static void set_server(struct message_head *head, const struct gateway_settings *settings) {
    if (!settings->server_header_passes)
        message_head_set(head, HEADER_SERVER, settings->server_header);
}

static void add_date(struct message_head *head, struct http_date *date) {
    message_head_add(head, HEADER_DATE, arena_copy(head->arena, http_date_text(date, clock_wall_ns())));
}

void response_rules_apply(struct message_head *head, const struct gateway_settings *settings, uint64_t service_time_ns) {
    /* A 426 must name the protocols that would do (RFC 9110 section 15.5.22). */
    message_head_strip_hop_by_hop(head, head->status == 101 || head->status == 426);
    if (message_head_has(head, HEADER_X_ENVOY_PEER_METADATA))
        message_head_remove(head, HEADER_X_ENVOY_PEER_METADATA);
    if (message_head_has(head, HEADER_X_ENVOY_PEER_METADATA_ID))
        message_head_remove(head, HEADER_X_ENVOY_PEER_METADATA_ID);
    if (!settings->envoy_debug_headers_disabled)
        message_head_set(head, HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME, arena_decimal(head->arena, service_time_ns / NANOSECONDS_PER_MILLISECOND));
}

void response_rules_informational(struct message_head *head) {
    message_head_strip_hop_by_hop(head, false);
}

void response_rules_local(struct message_head *head, const struct gateway_settings *settings, struct http_date *date) {
    if (!message_head_has(head, HEADER_DATE))
        add_date(head, date);
    set_server(head, settings);
}
