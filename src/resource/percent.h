/* A share of all requests, as Istio writes it: a whole number of percent, or a mapping with a `value` that may have a fraction. Kept in
 * millionths, the resolution that Envoy gets: 12.5 % is 125000. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_PERCENT_H
#define FAIRLEAD_RESOURCE_PERCENT_H

#include "resource/decode.h"

#define PERCENT_WHOLE_MILLIONTHS 1000000

/* Each decodes into a struct located_number of millionths: Percent ({value: 0.1}; no value is 0), and the deprecated whole number. */
void percent_decode(struct decoder *decoder, const struct node *node, void *target);
void percent_whole_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
