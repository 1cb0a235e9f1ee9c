/* redirect of a route. */
#ifndef FAIRLEAD_PROXY_REDIRECT_H
#define FAIRLEAD_PROXY_REDIRECT_H

#include "snapshot/route_action.h"
#include "wire/message.h"

/* The location (Envoy's RouteEntryImplBase::newUri): the request's URI with what the action names replaced. In the request's arena. */
struct span redirect_location(const struct redirect_action *action, const struct message_head *request);

#endif
