#include "text/yaml_error.h"

#include <string.h>

struct explanation {
    const char *problem; /* as libyaml says it */
    const char *message;
    const char *hint;
};

static const struct explanation explanations[] = {
    {"mapping values are not allowed in this context", "a ':' stands where no key can be",
     "check this line's indentation; quote a value that holds ': '"},
    {"did not find expected key", "a key was expected here, at the indentation of the mapping's other keys",
     "align this line with the keys around it"},
    {"did not find expected '-' indicator", "a list item was expected here, at the indentation of the list's other items",
     "align this line with the list's other '- '"},
    {"could not find expected ':'", "a key has no ':' after it", "write 'key: value'"},
    {"block sequence entries are not allowed in this context", "a list item stands where no list can be",
     "put the list on lines of its own below its key"},
    {"found character that cannot start any token", "a value cannot start with this character", "quote the value"},
    {"found a tab character that violates indentation", "a tab is used for indentation", "YAML is indented with spaces"},
    {"found a tab character where an indentation space is expected", "a tab is used for indentation",
     "YAML is indented with spaces"},
    {"found unexpected end of stream", "the text ends inside a quoted value", "close the quote"},
    {"found unexpected document indicator", "the document ends inside a quoted value", "close the quote"},
    {"did not find expected ',' or '}'", "a ',' or the closing '}' was expected here", "close the '{', or quote the value"},
    {"did not find expected ',' or ']'", "a ',' or the closing ']' was expected here", "close the '[', or quote the value"},
    {"did not find expected <document start>", "the former document has ended, but the next does not start with '---'",
     "separate documents by a line with '---'; check the indentation"},
    {"did not find expected node content", "a value was expected here", "quote the value"},
    {"found unknown escape character", "a double-quoted value holds an unknown escape", "use single quotes, or write '\\\\'"},
    {"did not find expected alphabetic or numeric character", "an alias ('*name') or anchor ('&name') has no proper name",
     "quote a value that starts with '*' or '&'"},
    {"found undefined tag handle", "a value starts with '!'", "quote the value"},
};

static struct explanation explain(const char *problem) {
    for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++)
        if (strcmp(explanations[i].problem, problem) == 0)
            return explanations[i];
    return (struct explanation){problem, problem, "check the text with a YAML tool"};
}

static struct position position_of_offset(const char *file, struct span text, size_t offset) {
    struct position position = {file, 1, 1};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            position.line++;
            position.column = 1;
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            position.column++;
        }
    }
    return position;
}

static struct span line_at(struct span text, uint32_t line) {
    struct span rest = text;
    struct span part = SPAN_EMPTY;
    for (uint32_t number = 1; span_split(&rest, '\n', &part); number++)
        if (number == line)
            return part;
    return SPAN_EMPTY;
}

static bool holds_template(struct span line) {
    return line.size > 0 && memmem(line.data, line.size, "{{", 2) != NULL;
}

static bool is_tab(struct span line, uint32_t column) {
    return column > 0 && column <= line.size && line.data[column - 1] == '\t';
}

static void report(struct diagnostic_list *diagnostics, struct position position, const char *hint, const char *message,
                   uint32_t context_line) {
    if (context_line != 0 && context_line != position.line)
        diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_YAML_SYNTAX, position, SPAN_EMPTY, span_of(hint),
                       "%s (in what starts at line %u); this document and all after it in the file are not read", message,
                       context_line);
    else
        diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_YAML_SYNTAX, position, SPAN_EMPTY, span_of(hint),
                       "%s; this document and all after it in the file are not read", message);
}

void yaml_error_report(const yaml_parser_t *parser, const char *file, struct span text,
                       struct diagnostic_list *diagnostics) {
    const char *problem = parser->problem == NULL ? "the text cannot be read" : parser->problem;
    if (parser->error == YAML_READER_ERROR) {
        report(diagnostics, position_of_offset(file, text, parser->problem_offset), "save the file as UTF-8 text", problem, 0);
        return;
    }
    struct position position = {file, (uint32_t)parser->problem_mark.line + 1, (uint32_t)parser->problem_mark.column + 1};
    uint32_t context_line = parser->context == NULL ? 0 : (uint32_t)parser->context_mark.line + 1;
    struct explanation explanation = explain(problem);
    struct span line = line_at(text, position.line);
    if (holds_template(line))
        explanation.hint = "this looks like a template: render it first, for instance with 'helm template'";
    else if (is_tab(line, position.column))
        explanation = (struct explanation){problem, "a tab is used for indentation", "YAML is indented with spaces"};
    report(diagnostics, position, explanation.hint, explanation.message, context_line);
}
