/* The endpoints of clusters whose names DNS resolves, apart from the snapshots: one immutable version after the other, counted, each worker
 * holding the newest. Any thread may pin, read and unpin. */
#ifndef FAIRLEAD_SNAPSHOT_ENDPOINT_TABLE_H
#define FAIRLEAD_SNAPSHOT_ENDPOINT_TABLE_H

#include "snapshot/cluster.h"

struct endpoint_table;

/* With one reference, empty. Filled before it is shared. */
struct endpoint_table *endpoint_table_create(void);
struct endpoint_table *endpoint_table_pin(struct endpoint_table *table);
/* NULL is harmless. */
void endpoint_table_unpin(struct endpoint_table *table);

/* Room for the endpoints of a cluster of that name, `endpoint_max` at most; of the result name, endpoints, endpoint_count and weight_total
 * count, all but the name are for the caller to fill. NULL when the name is there already. */
struct cluster *endpoint_table_add(struct endpoint_table *table, struct span cluster_name, size_t endpoint_max);
/* At this address, with the port, weight and TLS of `name`. */
void endpoint_table_add_endpoint(struct endpoint_table *table, struct cluster *cluster, const struct network_address *address,
                                 const struct cluster_name *name);
/* NULL: nothing is known of the name. `table` may be NULL. Lives as long as the table. */
const struct cluster *endpoint_table_find(const struct endpoint_table *table, struct span cluster_name);

#endif
