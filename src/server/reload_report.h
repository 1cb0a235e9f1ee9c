/* What became of the loads of the configuration so far, kept for whoever asks: the diagnostics of the last one, and when one last went well and
 * ill. On the server's thread. */
#ifndef FAIRLEAD_SERVER_RELOAD_REPORT_H
#define FAIRLEAD_SERVER_RELOAD_REPORT_H

#include <stdint.h>

#include "base/builder.h"
#include "base/json_writer.h"
#include "server/configuration.h"

struct reload_code_count {
    enum diagnostic_code code;
    enum diagnostic_severity severity;
    uint64_t count;
};

/* A zeroed one is empty. */
struct reload_report {
    uint64_t good_count, failed_count;
    uint64_t good_wall_ns, failed_wall_ns; /* of the last of each; 0: never */
    size_t counts[DIAGNOSTIC_SEVERITIES];
    size_t stale_count;
    size_t dropped_count;
    struct reload_code_count *codes; /* of the last load, sorted by code, then severity */
    size_t code_count;
    struct builder diagnostics; /* of the last load, as a JSON array */
};

/* After a load that was not `unchanged`. It went well when it gives a snapshot and nothing in it had to stay as it was before. */
void reload_report_take(struct reload_report *report, struct configuration_load *load);
void reload_report_deinit(struct reload_report *report);
/* The members of the present JSON object: times, counts, diagnostics. */
void reload_report_write(const struct reload_report *report, struct json_writer *json);
/* "2026-01-02T03:04:05.678Z", or null for 0. */
void json_put_time(struct json_writer *json, const char *key, uint64_t wall_ns);

#endif
