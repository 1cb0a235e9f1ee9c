#include "server/figures.h"

#include "base/counter.h"
#include "proxy/access_log.h"

struct figure_row {
    const char *name;
    size_t offset; /* of the struct counter in struct proxy_counters */
};

#define FIGURE(name, member) {name, offsetof(struct proxy_counters, member)}

static const struct figure_row rows[] = {
    FIGURE("downstream_connections_total", connections_accepted),
    FIGURE("downstream_connections_active", connections_active),
    FIGURE("requests_total", requests),
    FIGURE("responses_2xx_total", responses_2xx),
    FIGURE("responses_3xx_total", responses_3xx),
    FIGURE("responses_4xx_total", responses_4xx),
    FIGURE("responses_5xx_total", responses_5xx),
    FIGURE("upstream_connections_total", upstream_connections),
    FIGURE("upstream_retries_total", upstream_retries),
    FIGURE("mirrors_sent_total", mirrors_sent),
    FIGURE("mirrors_dropped_total", mirrors_dropped),
};

static uint64_t sum(struct worker *const *workers, size_t worker_count, size_t offset) {
    uint64_t value = 0;
    for (size_t i = 0; i < worker_count; i++)
        value += counter_read((const struct counter *)(const void *)((const char *)worker_counters(workers[i]) + offset));
    return value;
}

void figures_write_plain(struct worker *const *workers, size_t worker_count, struct builder *output) {
    uint64_t dropped = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        builder_print(output, "%s: %llu\n", rows[i].name, (unsigned long long)sum(workers, worker_count, rows[i].offset));
    for (size_t i = 0; i < worker_count; i++)
        dropped += access_log_ring_dropped(worker_access_log(workers[i]));
    builder_print(output, "access_log_lines_dropped_total: %llu\n", (unsigned long long)dropped);
    for (size_t reason = 0; reason < CLOSE_REASON_COUNT; reason++) {
        uint64_t count = sum(workers, worker_count, offsetof(struct proxy_counters, sessions_closed) + reason * sizeof(struct counter));
        if (count > 0)
            builder_print(output, "sessions_%.*s_total: %llu\n", SPAN_ARGUMENTS(close_reason_counter((enum close_reason)reason)),
                          (unsigned long long)count);
    }
}
