#include "text/yaml.h"

#include <yaml.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/memory.h"
#include "text/node_stack.h"
#include "text/yaml_error.h"
#include "text/yaml_library.h"
#include "text/yaml_subset.h"

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; type YAML_NO_EVENT before the first */
    struct arena *nodes;
    struct arena *texts;
    const char *file;
    struct span text;
    struct diagnostic_list *diagnostics;
    struct map anchors; /* of the current document: struct node */
    struct node_stack open;
    uint64_t node_count;
    bool document_broken; /* diagnosed: to be left out */
    bool any_broken;
};

static void event_release(struct yaml_reader *reader) {
    /* It may be a key's base64. */
    if (reader->event.type == YAML_SCALAR_EVENT)
        memory_wipe(reader->event.data.scalar.value, reader->event.data.scalar.length);
    yaml_event_delete(&reader->event);
    memset(&reader->event, 0, sizeof(reader->event));
}

static bool event_next(struct yaml_reader *reader) {
    event_release(reader);
    if (yaml_parser_parse(&reader->parser, &reader->event) != 0)
        return true;
    memset(&reader->event, 0, sizeof(reader->event));
    yaml_error_report(&reader->parser, reader->file, reader->text, reader->diagnostics);
    return false;
}

static struct position event_position(const struct yaml_reader *reader) {
    return (struct position){reader->file, (uint32_t)reader->event.start_mark.line + 1,
                             (uint32_t)reader->event.start_mark.column + 1};
}

static void break_document(struct yaml_reader *reader, enum diagnostic_code code, struct position position,
                           const char *hint, struct span subject, const char *message) {
    reader->document_broken = true;
    reader->any_broken = true;
    diagnostic_add(reader->diagnostics, DIAGNOSTIC_ERROR, code, position, SPAN_EMPTY, span_of(hint), "%s%s%.*s%s", message,
                   subject.size > 0 ? " '" : "", (int)subject.size, subject.size > 0 ? subject.data : "", subject.size > 0 ? "'" : "");
}

static bool count_nodes(struct yaml_reader *reader, uint64_t weight) {
    reader->node_count += weight;
    if (reader->node_count <= CONFIGURATION_NODES_MAX)
        return true;
    break_document(reader, DIAGNOSTIC_YAML_CEILING, event_position(reader), "split the file; avoid aliases of aliases",
                   SPAN_EMPTY, "the document holds too many values; it and all after it in the file are not read");
    return false;
}

static void remember_anchor(struct yaml_reader *reader, struct span name, struct node *node) {
    if (name.size > 0)
        map_set(&reader->anchors, name, node);
}

/* The anchor's name outlives the event. */
static struct span copy_anchor(struct yaml_reader *reader, const yaml_char_t *anchor) {
    return anchor == NULL ? SPAN_EMPTY : arena_copy(reader->nodes, span_of((const char *)anchor));
}

static struct node *read_node(struct yaml_reader *reader, int depth);

static struct node *read_alias(struct yaml_reader *reader, int depth) {
    struct span name = span_of((const char *)reader->event.data.alias.anchor);
    struct position position = event_position(reader);
    struct node *target = map_get(&reader->anchors, name);
    if (target == NULL) {
        break_document(reader, DIAGNOSTIC_YAML_ALIAS, position, "quote a value that starts with '*'", name,
                       "no anchor above this alias is named");
        return node_new_null(reader->nodes, position);
    }
    if (depth + target->height > CONFIGURATION_DEPTH_MAX) {
        break_document(reader, DIAGNOSTIC_YAML_CEILING, position, "write it flatter", name, "too deep an alias:");
        return node_new_null(reader->nodes, position);
    }
    return count_nodes(reader, target->weight) ? target : NULL;
}

static bool is_null_text(struct span text) {
    return text.size == 0 || span_equal(text, SPAN_LITERAL("~")) || span_equal(text, SPAN_LITERAL("null")) ||
           span_equal(text, SPAN_LITERAL("Null")) || span_equal(text, SPAN_LITERAL("NULL"));
}

static bool has_string_tag(const yaml_char_t *tag) {
    struct span text = span_of((const char *)tag);
    return span_equal(text, SPAN_LITERAL("tag:yaml.org,2002:str")) || span_equal(text, SPAN_LITERAL("!"));
}

