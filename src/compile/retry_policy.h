/* retries of a route, and meshConfig.defaultHttpRetryPolicy. */
#ifndef FAIRLEAD_COMPILE_RETRY_POLICY_H
#define FAIRLEAD_COMPILE_RETRY_POLICY_H

#include "compile/compiler.h"
#include "resource/mesh_config.h"
#include "snapshot/route.h"

/* Istio's ConvertPolicy: what is not written is Istio's default. retryRemoteLocalities is about endpoints of other priorities, of which a
 * cluster has none. */
void retry_policy_compile(struct compiler *compiler, const struct mesh_retry_policy *written, struct retry_policy *ret_policy);

#endif
