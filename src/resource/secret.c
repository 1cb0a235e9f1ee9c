#include "resource/secret.h"

#include "base/memory.h"
#include "base/base64.h"
#include "resource/object_decode.h"

const struct secret_entry *secret_get(const struct secret *secret, struct span key) {
    for (size_t i = 0; i < secret->entry_count; i++)
        if (span_equal(secret->entries[i].key, key))
            return &secret->entries[i];
    return NULL;
}

static void wipe_value(void *object) {
    const struct span *value = object;
    memory_wipe((void *)(uintptr_t)value->data, value->size);
}

/* `value` is the arena's own memory: key material is wiped with it. */
static struct span wiped_later(struct decoder *decoder, struct span value) {
    if (value.size == 0)
        return value;
    struct span *kept = arena_new(decoder->arena, struct span);
    *kept = value;
    arena_on_destroy(decoder->arena, wipe_value, kept);
    return value;
}

static void set_entry(struct secret *secret, struct secret_entry entry) {
    for (size_t i = 0; i < secret->entry_count; i++) {
        if (span_equal(secret->entries[i].key, entry.key)) {
            secret->entries[i] = entry;
            return;
        }
    }
    secret->entries[secret->entry_count++] = entry;
}

static bool check_value(struct decoder *decoder, const struct node_field *field) {
    bool is_scalar = node_is_null(field->value) || field->value->kind == NODE_SCALAR;
    if (!is_scalar)
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, field->value->position, "write one value",
                     "the value of '%.*s' must be a string, not %s", SPAN_ARGUMENTS(field->key),
                     node_type_name(field->value));
    return is_scalar;
}

static void add_data(struct decoder *decoder, struct secret *secret, const struct node_field *field) {
    struct secret_entry entry = {.key = field->key, .position = field->value->position};
    struct span text = field->value->scalar;
    char *output = arena_new_array(decoder->arena, char, text.size / 4 * 3 + 4);
    size_t size = 0;
    if (base64_decode(text, output, &size)) {
        entry.value = wiped_later(decoder, span_make(output, size));
        output[size] = '\0';
    } else {
        wiped_later(decoder, span_make(output, text.size / 4 * 3 + 4));
        entry.invalid = true;
        struct decode_path path = {decoder->path, field->key, 0};
        decoder->path = &path;
        /* Only this entry is lost: the object is as good as the rest of it. */
        bool failed = decoder->failed;
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, entry.position,
                     "encode it with 'base64 -w0', or write it as text below stringData", "the value is not base64");
        decoder->failed = failed;
        decoder->path = path.parent;
    }
    set_entry(secret, entry);
}

static bool is_mapping(struct decoder *decoder, const struct node *node) {
    if (node_is_mapping(node))
        return true;
    decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write 'key: value' lines",
                 "a mapping is expected here, not %s", node_type_name(node));
    return false;
}

static void decode_data(struct decoder *decoder, const struct node *node, void *target) {
    if (!is_mapping(decoder, node))
        return;
    for (uint32_t i = 0; i < node->count; i++)
        if (check_value(decoder, &node->fields[i]))
            add_data(decoder, target, &node->fields[i]);
}

static void decode_string_data(struct decoder *decoder, const struct node *node, void *target) {
    if (!is_mapping(decoder, node))
        return;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct located text = {SPAN_EMPTY, field->value->position};
        if (!check_value(decoder, field) || (!node_is_null(field->value) && !decode_string(decoder, field->value, &text)))
            continue;
        /* A copy: the document belongs to others, who may decode it again (and wipe it). */
        struct span value = wiped_later(decoder, arena_copy(decoder->arena, text.text));
        set_entry(target, (struct secret_entry){field->key, value, text.position, false});
    }
}

static const struct field secret_fields[] = {
    FIELD_OF_TYPE("apiVersion", FIELD_IGNORED),
    FIELD_OF_TYPE("kind", FIELD_IGNORED),
    FIELD_OF_TYPE("metadata", FIELD_IGNORED),
    FIELD_OF_TYPE("immutable", FIELD_IGNORED),
    FIELD_AT("type", FIELD_STRING, struct secret, type),
    /* Read below, in their order. */
    FIELD_OF_TYPE("data", FIELD_IGNORED),
    FIELD_OF_TYPE("stringData", FIELD_IGNORED),
};

struct part {
    const char *key;
    decode_function function;
};

struct object_meta *secret_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct part parts[] = {{"data", decode_data}, {"stringData", decode_string_data}};
    struct secret *secret = arena_new(decoder->arena, struct secret);
    secret->meta = *meta;
    DECODE_MAPPING(decoder, root, secret_fields, secret);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const struct node *node = node_get_present(root, parts[i].key);
        count += node == NULL ? 0 : node->count;
    }
    secret->entries = arena_new_array(decoder->arena, struct secret_entry, count);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const struct node *node = node_get_present(root, parts[i].key);
        struct decode_path path = {decoder->path, span_of(parts[i].key), 0};
        decoder->path = &path;
        if (node != NULL)
            parts[i].function(decoder, node, secret);
        decoder->path = path.parent;
    }
    return &secret->meta;
}
