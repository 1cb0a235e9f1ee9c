/* Why a request is answered as it is, told to a person: the gateway's own decision on a snapshot, and the same decision walked once more with
 * every step named. Reads the snapshot only: any thread that holds it. */
#ifndef FAIRLEAD_EXPLAIN_EXPLAIN_H
#define FAIRLEAD_EXPLAIN_EXPLAIN_H

#include "base/builder.h"
#include "explain/request.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"

enum explain_format {
    EXPLAIN_TEXT,    /* what is most important first: what happens, why, what to change; then each step */
    EXPLAIN_JSON,    /* the same as one object over several lines */
    EXPLAIN_VERDICT, /* what happens, without the steps: one object on one line */
};

/* Writes the explanation. `endpoints` is what DNS gave; NULL: not known. `snapshot` must have a background. False: the narration came to
 * another end than the data plane's lookup, which is a fault of the program and is said in the output. */
MUST_USE bool explain(const struct snapshot *snapshot, const struct endpoint_table *endpoints, const struct explain_request *request,
                      enum explain_format format, struct builder *output);

#endif
