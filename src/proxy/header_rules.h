/* headers of a route or destination, applied to a head. */
#ifndef FAIRLEAD_PROXY_HEADER_RULES_H
#define FAIRLEAD_PROXY_HEADER_RULES_H

#include "proxy/access_log.h"
#include "snapshot/route_action.h"
#include "wire/message.h"

/* Removes, then sets, then adds (Envoy's HeaderParser::evaluateHeaders). Operators are answered from `record`; a value that comes out empty,
 * or would hold a control byte, is not written. Text lives in the head's arena or in the snapshot. */
void header_rules_apply(const struct header_rules *rules, struct message_head *head, const struct access_log_record *record);
/* A copy that needs no snapshot any more. */
struct header_rules header_rules_copy(struct arena *arena, const struct header_rules *rules);

#endif
