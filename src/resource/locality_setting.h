/* localityLbSetting and zoneAwareLbSetting of a loadBalancer: checked, not served. Private to the resource floor. Source:
 * validateLocalityLbSetting. */
#ifndef FAIRLEAD_RESOURCE_LOCALITY_SETTING_H
#define FAIRLEAD_RESOURCE_LOCALITY_SETTING_H

#include "resource/decode.h"

/* The target is not looked at. */
void locality_setting_decode(struct decoder *decoder, const struct node *node, void *target);
void zone_aware_setting_decode(struct decoder *decoder, const struct node *node, void *target);
/* What a trafficPolicy's loadBalancer asks of the policy's other fields. */
void locality_setting_check(struct decoder *decoder, const struct node *policy);

#endif
