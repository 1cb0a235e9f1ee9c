/* The status port: what a load balancer or kubelet asks. GET or HEAD of /healthz/ready and below: 200 while the gateway is ready, else 503,
 * without content; every other path: 404 (Istio's status-port 15021). */
#ifndef FAIRLEAD_SERVER_STATUS_H
#define FAIRLEAD_SERVER_STATUS_H

#include <stdbool.h>

#include "server/local_service.h"

void status_answer(const struct local_request *request, bool ready, struct local_answer *ret_answer);
/* GET or HEAD; else the answer is 405. */
MUST_USE bool status_is_reading(const struct local_request *request, struct local_answer *ret_answer);

#endif
