/* Istio's algebra of host names. A name that starts with '*' stands for everything that ends with the rest; comparison is by bytes.
 * Source: pkg/config/host/name.go. */
#ifndef FAIRLEAD_COMPILE_HOST_NAME_H
#define FAIRLEAD_COMPILE_HOST_NAME_H

#include "base/arena.h"
#include "compile/array.h"
#include "resource/host_wildcard.h"

/* Of each overlapping pair the narrower name, each name once, in order of `a`, then `b`; strings are borrowed. */
void host_name_intersect(struct arena *arena, const struct span_list *a, const struct span_list *b,
                         struct span_list *ret_names);
/* A name without a dot is a Service of `namespace`: "name.namespace.svc.domain". "*", IP addresses and names with a dot stay. */
struct span host_name_resolve(struct arena *arena, struct span name, struct span namespace, struct span domain_suffix);
/* Whether SNI and virtual host matching can use it: "*", a name, or "*." and a name. */
bool host_name_is_servable(struct span name);

#endif
