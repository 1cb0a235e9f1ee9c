#include "server/resolution.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

struct resolved_name {
    struct resolution *resolution;
    struct timer timer; /* when to ask again */
    struct network_address *addresses; /* the last good ones; heap */
    size_t address_count;
    uint64_t retry_ns; /* after the next failure */
    bool asking;
    bool wanted;    /* by the current snapshot */
    bool forgotten; /* freed once its query is answered */
    bool failing;   /* said so */
    size_t host_size;
    char host[]; /* NUL-terminated */
};

static void name_ask(struct resolved_name *name);

static void name_due(struct timer *timer) {
    name_ask(CONTAINER_OF(timer, struct resolved_name, timer));
}

static void name_free(struct resolved_name *name) {
    timer_cancel(name->resolution->timers, &name->timer);
    free(name->addresses);
    free(name);
}

static void name_schedule(struct resolved_name *name, uint64_t delay_ns) {
    timer_set(name->resolution->timers, &name->timer, clock_monotonic_ns(), delay_ns);
}

/* --- Tables --- */

static size_t cluster_endpoint_max(const struct resolution *resolution, const struct cluster *cluster) {
    size_t count = 0;
    for (size_t i = 0; i < cluster->name_count; i++) {
        const struct resolved_name *name = map_get(&resolution->names, cluster->names[i].host);
        count += name == NULL ? 0 : name->address_count;
    }
    return count;
}

static void add_cluster(const struct resolution *resolution, const struct cluster *cluster, struct endpoint_table *table) {
    struct cluster *resolved = endpoint_table_add(table, cluster->name, cluster_endpoint_max(resolution, cluster));
    bool weighted = false;
    for (size_t i = 0; resolved != NULL && i < cluster->name_count; i++) {
        const struct resolved_name *name = map_get(&resolution->names, cluster->names[i].host);
        size_t count = name == NULL ? 0 : cluster->takes_first_address && name->address_count > 1 ? 1 : name->address_count;
        for (size_t address = 0; address < count; address++) {
            endpoint_table_add_endpoint(table, resolved, &name->addresses[address], &cluster->names[i]);
            resolved->weight_total += cluster->names[i].weight;
            weighted = weighted || cluster->names[i].weight != cluster->names[0].weight;
        }
    }
    if (resolved != NULL && !weighted)
        resolved->weight_total = 0;
}

static void add_clusters(const struct resolution *resolution, const struct snapshot *snapshot, struct endpoint_table *table) {
    for (size_t i = 0; snapshot != NULL && i < snapshot->cluster_count; i++)
        if (snapshot->clusters[i]->name_count > 0)
            add_cluster(resolution, snapshot->clusters[i], table);
}

struct endpoint_table *resolution_table(const struct resolution *resolution) {
    struct endpoint_table *table = endpoint_table_create();
    add_clusters(resolution, resolution->snapshot, table);
    add_clusters(resolution, resolution->former, table);
    return table;
}

static void publish(struct resolution *resolution) {
    if (!resolution->publishes || resolution->worker_count == 0)
        return;
    resolution->publishes = false;
    struct endpoint_table *table = resolution_table(resolution);
    for (size_t i = 0; i < resolution->worker_count; i++)
        worker_publish_endpoints(resolution->workers[i], endpoint_table_pin(table));
    endpoint_table_unpin(resolution->table);
    resolution->table = table;
}

/* --- Answers --- */

static bool same_addresses(const struct resolved_name *name, const struct dns_answer *answer) {
    if (name->address_count != answer->count)
        return false;
    for (size_t i = 0; i < answer->count; i++)
        if (!network_address_equal(&name->addresses[i], &answer->addresses[i]))
            return false;
    return true;
}

static void name_failed(struct resolved_name *name, const char *error) {
    if (!name->failing)
        log_warning("DNS: %s cannot be resolved: %s; %s", name->host, error,
                    name->address_count > 0 ? "its last good addresses stay in use" : "requests to it are answered 503 until it can");
    name->failing = true;
    name_schedule(name, name->retry_ns);
    name->retry_ns = 2 * name->retry_ns < DNS_RETRY_NS_MAX ? 2 * name->retry_ns : DNS_RETRY_NS_MAX;
}

