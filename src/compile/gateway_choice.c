#include "compile/compiler.h"
#include "compile/gateways.h"

static bool wanted(const struct compile_options *options, const struct ingress_gateway *gateway) {
    struct span name = options->gateway_name;
    size_t slash;
    if (name.size == 0)
        return true;
    if (span_find_byte(name, '/', &slash))
        return span_equal(span_first(name, slash), gateway->namespace) &&
               span_equal(span_from(name, slash + 1), gateway->name);
    return span_equal(name, gateway->name);
}

static struct span listed(struct arena *arena, const struct ingress_gateway_list *gateways) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < gateways->count; i++)
        text = arena_print(arena, "%.*s%s%.*s/%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ", ",
                           SPAN_ARGUMENTS(gateways->items[i]->namespace), SPAN_ARGUMENTS(gateways->items[i]->name));
    return text;
}

static void report_choice(struct compiler *compiler, const struct ingress_gateway_list *gateways, size_t found) {
    struct span names = listed(&compiler->scratch, gateways);
    struct position position = gateways->count > 0 ? gateways->items[0]->position : POSITION_NONE;
    struct span wish = compiler->options->gateway_name;
    if (found == 0)
        diagnostic_add(compiler->diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_GATEWAY_CHOICE, position, SPAN_EMPTY,
                       SPAN_LITERAL("name one of them with --gateway"), "the input holds no ingress gateway \"%.*s\", only: %.*s",
                       SPAN_ARGUMENTS(wish), SPAN_ARGUMENTS(names));
    else
        diagnostic_add(compiler->diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_GATEWAY_CHOICE, position, SPAN_EMPTY,
                       SPAN_LITERAL("choose one with --gateway NAME or --gateway NAMESPACE/NAME"),
                       "the input holds several ingress gateways: %.*s", SPAN_ARGUMENTS(names));
}

/* The only wanted one; where one name lies in several namespaces, that of the namespace asked for. */
static const struct ingress_gateway *choose(const struct compiler *compiler, const struct ingress_gateway_list *gateways,
                                            size_t *ret_found) {
    const struct compile_options *options = compiler->options;
    const struct ingress_gateway *any = NULL;
    const struct ingress_gateway *in_namespace = NULL;
    size_t found = 0;
    size_t found_in_namespace = 0;
    for (size_t i = 0; i < gateways->count; i++) {
        if (!wanted(options, gateways->items[i]))
            continue;
        any = gateways->items[i];
        found++;
        if (!span_equal(gateways->items[i]->namespace, options->namespace_override))
            continue;
        in_namespace = gateways->items[i];
        found_in_namespace++;
    }
    if (found > 1 && found_in_namespace == 1) {
        *ret_found = 1;
        return in_namespace;
    }
    *ret_found = found;
    return any;
}

bool compile_gateway_choice(struct compiler *compiler) {
    const struct compile_options *options = compiler->options;
    struct ingress_gateway_list gateways;
    resource_ingress_gateways(compiler->resources, &gateways);
    size_t found;
    const struct ingress_gateway *gateway = choose(compiler, &gateways, &found);
    struct span name = gateway != NULL ? gateway->name : options->gateway_name;
    /* A gateway that no IstioOperator installs (Helm's chart, say): its name and labels as the command line gives them. */
    if (found == 0 && options->labels.count > 0 && gateways.count == 1 && gateways.items[0]->assumed) {
        gateway = gateways.items[0];
        found = 1;
    }
    if (found != 1) {
        report_choice(compiler, &gateways, found);
        return false;
    }
    compiler->gateway = gateway;
    compiler->gateway_name = name;
    compiler->gateway_namespace = options->namespace_override.size > 0 ? options->namespace_override : gateway->namespace;
    compiler->gateway_labels = options->labels.count > 0 ? options->labels : gateway->labels;
    return true;
}
