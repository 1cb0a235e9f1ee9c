/* The narration: each part runs what the data plane decided once more, by plain walks over everything that was considered, and must come to
 * the same end. For the files of this folder. */
#ifndef FAIRLEAD_EXPLAIN_TELL_H
#define FAIRLEAD_EXPLAIN_TELL_H

#include "explain/story.h"
#include "explain/verdict.h"

/* What the parts have in common. */
struct telling {
    struct story *story;
    const struct snapshot *snapshot;
    const struct endpoint_table *endpoints;
    const struct explain_request *request;
    const struct verdict *verdict;
    struct arena *arena;
};

void tell_listener(const struct telling *telling);
void tell_chains(const struct telling *telling);
void tell_certificate(const struct telling *telling);
void tell_host(const struct telling *telling);
void tell_routes(const struct telling *telling);
void tell_action(const struct telling *telling);
void tell_upstream(const struct telling *telling);
/* Headline, cause, way out, notes. */
void tell_cause(const struct telling *telling);

/* The same for other parts and for the cause. */
/* "path "/a" does not begin with "/b"" */
struct span tell_match_failure(struct arena *arena, const struct route_match *match, const struct match_trace *trace);
/* "prefix "/a", header x exact "1"" */
struct span tell_match(struct arena *arena, const struct route_match *match);
/* A name of a server or virtual host, lower-case: exact, "*.suffix" or "*". */
bool tell_name_covers(struct span pattern, struct span name);
/* "500ms", "15s" */
struct span tell_duration(struct arena *arena, uint64_t duration_ns);
/* The way that a route of a cluster ends: "no such cluster", or empty when it is usable. */
struct span tell_cluster_fault(const struct telling *telling, const struct weighted_cluster *destination);
/* "is not ready" */
const char *tell_absence(enum endpoint_absence reason);
/* What was said at a place; NULL: nothing. The gravest one. */
const struct background_remark *tell_remark_at(const struct snapshot *snapshot, uint32_t id);
/* The last error of an object, by its title; NULL: none. */
const struct background_remark *tell_remark_of(const struct snapshot *snapshot, struct span title);

#endif
