#include "server/exposition.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "server/certificates.h"
#include "server/exposition_text.h"
#include "server/figures.h"
#include "server/status.h"
#include "tls/identity.h"

static void put_gauge(struct builder *output, const char *name, const char *help, uint64_t value) {
    exposition_begin(output, name, "gauge", help);
    exposition_put(output, name, value);
}

static void put_time(struct builder *output, const char *name, const char *help, uint64_t wall_ns) {
    exposition_begin(output, name, "gauge", help);
    builder_put(output, span_of(name));
    builder_put_byte(output, ' ');
    exposition_put_seconds(output, wall_ns);
    builder_put_byte(output, '\n');
}

static void write_process(const struct exposition *exposition, struct builder *output) {
    exposition_begin(output, "fairlead_build_info", "gauge", "1; the label tells the version.");
    exposition_put_labelled(output, "fairlead_build_info", "version", SPAN_LITERAL(FAIRLEAD_VERSION), 1);
    exposition_begin(output, "istio_build", "gauge", "1; Istio's name for the same.");
    builder_put(output, SPAN_LITERAL("istio_build{component=\"proxy\",tag=\"" FAIRLEAD_VERSION "\"} 1\n"));
    put_time(output, "fairlead_start_time_seconds", "When the process started, in seconds since 1970.", exposition->start_wall_ns);
    put_gauge(output, "fairlead_ready", "1 while the gateway serves, 0 while it drains.", *exposition->ready);
    put_gauge(output, "fairlead_workers", "Worker threads.", exposition->publisher->worker_count);
}

static uint64_t route_count(const struct snapshot *snapshot) {
    uint64_t count = 0;
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        for (size_t j = 0; j < snapshot->route_tables[i]->virtual_host_count; j++)
            count += snapshot->route_tables[i]->virtual_hosts[j]->route_count;
    return count;
}

static void write_configuration(const struct exposition *exposition, struct builder *output) {
    const struct snapshot *snapshot = publisher_current(exposition->publisher);
    const struct reload_report *report = exposition->report;
    put_gauge(output, "fairlead_configuration_generation", "Counts the configurations that this process has served.", snapshot->generation);
    exposition_begin(output, "fairlead_configuration_loads_total", "counter",
                     "Loads of a changed configuration: good, or failed where something had to stay as it was.");
    exposition_put_labelled(output, "fairlead_configuration_loads_total", "result", SPAN_LITERAL("good"), report->good_count);
    exposition_put_labelled(output, "fairlead_configuration_loads_total", "result", SPAN_LITERAL("failed"), report->failed_count);
    put_time(output, "fairlead_configuration_last_good_load_timestamp_seconds", "When a load last went well; 0: never.", report->good_wall_ns);
    put_time(output, "fairlead_configuration_last_failed_load_timestamp_seconds", "When a load last failed; 0: never.", report->failed_wall_ns);
    put_gauge(output, "fairlead_configuration_stale_objects", "Files and objects that are served in an older version.", report->stale_count);
    exposition_begin(output, "fairlead_tls_identities_made_total", "counter",
                     "Certificates with their keys that were made ready to serve: one for each Secret that is new or changed, whatever else is loaded again.");
    exposition_put(output, "fairlead_tls_identities_made_total", identity_cache_made_count(exposition->identities));
    put_gauge(output, "fairlead_snapshots_live", "Configurations in memory: the present one and those that old requests still use.",
              exposition->publisher->live_count);
    put_gauge(output, "fairlead_listeners", "Listeners of the configuration.", snapshot->listener_count);
    put_gauge(output, "fairlead_routes", "HTTP routes of the configuration.", route_count(snapshot));
    put_gauge(output, "fairlead_clusters", "Clusters of the configuration.", snapshot->cluster_count);
}

static void write_diagnostics(const struct exposition *exposition, struct builder *output) {
    const struct reload_report *report = exposition->report;
    exposition_begin(output, "fairlead_diagnostics", "gauge", "Messages of the last load, by code and severity.");
    for (size_t i = 0; i < report->code_count; i++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "FL%04d", (int)report->codes[i].code);
        builder_put(output, SPAN_LITERAL("fairlead_diagnostics{"));
        exposition_put_label(output, "code", span_of(code));
        exposition_put_label(output, "severity", span_of(diagnostic_severity_name(report->codes[i].severity)));
        exposition_end_labels(output);
    builder_print(output, "%llu\n", (unsigned long long)report->codes[i].count);
    }
}

static void write_certificates(const struct snapshot *snapshot, struct builder *output) {
    struct arena arena;
    arena_init(&arena, 4096);
    exposition_begin(output, "fairlead_certificate_expiration_timestamp_seconds", "gauge",
                     "When a certificate that the gateway shows expires, in seconds since 1970.");
    size_t left = METRICS_CERTIFICATES_MAX;
    for (const struct shown_certificate *item = certificates_find(snapshot, &arena); item != NULL && left > 0; item = item->next) {
        if (item->identity == NULL)
            continue;
        left--;
        builder_put(output, SPAN_LITERAL("fairlead_certificate_expiration_timestamp_seconds{"));
        exposition_put_label(output, "shown_to", item->to_upstreams ? SPAN_LITERAL("upstreams") : SPAN_LITERAL("clients"));
        exposition_put_label(output, "credential", item->credential);
        exposition_put_label(output, "serial", tls_identity_serial(item->identity));
        exposition_end_labels(output);
        builder_print(output, "%lld\n", (long long)tls_identity_not_after(item->identity));
    }
    arena_deinit(&arena);
}

void exposition_write(const struct exposition *exposition, struct builder *output) {
    write_process(exposition, output);
    write_configuration(exposition, output);
    write_diagnostics(exposition, output);
    write_certificates(publisher_current(exposition->publisher), output);
    figures_write_exposition(exposition->publisher->workers, exposition->publisher->worker_count, output);
    exposition_write_traffic(exposition, output);
}

void exposition_answer(void *argument, const struct local_request *request, struct local_answer *ret_answer) {
    const struct exposition *exposition = argument;
    bool scrape = span_equal(request->path, SPAN_LITERAL("/stats/prometheus")) || span_equal(request->path, SPAN_LITERAL("/metrics"));
    if (!scrape) {
        status_answer(request, *exposition->ready, ret_answer);
        return;
    }
    if (!status_is_reading(request, ret_answer))
        return;
    ret_answer->status = 200;
    ret_answer->content_type = EXPOSITION_CONTENT_TYPE;
    exposition_write(exposition, &ret_answer->text);
}
