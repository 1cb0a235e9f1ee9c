/* Whose word counts for the port of a workload: Istio's table of scopes. */
#include "compile/test_world.h"

#include "compile/compiler.h"
#include "compile/peer_authentications.h"

#define POLICY(namespace, name, created, spec)                                                                     \
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: " name ", namespace: " namespace \
    ", creationTimestamp: \"" created "\"}\nspec: " spec "\n---\n"
#define OLD "2024-01-01T00:00:00Z"
#define NEW "2025-01-01T00:00:00Z"
#define WEB "{selector: {matchLabels: {app: web}}, "

struct question {
    const char *namespace;
    uint16_t port;
    enum mutual_tls_mode mode;
};

static void ask(const char *yaml, const struct question *questions, size_t count) {
    struct world world;
    struct compiler compiler;
    struct label label = {.key = SPAN_LITERAL("app"), .value = SPAN_LITERAL("web")};
    struct label_set labels = {&label, 1};
    world_open(&world);
    world_add(&world, yaml);
    compiler_init(&compiler, &world.resources, &world.options, &world.diagnostics);
    mesh_config_init(&compiler.mesh);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(peer_authentication_of_port(&compiler, span_of(questions[i].namespace), &labels, questions[i].port),
                         questions[i].mode);
    snapshot_destroy(compiler.snapshot);
    compiler_deinit(&compiler);
    world_close(&world);
}

#define ASK(yaml, ...)                                                   \
    do {                                                                 \
        const struct question questions[] = {__VA_ARGS__};               \
        ask(yaml, questions, sizeof(questions) / sizeof(questions[0]));  \
    } while (0)

static void nothing_said_is_permissive(void **state) {
    (void)state;
    ASK("{}", {"shop", 80, MUTUAL_TLS_PERMISSIVE});
}

static void the_narrower_scope_counts(void **state) {
    (void)state;
    ASK(POLICY("istio-system", "mesh", OLD, "{mtls: {mode: STRICT}}"), {"shop", 80, MUTUAL_TLS_STRICT},
        {"istio-system", 80, MUTUAL_TLS_STRICT});
    ASK(POLICY("istio-system", "mesh", OLD, "{mtls: {mode: STRICT}}") POLICY("shop", "all", NEW, "{mtls: {mode: DISABLE}}"),
        {"shop", 80, MUTUAL_TLS_DISABLE}, {"other", 80, MUTUAL_TLS_STRICT});
    ASK(POLICY("shop", "all", OLD, "{mtls: {mode: DISABLE}}")
            POLICY("shop", "web", NEW, WEB "mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: PERMISSIVE}}}"),
        {"shop", 80, MUTUAL_TLS_STRICT}, {"shop", 8080, MUTUAL_TLS_PERMISSIVE}, {"other", 80, MUTUAL_TLS_PERMISSIVE});
}

static void unset_asks_the_wider_scope(void **state) {
    (void)state;
    ASK(POLICY("istio-system", "mesh", OLD, "{}"), {"shop", 80, MUTUAL_TLS_PERMISSIVE});
    ASK(POLICY("istio-system", "mesh", OLD, "{mtls: {mode: DISABLE}}") POLICY("shop", "all", OLD, "{mtls: {mode: UNSET}}")
            POLICY("shop", "web", OLD, WEB "portLevelMtls: {8080: {mode: UNSET}, 9000: {mode: STRICT}}}"),
        {"shop", 80, MUTUAL_TLS_DISABLE}, {"shop", 8080, MUTUAL_TLS_DISABLE}, {"shop", 9000, MUTUAL_TLS_STRICT});
    /* A port asks its workload before the namespace. */
    ASK(POLICY("shop", "all", OLD, "{mtls: {mode: DISABLE}}")
            POLICY("shop", "web", OLD, WEB "mtls: {mode: STRICT}, portLevelMtls: {8080: {}}}"),
        {"shop", 8080, MUTUAL_TLS_STRICT});
}

static void the_oldest_of_one_scope_counts(void **state) {
    (void)state;
    ASK(POLICY("shop", "a", NEW, "{mtls: {mode: STRICT}}") POLICY("shop", "b", OLD, "{mtls: {mode: DISABLE}}"),
        {"shop", 80, MUTUAL_TLS_DISABLE});
    ASK(POLICY("shop", "b", OLD, "{mtls: {mode: DISABLE}}") POLICY("shop", "a", OLD, "{mtls: {mode: STRICT}}"),
        {"shop", 80, MUTUAL_TLS_STRICT});
    ASK(POLICY("shop", "a", NEW, WEB "mtls: {mode: STRICT}}") POLICY("shop", "b", OLD, WEB "mtls: {mode: DISABLE}}"),
        {"shop", 80, MUTUAL_TLS_DISABLE});
    /* An older one that is unset is no reason to ask a younger one. */
    ASK(POLICY("shop", "a", OLD, "{}") POLICY("shop", "b", NEW, "{mtls: {mode: STRICT}}"), {"shop", 80, MUTUAL_TLS_PERMISSIVE});
}

static void a_selector_must_fit(void **state) {
    (void)state;
    ASK(POLICY("shop", "a", OLD, "{selector: {matchLabels: {app: other}}, mtls: {mode: STRICT}}"), {"shop", 80, MUTUAL_TLS_PERMISSIVE});
    /* It would select across the mesh, which Istio does not know. */
    ASK(POLICY("istio-system", "a", OLD, WEB "mtls: {mode: STRICT}}"), {"shop", 80, MUTUAL_TLS_PERMISSIVE},
        {"istio-system", 80, MUTUAL_TLS_PERMISSIVE});
}

static void what_cannot_be_read_is_strict(void **state) {
    (void)state;
    ASK(POLICY("shop", "a", OLD, "{mtls: {mode: STRIKT}}"), {"shop", 80, MUTUAL_TLS_STRICT}, {"other", 80, MUTUAL_TLS_PERMISSIVE});
    ASK(POLICY("shop", "a", OLD, WEB "mtls: {mode: DISABLE}, portLevelMtls: {8080: {mode: none}}}"), {"shop", 80, MUTUAL_TLS_STRICT},
        {"shop", 8080, MUTUAL_TLS_STRICT});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_permissive),  cmocka_unit_test(the_narrower_scope_counts),
        cmocka_unit_test(unset_asks_the_wider_scope),  cmocka_unit_test(the_oldest_of_one_scope_counts),
        cmocka_unit_test(a_selector_must_fit),         cmocka_unit_test(what_cannot_be_read_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
