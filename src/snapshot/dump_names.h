/* What the two dumps call things. */
#ifndef FAIRLEAD_SNAPSHOT_DUMP_NAMES_H
#define FAIRLEAD_SNAPSHOT_DUMP_NAMES_H

#include "snapshot/snapshot.h"

/* Bits of enum retry_on. */
#define RETRY_ON_COUNT 13

const char *path_normalization_name(enum path_normalization value);
const char *client_certificate_forwarding_name(enum client_certificate_forwarding value);
const char *filter_chain_kind_name(enum filter_chain_kind kind);
/* Of the bit of that number: Istio's word. */
const char *retry_on_name(size_t bit);

#endif
