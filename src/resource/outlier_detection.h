/* outlierDetection of a trafficPolicy: checked, not served. Private to the resource floor. Source: validateOutlierDetection. */
#ifndef FAIRLEAD_RESOURCE_OUTLIER_DETECTION_H
#define FAIRLEAD_RESOURCE_OUTLIER_DETECTION_H

#include "resource/decode.h"

/* OutlierDetection; the target is not looked at. */
void outlier_detection_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
