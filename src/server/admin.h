/* The administration: what the gateway serves and how it fares, as text and JSON, and the few things that can be told to a running one. For who is
 * on its machine: what comes from a web page is refused, private keys never appear. On the server's thread; docs/admin.md tells the endpoints. */
#ifndef FAIRLEAD_SERVER_ADMIN_H
#define FAIRLEAD_SERVER_ADMIN_H

#include <stdbool.h>

#include "server/exposition.h"
#include "server/listener_sockets.h"
#include "server/local_service.h"
#include "server/publish.h"
#include "server/reload_report.h"
#include "server/resolution.h"

/* What the endpoints look at; all of it the server's. */
struct admin {
    const struct publisher *publisher;
    const struct resolution *resolution;
    const struct listener_sockets *sockets;
    const struct exposition *exposition;
    const struct reload_report *report;
    const bool *ready;
    /* Begins the drain, unless it has begun. */
    void (*drain)(void *argument);
    void *argument;
};

/* A local_service_function; `argument` is a struct admin. */
void admin_answer(void *argument, const struct local_request *request, struct local_answer *ret_answer);

/* A whole answer of JSON: begins it; the caller writes one value and calls json_finish. */
struct json_writer admin_answer_json(struct local_answer *answer);

/* admin_live.c: listeners, routes, clusters and certificates as they are now. */
void admin_answer_listeners(const struct admin *admin, const struct local_request *request, struct local_answer *answer);
void admin_answer_routes(const struct admin *admin, const struct local_request *request, struct local_answer *answer);
void admin_answer_clusters(const struct admin *admin, const struct local_request *request, struct local_answer *answer);
void admin_answer_certificates(const struct admin *admin, const struct local_request *request, struct local_answer *answer);

/* The value of a parameter of the query; false when it is not there. Nothing is percent-decoded. */
MUST_USE bool admin_query(const struct local_request *request, struct span name, struct span *ret_value);
/* A whole answer of a line of text. */
void admin_say(struct local_answer *answer, int status, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
