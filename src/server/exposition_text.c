#include "server/exposition_text.h"

#include "base/clock.h"

void exposition_begin(struct builder *output, const char *name, const char *type, const char *help) {
    builder_print(output, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_put_label(struct builder *output, const char *name, struct span value) {
    builder_put(output, span_of(name));
    builder_put(output, SPAN_LITERAL("=\""));
    for (size_t i = 0; i < value.size; i++) {
        char byte = value.data[i];
        if (byte == '\n') {
            builder_put(output, SPAN_LITERAL("\\n"));
            continue;
        }
        if (byte == '"' || byte == '\\')
            builder_put_byte(output, '\\');
        builder_put_byte(output, byte);
    }
    builder_put(output, SPAN_LITERAL("\","));
}

void exposition_end_labels(struct builder *output) {
    if (output->size > 0 && output->data[output->size - 1] == ',')
        output->size--;
    builder_put(output, SPAN_LITERAL("} "));
}

void exposition_put(struct builder *output, const char *name, uint64_t value) {
    builder_put(output, span_of(name));
    builder_put_byte(output, ' ');
    builder_put_number(output, value);
    builder_put_byte(output, '\n');
}

void exposition_put_labelled(struct builder *output, const char *name, const char *label, struct span label_value, uint64_t value) {
    builder_put(output, span_of(name));
    builder_put_byte(output, '{');
    exposition_put_label(output, label, label_value);
    exposition_end_labels(output);
    builder_put_number(output, value);
    builder_put_byte(output, '\n');
}

static void put_fraction(struct builder *output, uint64_t value, uint64_t unit, int digits) {
    builder_put_number(output, value / unit);
    if (value % unit != 0)
        builder_print(output, ".%0*llu", digits, (unsigned long long)(value % unit));
}

void exposition_put_seconds(struct builder *output, uint64_t value_ns) {
    put_fraction(output, value_ns, NANOSECONDS_PER_SECOND, 9);
}

void exposition_put_milliseconds(struct builder *output, uint64_t value_ns) {
    put_fraction(output, value_ns, NANOSECONDS_PER_MILLISECOND, 6);
}
