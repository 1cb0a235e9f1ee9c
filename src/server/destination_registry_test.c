#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "server/destination_registry.h"

/* Clusters named h<first> to h<first + count - 1>, of one namespace. */
static struct snapshot *snapshot_of(unsigned first, size_t count) {
    struct snapshot *snapshot = snapshot_create();
    snapshot->clusters = arena_new_array(&snapshot->arena, struct cluster *, count);
    for (size_t i = 0; i < count; i++) {
        struct cluster *cluster = arena_new(&snapshot->arena, struct cluster);
        cluster->host = arena_print(&snapshot->arena, "h%zu", first + i);
        cluster->name = arena_print(&snapshot->arena, "outbound|80||h%zu", first + i);
        cluster->service_name = cluster->host;
        cluster->service_namespace = SPAN_LITERAL("n");
        snapshot->clusters[snapshot->cluster_count++] = cluster;
    }
    snapshot_seal(snapshot);
    return snapshot;
}

static void count(struct destination_counters *counters, unsigned worker, uint64_t bytes) {
    struct counted_request request = {.outcome = {.response_code = 200, .grpc_status = -1}, .sent_bytes = bytes};
    destination_slot_count_request(destination_slot_of(counters, worker), &request);
}

static void test_counters_are_found_again_by_name(void **state) {
    (void)state;
    struct destination_registry registry;
    destination_registry_init(&registry, 2);
    struct snapshot *first = snapshot_of(5, 2), *second = snapshot_of(4, 2);
    destination_registry_follow(&registry, first);
    assert_ptr_not_equal(first->clusters[0]->counters, first->clusters[1]->counters);
    destination_registry_follow(&registry, second);
    assert_ptr_equal(first->clusters[0]->counters, second->clusters[1]->counters);
    assert_ptr_equal(first->unrouted, second->unrouted);
    assert_int_equal(registry.count, 3);
    /* Both live: nothing goes. Then h6 does. */
    struct snapshot *live[] = {first, second};
    destination_registry_sweep(&registry, live, 2);
    assert_int_equal(registry.count, 3);
    snapshot_destroy(first);
    destination_registry_sweep(&registry, live + 1, 1);
    assert_int_equal(registry.count, 2);
    snapshot_destroy(second);
    destination_registry_deinit(&registry);
}

static void test_ports_and_subsets_of_a_host_are_one(void **state) {
    (void)state;
    struct destination_registry registry;
    destination_registry_init(&registry, 1);
    struct snapshot *snapshot = snapshot_of(0, 2);
    snapshot->clusters[1]->host = snapshot->clusters[0]->host;
    destination_registry_follow(&registry, snapshot);
    assert_ptr_equal(snapshot->clusters[0]->counters, snapshot->clusters[1]->counters);
    /* But not those of another namespace. */
    snapshot->clusters[1]->service_namespace = SPAN_LITERAL("m");
    destination_registry_follow(&registry, snapshot);
    assert_ptr_not_equal(snapshot->clusters[0]->counters, snapshot->clusters[1]->counters);
    snapshot_destroy(snapshot);
    destination_registry_deinit(&registry);
}

static void test_what_is_pinned_stays(void **state) {
    (void)state;
    struct destination_registry registry;
    destination_registry_init(&registry, 2);
    struct snapshot *snapshot = snapshot_of(0, 1);
    destination_registry_follow(&registry, snapshot);
    struct destination_slot *slot = destination_slot_of(snapshot->clusters[0]->counters, 1);
    destination_slot_pin(slot);
    snapshot_destroy(snapshot);
    destination_registry_sweep(&registry, NULL, 0);
    assert_int_equal(registry.count, 1);
    destination_slot_unpin(slot);
    destination_registry_sweep(&registry, NULL, 0);
    assert_int_equal(registry.count, 0);
    destination_registry_deinit(&registry);
}

static void test_the_many_share_one(void **state) {
    (void)state;
    struct destination_registry registry;
    destination_registry_init(&registry, 1);
    struct snapshot *snapshot = snapshot_of(0, METRICS_DESTINATIONS_MAX + 2);
    destination_registry_follow(&registry, snapshot);
    assert_int_equal(registry.count, METRICS_DESTINATIONS_MAX);
    assert_ptr_equal(snapshot->clusters[METRICS_DESTINATIONS_MAX]->counters, &registry.overflow->counters);
    assert_ptr_equal(snapshot->clusters[METRICS_DESTINATIONS_MAX + 1]->counters, &registry.overflow->counters);
    destination_registry_sweep(&registry, &snapshot, 1);
    assert_int_equal(registry.count, METRICS_DESTINATIONS_MAX);
    snapshot_destroy(snapshot);
    destination_registry_deinit(&registry);
}

static void test_shared_histograms_outlive_their_destination(void **state) {
    (void)state;
    struct destination_registry registry;
    destination_registry_init(&registry, 2);
    struct snapshot *snapshot = snapshot_of(0, 1);
    destination_registry_follow(&registry, snapshot);
    count(snapshot->clusters[0]->counters, 0, 7);
    count(snapshot->clusters[0]->counters, 1, 8);
    registry.items[0]->share = HISTOGRAMS_SHARED;
    snapshot_destroy(snapshot);
    destination_registry_sweep(&registry, NULL, 0);
    assert_int_equal(registry.count, 0);
    assert_true(registry.retired[COUNTED_HTTP].used);
    assert_int_equal(registry.retired[COUNTED_HTTP].of[HISTOGRAM_RESPONSE_BYTES].sum, 15);
    assert_false(registry.retired[COUNTED_GRPC].used);
    destination_registry_deinit(&registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_are_found_again_by_name), cmocka_unit_test(test_ports_and_subsets_of_a_host_are_one),
        cmocka_unit_test(test_what_is_pinned_stays),             cmocka_unit_test(test_the_many_share_one),
        cmocka_unit_test(test_shared_histograms_outlive_their_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
