/* What a gateway does to a response on its way to the client, and the fields of answers of its own. */
#ifndef FAIRLEAD_PROXY_RESPONSE_RULES_H
#define FAIRLEAD_PROXY_RESPONSE_RULES_H

#include "proxy/http_date.h"
#include "snapshot/snapshot.h"
#include "wire/message.h"

/* Hop-by-hop fields and x-envoy-peer-metadata* go; x-envoy-upstream-service-time (milliseconds from the whole request to the response
 * head) comes. Upgrade stays on a 101. Values live in the head's arena. The configured headers go between this and response_rules_local. */
void response_rules_apply(struct message_head *head, const struct gateway_settings *settings, uint64_t service_time_ns);
/* A 1xx other than 101: hop-by-hop fields go. */
void response_rules_informational(struct message_head *head);
/* What every answer ends with, also one that the gateway makes itself: date when absent, and server. */
void response_rules_local(struct message_head *head, const struct gateway_settings *settings, struct http_date *date);

#endif
