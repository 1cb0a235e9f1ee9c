/* Between the files of diff. */
#ifndef FAIRLEAD_EXPLAIN_DIFF_INTERNAL_H
#define FAIRLEAD_EXPLAIN_DIFF_INTERNAL_H

#include "base/map.h"
#include "explain/diff.h"
#include "explain/tell.h"

enum diff_section { DIFF_NAMES, DIFF_REQUESTS, DIFF_CERTIFICATES, DIFF_UPSTREAMS, DIFF_SECTION_COUNT };

/* One line, or for requests a line and what becomes of it on either side. */
struct diff_item {
    struct diff_item *next;
    enum diff_section section;
    const struct explain_request *request; /* of DIFF_REQUESTS: an example */
    struct span what;
    struct span before, after; /* empty: nothing */
    uint32_t before_id, after_id;
    size_t count; /* of requests with the same two ends */
};

struct diff_side {
    const struct snapshot *snapshot;
    struct map contents; /* cluster name -> struct span, what of it a request can feel */
};

struct diff_state {
    struct arena arena;  /* what is told */
    struct arena scratch; /* of one request; reset in between */
    struct diff_side sides[2]; /* before, after */
    struct diff_item *first, *last;
    struct map groups;   /* of items of DIFF_REQUESTS */
    struct map compared; /* pairs of virtual hosts that were compared with all their requests */
    size_t request_count;
    size_t difference_count;
    bool incomplete; /* not every combination could be tried */
};

/* diff_compare.c: asks both sides, and notes a difference. What both say lives in the scratch arena. */
void diff_ask(struct diff_state *state, const struct explain_request *request, struct verdict ret_verdicts[2]);
bool diff_verdicts_equal(struct diff_state *state, const struct verdict verdicts[2]);
void diff_note_request(struct diff_state *state, const struct explain_request *request, const struct verdict verdicts[2]);
/* What of a cluster a request can feel. */
struct span diff_cluster_content(const struct diff_side *side, const struct cluster *cluster);
/* Lines of `text` that `other` has not, joined. */
struct span diff_lines_only_in(struct diff_state *state, struct span text, struct span other);
/* Appended in this order. */
struct diff_item *diff_add(struct diff_state *state, enum diff_section section, struct span what);

/* diff_routes.c: all requests that two virtual hosts, of which one may be NULL, could tell apart. `base` is a request that finds them. */
void diff_virtual_hosts(struct diff_state *state, const struct explain_request *base, const struct virtual_host *const hosts[2]);

#endif
