/* mirror, mirrors, mirrorPercentage and mirrorPercent of an HTTPRoute, as written. The types stand in resource/virtual_service.h. */
#ifndef FAIRLEAD_RESOURCE_HTTP_MIRROR_H
#define FAIRLEAD_RESOURCE_HTTP_MIRROR_H

#include "resource/virtual_service.h"

struct decoder;

/* Destination; `target` is a struct route_destination. Lives in virtual_service.c. */
void route_destination_decode(struct decoder *decoder, const struct node *node, void *target);

/* Each decodes the field of its name; `target` is a struct http_mirrors. */
void http_mirror_decode(struct decoder *decoder, const struct node *node, void *target);
void http_mirrors_decode(struct decoder *decoder, const struct node *node, void *target);
void http_mirror_percentage_decode(struct decoder *decoder, const struct node *node, void *target);
void http_mirror_percent_decode(struct decoder *decoder, const struct node *node, void *target);
/* What the fields of a route must not say together. */
void http_mirrors_check(struct decoder *decoder, const struct http_mirrors *mirrors);

#endif
