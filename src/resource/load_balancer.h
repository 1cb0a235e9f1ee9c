/* loadBalancer of a trafficPolicy beyond its `simple`: checked, not served. Private to the resource floor. Source: validateLoadBalancer. */
#ifndef FAIRLEAD_RESOURCE_LOAD_BALANCER_H
#define FAIRLEAD_RESOURCE_LOAD_BALANCER_H

#include "resource/decode.h"

/* Each the field of its name; the target is not looked at. */
void consistent_hash_decode(struct decoder *decoder, const struct node *node, void *target);
void warmup_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
