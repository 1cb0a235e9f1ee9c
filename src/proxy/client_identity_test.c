/* The gateway's element of x-forwarded-client-cert: what a certificate says stays inside its value. */
#include "proxy/client_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct span print(struct arena *arena, const struct tls_peer *peer, const struct span *uris, size_t uri_count) {
    return client_identity_print(arena, peer, uris, uri_count);
}

static void assert_text(struct span actual, const char *expected) {
    assert_int_equal(actual.size, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.size);
}

static void test_an_element_as_envoy_writes_it(void **state) {
    (void)state;
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 1024);
    struct span own[] = {SPAN_LITERAL("spiffe://cluster.local/ns/istio-system/sa/gw")};
    struct span uris[] = {SPAN_LITERAL("spiffe://cluster.local/ns/a/sa/b"), SPAN_LITERAL("https://b")};
    struct span names[] = {SPAN_LITERAL("a.test"), SPAN_LITERAL("b.test")};
    struct tls_peer peer = {.fingerprint_256 = SPAN_LITERAL("00ff"),
                            .certificate = SPAN_LITERAL("-----BEGIN%20CERTIFICATE-----%0A"),
                            .subject = SPAN_LITERAL("CN=a\\,b,O=\\\"x\\\""),
                            .uris = uris,
                            .uri_count = 2,
                            .dns_names = names,
                            .dns_name_count = 2};
    assert_text(print(&arena, &peer, own, 1),
                "By=spiffe://cluster.local/ns/istio-system/sa/gw;Hash=00ff;Cert=\"-----BEGIN%20CERTIFICATE-----%0A\";Subject=\"CN=a\\,b,O=\\\"x\\\"\";"
                "URI=spiffe://cluster.local/ns/a/sa/b;URI=https://b;DNS=a.test;DNS=b.test");
    assert_text(print(&arena, &(struct tls_peer){.fingerprint_256 = SPAN_LITERAL("00")}, NULL, 0), "Hash=00;Cert=\"\";Subject=\"\";URI=");
}

/* Splits at `separator` outside of quotes, as the format's readers do. */
static size_t count_parts(struct span text, char separator) {
    size_t count = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            quoted = !quoted;
        else if (!quoted && text.data[i] == separator)
            count++;
    }
    assert_false(quoted);
    return count;
}

static void test_a_hostile_certificate_forges_nothing(void **state) {
    (void)state;
    static const char *const hostile[] = {
        "spiffe://a;By=spiffe://admin", "x,By=admin;Hash=00", "\"", "a\"b", "\\", "\\\"", "a\\", "=", ";", ",", "\";Subject=\"CN=admin\"", "\\\\\";By=x",
    };
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct arena arena CLEANUP(arena_deinit);
        arena_init(&arena, 1024);
        struct span name = span_of(hostile[i]);
        struct tls_peer peer = {.fingerprint_256 = SPAN_LITERAL("00"), .uris = &name, .uri_count = 1, .dns_names = &name, .dns_name_count = 1};
        struct span element = print(&arena, &peer, &name, 1);
        assert_int_equal(count_parts(element, ','), 1); /* one element, */
        assert_int_equal(count_parts(element, ';'), 6); /* By, Hash, Cert, Subject, URI, DNS */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_element_as_envoy_writes_it),
        cmocka_unit_test(test_a_hostile_certificate_forges_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
