/* What one operator of the access log's format says of one record. One thread. */
#ifndef FAIRLEAD_PROXY_ACCESS_LOG_VALUE_H
#define FAIRLEAD_PROXY_ACCESS_LOG_VALUE_H

#include "base/limits.h"
#include "proxy/access_log.h"
#include "snapshot/access_log_format.h"

enum access_log_value_kind {
    ACCESS_LOG_VALUE_ABSENT, /* "-" or null */
    ACCESS_LOG_VALUE_PLAIN,  /* text of our own making that needs no escaping */
    ACCESS_LOG_VALUE_FOREIGN, /* text from a peer or from the configuration */
    ACCESS_LOG_VALUE_WORD,   /* as FOREIGN, but formats print it without quotes: spaces are escaped, too */
    ACCESS_LOG_VALUE_NUMBER,
};

struct access_log_item_value {
    enum access_log_value_kind kind;
    struct span text;
    uint64_t number;
};

/* The calendar part of the last time printed: most lines share their second with the one before. Zeroed at first. */
struct access_log_calendar {
    uint64_t second;
    char text[20]; /* "2026-01-02T03:04:05" */
    uint8_t size;
};

/* Holds the fingerprints of the longest chain; of lists without a limit the beginning. */
#define ACCESS_LOG_SCRATCH_BYTES (TLS_CHAIN_CERTIFICATES_MAX * (2 * 32 + 1))

/* A time by a format of strftime, else as START_TIME prints it. */
struct access_log_item_value access_log_time(struct span format, uint64_t wall_ns, char scratch[ACCESS_LOG_SCRATCH_BYTES]);

/* `scratch` holds the text of values that are made up here (times, addresses); the value is valid as long as it and the record are. Not for
 * literals. */
struct access_log_item_value access_log_item_value(const struct access_log_item *item, const struct access_log_record *record,
                                                   struct access_log_calendar *calendar, char scratch[ACCESS_LOG_SCRATCH_BYTES]);

#endif
