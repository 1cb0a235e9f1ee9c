/* What Istio's admission demands of a ServiceEntry and of a WorkloadEntry. Private to the resource floor. Source: ValidateServiceEntry,
 * ValidateWorkloadEntry. */
#ifndef FAIRLEAD_RESOURCE_SERVICE_ENTRY_CHECK_H
#define FAIRLEAD_RESOURCE_SERVICE_ENTRY_CHECK_H

#include "resource/decode.h"
#include "resource/service_entry.h"

/* After their fields. */
void service_entry_check(struct decoder *decoder, const struct service_entry *entry);
void workload_entry_check(struct decoder *decoder, const struct workload_entry *entry);

#endif
