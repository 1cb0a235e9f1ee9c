/* The operators of ACCESS_LOG_TLS_OPERATORS. One thread. */
#ifndef FAIRLEAD_PROXY_ACCESS_LOG_TLS_H
#define FAIRLEAD_PROXY_ACCESS_LOG_TLS_H

#include "proxy/access_log_value.h"

/* As access_log_item_value, for these operators only. Lists are joined by commas, as Envoy prints them. */
struct access_log_item_value access_log_tls_value(const struct access_log_item *item, const struct access_log_record *record,
                                                  char scratch[ACCESS_LOG_SCRATCH_BYTES]);

#endif
