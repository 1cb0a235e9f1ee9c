#include "server/destination_registry.h"

#include <stdlib.h>

#include "base/builder.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/exposition_text.h"

#define UNKNOWN SPAN_LITERAL("unknown")
#define OTHER SPAN_LITERAL("other")

/* What Istio knows of the workload behind an endpoint it has from the mesh; the gateway does not, and says so as Istio's own does. */
static void put_labels(struct builder *text, struct span service, struct span name, struct span namespace) {
    exposition_put_label(text, "destination_workload", UNKNOWN);
    exposition_put_label(text, "destination_workload_namespace", UNKNOWN);
    exposition_put_label(text, "destination_principal", UNKNOWN);
    exposition_put_label(text, "destination_app", UNKNOWN);
    exposition_put_label(text, "destination_version", UNKNOWN);
    exposition_put_label(text, "destination_service", service);
    exposition_put_label(text, "destination_canonical_service", UNKNOWN);
    exposition_put_label(text, "destination_canonical_revision", SPAN_LITERAL("latest"));
    exposition_put_label(text, "destination_service_name", name);
    exposition_put_label(text, "destination_service_namespace", namespace);
    exposition_put_label(text, "destination_cluster", UNKNOWN);
}

static struct registered_destination *destination_create(const struct destination_registry *registry, struct span key, struct span service,
                                                         struct span name, struct span namespace) {
    struct registered_destination *destination = memory_allocate_zeroed(1, sizeof(*destination));
    struct builder labels = {.data = NULL}, copy = {.data = NULL};
    destination_counters_init(&destination->counters, registry->worker_count);
    put_labels(&labels, service, name, namespace);
    destination->labels = builder_span(&labels);
    builder_put(&copy, key);
    destination->key = builder_span(&copy);
    return destination;
}

static void destination_free(struct registered_destination *destination) {
    destination_counters_deinit(&destination->counters);
    free((void *)(uintptr_t)destination->labels.data);
    free((void *)(uintptr_t)destination->key.data);
    free(destination);
}

void destination_registry_init(struct destination_registry *registry, unsigned worker_count) {
    *registry = (struct destination_registry){.worker_count = worker_count};
    map_init(&registry->by_key);
    registry->unrouted = destination_create(registry, SPAN_EMPTY, UNKNOWN, UNKNOWN, UNKNOWN);
    registry->overflow = destination_create(registry, SPAN_EMPTY, OTHER, OTHER, OTHER);
    registry->unrouted->share = HISTOGRAMS_OWN;
    registry->overflow->share = HISTOGRAMS_SHARED;
}

void destination_registry_deinit(struct destination_registry *registry) {
    if (registry->unrouted == NULL)
        return;
    map_deinit(&registry->by_key);
    for (size_t i = 0; i < registry->count; i++)
        destination_free(registry->items[i]);
    free(registry->items);
    destination_free(registry->unrouted);
    destination_free(registry->overflow);
    *registry = (struct destination_registry){.count = 0};
}

/* Namespace and host: two ServiceEntries of one host are two services. */
static struct span key_of(const struct cluster *cluster, struct builder *key) {
    key->size = 0;
    builder_put(key, cluster->service_namespace);
    builder_put_byte(key, '/');
    builder_put(key, cluster->host);
    return builder_span(key);
}

static struct registered_destination *destination_of(struct destination_registry *registry, const struct cluster *cluster, struct builder *key) {
    struct registered_destination *destination = map_get(&registry->by_key, key_of(cluster, key));
    if (destination != NULL)
        return destination;
    if (registry->count == METRICS_DESTINATIONS_MAX)
        return registry->overflow;
    destination = destination_create(registry, builder_span(key), cluster->host, cluster->service_name, cluster->service_namespace);
    registry->items = memory_resize(registry->items, (registry->count + 1) * sizeof(*registry->items));
    registry->items[registry->count++] = destination;
    map_set(&registry->by_key, destination->key, destination);
    return destination;
}

void destination_registry_follow(struct destination_registry *registry, struct snapshot *snapshot) {
    struct builder key = {.data = NULL};
    for (size_t i = 0; i < snapshot->cluster_count; i++) {
        struct destination_counters *counters = &destination_of(registry, snapshot->clusters[i], &key)->counters;
        /* What workers may be reading, for it is another snapshot's too, is not written. */
        if (snapshot->clusters[i]->counters != counters)
            snapshot->clusters[i]->counters = counters;
    }
    snapshot->unrouted = &registry->unrouted->counters;
    builder_deinit(&key);
}

static void mark(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->cluster_count; i++)
        if (snapshot->clusters[i]->counters != NULL)
            CONTAINER_OF(snapshot->clusters[i]->counters, struct registered_destination, counters)->named = true;
}

static void retire(struct destination_registry *registry, struct registered_destination *destination) {
    for (size_t i = 0; i < COUNTED_HTTP_PROTOCOLS && destination->share == HISTOGRAMS_SHARED; i++)
        request_sums_add(&registry->retired[i], &destination->counters, (enum counted_protocol)i);
    if (destination->share == HISTOGRAMS_OWN)
        registry->own_histograms--;
    (void)map_remove(&registry->by_key, destination->key);
    destination_free(destination);
}

void destination_registry_sweep(struct destination_registry *registry, struct snapshot *const *snapshots, size_t count) {
    for (size_t i = 0; i < registry->count; i++)
        registry->items[i]->named = false;
    for (size_t i = 0; i < count; i++)
        mark(snapshots[i]);
    size_t kept = 0;
    for (size_t i = 0; i < registry->count; i++) {
        struct registered_destination *destination = registry->items[i];
        if (destination->named || !destination_counters_are_free(&destination->counters))
            registry->items[kept++] = destination;
        else
            retire(registry, destination);
    }
    registry->count = kept;
}

void request_sums_add(struct request_sums *sums, const struct destination_counters *counters, enum counted_protocol protocol) {
    for (unsigned i = 0; i < counters->slot_count; i++) {
        const struct destination_slot *slot = atomic_load_explicit(&counters->slots[i], memory_order_acquire);
        const struct request_histograms *histograms =
            slot == NULL ? NULL : atomic_load_explicit(&slot->histograms[protocol], memory_order_acquire);
        if (histograms == NULL)
            continue;
        sums->used = true;
        for (size_t kind = 0; kind < HISTOGRAM_KINDS; kind++) {
            for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
                sums->of[kind].buckets[bucket] += counter_read(&histograms->of[kind].buckets[bucket]);
            sums->of[kind].sum += counter_read(&histograms->of[kind].sum);
        }
    }
}
