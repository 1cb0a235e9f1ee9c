/* connectionPool of a trafficPolicy: all of it is checked, what chooses the protocol is kept. Private to the resource floor. Source:
 * validateConnectionPool. */
#ifndef FAIRLEAD_RESOURCE_CONNECTION_POOL_H
#define FAIRLEAD_RESOURCE_CONNECTION_POOL_H

#include "resource/decode.h"

/* ConnectionPoolSettings; the target is a struct connection_pool *. What is not served is remembered as unsupported. */
void connection_pool_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
