/* retries of a route, and meshConfig.defaultHttpRetryPolicy. */
#ifndef FAIRLEAD_COMPILE_RETRY_POLICY_H
#define FAIRLEAD_COMPILE_RETRY_POLICY_H

#include "compile/compiler.h"
#include "resource/mesh_config.h"
#include "snapshot/route.h"

/* Istio's ConvertPolicy: what is not written is Istio's default. `meta` is the object's, NULL for the mesh's. */
void retry_policy_compile(struct compiler *compiler, const struct mesh_retry_policy *written, const struct object_meta *meta,
                          struct retry_policy *ret_policy);

#endif
