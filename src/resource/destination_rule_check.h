/* What Istio's admission demands of a DestinationRule. Private to the resource floor. Source: ValidateDestinationRule. */
#ifndef FAIRLEAD_RESOURCE_DESTINATION_RULE_CHECK_H
#define FAIRLEAD_RESOURCE_DESTINATION_RULE_CHECK_H

#include "resource/decode.h"
#include "resource/destination_rule.h"

/* tunnel and proxyProtocol of a trafficPolicy; the target is not looked at. */
void tunnel_decode(struct decoder *decoder, const struct node *node, void *target);
void upstream_proxy_protocol_decode(struct decoder *decoder, const struct node *node, void *target);

/* After its fields: the whole policy, an entry of portLevelSettings, the object. */
void traffic_policy_check(struct decoder *decoder, const struct node *policy);
void port_policy_check(struct decoder *decoder, const struct node *policy);
void destination_rule_check(struct decoder *decoder, const struct destination_rule *rule);

#endif
