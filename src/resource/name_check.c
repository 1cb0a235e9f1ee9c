#include "resource/name_check.h"

#include "base/limits.h"
#include "regex/regex.h"
#include "resource/name_syntax.h"

#define SHOWN(text) SPAN_ARGUMENTS(span_excerpt(text, 80))

void name_check_dns_label(struct decoder *decoder, const struct located *name, const char *what) {
    if (!name_is_dns_label(name->text))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, name->position, "use up to 63 letters, digits and '-'",
                     "'%.*s' is no name for %s: it must be a DNS label", SHOWN(name->text), what);
}

bool name_check_wildcard_domain(struct decoder *decoder, const struct located *name) {
    if (name_is_wildcard_domain(name->text))
        return true;
    decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, name->position, "write a domain name, such as shop.example.com or \"*.example.com\"",
                 "'%.*s' is no domain name", SHOWN(name->text));
    return false;
}

/* The old form "name.namespace", with or without a domain. */
static void warn_of_legacy_gateway(struct decoder *decoder, const struct located *item) {
    size_t dot, end;
    if (!span_find_byte(item->text, '.', &dot))
        return;
    struct span namespace = span_from(item->text, dot + 1);
    if (span_find_byte(namespace, '.', &end))
        namespace = span_first(namespace, end);
    struct span hint = arena_print(decoder->arena, "write %.*s/%.*s", SHOWN(namespace), SHOWN(span_first(item->text, dot)));
    decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, hint.data, "this is the old way to name a Gateway");
}

void name_check_gateways(struct decoder *decoder, const struct located_list *gateways) {
    static const char hint[] = "write namespace/name, or the name alone for a Gateway of the same namespace";
    for (size_t i = 0; i < gateways->count; i++) {
        const struct located *item = &gateways->items[i];
        size_t slash;
        if (!span_find_byte(item->text, '/', &slash)) {
            warn_of_legacy_gateway(decoder, item);
            if (!name_is_fqdn(item->text))
                decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, hint, "'%.*s' is no name of a Gateway", SHOWN(item->text));
            return;
        }
        if (!name_is_dns_label(span_first(item->text, slash)) || !name_is_dns_label(span_from(item->text, slash + 1)))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, hint,
                         "'%.*s' names no Gateway: namespace and name must be DNS labels", SHOWN(item->text));
    }
}

void name_check_labels(struct decoder *decoder, const struct label_set *labels) {
    for (size_t i = 0; i < labels->count; i++) {
        const struct label *label = &labels->items[i];
        if (!name_is_label_key(label->key))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, label->position, "use letters, digits, '-', '_' and '.'",
                         "'%.*s' is no key of a label", SHOWN(label->key));
        if (!name_is_label_value(label->value))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, label->position, "use up to 63 letters, digits, '-', '_' and '.'",
                         "'%.*s' is no value of a label", SHOWN(label->value));
    }
}

void name_check_selector(struct decoder *decoder, const struct label_set *labels, struct position position) {
    if (labels->count == 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, position, "add labels, or remove it",
                       "a workload selector without labels selects every workload");
    for (size_t i = 0; i < labels->count; i++) {
        const struct label *label = &labels->items[i];
        size_t star;
        if (label->key.size == 0)
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, label->position, "name the label", "a label of the selector has no key");
        if (span_find_byte(label->key, '*', &star) || span_find_byte(label->value, '*', &star))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, label->position, "write the label as the pods have it",
                         "a selector has no wildcards");
    }
}

/* --- exportTo --- */

static void check_export_item(struct decoder *decoder, const struct located_list *list, size_t index, struct span namespace) {
    const struct located *item = &list->items[index];
    struct span own = SPAN_LITERAL(".");
    struct span key = span_equal(item->text, own) ? namespace : item->text;
    for (size_t i = 0; i < index; i++) {
        struct span other = span_equal(list->items[i].text, own) ? namespace : list->items[i].text;
        if (!span_equal(key, other))
            continue;
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, item->position, "remove one of them", "the namespace '%.*s' is there twice", SHOWN(key));
        return;
    }
    bool is_token = span_equal(item->text, own) || span_equal(key, SPAN_LITERAL("*")) || span_equal(key, SPAN_LITERAL("~"));
    if (!is_token && !name_is_dns_label(key))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, "use \".\", \"*\" or the name of a namespace",
                     "'%.*s' is no namespace", SHOWN(item->text));
    if (span_equal(key, SPAN_LITERAL("*")) && list->count > 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, item->position, "remove the others, or the \"*\"",
                     "\"*\" means every namespace, so it must stand alone");
}

void name_check_export_to(struct decoder *decoder, const struct located_list *export_to, struct span namespace, enum export_to_kind kind) {
    for (size_t i = 0; i < export_to->count; i++) {
        const struct located *item = &export_to->items[i];
        check_export_item(decoder, export_to, i, namespace);
        if (span_equal(item->text, SPAN_LITERAL("~"))) {
            if (kind != EXPORT_TO_SERVICE_ENTRY)
                decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, "use \".\" for the own namespace alone",
                             "\"~\" is for ServiceEntries alone");
            else if (export_to->count > 1)
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, item->position, "remove the others, or the \"~\"",
                             "\"~\" means no namespace, so it must stand alone");
        }
    }
    bool own_only = export_to->count == 1 && (span_equal(export_to->items[0].text, SPAN_LITERAL(".")) ||
                                              span_equal(export_to->items[0].text, namespace));
    if (kind == EXPORT_TO_OWN_ONLY && export_to->count > 0 && !own_only)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, export_to->position, "write exportTo: [\".\"], or leave it out",
                     "with a workloadSelector it can be exported to its own namespace only");
}

/* --- Regular expressions --- */

static const char *try_regex(struct decoder *decoder, struct span pattern) {
    char reason[REGEX_ERROR_BYTES_MAX];
    struct regex *regex = regex_create(pattern, reason);
    if (regex != NULL) {
        regex_destroy(regex);
        return "";
    }
    return arena_copy(decoder->arena, span_of(reason)).data;
}

void name_check_regex(struct decoder *decoder, struct span pattern, struct position position) {
    if (pattern.size == 0) {
        decode_error(decoder, DIAGNOSTIC_ROUTE_REGEX, position, "write a regular expression", "the regex is empty");
        return;
    }
    if (pattern.size > ROUTE_REGEX_BYTES_MAX) {
        decode_error(decoder, DIAGNOSTIC_ROUTE_REGEX, position, "Istio allows 1024 bytes", "the regular expression is too long");
        return;
    }
    if (decoder->regexes == NULL)
        return;
    const char *mistake = map_get(decoder->regexes, pattern);
    if (mistake == NULL) {
        mistake = try_regex(decoder, pattern);
        map_set(decoder->regexes, pattern, (void *)(uintptr_t)mistake);
    }
    if (mistake[0] != '\0')
        decode_error(decoder, DIAGNOSTIC_ROUTE_REGEX, position, "write it in RE2 syntax", "the regular expression is not usable (%s)", mistake);
}
