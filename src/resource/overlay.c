#include "resource/overlay.h"

#include "base/limits.h"
#include "text/yaml.h"

struct step {
    struct span text;
    bool is_selector; /* came in brackets */
};

struct patch {
    struct decoder *decoder;
    struct step *steps;
    size_t step_count;
    struct span path;
    struct position position;
    const struct node *value; /* NULL: delete */
};

static void report(struct patch *patch, const char *hint, const char *message) {
    decode_error(patch->decoder, DIAGNOSTIC_OVERLAY, patch->position, hint, "the patch of '%.*s' cannot be applied: %s",
                 SPAN_ARGUMENTS(patch->path), message);
}

/* --- The path --- */

static void add_step(struct patch *patch, struct span text, bool is_selector) {
    patch->steps[patch->step_count++] = (struct step){text, is_selector};
}

/* Takes a key up to an unescaped '.' or '['. */
static size_t take_key(struct patch *patch, size_t at) {
    struct span path = patch->path;
    char *key = arena_new_array(patch->decoder->arena, char, path.size + 1);
    size_t size = 0;
    while (at < path.size && path.data[at] != '.' && path.data[at] != '[') {
        if (path.data[at] == '\\' && at + 1 < path.size)
            at++;
        key[size++] = path.data[at++];
    }
    if (size > 0)
        add_step(patch, span_make(key, size), false);
    return at;
}

static bool parse_path(struct patch *patch) {
    struct span path = patch->path;
    patch->steps = arena_new_array(patch->decoder->arena, struct step, path.size + 1);
    size_t at = 0;
    while (at < path.size) {
        size_t end;
        if (path.data[at] == '.') {
            at++;
        } else if (path.data[at] == '[') {
            if (!span_find_byte(span_from(path, at), ']', &end)) {
                report(patch, "close the '['", "a '[' has no ']'");
                return false;
            }
            add_step(patch, span_first(span_from(path, at + 1), end - 1), true);
            at += end + 1;
        } else {
            at = take_key(patch, at);
        }
    }
    if (patch->step_count == 0)
        report(patch, "write a path such as spec.ports", "the path is empty");
    return patch->step_count > 0 && patch->step_count <= CONFIGURATION_DEPTH_MAX;
}

/* --- Walking --- */

static struct node *find_child(const struct node *mapping, struct span key) {
    for (uint32_t i = 0; i < mapping->count; i++)
        if (span_equal(mapping->fields[i].key, key))
            return mapping->fields[i].value;
    return NULL;
}

/* True and the item's index, which is the count for one to append. */
static bool find_item(struct patch *patch, const struct node *list, struct span selector, size_t *ret_index) {
    size_t colon;
    uint64_t number;
    if (span_find_byte(selector, ':', &colon)) {
        struct span key = span_first(selector, colon);
        struct span value = span_from(selector, colon + 1);
        if (colon == 0) {
            report(patch, "name the item by its index", "selecting by regular expression is not supported");
            return false;
        }
        for (uint32_t i = 0; i < list->count; i++) {
            const struct node *field = node_get(list->items[i], key);
            if (field != NULL && field->kind == NODE_SCALAR && span_equal(field->scalar, value)) {
                *ret_index = i;
                return true;
            }
        }
        report(patch, "check the rendered Service's items", "no item of the list has that field");
        return false;
    }
    if (span_equal(selector, SPAN_LITERAL("-1"))) {
        *ret_index = list->count;
        return true;
    }
    if (!span_to_u64(selector, &number)) {
        report(patch, "write [key:value], [0] or [-1]", "the selector is not understood");
        return false;
    }
    *ret_index = number < list->count ? (size_t)number : list->count;
    return true;
}

/* A copy of the value; text that is itself a YAML mapping is taken as one, as Istio does. */
static struct node *new_value(struct patch *patch) {
    struct decoder *decoder = patch->decoder;
    const struct node *value = patch->value;
    size_t line_break;
    if (value->kind != NODE_SCALAR || !span_find_byte(value->scalar, '\n', &line_break))
        return node_copy(decoder->arena, value);
    struct diagnostic_list ignored;
    struct document_list documents;
    diagnostic_list_init(&ignored);
    bool parsed = yaml_parse(decoder->arena, decoder->arena, value->position.file, value->scalar, &ignored, &documents);
    diagnostic_list_deinit(&ignored);
    if (!parsed || documents.count != 1 || documents.items[0].root->kind != NODE_MAPPING)
        return node_copy(decoder->arena, value);
    return documents.items[0].root;
}

static void finish_in_mapping(struct patch *patch, struct node *mapping, struct span key) {
    if (patch->value == NULL)
        node_remove(mapping, key);
    else
        node_set(patch->decoder->arena, mapping, key, new_value(patch));
}

