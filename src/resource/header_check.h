/* Istio's rules about header names and values, as checks while decoding. Private to the resource floor. Source: validation.go
 * (ValidateHTTPHeaderNameOrJwtClaimRoute and its like) and header_value_validator.go. */
#ifndef FAIRLEAD_RESOURCE_HEADER_CHECK_H
#define FAIRLEAD_RESOURCE_HEADER_CHECK_H

#include "resource/decode.h"
#include "resource/http_action.h"

/* Whether a match may ask for it: a header, one of :method, :scheme, :authority, :path and :status, or a claim of a token. */
bool header_name_is_matchable(struct span name);
/* "@request.auth.claims.x" or "@request.auth.claims[x]". */
bool header_name_is_claim(struct span name);

/* Names and values of what is added, set and removed. */
void header_check_request(struct decoder *decoder, const struct header_operations *operations);
void header_check_response(struct decoder *decoder, const struct header_operations *operations);

#endif
