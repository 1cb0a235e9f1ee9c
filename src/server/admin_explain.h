/* The administration's answer to "why": POST /explain. */
#ifndef FAIRLEAD_SERVER_ADMIN_EXPLAIN_H
#define FAIRLEAD_SERVER_ADMIN_EXPLAIN_H

#include "server/admin.h"

/* The body is a request as explain_request_parse_json reads it; ?format=json for JSON. From the snapshot that is served and the endpoints that are
 * known now. */
void admin_explain(const struct admin *admin, const struct local_request *request, struct local_answer *answer);

#endif
