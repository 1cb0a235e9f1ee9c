/* Istio's standard metrics (istio.io, "Istio Standard Metrics"; the values of Istio's own stats filter at a gateway). */
#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "server/exposition.h"
#include "server/exposition_text.h"
#include "wire/response_flag.h"

struct outcome_sum {
    uint64_t outcome;
    uint64_t count;
};

/* What one scrape needs beside the counters. */
struct traffic_writer {
    struct destination_registry *registry;
    struct builder *output;
    struct builder source; /* the labels of the gateway itself, the same in every line */
    struct request_sums shared[COUNTED_HTTP_PROTOCOLS];
    struct outcome_sum *outcomes; /* of one destination, over the workers */
    size_t outcome_count, outcome_capacity;
};

static const char *const protocol_names[] = {"http", "grpc", "tcp"};

static struct span first_of(struct span first, struct span second, struct span third) {
    return first.size > 0 ? first : second.size > 0 ? second : third;
}

static void write_source(const struct gateway_settings *settings, struct builder *text) {
    struct span unknown = SPAN_LITERAL("unknown");
    exposition_put_label(text, "reporter", SPAN_LITERAL("source"));
    exposition_put_label(text, "source_workload", settings->gateway_name);
    exposition_put_label(text, "source_canonical_service", first_of(settings->canonical_name, settings->app, settings->gateway_name));
    exposition_put_label(text, "source_canonical_revision", first_of(settings->canonical_revision, settings->version, SPAN_LITERAL("latest")));
    exposition_put_label(text, "source_workload_namespace", settings->gateway_namespace);
    exposition_put_label(text, "source_principal", unknown);
    exposition_put_label(text, "source_app", first_of(settings->app, unknown, unknown));
    exposition_put_label(text, "source_version", first_of(settings->version, unknown, unknown));
    exposition_put_label(text, "source_cluster", SPAN_LITERAL("Kubernetes"));
}

static void begin_line(struct traffic_writer *writer, struct span name, const struct registered_destination *destination, enum counted_protocol protocol) {
    builder_put(writer->output, name);
    builder_put_byte(writer->output, '{');
    builder_put(writer->output, builder_span(&writer->source));
    builder_put(writer->output, destination->labels);
    exposition_put_label(writer->output, "request_protocol", span_of(protocol_names[protocol]));
}

/* An Istio gateway reports as the source, which does not know how the destination was secured. */
static void end_line(struct traffic_writer *writer, uint64_t value) {
    builder_put(writer->output, SPAN_LITERAL("connection_security_policy=\"unknown\"} "));
    builder_put_number(writer->output, value);
    builder_put_byte(writer->output, '\n');
}

/* --- Outcomes --- */

static void add_outcome(struct traffic_writer *writer, uint64_t outcome, uint64_t count) {
    for (size_t i = 0; i < writer->outcome_count; i++) {
        if (writer->outcomes[i].outcome == outcome) {
            writer->outcomes[i].count += count;
            return;
        }
    }
    if (writer->outcome_count == writer->outcome_capacity) {
        writer->outcome_capacity = writer->outcome_capacity == 0 ? DESTINATION_OUTCOMES_MAX : 2 * writer->outcome_capacity;
        writer->outcomes = memory_resize(writer->outcomes, writer->outcome_capacity * sizeof(*writer->outcomes));
    }
    writer->outcomes[writer->outcome_count++] = (struct outcome_sum){.outcome = outcome, .count = count};
}

static void add_slot(struct traffic_writer *writer, const struct destination_slot *slot) {
    const struct outcome_chunk *chunk = &slot->outcomes;
    while (chunk != NULL) {
        for (size_t i = 0; i < OUTCOMES_PER_CHUNK; i++) {
            uint64_t outcome = atomic_load_explicit(&chunk->items[i].outcome, memory_order_acquire);
            if (outcome == 0)
                return;
            add_outcome(writer, outcome, counter_read(&chunk->items[i].count));
        }
        chunk = atomic_load_explicit(&chunk->next, memory_order_acquire);
    }
}

static const struct destination_slot *slot_at(const struct destination_counters *counters, unsigned index) {
    return atomic_load_explicit(&counters->slots[index], memory_order_acquire);
}

static void collect_outcomes(struct traffic_writer *writer, const struct destination_counters *counters) {
    writer->outcome_count = 0;
    for (unsigned i = 0; i < counters->slot_count; i++)
        if (slot_at(counters, i) != NULL)
            add_slot(writer, slot_at(counters, i));
}

