#include "resource/decode.h"
#include "resource/duration.h"

#define MILLISECOND_NS 1000000

static void wrong_type(struct decoder *decoder, const struct node *node, const char *expected, const char *hint) {
    decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, hint, "%s is expected here, not %s", expected,
                 node_type_name(node));
}

bool decode_string(struct decoder *decoder, const struct node *node, struct located *ret_text) {
    struct span text;
    bool flag;
    if (node_as_bool(node, &flag)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "put the value in quotes",
                     "a string is expected here, but YAML reads this word as %s", flag ? "true" : "false");
        return false;
    }
    if (!node_as_string(node, &text)) {
        bool is_scalar = node->kind == NODE_SCALAR;
        wrong_type(decoder, node, "a string", is_scalar ? "put the value in quotes" : "write one value");
        return false;
    }
    *ret_text = (struct located){text, node->position};
    return true;
}

static void decode_string_item(struct decoder *decoder, const struct node *node, void *target) {
    struct located *text = target;
    text->position = node->position;
    decode_string(decoder, node, text);
}

void decode_strings(struct decoder *decoder, const struct node *node, struct located_list *ret_list) {
    ret_list->items = decode_items(decoder, node, sizeof(struct located), decode_string_item, &ret_list->count);
    ret_list->position = node->position;
}

void decode_strings_checked(struct decoder *decoder, const struct node *node, void (*check)(struct decoder *decoder, const struct located *item),
                            struct located_list *ret_list) {
    const struct decode_path *parent = decoder->path;
    decode_strings(decoder, node, ret_list);
    for (size_t i = 0; i < ret_list->count; i++) {
        struct decode_path path = {.parent = parent, .index = i};
        decoder->path = &path;
        check(decoder, &ret_list->items[i]);
        decoder->path = parent;
    }
}

void decode_labels(struct decoder *decoder, const struct node *node, struct label_set *ret_labels) {
    if (!node_is_mapping(node)) {
        wrong_type(decoder, node, "a mapping", "write 'key: value' lines");
        return;
    }
    struct label *items = arena_new_array(decoder->arena, struct label, node->count);
    size_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct located value = {SPAN_EMPTY, field->value->position};
        if (!node_is_null(field->value) && !decode_string(decoder, field->value, &value))
            continue;
        items[count++] = (struct label){field->key, value.text, value.position};
    }
    *ret_labels = (struct label_set){items, count};
}

void decode_number(struct decoder *decoder, const struct node *node, int64_t minimum, int64_t maximum,
                   struct located_number *ret_number) {
    int64_t value;
    if (!node_as_integer(node, &value)) {
        struct span text;
        bool quoted = node_as_string(node, &text) && !node->plain;
        wrong_type(decoder, node, "a whole number", quoted ? "write the number without quotes" : "write a number");
        return;
    }
    if (value < minimum || value > maximum) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use a number in that range",
                     "%lld lies outside of %lld to %lld", (long long)value, (long long)minimum, (long long)maximum);
        return;
    }
    *ret_number = (struct located_number){value, true, node->position};
}

void decode_flag(struct decoder *decoder, const struct node *node, struct located_flag *ret_flag) {
    bool value;
    if (!node_as_bool(node, &value)) {
        wrong_type(decoder, node, "true or false", "write true or false, without quotes");
        return;
    }
    *ret_flag = (struct located_flag){value, true, node->position};
}

void decode_duration(struct decoder *decoder, const struct node *node, int64_t minimum_ns,
                     struct located_number *ret_number) {
    struct located text;
    int64_t ns;
    if (node->kind == NODE_SCALAR && node_scalar_type(node) != SCALAR_STRING) {
        wrong_type(decoder, node, "a duration", "write a unit, as in 10s or 250ms");
        return;
    }
    if (!decode_string(decoder, node, &text))
        return;
    if (!duration_parse(text.text, &ns)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "write it as in 10s, 1.5s, 250ms or 1m30s",
                     "'%.*s' is no duration", SPAN_ARGUMENTS(text.text));
        return;
    }
    if (ns % MILLISECOND_NS != 0) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "write whole milliseconds, as in 250ms", "Istio's durations are exact to the millisecond");
        return;
    }
    if (ns < minimum_ns) {
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use at least 1ms", "the duration is too short");
        return;
    }
    *ret_number = (struct located_number){ns, true, node->position};
}

static struct span list_names(struct decoder *decoder, const struct enum_name *names, size_t count) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < count; i++)
        text = arena_print(decoder->arena, "%.*s%s%s", SPAN_ARGUMENTS(text), i == 0 ? "" : i + 1 == count ? " or " : ", ",
                           names[i].name);
    return text;
}

bool decode_enum(struct decoder *decoder, const struct node *node, const struct enum_name *names, size_t name_count,
                 int *ret_value) {
    struct located text;
    if (!decode_string(decoder, node, &text))
        return false;
    for (size_t i = 0; i < name_count; i++) {
        if (span_equal(span_of(names[i].name), text.text)) {
            *ret_value = names[i].value;
            return true;
        }
    }
    struct span hint = arena_print(decoder->arena, "use %s", list_names(decoder, names, name_count).data);
    decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, hint.data, "'%.*s' is not one of the allowed values",
                 SPAN_ARGUMENTS(text.text));
    return false;
}

/* --- The nearest name --- */

#define NAME_BYTES_MAX 48

static size_t minimum_of(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Insertions, deletions and replacements from one to the other, case aside; both at most NAME_BYTES_MAX. */
static size_t distance(struct span a, struct span b) {
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (byte_to_lower(a.data[i - 1]) != byte_to_lower(b.data[j - 1]));
            row[j] = minimum_of(replaced, minimum_of(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b.size];
}

const char *decode_nearest(struct span text, const char *const *names, size_t stride, size_t count) {
    const char *nearest = NULL;
    size_t best = text.size < 4 ? 1 : text.size < 8 ? 2 : 3;
    if (text.size == 0 || text.size > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
        struct span candidate = span_of(name);
        if (candidate.size > NAME_BYTES_MAX)
            continue;
        size_t changes = distance(text, candidate);
        if (changes < best || (nearest == NULL && changes == best)) {
            best = changes;
            nearest = name;
        }
    }
    return nearest;
}
