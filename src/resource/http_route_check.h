/* What the fields of one HTTPRoute must not say together. Private to the resource floor. Source: validateHTTPRoute. */
#ifndef FAIRLEAD_RESOURCE_HTTP_ROUTE_CHECK_H
#define FAIRLEAD_RESOURCE_HTTP_ROUTE_CHECK_H

#include "resource/decode.h"
#include "resource/virtual_service.h"

void http_route_check(struct decoder *decoder, const struct http_route *route);

#endif