static void put_flags(struct traffic_writer *writer, const struct outcome *outcome) {
    char flags[RESPONSE_FLAGS_TEXT_MAX];
    size_t size = response_flags_print(outcome->response_flags, flags);
    exposition_put_label(writer->output, "response_flags", outcome->is_other ? SPAN_LITERAL("other") : span_make(flags, size));
}

static void write_outcome(struct traffic_writer *writer, struct span name, const struct registered_destination *destination,
                          const struct outcome_sum *sum, bool tcp) {
    struct outcome outcome = outcome_unpack(sum->outcome);
    if ((outcome.protocol == COUNTED_TCP) != tcp)
        return;
    begin_line(writer, name, destination, outcome.protocol);
    if (!tcp) {
        struct builder *output = writer->output;
        builder_put(output, SPAN_LITERAL("response_code=\""));
        if (outcome.is_other)
            builder_put(output, SPAN_LITERAL("other"));
        else
            builder_put_number(output, outcome.response_code);
        builder_put(output, SPAN_LITERAL("\",grpc_response_status=\""));
        if (outcome.grpc_status >= 0 && !outcome.is_other)
            builder_put_number(output, (uint64_t)outcome.grpc_status);
        builder_put(output, SPAN_LITERAL("\","));
    }
    put_flags(writer, &outcome);
    end_line(writer, sum->count);
}

static void write_outcomes(struct traffic_writer *writer, struct span name, const struct registered_destination *destination, bool tcp) {
    collect_outcomes(writer, &destination->counters);
    for (size_t i = 0; i < writer->outcome_count; i++)
        write_outcome(writer, name, destination, &writer->outcomes[i], tcp);
}

/* Every destination: those of routes, none, and the many. */
static struct registered_destination *destination_at(const struct destination_registry *registry, size_t index) {
    return index < registry->count ? registry->items[index] : index == registry->count ? registry->unrouted : registry->overflow;
}

static void write_outcome_family(struct traffic_writer *writer, const char *name, const char *help, bool tcp) {
    exposition_begin(writer->output, name, "counter", help);
    for (size_t i = 0; i < writer->registry->count + 2; i++)
        write_outcomes(writer, span_of(name), destination_at(writer->registry, i), tcp);
}

/* --- TCP --- */

static void write_tcp_family(struct traffic_writer *writer, const char *name, const char *help, size_t offset) {
    exposition_begin(writer->output, name, "counter", help);
    for (size_t i = 0; i < writer->registry->count + 2; i++) {
        const struct registered_destination *destination = destination_at(writer->registry, i);
        uint64_t opened = 0, value = 0;
        for (unsigned j = 0; j < destination->counters.slot_count; j++) {
            const struct destination_slot *slot = slot_at(&destination->counters, j);
            if (slot == NULL)
                continue;
            opened += counter_read(&slot->tcp_opened);
            value += counter_read((const struct counter *)(const void *)((const char *)slot + offset));
        }
        if (opened == 0)
            continue;
        begin_line(writer, span_of(name), destination, COUNTED_TCP);
        builder_put(writer->output, SPAN_LITERAL("response_flags=\"-\","));
        end_line(writer, value);
    }
}

/* --- Histograms --- */

struct histogram_family {
    const char *bucket, *sum, *count;
    const char *name, *help;
};

static const struct histogram_family histogram_families[HISTOGRAM_KINDS] = {
    [HISTOGRAM_DURATION] = {"istio_request_duration_milliseconds_bucket", "istio_request_duration_milliseconds_sum",
                            "istio_request_duration_milliseconds_count", "istio_request_duration_milliseconds",
                            "From a request's first byte to the end of its response, in milliseconds."},
    [HISTOGRAM_REQUEST_BYTES] = {"istio_request_bytes_bucket", "istio_request_bytes_sum", "istio_request_bytes_count", "istio_request_bytes",
                                 "Bytes of the content of requests."},
    [HISTOGRAM_RESPONSE_BYTES] = {"istio_response_bytes_bucket", "istio_response_bytes_sum", "istio_response_bytes_count", "istio_response_bytes",
                                  "Bytes of the content of responses."},
};

static const char *const bound_names[HISTOGRAM_BUCKETS] = {"0.5",  "1",    "5",     "10",    "25",    "50",     "100",    "250",     "500",     "1000",
                                                           "2500", "5000", "10000", "30000", "60000", "300000", "600000", "1800000", "3600000", "+Inf"};

