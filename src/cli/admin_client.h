/* One question to the administration of a running gateway, and its answer. Blocks, for at most ADMIN_CLIENT_NS. */
#ifndef FAIRLEAD_CLI_ADMIN_CLIENT_H
#define FAIRLEAD_CLI_ADMIN_CLIENT_H

#include <stdbool.h>

#include "base/builder.h"
#include "base/span.h"
#include "server/admin_address.h"

struct admin_reply {
    int status;          /* 0: there is no answer */
    struct builder text; /* its content; without an answer, a sentence that says why */
};

/* `target` is a path with its query, `body` may be empty. To be freed by admin_reply_deinit. */
void admin_ask(const struct admin_address *address, const char *method, struct span target, struct span body, struct admin_reply *ret_reply);
void admin_reply_deinit(struct admin_reply *reply);

#endif
