#include "server/figures.h"

#include <stdio.h>

#include "base/counter.h"
#include "proxy/access_log.h"
#include "server/exposition_text.h"

#define FIGURE_NAME_BYTES_MAX 96

struct figure_row {
    const char *name;
    size_t offset;    /* of the struct counter in struct proxy_counters */
    const char *type; /* Prometheus' */
    const char *help;
};

#define FIGURE(name, member, type, help) {name, offsetof(struct proxy_counters, member), type, help}

static const struct figure_row rows[] = {
    FIGURE("downstream_connections_total", connections_accepted, "counter", "Connections accepted from clients."),
    FIGURE("downstream_connections_active", connections_active, "gauge", "Connections of clients that are open now."),
    FIGURE("tls_handshakes_total", handshakes, "counter", "TLS handshakes with clients that were completed."),
    FIGURE("tls_handshakes_resumed_total", handshakes_resumed, "counter", "Of these, the ones that resumed an earlier session."),
    FIGURE("downstream_connections_in_handshake", handshakes_active, "gauge", "Connections that have not chosen a protocol or not finished their handshake."),
    FIGURE("requests_total", requests, "counter", "HTTP requests whose head came, or was refused."),
    FIGURE("responses_2xx_total", responses_2xx, "counter", "Final responses of 200 to 299."),
    FIGURE("responses_3xx_total", responses_3xx, "counter", "Final responses of 300 to 399."),
    FIGURE("responses_4xx_total", responses_4xx, "counter", "Final responses of 400 to 499."),
    FIGURE("responses_5xx_total", responses_5xx, "counter", "Final responses of 500 to 599."),
    FIGURE("upstream_connections_total", upstream_connections, "counter", "Connections opened to upstreams."),
    FIGURE("upstream_connections_active", upstream_connections_active, "gauge", "Pooled connections to upstreams that are open now, idle ones among them."),
    FIGURE("upstream_connections_idle", upstream_connections_idle, "gauge", "Connections to upstreams that wait in the pool."),
    FIGURE("upstream_connections_reused_total", upstream_connections_reused, "counter", "Requests that got a connection from the pool."),
    FIGURE("upstream_connect_failures_total", upstream_connect_failures, "counter", "Connections to upstreams that failed: refused, timed out, TLS."),
    FIGURE("upstream_retries_total", upstream_retries, "counter", "Tries of requests beyond the first."),
    FIGURE("mirrors_sent_total", mirrors_sent, "counter", "Copies of requests that were sent."),
    FIGURE("mirrors_dropped_total", mirrors_dropped, "counter", "Copies of requests that were not sent."),
    FIGURE("http2_streams_refused_total", streams_refused, "counter", "HTTP/2 streams refused for want of room."),
    FIGURE("buffer_bytes", buffer_bytes, "gauge", "Memory of buffered bytes, in whole chunks."),
    FIGURE("buffer_bytes_peak", buffer_bytes_peak, "gauge", "The most that buffers took so far, each worker by itself."),
};

struct figure_family {
    const char *name;
    size_t offset; /* of an array by enum close_reason */
    const char *help;
};

static const struct figure_family families[] = {
    {"downstream_connections_refused_total", offsetof(struct proxy_counters, connections_closed),
     "Connections that ended before a request or a tunnel began, by the reason: no filter chain, a handshake that failed."},
    {"downstream_sessions_closed_total", offsetof(struct proxy_counters, sessions_closed),
     "HTTP sessions that the gateway ended on its own account, by the reason: a broken protocol, a limit against floods."},
    {"upstream_sessions_closed_total", offsetof(struct proxy_counters, upstream_sessions_closed),
     "HTTP/2 sessions with upstreams that the gateway ended on its own account, by the reason."},
};

static uint64_t sum(struct worker *const *workers, size_t worker_count, size_t offset) {
    uint64_t value = 0;
    for (size_t i = 0; i < worker_count; i++)
        value += counter_read((const struct counter *)(const void *)((const char *)worker_counters(workers[i]) + offset));
    return value;
}

static uint64_t sum_reason(struct worker *const *workers, size_t worker_count, const struct figure_family *family, size_t reason) {
    return sum(workers, worker_count, family->offset + reason * sizeof(struct counter));
}

static uint64_t sum_dropped(struct worker *const *workers, size_t worker_count) {
    uint64_t dropped = 0;
    for (size_t i = 0; i < worker_count; i++)
        dropped += access_log_ring_dropped(worker_access_log(workers[i]));
    return dropped;
}

/* Two reasons may have one word: the client who left before and within a body, say. */
static bool is_first_of_word(size_t reason) {
    for (size_t i = 0; i < reason; i++)
        if (span_equal(close_reason_word((enum close_reason)i), close_reason_word((enum close_reason)reason)))
            return false;
    return true;
}

static uint64_t sum_word(struct worker *const *workers, size_t worker_count, const struct figure_family *family, struct span word) {
    uint64_t count = 0;
    for (size_t reason = 0; reason < CLOSE_REASON_COUNT; reason++)
        if (span_equal(close_reason_word((enum close_reason)reason), word))
            count += sum_reason(workers, worker_count, family, reason);
    return count;
}

static void write_plain_reason(struct worker *const *workers, size_t worker_count, const struct figure_family *family, size_t reason,
                               struct builder *output) {
    struct span word = close_reason_word((enum close_reason)reason);
    uint64_t count = is_first_of_word(reason) ? sum_word(workers, worker_count, family, word) : 0;
    if (count > 0)
        builder_print(output, "%s{%.*s}: %llu\n", family->name, SPAN_ARGUMENTS(word), (unsigned long long)count);
}

void figures_write_plain(struct worker *const *workers, size_t worker_count, struct builder *output) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        builder_print(output, "%s: %llu\n", rows[i].name, (unsigned long long)sum(workers, worker_count, rows[i].offset));
    builder_print(output, "access_log_lines_dropped_total: %llu\n", (unsigned long long)sum_dropped(workers, worker_count));
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        for (size_t reason = 1; reason < CLOSE_REASON_COUNT; reason++)
            write_plain_reason(workers, worker_count, &families[i], reason, output);
}

static const char *exposed_name(const char *name, char ret_text[FIGURE_NAME_BYTES_MAX]) {
    (void)snprintf(ret_text, FIGURE_NAME_BYTES_MAX, "fairlead_%s", name);
    return ret_text;
}

void figures_write_exposition(struct worker *const *workers, size_t worker_count, struct builder *output) {
    char text[FIGURE_NAME_BYTES_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = exposed_name(rows[i].name, text);
        exposition_begin(output, name, rows[i].type, rows[i].help);
        exposition_put(output, name, sum(workers, worker_count, rows[i].offset));
    }
    exposition_begin(output, "fairlead_access_log_lines_dropped_total", "counter", "Access log lines that were lost because their reader was too slow.");
    exposition_put(output, "fairlead_access_log_lines_dropped_total", sum_dropped(workers, worker_count));
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        const char *name = exposed_name(families[i].name, text);
        exposition_begin(output, name, "counter", families[i].help);
        for (size_t reason = 1; reason < CLOSE_REASON_COUNT; reason++) {
            struct span word = close_reason_word((enum close_reason)reason);
            uint64_t count = is_first_of_word(reason) ? sum_word(workers, worker_count, &families[i], word) : 0;
            if (count > 0)
                exposition_put_labelled(output, name, "reason", word, count);
        }
    }
}