static void write_histogram(struct traffic_writer *writer, const struct registered_destination *destination, enum counted_protocol protocol,
                            enum histogram_kind kind, const struct histogram_sums *sums) {
    const struct histogram_family *family = &histogram_families[kind];
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += sums->buckets[i];
        begin_line(writer, span_of(family->bucket), destination, protocol);
        exposition_put_label(writer->output, "le", span_of(bound_names[i]));
        end_line(writer, count);
    }
    begin_line(writer, span_of(family->sum), destination, protocol);
    builder_put(writer->output, SPAN_LITERAL("connection_security_policy=\"unknown\"} "));
    if (kind == HISTOGRAM_DURATION)
        exposition_put_milliseconds(writer->output, sums->sum);
    else
        builder_put_number(writer->output, sums->sum);
    builder_put_byte(writer->output, '\n');
    begin_line(writer, span_of(family->count), destination, protocol);
    end_line(writer, count);
}

/* First come, first served: who has its own keeps it while it is configured. */
static void decide_share(struct destination_registry *registry, struct registered_destination *destination) {
    if (destination->share != HISTOGRAMS_UNDECIDED)
        return;
    struct request_sums sums = {.used = false};
    for (size_t i = 0; i < COUNTED_HTTP_PROTOCOLS; i++)
        request_sums_add(&sums, &destination->counters, (enum counted_protocol)i);
    if (!sums.used)
        return;
    bool own = registry->own_histograms < METRICS_HISTOGRAMS_MAX;
    destination->share = own ? HISTOGRAMS_OWN : HISTOGRAMS_SHARED;
    registry->own_histograms += own;
}

static void collect_shared(struct traffic_writer *writer) {
    struct destination_registry *registry = writer->registry;
    memcpy(writer->shared, registry->retired, sizeof(writer->shared));
    for (size_t i = 0; i < registry->count + 2; i++) {
        struct registered_destination *destination = destination_at(registry, i);
        decide_share(registry, destination);
        for (size_t j = 0; j < COUNTED_HTTP_PROTOCOLS && destination->share == HISTOGRAMS_SHARED; j++)
            request_sums_add(&writer->shared[j], &destination->counters, (enum counted_protocol)j);
    }
}

static void write_histograms(struct traffic_writer *writer, enum histogram_kind kind) {
    struct destination_registry *registry = writer->registry;
    exposition_begin(writer->output, histogram_families[kind].name, "histogram", histogram_families[kind].help);
    for (size_t j = 0; j < COUNTED_HTTP_PROTOCOLS; j++) {
        for (size_t i = 0; i < registry->count + 1; i++) {
            const struct registered_destination *destination = destination_at(registry, i);
            struct request_sums sums = {.used = false};
            if (destination->share == HISTOGRAMS_OWN)
                request_sums_add(&sums, &destination->counters, (enum counted_protocol)j);
            if (sums.used)
                write_histogram(writer, destination, (enum counted_protocol)j, kind, &sums.of[kind]);
        }
        if (writer->shared[j].used)
            write_histogram(writer, registry->overflow, (enum counted_protocol)j, kind, &writer->shared[j].of[kind]);
    }
}

void exposition_write_traffic(const struct exposition *exposition, struct builder *output) {
    struct traffic_writer writer = {.registry = exposition->registry, .output = output};
    write_source(&publisher_current(exposition->publisher)->settings, &writer.source);
    collect_shared(&writer);
    write_outcome_family(&writer, "istio_requests_total", "Requests, by destination, response code and flags.", false);
    for (size_t kind = 0; kind < HISTOGRAM_KINDS; kind++)
        write_histograms(&writer, (enum histogram_kind)kind);
    write_tcp_family(&writer, "istio_tcp_connections_opened_total", "TCP connections begun, TLS passed through among them.",
                     offsetof(struct destination_slot, tcp_opened));
    write_outcome_family(&writer, "istio_tcp_connections_closed_total", "TCP connections that are over.", true);
    write_tcp_family(&writer, "istio_tcp_received_bytes_total", "Bytes of TCP connections from clients.",
                     offsetof(struct destination_slot, tcp_received_bytes));
    write_tcp_family(&writer, "istio_tcp_sent_bytes_total", "Bytes of TCP connections to clients.",
                     offsetof(struct destination_slot, tcp_sent_bytes));
    builder_deinit(&writer.source);
    free(writer.outcomes);
}
