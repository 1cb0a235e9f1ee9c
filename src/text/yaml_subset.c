#include "text/yaml_subset.h"

#include "base/limits.h"
#include "text/node_stack.h"

/* Libyaml takes no key that ends later behind its start (YAML 1.1 section 7.4: 1024 characters). */
#define KEY_BYTES_MAX 1000
#define DOCUMENT_END (-1)

/* What a byte may be part of. A byte of no class is never read here. */
enum byte_class {
    BYTE_COMMENT = 1,
    BYTE_QUOTED = 2,      /* stands for itself between quotes of either kind */
    BYTE_PLAIN = 4,       /* of a plain scalar in a block; ' ', ':' and '#' are looked at apart */
    BYTE_PLAIN_FIRST = 8, /* starts one; '-' is looked at apart */
    BYTE_FLOW_PLAIN = 16, /* of a plain scalar between brackets */
};

#define ALPHANUMERIC (BYTE_COMMENT | BYTE_QUOTED | BYTE_PLAIN | BYTE_PLAIN_FIRST | BYTE_FLOW_PLAIN)
#define INNER (BYTE_COMMENT | BYTE_QUOTED | BYTE_PLAIN)
#define INNER_FLOW (INNER | BYTE_FLOW_PLAIN)
#define FIRST (INNER | BYTE_PLAIN_FIRST)
#define SEPARATING (BYTE_COMMENT | BYTE_QUOTED)

static const uint8_t classes[256] = {
    ['0' ... '9'] = ALPHANUMERIC, ['A' ... 'Z'] = ALPHANUMERIC, ['a' ... 'z'] = ALPHANUMERIC,
    /* No scalar starts with '.': "..." ends a document. */
    ['.'] = INNER_FLOW, ['_'] = FIRST | BYTE_FLOW_PLAIN, ['/'] = FIRST | BYTE_FLOW_PLAIN, ['+'] = FIRST | BYTE_FLOW_PLAIN,
    ['-'] = INNER_FLOW,
    ['$'] = FIRST, ['('] = FIRST, [')'] = FIRST, [';'] = FIRST, ['<'] = FIRST, ['='] = FIRST, ['^'] = FIRST, ['~'] = FIRST,
    ['!'] = INNER, ['%'] = INNER, ['&'] = INNER, ['*'] = INNER, [','] = INNER, ['>'] = INNER, ['?'] = INNER, ['@'] = INNER, ['['] = INNER,
    [']'] = INNER, ['`'] = INNER, ['{'] = INNER, ['|'] = INNER, ['}'] = INNER,
    ['"'] = BYTE_COMMENT | BYTE_PLAIN, ['\''] = BYTE_COMMENT | BYTE_PLAIN, ['\\'] = BYTE_COMMENT | BYTE_PLAIN,
    [' '] = SEPARATING, [':'] = SEPARATING, ['#'] = SEPARATING,
};

struct subset_reader {
    const char *at;
    const char *end;
    const char *line_start;
    uint32_t line; /* from 1 */
    struct arena *nodes;
    struct arena *texts;
    const char *file;
    struct node_stack open;
    uint64_t node_count; /* of the current document */
};

static bool is_of(const struct subset_reader *reader, enum byte_class wanted) {
    return reader->at < reader->end && (classes[(uint8_t)*reader->at] & wanted) != 0;
}

static bool is_at(const struct subset_reader *reader, char byte) {
    return reader->at < reader->end && *reader->at == byte;
}

/* Whether a space, a line's end or the text's follows the current byte. */
static bool is_before_blank(const struct subset_reader *reader) {
    return reader->at + 1 >= reader->end || reader->at[1] == ' ' || reader->at[1] == '\n';
}

static struct position position_here(const struct subset_reader *reader) {
    return (struct position){reader->file, reader->line, (uint32_t)(reader->at - reader->line_start) + 1};
}

static bool count_node(struct subset_reader *reader) {
    return ++reader->node_count <= CONFIGURATION_NODES_MAX;
}

/* --- Between tokens --- */

static void skip_spaces(struct subset_reader *reader) {
    while (is_at(reader, ' '))
        reader->at++;
}