static void finish_in_list(struct patch *patch, struct node *list, size_t index) {
    if (patch->value == NULL)
        node_remove_item(list, index);
    else if (index < list->count)
        list->items[index] = new_value(patch);
    else
        node_append(patch->decoder->arena, list, new_value(patch));
}

/* What a missing child becomes: the kind that the next step asks for. */
static struct node *new_child(struct patch *patch, size_t next) {
    return patch->steps[next].is_selector ? node_new_sequence(patch->decoder->arena, patch->position)
                                          : node_new_mapping(patch->decoder->arena, patch->position);
}

static struct node *step_into_mapping(struct patch *patch, struct node *mapping, size_t step) {
    struct span key = patch->steps[step].text;
    struct node *child = find_child(mapping, key);
    if (child != NULL && child->kind != NODE_NULL)
        return child;
    child = new_child(patch, step + 1);
    node_set(patch->decoder->arena, mapping, key, child);
    return child;
}

static struct node *step_into_list(struct patch *patch, struct node *list, size_t step) {
    size_t index;
    if (!find_item(patch, list, patch->steps[step].text, &index))
        return NULL;
    if (index < list->count)
        return list->items[index];
    struct node *child = new_child(patch, step + 1);
    node_append(patch->decoder->arena, list, child);
    return child;
}

static void apply(struct patch *patch, struct node *object) {
    struct node *node = object;
    for (size_t i = 0; i < patch->step_count && node != NULL; i++) {
        bool is_last = i + 1 == patch->step_count;
        bool is_selector = patch->steps[i].is_selector;
        size_t index;
        if (node->kind != (is_selector ? NODE_SEQUENCE : NODE_MAPPING)) {
            report(patch, "check the path", is_selector ? "the path leads to no list" : "the path leads to no mapping");
            return;
        }
        if (is_last && !is_selector)
            finish_in_mapping(patch, node, patch->steps[i].text);
        else if (is_last && find_item(patch, node, patch->steps[i].text, &index))
            finish_in_list(patch, node, index);
        if (is_last)
            return;
        node = is_selector ? step_into_list(patch, node, i) : step_into_mapping(patch, node, i);
    }
}

void overlay_apply(struct decoder *decoder, struct node *object, struct span path, struct position position,
                   const struct node *value) {
    struct patch patch = {.decoder = decoder, .path = path, .position = position, .value = value};
    if (parse_path(&patch))
        apply(&patch, object);
}

/* --- The list of overlays --- */

struct overlay {
    struct located kind;
    struct located name;
    const struct node *patches;
};

struct written_patch {
    struct located path;
};

struct overlay_target {
    struct span kind;
    struct span name;
    struct node *object;
};

static void keep_node(struct decoder *decoder, const struct node *node, void *target) {
    (void)decoder;
    *(const struct node **)target = node;
}

static void decode_patch(struct decoder *decoder, const struct node *node, struct overlay_target *overlay) {
    static const struct field fields[] = {
        FIELD_AT("path", FIELD_STRING, struct written_patch, path),
        FIELD_OF_TYPE("value", FIELD_IGNORED),
    };
    struct written_patch patch = {0};
    DECODE_MAPPING(decoder, node, fields, &patch);
    if (patch.path.text.size > 0)
        overlay_apply(decoder, overlay->object, patch.path.text, patch.path.position, node_get_present(node, "value"));
}

static void decode_overlay(struct decoder *decoder, const struct node *node, struct overlay_target *target) {
    static const struct field fields[] = {
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED),
        FIELD_AT("kind", FIELD_STRING, struct overlay, kind),
        FIELD_AT("name", FIELD_STRING, struct overlay, name),
        FIELD_CALL_AT("patches", keep_node, struct overlay, patches),
    };
    struct overlay overlay = {.patches = NULL};
    DECODE_MAPPING(decoder, node, fields, &overlay);
    if (!span_equal(overlay.kind.text, target->kind) || !span_equal(overlay.name.text, target->name))
        return;
    for (uint32_t i = 0; node_is_sequence(overlay.patches) && i < overlay.patches->count; i++)
        decode_patch(decoder, overlay.patches->items[i], target);
}

void overlay_apply_all(struct decoder *decoder, const struct node *overlays, struct span kind, struct span name,
                       struct node *object) {
    struct overlay_target target = {kind, name, object};
    if (!node_is_sequence(overlays)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, overlays->position, "start each item with '- '",
                     "a list is expected here, not %s", node_type_name(overlays));
        return;
    }
    for (uint32_t i = 0; i < overlays->count; i++)
        decode_overlay(decoder, overlays->items[i], &target);
}
