/* Whose turn it is: round robin over a cluster's endpoints, random where they have weights; one state a worker. Keyed by the cluster's name, so that a new snapshot goes on
 * where the former one was. One thread. */
#ifndef FAIRLEAD_PROXY_BALANCE_H
#define FAIRLEAD_PROXY_BALANCE_H

#include "base/map.h"
#include "base/network_address.h"
#include "base/random.h"
#include "snapshot/cluster.h"

struct balance {
    struct map turns; /* cluster name -> struct balance_turn */
    struct random *random;
};

/* Each cluster begins at a random endpoint, so that workers do not march in step. `random` must outlive the balance. */
void balance_init(struct balance *balance, struct random *random);
void balance_deinit(struct balance *balance);
/* The next endpoint whose address is not among the `tried_count` addresses at `tried` (as retry_state holds them; NULL when 0); when all
 * were tried, simply the next. NULL only when the cluster has no endpoint. Points into the cluster. */
const struct endpoint *balance_pick(struct balance *balance, const struct cluster *cluster, const struct network_address *tried,
                                    size_t tried_count);

#endif
