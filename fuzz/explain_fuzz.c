/* A request as JSON, asked of a small configuration: it is a mistake with a sentence, or the walk that is told agrees with the gateway's own
 * decision; written as JSON and read again it is the same request. */
#include "base/assert.h"
#include "base/limits.h"
#include "compile/compile.h"
#include "explain/explain.h"
#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char configuration[] =
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: n}\nspec:\n  servers:\n"
    "  - {port: {number: 80, name: a, protocol: HTTP}, hosts: [a.test, '*.b.test']}\n"
    "  - {port: {number: 443, name: b, protocol: TLS}, hosts: [p.test], tls: {mode: PASSTHROUGH}}\n"
    "  - {port: {number: 443, name: c, protocol: HTTPS}, hosts: ['*.test'], tls: {mode: SIMPLE, credentialName: none}}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: n}\nspec:\n  hosts: [a.test, '*.b.test']\n  gateways: [g]\n  http:\n"
    "  - {match: [{uri: {regex: '/v[0-9]+/.*'}, headers: {x: {prefix: y}}}], redirect: {uri: /new}}\n"
    "  - {match: [{uri: {exact: /a}, ignoreUriCase: true}, {queryParams: {q: {exact: '1'}}}], directResponse: {status: 204}}\n"
    "  - {match: [{withoutHeaders: {x: {}}, uri: {prefix: /b}}], rewrite: {uri: /c}, route: [{destination: {host: s.test}}]}\n"
    "  - {match: [{method: {exact: POST}}], corsPolicy: {allowOrigins: [{exact: 'http://o.test'}]}, route: [{destination: {host: none.test}}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: p, namespace: n}\nspec:\n  hosts: [p.test]\n  gateways: [g]\n"
    "  tls: [{match: [{sniHosts: [p.test]}], route: [{destination: {host: s.test}}]}]\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s, namespace: n}\nspec: {hosts: [s.test], resolution: STATIC, ports: [{number: 80, name: http, "
    "protocol: HTTP}], endpoints: [{address: 127.0.0.1}]}\n";

static struct snapshot *make_snapshot(void) {
    static struct arena arena;
    struct diagnostic_list diagnostics;
    struct document_list documents;
    struct resource_set resources;
    struct compile_options options = {.gateway_name = SPAN_EMPTY};
    struct snapshot *snapshot;
    arena_init(&arena, SNAPSHOT_ARENA_BLOCK_BYTES);
    diagnostic_list_init(&diagnostics);
    resource_set_init(&resources, &arena);
    ASSERT(yaml_parse(&arena, &arena, "fuzz.yaml", span_of(configuration), &diagnostics, &documents));
    resource_set_add_documents(&resources, &documents, &diagnostics);
    ASSERT(compile(&resources, &options, &diagnostics, &snapshot));
    resource_set_deinit(&resources);
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
    return snapshot;
}

static void write_json(struct arena *arena, const struct explain_request *request, struct builder *ret_text) {
    struct json_writer json = json_writer_make(ret_text);
    json.compact = true;
    explain_request_write_json(arena, request, &json);
}

static void check(struct arena *arena, const struct explain_request *request) {
    static struct snapshot *snapshot;
    struct builder first = {.data = NULL}, second = {.data = NULL}, told = {.data = NULL};
    struct explain_request again;
    struct explain_request_error error;
    if (snapshot == NULL)
        snapshot = make_snapshot();
    write_json(arena, request, &first);
    ASSERT(explain_request_parse_json(arena, builder_span(&first), &again, &error));
    write_json(arena, &again, &second);
    ASSERT(span_equal(builder_span(&first), builder_span(&second)));
    for (int format = EXPLAIN_TEXT; format <= EXPLAIN_VERDICT; format++)
        ASSERT(explain(snapshot, NULL, request, (enum explain_format)format, &told));
    ASSERT(told.size > 0);
    builder_deinit(&told);
    builder_deinit(&second);
    builder_deinit(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct explain_request request;
    struct explain_request_error error = {""};
    arena_init(&arena, 4096);
    if (explain_request_parse_json(&arena, span_make(data, size), &request, &error))
        check(&arena, &request);
    else
        ASSERT(error.text[0] != '\0');
    arena_deinit(&arena);
    return 0;
}
