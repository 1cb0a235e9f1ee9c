/* What Istio's admission demands of a Gateway. Private to the resource floor. Source: ValidateGateway, validateServer, validateTLSOptions. */
#ifndef FAIRLEAD_RESOURCE_GATEWAY_CHECK_H
#define FAIRLEAD_RESOURCE_GATEWAY_CHECK_H

#include "resource/decode.h"
#include "resource/gateway.h"

void gateway_tls_check(struct decoder *decoder, const struct gateway_tls *tls);
void gateway_server_check(struct decoder *decoder, const struct gateway_server *server);
/* What concerns the object as a whole, after its servers. */
void gateway_check(struct decoder *decoder, const struct gateway *gateway);

#endif
