#include "resource/object.h"

#include <time.h>

#include "resource/object_decode.h"

bool label_set_get(const struct label_set *labels, struct span key, struct span *ret_value) {
    for (size_t i = 0; i < labels->count; i++) {
        if (span_equal(labels->items[i].key, key)) {
            *ret_value = labels->items[i].value;
            return true;
        }
    }
    return false;
}

bool label_set_contains(const struct label_set *labels, const struct label_set *subset) {
    for (size_t i = 0; i < subset->count; i++) {
        struct span value;
        if (!label_set_get(labels, subset->items[i].key, &value) || !span_equal(value, subset->items[i].value))
            return false;
    }
    return true;
}

int object_meta_compare_age(const struct object_meta *a, const struct object_meta *b) {
    if (a->creation_time_s != b->creation_time_s)
        return a->creation_time_s < b->creation_time_s ? -1 : 1;
    int order = span_compare(a->name, b->name);
    return order != 0 ? order : span_compare(a->namespace, b->namespace);
}

/* RFC 3339 as Kubernetes writes it: "2024-01-02T03:04:05Z". */
static bool parse_time(struct span text, int64_t *ret_time_s) {
    static const char shape[] = "0000-00-00T00:00:00Z";
    uint64_t parts[6] = {0};
    size_t part = 0;
    if (text.size != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (shape[i] != '0') {
            if (text.data[i] != shape[i])
                return false;
            part++;
            continue;
        }
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        parts[part] = parts[part] * 10 + (uint64_t)(text.data[i] - '0');
    }
    struct tm parsed = {.tm_year = (int)parts[0] - 1900, .tm_mon = (int)parts[1] - 1, .tm_mday = (int)parts[2],
                        .tm_hour = (int)parts[3],        .tm_min = (int)parts[4],     .tm_sec = (int)parts[5]};
    *ret_time_s = timegm(&parsed);
    return true;
}

static void decode_creation_time(struct decoder *decoder, const struct node *node, void *target) {
    struct object_meta *meta = target;
    /* An unquoted time is a string to us, a timestamp to YAML 1.1: the text is the same. */
    if (node->kind == NODE_SCALAR && parse_time(node->scalar, &meta->creation_time_s)) {
        meta->has_creation_time = true;
        return;
    }
    decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "write it as in 2024-01-02T03:04:05Z",
                   "this is no time; the object counts as the oldest");
}

struct names {
    struct object_meta *meta;
    struct located name;
    struct located namespace;
};

static void decode_meta_labels(struct decoder *decoder, const struct node *node, void *target) {
    struct names *names = target;
    decode_labels(decoder, node, &names->meta->labels);
}

/* Those that Istio keeps to itself, or to one kind. Source: ValidateAnnotations and its webhook. */
static void check_annotation(struct decoder *decoder, const struct object_meta *meta, const struct label *annotation) {
    static const char *const reserved[] = {"internal.istio.io/webhook-always-reject", "internal.istio.io/parents", "internal.istio.io/parent-namespace"};
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (span_equal(annotation->key, span_of(reserved[i])))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, annotation->position, "remove it", "the annotation %s may not be set", reserved[i]);
    if (!span_equal(annotation->key, SPAN_LITERAL("istio.io/dry-run")))
        return;
    if (!span_equal(meta->kind, SPAN_LITERAL("AuthorizationPolicy")))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, annotation->position, "remove it", "the annotation istio.io/dry-run is for an AuthorizationPolicy alone");
}

static void decode_meta_annotations(struct decoder *decoder, const struct node *node, void *target) {
    struct names *names = target;
    decode_labels(decoder, node, &names->meta->annotations);
    for (size_t i = 0; i < names->meta->annotations.count; i++)
        check_annotation(decoder, names->meta, &names->meta->annotations.items[i]);
}

static void decode_meta_time(struct decoder *decoder, const struct node *node, void *target) {
    struct names *names = target;
    decode_creation_time(decoder, node, names->meta);
}

static const struct field meta_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct names, name),
    FIELD_AT("namespace", FIELD_STRING, struct names, namespace),
    FIELD_CALL_WHOLE("labels", decode_meta_labels),
    FIELD_CALL_WHOLE("annotations", decode_meta_annotations),
    FIELD_CALL_WHOLE("creationTimestamp", decode_meta_time),
    FIELD_OF_TYPE("generateName", FIELD_IGNORED),
    FIELD_OF_TYPE("uid", FIELD_IGNORED),
    FIELD_OF_TYPE("resourceVersion", FIELD_IGNORED),
    FIELD_OF_TYPE("generation", FIELD_IGNORED),
    FIELD_OF_TYPE("deletionTimestamp", FIELD_IGNORED),
    FIELD_OF_TYPE("deletionGracePeriodSeconds", FIELD_IGNORED),
    FIELD_OF_TYPE("ownerReferences", FIELD_IGNORED),
    FIELD_OF_TYPE("finalizers", FIELD_IGNORED),
    FIELD_OF_TYPE("managedFields", FIELD_IGNORED),
    FIELD_OF_TYPE("selfLink", FIELD_IGNORED),
    FIELD_OF_TYPE("clusterName", FIELD_IGNORED),
};

