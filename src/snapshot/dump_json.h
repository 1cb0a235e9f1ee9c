/* The snapshot as JSON, for programs: the same snapshot, the same bytes; no keys. docs/admin.md tells the members. */
#ifndef FAIRLEAD_SNAPSHOT_DUMP_JSON_H
#define FAIRLEAD_SNAPSHOT_DUMP_JSON_H

#include "base/json_writer.h"
#include "snapshot/snapshot.h"

/* One object: gateway, settings, listeners, route tables, clusters. */
void snapshot_dump_json(const struct snapshot *snapshot, struct json_writer *json);
/* Its members "listeners" and "clusters" alone, an object each, the latter without its end: the caller may add members. */
void listener_dump_json(const struct snapshot *snapshot, const struct listener *listener, struct json_writer *json);
void cluster_dump_json_open(const struct cluster *cluster, struct json_writer *json);

#endif
