/* A new snapshot that shares all but a few virtual hosts with a former one: what a change of one VirtualService among thousands needs. */
#ifndef FAIRLEAD_SNAPSHOT_GRAFT_H
#define FAIRLEAD_SNAPSHOT_GRAFT_H

#include "snapshot/snapshot.h"

/* `part` is sealed, published to nobody, and was compiled from the base's input without most of its VirtualServices. Makes of it the base with
 * the virtual hosts of `owner` (a title, virtual_host.owner) as the part has them; everything else is the base's, which is pinned. False, and
 * the part is as it was: the owner's virtual hosts are not the same names on both sides, or they lead to a cluster that the base does not have.
 * A cluster that only they led to stays. */
MUST_USE bool snapshot_graft(struct snapshot *part, struct snapshot *base, struct span owner);

#endif