static struct span peek_string(const struct node *node, const char *path) {
    struct span text;
    return node_as_string(node_get_path(node, path), &text) ? text : SPAN_EMPTY;
}

/* Before anything can go wrong: the title that diagnostics carry. */
static void set_title(struct decoder *decoder, const struct node *root, bool is_namespaced, struct object_meta *meta) {
    meta->name = peek_string(root, "metadata.name");
    meta->namespace = SPAN_EMPTY;
    if (is_namespaced) {
        meta->namespace = peek_string(root, "metadata.namespace");
        if (meta->namespace.size == 0)
            meta->namespace = SPAN_LITERAL("default");
    }
    meta->title = arena_print(decoder->arena, "%.*s %.*s%s%.*s", SPAN_ARGUMENTS(meta->kind),
                              SPAN_ARGUMENTS(meta->namespace), is_namespaced ? "/" : "", SPAN_ARGUMENTS(meta->name));
    decoder->title = meta->title;
    decoder->namespace = meta->namespace;
}

/* What the file and log words, and keys of maps, are made of: no '/', no control bytes, no spaces. */
static bool is_name(struct span text) {
    if (text.size == 0 || text.size > 253)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char byte = byte_to_lower(text.data[i]);
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
              byte == ':'))
            return false;
    }
    return true;
}

void object_meta_decode(struct decoder *decoder, const struct node *root, bool is_namespaced,
                        struct object_meta *ret_meta) {
    struct object_meta *meta = ret_meta;
    meta->kind = peek_string(root, "kind");
    meta->api_version = peek_string(root, "apiVersion");
    meta->position = root->position;
    meta->name_position = root->position;
    meta->root = root;
    set_title(decoder, root, is_namespaced, meta);
    struct names names = {.meta = meta};
    const struct node *metadata = node_get_present(root, "metadata");
    struct decode_path path = {decoder->path, SPAN_LITERAL("metadata"), 0};
    decoder->path = &path;
    if (metadata != NULL)
        DECODE_MAPPING(decoder, metadata, meta_fields, &names);
    if (names.name.text.size > 0)
        meta->name_position = names.name.position;
    if (!is_name(meta->name))
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, metadata != NULL ? metadata->position : root->position,
                     "give it a metadata.name of letters, digits, '-' and '.'", "the object has no usable name");
    else if (is_namespaced && !is_name(meta->namespace))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, names.namespace.position, "use letters, digits and '-'",
                     "the namespace is not a usable name");
    decoder->path = path.parent;
}

struct spec_target {
    const struct field *fields;
    size_t field_count;
    void *target;
};

static void decode_spec(struct decoder *decoder, const struct node *node, void *target) {
    const struct spec_target *spec = target;
    bool refuses_unknown = decoder->refuses_unknown;
    decoder->refuses_unknown = false;
    decode_mapping(decoder, node, spec->fields, spec->field_count, spec->target);
    decoder->refuses_unknown = refuses_unknown;
}

/* Istio's webhook denies an object of its kinds that holds anything unknown beside the spec; inside of it the API server prunes. */
static bool is_judged_by_webhook(const struct node *root) {
    struct span version = peek_string(root, "apiVersion");
    return span_starts_with(version, SPAN_LITERAL("networking.istio.io/")) || span_starts_with(version, SPAN_LITERAL("security.istio.io/"));
}

void object_decode_spec(struct decoder *decoder, const struct node *root, const struct field *fields, size_t field_count,
                        void *target) {
    static const struct field root_fields[] = {
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED), FIELD_OF_TYPE("kind", FIELD_IGNORED),
        FIELD_OF_TYPE("metadata", FIELD_IGNORED),   FIELD_OF_TYPE("status", FIELD_IGNORED),
        FIELD_CALL_WHOLE("spec", decode_spec),
    };
    struct spec_target spec = {fields, field_count, target};
    decoder->refuses_unknown = is_judged_by_webhook(root);
    DECODE_MAPPING(decoder, root, root_fields, &spec);
    decoder->refuses_unknown = false;
    if (node_get_present(root, "spec") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, root->position, "write the object's fields below 'spec:'",
                     "the object has no spec");
}
