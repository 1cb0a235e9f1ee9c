#include "compile/ports.h"

#include "compile/test_world.h"

/* A Service of the default ingress gateway, its ports, and a Gateway with HTTP servers on the numbers 80, 443 and 10443. */
#define SERVICE(name, ports)                                                                              \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: istio-system}\n"           \
    "spec:\n  selector: {istio: ingressgateway}\n  ports: [" ports "]\n"
#define SERVER(number) "  - {hosts: ['*'], port: {number: " number ", name: p" number ", protocol: HTTP}}\n"
#define GATEWAY                                                                                            \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec:\n" \
    "  selector: {istio: ingressgateway}\n  servers:\n" SERVER("80") SERVER("443") SERVER("10443")

static void expect_ports(const char *yaml, const uint16_t *ports, size_t count) {
    struct world world;
    world_of(&world, yaml);
    assert_non_null(world.snapshot);
    assert_int_equal(world.snapshot->listener_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(world.snapshot->listeners[i]->port, ports[i]);
    world_close(&world);
}

static void the_target_port_is_bound(void **state) {
    (void)state;
    const uint16_t ports[] = {8080, 8443, 10443};
    expect_ports(SERVICE("istio-ingressgateway", "{port: 80, name: http, targetPort: 8080}, {port: 443, name: https, targetPort: 8443}") GATEWAY,
                 ports, 3);
}

static void the_default_profile_is_assumed_without_a_service(void **state) {
    (void)state;
    const uint16_t ports[] = {8080, 8443, 10443};
    expect_ports(GATEWAY, ports, 3);
}

static void a_second_port_of_equal_protocol_is_forgotten(void **state) {
    (void)state;
    const uint16_t ports[] = {80, 8443, 10443};
    expect_ports(SERVICE("s", "{port: 443, name: https, targetPort: 8443}, {port: 10443, name: https-b, targetPort: 8443}") GATEWAY,
                 ports, 3);
}

static void a_second_port_of_another_protocol_is_kept(void **state) {
    (void)state;
    const uint16_t ports[] = {80, 8443};
    expect_ports(SERVICE("s", "{port: 443, name: https, targetPort: 8443}, {port: 10443, name: tls-b, targetPort: 8443}") GATEWAY,
                 ports, 2);
}

static void only_one_service_forgets_not_two(void **state) {
    (void)state;
    const uint16_t ports[] = {80, 8443};
    expect_ports(SERVICE("a", "{port: 443, name: https, targetPort: 8443}")
                 SERVICE("b", "{port: 10443, name: https, targetPort: 8443}") GATEWAY, ports, 2);
}

static void the_first_service_by_name_decides(void **state) {
    (void)state;
    const uint16_t ports[] = {443, 8001, 10443};
    expect_ports(SERVICE("b", "{port: 80, name: http, targetPort: 8002}")
                 SERVICE("a", "{port: 80, name: http, targetPort: 8001}") GATEWAY, ports, 3);
}

static void a_service_of_another_namespace_or_selector_does_not_count(void **state) {
    (void)state;
    const uint16_t ports[] = {8080, 8443, 10443};
    expect_ports("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: other}\n"
                 "spec: {selector: {istio: ingressgateway}, ports: [{port: 80, targetPort: 1}]}\n"
                 "---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: istio-system}\n"
                 "spec: {selector: {istio: egressgateway}, ports: [{port: 80, targetPort: 2}]}\n"
                 "---\napiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: istio-system}\n"
                 "spec: {ports: [{port: 80, targetPort: 3}]}\n" GATEWAY, ports, 3);
}

static void the_label_turns_translation_off(void **state) {
    (void)state;
    const uint16_t ports[] = {80, 443, 10443};
    expect_ports("apiVersion: v1\nkind: Service\n"
                 "metadata: {name: a, namespace: istio-system, labels: {experimental.istio.io/disable-gateway-port-translation: ''}}\n"
                 "spec: {selector: {istio: ingressgateway}, ports: [{port: 80, targetPort: 8080}]}\n" GATEWAY, ports, 3);
}

static void a_forgotten_port_is_reported_where_a_server_names_it(void **state) {
    (void)state;
    struct world world;
    world_of(&world, SERVICE("s", "{port: 443, name: https, targetPort: 8443}, {port: 10443, name: https-b, targetPort: 8443}, {port: 1, name: https-c, targetPort: 8443}") GATEWAY);
    assert_int_equal(world_count(&world, DIAGNOSTIC_GATEWAY_PORT), 1);
    assert_span(world_find(&world, DIAGNOSTIC_GATEWAY_PORT)->resource, "Gateway ns/g");
    world_close(&world);
}

static void a_named_target_port_is_reported(void **state) {
    (void)state;
    struct world world;
    world_of(&world, SERVICE("a", "{port: 80, name: http, targetPort: web}") GATEWAY);
    assert_int_equal(world_count(&world, DIAGNOSTIC_GATEWAY_PORT), 1);
    assert_non_null(world_listener(&world, 80));
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_target_port_is_bound),
        cmocka_unit_test(the_default_profile_is_assumed_without_a_service),
        cmocka_unit_test(a_second_port_of_equal_protocol_is_forgotten),
        cmocka_unit_test(a_second_port_of_another_protocol_is_kept),
        cmocka_unit_test(only_one_service_forgets_not_two),
        cmocka_unit_test(the_first_service_by_name_decides),
        cmocka_unit_test(a_service_of_another_namespace_or_selector_does_not_count),
        cmocka_unit_test(the_label_turns_translation_off),
        cmocka_unit_test(a_forgotten_port_is_reported_where_a_server_names_it),
        cmocka_unit_test(a_named_target_port_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
