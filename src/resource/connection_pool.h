/* connectionPool of a trafficPolicy: checked, not served. Private to the resource floor. Source: validateConnectionPool. */
#ifndef FAIRLEAD_RESOURCE_CONNECTION_POOL_H
#define FAIRLEAD_RESOURCE_CONNECTION_POOL_H

#include "resource/decode.h"

/* ConnectionPoolSettings; the target is not looked at. */
void connection_pool_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
