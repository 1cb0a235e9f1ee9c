/* The snapshot as JSON, for programs: the same snapshot, the same bytes; no keys. docs/admin.md tells the members. */
#ifndef FAIRLEAD_SNAPSHOT_DUMP_JSON_H
#define FAIRLEAD_SNAPSHOT_DUMP_JSON_H

#include "base/json_writer.h"
#include "snapshot/snapshot.h"

/* One object: gateway, settings, listeners, route tables, clusters. */
void snapshot_dump_json(const struct snapshot *snapshot, struct json_writer *json);
/* Its member "route_tables", an array. */
void route_tables_dump_json(const struct snapshot *snapshot, struct json_writer *json);
/* An item of its members "listeners" and "clusters" each, without its end: the caller may add members. */
void listener_dump_json_open(const struct snapshot *snapshot, const struct listener *listener, struct json_writer *json);
void cluster_dump_json_open(const struct cluster *cluster, struct json_writer *json);

#endif