/* To the end of the line, over spaces and a comment. False: something else is there. */
static bool skip_line_rest(struct subset_reader *reader) {
    skip_spaces(reader);
    if (is_at(reader, '#') && (reader->at == reader->line_start || reader->at[-1] == ' '))
        while (is_of(reader, BYTE_COMMENT))
            reader->at++;
    return reader->at == reader->end || *reader->at == '\n';
}

/* From the end of a line, or from where nothing but space came before on the line, to the next token. What is left of the line is skipped if it may be. */
static void skip_lines(struct subset_reader *reader) {
    while (skip_line_rest(reader) && reader->at < reader->end) {
        reader->at++;
        reader->line++;
        reader->line_start = reader->at;
    }
}

static bool is_document_start(const struct subset_reader *reader) {
    return reader->at == reader->line_start && reader->end - reader->at >= 3 && memcmp(reader->at, "---", 3) == 0 &&
           (reader->end - reader->at == 3 || reader->at[3] == ' ' || reader->at[3] == '\n');
}

/* From 0; DOCUMENT_END where the document has no more tokens. */
static int column_here(const struct subset_reader *reader) {
    return reader->at == reader->end || is_document_start(reader) ? DOCUMENT_END : (int)(reader->at - reader->line_start);
}

/* --- Scalars --- */