static void name_resolved(struct resolved_name *name, const struct dns_answer *answer) {
    if (name->failing)
        log_info("DNS: %s is resolved again, %zu addresses", name->host, answer->count);
    name->failing = false;
    name->retry_ns = DNS_RETRY_NS_MIN;
    if (!same_addresses(name, answer)) {
        name->addresses = memory_resize(name->addresses, answer->count * sizeof(struct network_address));
        memcpy(name->addresses, answer->addresses, answer->count * sizeof(struct network_address));
        name->address_count = answer->count;
        name->resolution->publishes = true;
        log_debug("DNS: %s has %zu addresses", name->host, answer->count);
    }
    uint64_t lifetime_ns = answer->lifetime_ns < DNS_LIFETIME_NS_MIN ? DNS_LIFETIME_NS_MIN : answer->lifetime_ns;
    name_schedule(name, lifetime_ns > DNS_LIFETIME_NS_MAX ? DNS_LIFETIME_NS_MAX : lifetime_ns);
}

static void name_answered(void *argument, const struct dns_answer *answer) {
    struct resolved_name *name = argument;
    struct resolution *resolution = name->resolution;
    name->asking = false;
    if (name->forgotten) {
        name_free(name);
        return;
    }
    if (answer->error != NULL)
        name_failed(name, answer->error);
    else
        name_resolved(name, answer);
    publish(resolution);
}

static void name_ask(struct resolved_name *name) {
    ASSERT(!name->asking);
    name->asking = true;
    dns_resolver_ask(name->resolution->resolver, name->host, name_answered, name);
}

/* --- Names --- */

static struct resolved_name *name_create(struct resolution *resolution, struct span host) {
    struct resolved_name *name = memory_allocate_zeroed(1, sizeof(*name) + host.size + 1);
    name->resolution = resolution;
    name->retry_ns = DNS_RETRY_NS_MIN;
    name->host_size = host.size;
    memcpy(name->host, host.data, host.size);
    timer_init(&name->timer, name_due);
    map_set(&resolution->names, span_make(name->host, host.size), name);
    return name;
}

/* New ones are asked for at the next turn, when the snapshot has been published. */
static void want_names(struct resolution *resolution, const struct cluster *cluster) {
    for (size_t i = 0; i < cluster->name_count; i++) {
        struct resolved_name *name = map_get(&resolution->names, cluster->names[i].host);
        if (name == NULL && resolution->names.count >= DNS_NAMES_MAX) {
            log_error("DNS: more than %d host names: %.*s is not resolved", DNS_NAMES_MAX, SPAN_ARGUMENTS(cluster->names[i].host));
            continue;
        }
        if (name == NULL) {
            name = name_create(resolution, cluster->names[i].host);
            name_schedule(name, 0);
        }
        name->wanted = true;
    }
}

static void forget(struct resolution *resolution, struct resolved_name *name) {
    map_remove(&resolution->names, span_make(name->host, name->host_size));
    timer_cancel(resolution->timers, &name->timer);
    name->forgotten = true;
    if (!name->asking)
        name_free(name);
}

static struct resolved_name *next_unwanted(const struct resolution *resolution) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&resolution->names, &cursor, &entry);)
        if (!((struct resolved_name *)entry.value)->wanted)
            return entry.value;
    return NULL;
}

void resolution_follow(struct resolution *resolution, const struct snapshot *snapshot) {
    struct map_entry entry;
    struct resolved_name *name;
    resolution->former = resolution->snapshot;
    resolution->snapshot = snapshot;
    for (size_t cursor = 0; map_next(&resolution->names, &cursor, &entry);)
        ((struct resolved_name *)entry.value)->wanted = false;
    for (size_t i = 0; i < snapshot->cluster_count; i++) {
        resolution->publishes = resolution->publishes || snapshot->clusters[i]->name_count > 0;
        want_names(resolution, snapshot->clusters[i]);
    }
    publish(resolution);
    while ((name = next_unwanted(resolution)) != NULL)
        forget(resolution, name);
    resolution->former = NULL;
}

void resolution_set_workers(struct resolution *resolution, struct worker **workers, size_t worker_count) {
    resolution->workers = workers;
    resolution->worker_count = worker_count;
}

int resolution_init(struct resolution *resolution, struct loop *loop, struct timer_wheel *timers, const char *servers) {
    *resolution = (struct resolution){.timers = timers};
    map_init(&resolution->names);
    return dns_resolver_create(loop, timers, servers, &resolution->resolver);
}

void resolution_deinit(struct resolution *resolution) {
    struct resolved_name *name;
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&resolution->names, &cursor, &entry);)
        ((struct resolved_name *)entry.value)->wanted = false;
    while ((name = next_unwanted(resolution)) != NULL)
        forget(resolution, name);
    /* Those under way are answered now, and free themselves. */
    dns_resolver_destroy(resolution->resolver);
    resolution->resolver = NULL;
    endpoint_table_unpin(resolution->table);
    resolution->table = NULL;
    map_deinit(&resolution->names);
}
