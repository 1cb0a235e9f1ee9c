#include "compile/policies.h"

#include "compile/compiler.h"

/* Policies of the gateway's namespace and of the root namespace, if they select its pods; those with targetRefs are for waypoints and the
 * Gateway API. */
static bool applies(const struct compiler *compiler, const struct policy *policy) {
    if (policy->has_target_refs || (!span_equal(policy->meta.namespace, compiler->gateway_namespace) &&
                                    !span_equal(policy->meta.namespace, compiler->mesh.root_namespace)))
        return false;
    return !policy->has_selector || label_set_contains(&compiler->gateway_labels, &policy->selector);
}

static void refuse(struct compiler *compiler, const struct policy *policy) {
    bool allowed = compiler->options->allow_unsupported;
    bool only_http = policy->policy_kind == POLICY_REQUEST_AUTHENTICATION;
    const char *consequence = only_http ? "all HTTP requests are answered 503" : "all requests are answered 503, all other connections closed";
    compiler_report(compiler, compiler_restriction_severity(compiler), DIAGNOSTIC_UNSUPPORTED_RESTRICTION,
                    policy->meta.position, &policy->meta, allowed ? "" : "--allow-unsupported ignores it",
                    "it applies to the ingress gateway %.*s/%.*s and is not supported yet: %s",
                    SPAN_ARGUMENTS(compiler->gateway_namespace),
                    SPAN_ARGUMENTS(compiler->gateway_name), allowed ? "it is ignored" : consequence);
    if (allowed)
        return;
    struct span reason = arena_print(compiler->arena, "%.*s is not supported", SPAN_ARGUMENTS(policy->meta.title));
    if (compiler->http_refusal.size == 0)
        compiler->http_refusal = reason;
    if (compiler->refusal.size == 0 && !only_http)
        compiler->refusal = reason;
}

static void report_ignored(struct compiler *compiler, const struct policy *policy) {
    switch (policy->policy_kind) {
    case POLICY_TELEMETRY:
    case POLICY_PROXY_CONFIG:
    case POLICY_ENVOY_FILTER:
    case POLICY_WASM_PLUGIN:
    case POLICY_TRAFFIC_EXTENSION:
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_UNSUPPORTED_KIND, policy->meta.position, &policy->meta, "",
                        "it applies to the ingress gateway and is not supported yet; it has no effect");
        break;
    case POLICY_AUTHORIZATION:
    case POLICY_REQUEST_AUTHENTICATION:
    case POLICY_SIDECAR:
        break;
    }
}

void compile_policies(struct compiler *compiler) {
    for (size_t i = 0; i < compiler->resources->policies.count; i++) {
        const struct policy *policy = compiler->resources->policies.items[i];
        if (!applies(compiler, policy))
            continue;
        /* A restriction that cannot be read is a restriction all the same. */
        if (policy->restricts)
            refuse(compiler, policy);
        else
            report_ignored(compiler, policy);
    }
}
