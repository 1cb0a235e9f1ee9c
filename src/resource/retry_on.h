/* retryOn of an HTTPRetry: words and status codes, separated by commas. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_RETRY_ON_H
#define FAIRLEAD_RESOURCE_RETRY_ON_H

#include "resource/decode.h"

/* `target` is a struct located. A word that Istio's admission refuses is a mistake; nothing is trimmed, as there. */
void retry_on_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
