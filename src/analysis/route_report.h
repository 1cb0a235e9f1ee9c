/* What is said of VirtualServices at every load, beyond what decoding and compiling find: rules that hide each other. */
#ifndef FAIRLEAD_ANALYSIS_ROUTE_REPORT_H
#define FAIRLEAD_ANALYSIS_ROUTE_REPORT_H

#include "resource/resource_set.h"

/* Warnings about valid VirtualServices that concern gateways: delegates, and those that name a gateway other than the mesh. */
void route_report(const struct resource_set *resources, struct diagnostic_list *diagnostics);
/* The same of one, whose document must be there. */
void route_report_service(const struct virtual_service *service, struct diagnostic_list *diagnostics);

#endif
