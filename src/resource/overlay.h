/* IstioOperator's k8s.overlays: patches by path on a rendered object. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_OVERLAY_H
#define FAIRLEAD_RESOURCE_OVERLAY_H

#include "resource/decode.h"

/* Applies overlays[] (apiVersion, kind, name, patches[{path, value}]) in order to `object`, as far as their kind and name are the ones
 * given; the others are of no concern. A patch that cannot be applied is a mistake; the others are applied all the same. Paths: keys
 * separated by '.', "\." is a dot in a key; [key:value] the first item with that field, [n] an item, [-1] or past the end: append. No
 * value: delete. */
void overlay_apply_all(struct decoder *decoder, const struct node *overlays, struct span kind, struct span name,
                       struct node *object);
/* One patch; exposed for tests. */
void overlay_apply(struct decoder *decoder, struct node *object, struct span path, struct position position,
                   const struct node *value);

#endif
