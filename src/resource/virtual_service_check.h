/* What a VirtualService must say as a whole. Private to the resource floor. Source: validateVirtualService. */
#ifndef FAIRLEAD_RESOURCE_VIRTUAL_SERVICE_CHECK_H
#define FAIRLEAD_RESOURCE_VIRTUAL_SERVICE_CHECK_H

#include "resource/decode.h"
#include "resource/virtual_service.h"

/* After everything was decoded. */
void virtual_service_check(struct decoder *decoder, const struct virtual_service *service);

#endif
