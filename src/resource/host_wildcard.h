/* Istio's wildcards in host names. A name that starts with '*' stands for everything that ends with the rest; comparison is by bytes.
 * Source: pkg/config/host/name.go. */
#ifndef FAIRLEAD_RESOURCE_HOST_WILDCARD_H
#define FAIRLEAD_RESOURCE_HOST_WILDCARD_H

#include <stdbool.h>

#include "base/span.h"

bool host_name_is_wildcard(struct span name);
/* Whether everything that `narrow` stands for, `wide` does too. */
bool host_name_is_subset(struct span narrow, struct span wide);
/* Whether one is a subset of the other. */
bool host_name_overlaps(struct span a, struct span b);

#endif
