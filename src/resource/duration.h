/* Durations as Istio writes them: Go's and protobuf's notation. */
#ifndef FAIRLEAD_RESOURCE_DURATION_H
#define FAIRLEAD_RESOURCE_DURATION_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/* "10s", "1.5s", "1m30s", "250ms", "1h", also us and ns, "0" and "0s"; no sign; up to some 292 years. */
MUST_USE bool duration_parse(struct span text, int64_t *ret_ns);

#endif