static int hex_value(char byte) {
    char lower = byte_to_lower(byte);
    return byte >= '0' && byte <= '9' ? byte - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int escaped_unicode(const struct subset_reader *reader) {
    int value = 0;
    if (reader->end - reader->at < 5)
        return -1;
    for (int i = 1; i <= 4; i++) {
        int digit = hex_value(reader->at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value >= 0x20 && value < 0x7f ? value : -1;
}

/* The byte that the escape behind the current backslash stands for, -1 for one that is not read here. The current byte is then the escape's last. */
static int read_escape(struct subset_reader *reader) {
    reader->at++;
    if (reader->at == reader->end)
        return -1;
    switch (*reader->at) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case '"':
    case '\\':
    case '/':
        return *reader->at;
    case 'u': {
        int value = escaped_unicode(reader);
        reader->at += value < 0 ? 0 : 4;
        return value;
    }
    default:
        return -1;
    }
}

/* The rest of a double-quoted scalar from its first escape on; `start` is where its text starts. */
static bool read_escaped(struct subset_reader *reader, const char *start, struct span *ret_text) {
    const char *close = reader->at;
    while (close < reader->end && *close != '"' && *close != '\n')
        close += *close == '\\' && reader->end - close > 1 ? 2 : 1;
    char *copy = arena_new_array(reader->texts, char, (size_t)(close - start) + 1);
    size_t size = (size_t)(reader->at - start);
    memcpy(copy, start, size);
    while (is_of(reader, BYTE_QUOTED) || is_at(reader, '\\') || is_at(reader, '\'')) {
        int byte = *reader->at == '\\' ? read_escape(reader) : *reader->at;
        if (byte < 0)
            return false;
        copy[size++] = (char)byte;
        reader->at++;
    }
    if (!is_at(reader, '"'))
        return false;
    reader->at++;
    *ret_text = span_make(copy, size);
    return true;
}

static bool read_quoted(struct subset_reader *reader, struct span *ret_text) {
    char quote = *reader->at++;
    char other = quote == '"' ? '\'' : '"';
    const char *start = reader->at;
    while (is_of(reader, BYTE_QUOTED) || is_at(reader, other) || (quote == '\'' && is_at(reader, '\\')))
        reader->at++;
    if (is_at(reader, '\\'))
        return read_escaped(reader, start, ret_text);
    if (!is_at(reader, quote))
        return false;
    *ret_text = span_make(start, (size_t)(reader->at - start));
    reader->at++;
    /* Two single quotes are one that is meant. */
    return !is_at(reader, quote);
}

/* To the ':' of a key, a comment, or the end of the line. */
static bool read_plain(struct subset_reader *reader, struct span *ret_text) {
    const char *start = reader->at, *last = start;
    if (!is_of(reader, BYTE_PLAIN_FIRST) && (!is_at(reader, '-') || is_before_blank(reader)))
        return false;
    while (reader->at < reader->end && *reader->at != '\n') {
        if (*reader->at == ' ') {
            skip_spaces(reader);
            if (is_at(reader, '#'))
                break;
            continue;
        }
        if (*reader->at == ':' && is_before_blank(reader))
            break;
        if (!is_of(reader, BYTE_PLAIN) && *reader->at != ':' && *reader->at != '#')
            return false;
        last = ++reader->at;
    }
    *ret_text = span_make(start, (size_t)(last - start));
    return true;
}

/* Whether what comes next, maybe on a later line, does not belong to the scalar. */
static bool ends_flow_plain(const struct subset_reader *reader) {
    const char *after = reader->at;
    while (after < reader->end && (*after == ' ' || *after == '\n'))
        after++;
    if (after == reader->end)
        return false;
    bool is_before_space = reader->end - after > 1 && (after[1] == ' ' || after[1] == '\n');
    return *after == ',' || *after == ']' || *after == '}' || (*after == ':' && is_before_space);
}

/* A word or a number; what could be anything else is not read here. */
static bool read_flow_plain(struct subset_reader *reader, struct span *ret_text) {
    const char *start = reader->at;
    bool is_number = is_at(reader, '-') && reader->end - start > 1 && start[1] >= '0' && start[1] <= '9';
    if (!is_number && (!is_of(reader, BYTE_PLAIN_FIRST) || !is_of(reader, BYTE_FLOW_PLAIN)))
        return false;
    while (is_of(reader, BYTE_FLOW_PLAIN))
        reader->at++;
    *ret_text = span_make(start, (size_t)(reader->at - start));
    return ends_flow_plain(reader);
}

static bool is_null_text(struct span text) {
    return span_equal(text, SPAN_LITERAL("~")) || span_equal(text, SPAN_LITERAL("null")) || span_equal(text, SPAN_LITERAL("Null")) ||
           span_equal(text, SPAN_LITERAL("NULL"));
}

struct subset_scalar {
    struct position position;
    struct span text;
    bool plain;
};

static bool read_scalar(struct subset_reader *reader, bool in_flow, struct subset_scalar *ret_scalar) {
    bool is_quoted = is_at(reader, '"') || is_at(reader, '\'');
    ret_scalar->position = position_here(reader);
    ret_scalar->plain = !is_quoted;
    if (!count_node(reader))
        return false;
    if (is_quoted)
        return read_quoted(reader, &ret_scalar->text);
    return in_flow ? read_flow_plain(reader, &ret_scalar->text) : read_plain(reader, &ret_scalar->text);
}

static struct node *scalar_node(struct subset_reader *reader, const struct subset_scalar *scalar) {
    struct node *node = scalar->plain && is_null_text(scalar->text) ? node_new_null(reader->nodes, scalar->position)
                                                                    : node_new_string(reader->nodes, scalar->text, scalar->position);
    node->plain = scalar->plain;
    return node;
}

/* For a value that is not written. */
static struct node *absent_node(struct subset_reader *reader, struct position position) {
    struct subset_scalar scalar = {position, SPAN_LITERAL("~"), true};
    return count_node(reader) ? scalar_node(reader, &scalar) : NULL;
}

/* Over the ':' that makes the scalar a key, which follows on its line. */
static bool take_colon(struct subset_reader *reader, const struct subset_scalar *key) {
    skip_spaces(reader);
    if (!is_at(reader, ':') || reader->at - reader->line_start - (ptrdiff_t)key->position.column > KEY_BYTES_MAX)
        return false;
    reader->at++;
    return true;
}

/* Pushes the field, unless its key has to be looked at by libyaml's reader: a merge, or one that is there already. */
static bool push_field(struct subset_reader *reader, struct node_keys *keys, const struct subset_scalar *key, struct node *value) {
    struct span name = key->plain && is_null_text(key->text) ? SPAN_LITERAL("null") : key->text;
    if (value == NULL || (key->plain && span_equal(name, SPAN_LITERAL("<<"))) || node_keys_has(keys, &reader->open, name))
        return false;
    node_keys_push(keys, &reader->open, (struct node_field){name, key->position, value});
    return true;
}

/* --- Between brackets --- */

static struct node *read_flow(struct subset_reader *reader, int depth);

static struct node *read_flow_value(struct subset_reader *reader, int depth) {
    struct subset_scalar scalar;
    if (is_at(reader, '{') || is_at(reader, '['))
        return read_flow(reader, depth);
    if (depth > CONFIGURATION_DEPTH_MAX || !read_scalar(reader, true, &scalar))
        return NULL;
    return scalar_node(reader, &scalar);
}

static bool read_flow_field(struct subset_reader *reader, struct node_keys *keys, int depth) {
    struct subset_scalar key;
    if (!read_scalar(reader, true, &key) || !take_colon(reader, &key))
        return false;
    skip_lines(reader);
    return push_field(reader, keys, &key, read_flow_value(reader, depth + 1));
}

static bool read_flow_item(struct subset_reader *reader, int depth) {
    struct node *item = read_flow_value(reader, depth + 1);
    if (item == NULL)
        return false;
    node_stack_push(&reader->open, (struct node_field){.value = item});
    return true;
}

static bool read_flow_children(struct subset_reader *reader, struct node_keys *keys, bool is_mapping, int depth) {
    char close = is_mapping ? '}' : ']';
    skip_lines(reader);
    while (!is_at(reader, close) || reader->open.count > keys->first) {
        if (!(is_mapping ? read_flow_field(reader, keys, depth) : read_flow_item(reader, depth)))
            return false;
        skip_lines(reader);
        if (is_at(reader, close))
            break;
        if (!is_at(reader, ','))
            return false;
        reader->at++;
        skip_lines(reader);
    }
    reader->at++;
    return true;
}

static struct node *read_flow(struct subset_reader *reader, int depth) {
    bool is_mapping = is_at(reader, '{');
    struct position position = position_here(reader);
    struct node_keys keys CLEANUP(node_keys_deinit);
    node_keys_init(&keys, &reader->open);
    if (depth > CONFIGURATION_DEPTH_MAX || !count_node(reader))
        return NULL;
    struct node *node = is_mapping ? node_new_mapping(reader->nodes, position) : node_new_sequence(reader->nodes, position);
    reader->at++;
    if (!read_flow_children(reader, &keys, is_mapping, depth))
        return NULL;
    node_stack_adopt(&reader->open, reader->nodes, node, keys.first);
    return node;
}

/* --- Blocks --- */

static struct node *read_block(struct subset_reader *reader, int depth);

static bool is_dash(const struct subset_reader *reader) {
    return is_at(reader, '-') && is_before_blank(reader);
}

/* What stands on a line of its own, or is the rest of one. */
static struct node *read_line_value(struct subset_reader *reader, int depth) {
    struct subset_scalar scalar;
    struct node *node = NULL;
    if (is_at(reader, '{') || is_at(reader, '['))
        node = read_flow(reader, depth);
    else if (depth <= CONFIGURATION_DEPTH_MAX && read_scalar(reader, false, &scalar))
        node = scalar_node(reader, &scalar);
    return node != NULL && skip_line_rest(reader) ? node : NULL;
}

/* The items of the sequence whose first dash is here. The dashes of one without indent stand where its parent's keys do. */
static struct node *read_block_sequence(struct subset_reader *reader, int depth, bool has_indent) {
    int indent = column_here(reader);
    size_t first = reader->open.count;
    if (depth > CONFIGURATION_DEPTH_MAX || !count_node(reader))
        return NULL;
    struct node *sequence = node_new_sequence(reader->nodes, position_here(reader));
    while (column_here(reader) == indent && is_dash(reader)) {
        reader->at++;
        struct position after = position_here(reader);
        bool is_alone = skip_line_rest(reader);
        skip_lines(reader);
        struct node *item = is_alone && column_here(reader) <= indent ? absent_node(reader, after) : read_block(reader, depth + 1);
        if (item == NULL)
            return NULL;
        node_stack_push(&reader->open, (struct node_field){.value = item});
        skip_lines(reader);
    }
    if (column_here(reader) > indent || (has_indent && column_here(reader) == indent))
        return NULL;
    node_stack_adopt(&reader->open, reader->nodes, sequence, first);
    return sequence;
}

/* The value of a key of the mapping at `indent`, from behind its ':'. */
static struct node *read_field_value(struct subset_reader *reader, int indent, int depth) {
    struct position after = position_here(reader);
    if (!skip_line_rest(reader))
        return read_line_value(reader, depth);
    skip_lines(reader);
    int column = column_here(reader);
    if (column > indent)
        return read_block(reader, depth);
    return column == indent && is_dash(reader) ? read_block_sequence(reader, depth, false) : absent_node(reader, after);
}

/* The mapping whose first key was read already. */
static struct node *read_block_mapping(struct subset_reader *reader, struct subset_scalar key, int indent, int depth) {
    struct node_keys keys CLEANUP(node_keys_deinit);
    struct node *mapping = node_new_mapping(reader->nodes, key.position);
    node_keys_init(&keys, &reader->open);
    if (!count_node(reader))
        return NULL;
    for (;;) {
        if (!is_before_blank(reader) || !take_colon(reader, &key) || !push_field(reader, &keys, &key, read_field_value(reader, indent, depth + 1)))
            return NULL;
        skip_lines(reader);
        if (column_here(reader) != indent)
            break;
        if (!read_scalar(reader, false, &key))
            return NULL;
        skip_spaces(reader);
    }
    if (column_here(reader) > indent)
        return NULL;
    node_stack_adopt(&reader->open, reader->nodes, mapping, keys.first);
    return mapping;
}

/* The node that starts here, first on its line but for dashes. Behind it comes the end of a line. */
static struct node *read_block(struct subset_reader *reader, int depth) {
    int indent = column_here(reader);
    struct subset_scalar scalar;
    if (depth > CONFIGURATION_DEPTH_MAX || indent == DOCUMENT_END)
        return NULL;
    if (is_dash(reader))
        return read_block_sequence(reader, depth, true);
    if (is_at(reader, '{') || is_at(reader, '['))
        return read_line_value(reader, depth);
    if (!read_scalar(reader, false, &scalar))
        return NULL;
    skip_spaces(reader);
    if (is_at(reader, ':'))
        return read_block_mapping(reader, scalar, indent, depth);
    return skip_line_rest(reader) ? scalar_node(reader, &scalar) : NULL;
}

/* --- Documents --- */

static bool read_document(struct subset_reader *reader, struct node *roots) {
    if (is_document_start(reader)) {
        reader->at += 3;
        if (!skip_line_rest(reader))
            return false;
        skip_lines(reader);
    }
    if (column_here(reader) == DOCUMENT_END)
        return true;
    reader->node_count = 0;
    struct node *root = read_block(reader, 1);
    if (root == NULL || root->kind == NODE_SCALAR || root->kind == NODE_NULL)
        return false;
    skip_lines(reader);
    node_append(reader->nodes, roots, root);
    return column_here(reader) == DOCUMENT_END;
}

static void reader_deinit(struct subset_reader *reader) {
    node_stack_deinit(&reader->open);
}

bool yaml_subset_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text, struct document_list *ret_documents) {
    if (text.size == 0)
        return false;
    struct subset_reader reader CLEANUP(reader_deinit) = {
        .at = text.data, .end = text.data + text.size, .line_start = text.data, .line = 1, .nodes = nodes, .texts = texts, .file = file};
    struct node *roots = node_new_sequence(nodes, POSITION_NONE);
    skip_lines(&reader);
    while (reader.at < reader.end)
        if (!read_document(&reader, roots))
            return false;
    struct document *documents = arena_new_array(nodes, struct document, roots->count);
    for (uint32_t i = 0; i < roots->count; i++)
        documents[i].root = roots->items[i];
    *ret_documents = (struct document_list){documents, roots->count};
    return true;
}