static bool is_plain_scalar(const struct yaml_reader *reader) {
    const yaml_char_t *tag = reader->event.data.scalar.tag;
    return tag != NULL ? !has_string_tag(tag) : reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static struct node *read_scalar(struct yaml_reader *reader) {
    struct position position = event_position(reader);
    struct span text = span_make(reader->event.data.scalar.value, reader->event.data.scalar.length);
    bool plain = is_plain_scalar(reader);
    if (!count_nodes(reader, 1))
        return NULL;
    struct node *node;
    if (plain && is_null_text(text))
        node = node_new_null(reader->nodes, position);
    else
        node = node_new_string(reader->nodes, arena_copy(reader->texts, text), position);
    node->plain = plain;
    remember_anchor(reader, copy_anchor(reader, reader->event.data.scalar.anchor), node);
    return node;
}

static struct node *read_sequence(struct yaml_reader *reader, int depth) {
    struct node *sequence = node_new_sequence(reader->nodes, event_position(reader));
    size_t first = reader->open.count;
    struct span anchor = copy_anchor(reader, reader->event.data.sequence_start.anchor);
    if (!count_nodes(reader, 1))
        return NULL;
    for (;;) {
        if (!event_next(reader))
            return NULL;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        struct node *item = read_node(reader, depth + 1);
        if (item == NULL)
            return NULL;
        node_stack_push(&reader->open, (struct node_field){.value = item});
    }
    node_stack_adopt(&reader->open, reader->nodes, sequence, first);
    remember_anchor(reader, anchor, sequence);
    return sequence;
}

/* --- Mappings --- */

struct mapping_reader {
    struct node *merged; /* what "<<" names: a sequence of mappings, NULL without */
    struct node_keys keys;
};

static void mapping_reader_deinit(struct mapping_reader *state) {
    node_keys_deinit(&state->keys);
}

static void add_field(struct yaml_reader *reader, struct mapping_reader *state, const struct node *key,
                      struct node *value) {
    if (key->kind == NODE_SCALAR && key->plain && span_equal(key->scalar, SPAN_LITERAL("<<"))) {
        state->merged = node_new_sequence(reader->nodes, key->position);
        if (value->kind == NODE_SEQUENCE)
            state->merged = value;
        else
            node_append(reader->nodes, state->merged, value);
        return;
    }
    if (key->kind == NODE_SEQUENCE || key->kind == NODE_MAPPING) {
        break_document(reader, DIAGNOSTIC_YAML_SYNTAX, key->position, "quote it", SPAN_EMPTY,
                       "a key must be a string, not a list or mapping");
        return;
    }
    struct span name = key->kind == NODE_NULL ? SPAN_LITERAL("null") : key->scalar;
    if (node_keys_has(&state->keys, &reader->open, name)) {
        break_document(reader, DIAGNOSTIC_YAML_DUPLICATE_KEY, key->position,
                       "remove or rename one of the two; perhaps a '---' or a '- ' is missing before it", name,
                       "this mapping holds twice the key");
        return;
    }
    node_keys_push(&state->keys, &reader->open, (struct node_field){name, key->position, value});
}

/* The mapping's own keys win, then those of the earlier mapping. */
static bool merge_fields(struct yaml_reader *reader, struct mapping_reader *state) {
    struct node *merged = state->merged;
    for (uint32_t i = 0; merged != NULL && i < merged->count; i++) {
        const struct node *source = merged->items[i];
        if (source->kind != NODE_MAPPING) {
            break_document(reader, DIAGNOSTIC_YAML_ALIAS, merged->position, "write '<<: *name'", SPAN_EMPTY,
                           "'<<' merges mappings only");
            continue;
        }
        if (!count_nodes(reader, source->weight))
            return false;
        for (uint32_t f = 0; f < source->count; f++)
            if (!node_keys_has(&state->keys, &reader->open, source->fields[f].key))
                node_keys_push(&state->keys, &reader->open, source->fields[f]);
    }
    return true;
}

/* Most keys are scalars without an anchor: they need no node of their own. */
static const struct node *read_key(struct yaml_reader *reader, int depth, struct node *storage) {
    if (reader->event.type != YAML_SCALAR_EVENT || reader->event.data.scalar.anchor != NULL)
        return read_node(reader, depth);
    if (!count_nodes(reader, 1))
        return NULL;
    struct span text = span_make(reader->event.data.scalar.value, reader->event.data.scalar.length);
    bool plain = is_plain_scalar(reader);
    *storage = (struct node){.kind = plain && is_null_text(text) ? NODE_NULL : NODE_SCALAR, .plain = plain, .position = event_position(reader)};
    if (storage->kind == NODE_SCALAR)
        storage->scalar = arena_copy(reader->texts, text);
    return storage;
}

static struct node *read_mapping(struct yaml_reader *reader, int depth) {
    struct mapping_reader state CLEANUP(mapping_reader_deinit) = {.merged = NULL};
    struct node *mapping = node_new_mapping(reader->nodes, event_position(reader));
    struct node storage;
    node_keys_init(&state.keys, &reader->open);
    struct span anchor = copy_anchor(reader, reader->event.data.mapping_start.anchor);
    if (!count_nodes(reader, 1))
        return NULL;
    for (;;) {
        if (!event_next(reader))
            return NULL;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            break;
        const struct node *key = read_key(reader, depth + 1, &storage);
        if (key == NULL || !event_next(reader))
            return NULL;
        struct node *value = read_node(reader, depth + 1);
        if (value == NULL)
            return NULL;
        add_field(reader, &state, key, value);
    }
    if (!merge_fields(reader, &state))
        return NULL;
    node_stack_adopt(&reader->open, reader->nodes, mapping, state.keys.first);
    remember_anchor(reader, anchor, mapping);
    return mapping;
}

/* Reads the node that the current event starts; the current event is then its last. NULL: the reading has ended, diagnosed. */
static struct node *read_node(struct yaml_reader *reader, int depth) {
    if (depth > CONFIGURATION_DEPTH_MAX) {
        break_document(reader, DIAGNOSTIC_YAML_CEILING, event_position(reader), "write it flatter", SPAN_EMPTY,
                       "the document is nested too deeply; it and all after it in the file are not read");
        return NULL;
    }
    switch (reader->event.type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, depth);
    case YAML_SCALAR_EVENT:
        return read_scalar(reader);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(reader, depth);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(reader, depth);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    UNREACHABLE();
}

/* The current event is a document's start. False: the reading has ended. */
static bool read_document(struct yaml_reader *reader, struct node *roots) {
    map_deinit(&reader->anchors);
    map_init(&reader->anchors);
    reader->open.count = 0;
    reader->node_count = 0;
    reader->document_broken = false;
    if (!event_next(reader))
        return false;
    struct node *root = read_node(reader, 1);
    /* What follows the root may break the document still: "a: b" and then a stray line. */
    if (root == NULL || !event_next(reader))
        return false;
    ASSERT(reader->event.type == YAML_DOCUMENT_END_EVENT);
    if (!reader->document_broken && root->kind != NODE_NULL)
        node_append(reader->nodes, roots, root);
    return true;
}

static bool read_stream(struct yaml_reader *reader, struct node *roots) {
    do {
        if (!event_next(reader))
            return false;
        if (reader->event.type == YAML_DOCUMENT_START_EVENT && !read_document(reader, roots))
            return false;
    } while (reader->event.type != YAML_STREAM_END_EVENT);
    return !reader->any_broken;
}

static void reader_deinit(struct yaml_reader *reader) {
    event_release(reader);
    yaml_parser_delete(&reader->parser);
    map_deinit(&reader->anchors);
    node_stack_deinit(&reader->open);
}

bool yaml_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text, struct diagnostic_list *diagnostics,
                struct document_list *ret_documents) {
    return yaml_subset_parse(nodes, texts, file, text, ret_documents) || yaml_library_parse(nodes, texts, file, text, diagnostics, ret_documents);
}

bool yaml_library_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text, struct diagnostic_list *diagnostics,
                        struct document_list *ret_documents) {
    struct yaml_reader reader CLEANUP(reader_deinit) = {
        .nodes = nodes, .texts = texts, .file = file, .text = text, .diagnostics = diagnostics};
    map_init(&reader.anchors);
    int initialized = yaml_parser_initialize(&reader.parser);
    ASSERT(initialized != 0);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.data == NULL ? "" : text.data), text.size);
    struct node *roots = node_new_sequence(nodes, POSITION_NONE);
    bool complete = read_stream(&reader, roots);
    struct document *documents = arena_new_array(nodes, struct document, roots->count);
    for (uint32_t i = 0; i < roots->count; i++)
        documents[i].root = roots->items[i];
    *ret_documents = (struct document_list){documents, roots->count};
    return complete;
}
