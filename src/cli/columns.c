#include "cli/columns.h"

#include "base/assert.h"
#include "base/escape.h"

void columns_init(struct columns *columns, struct arena *arena, size_t column_count) {
    ASSERT(column_count > 0 && column_count <= COLUMNS_MAX);
    *columns = (struct columns){.arena = arena, .column_count = column_count};
}

void columns_add(struct columns *columns, const struct span *cells) {
    if (columns->cell_count + columns->column_count > columns->cell_capacity) {
        size_t capacity = columns->cell_capacity == 0 ? 64 * columns->column_count : 2 * columns->cell_capacity;
        struct span *grown = arena_new_array(columns->arena, struct span, capacity);
        if (columns->cell_count > 0)
            memcpy(grown, columns->cells, columns->cell_count * sizeof(struct span));
        columns->cells = grown;
        columns->cell_capacity = capacity;
    }
    memcpy(columns->cells + columns->cell_count, cells, columns->column_count * sizeof(struct span));
    columns->cell_count += columns->column_count;
}

/* Characters, not bytes. */
static size_t width_of(struct span cell) {
    size_t width = 0;
    for (size_t i = 0; i < cell.size; i++)
        width += !escape_is_continuation(cell.data[i]);
    return width;
}

static void print_cell(struct span cell, FILE *output) {
    for (size_t i = 0; i < cell.size; i++) {
        unsigned char byte = (unsigned char)cell.data[i];
        fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, output);
    }
}

void columns_print(const struct columns *columns, size_t padding, FILE *output) {
    size_t widths[COLUMNS_MAX] = {0};
    for (size_t i = 0; i < columns->cell_count; i++) {
        size_t width = width_of(columns->cells[i]), *widest = &widths[i % columns->column_count];
        if (width > *widest)
            *widest = width;
    }
    for (size_t i = 0; i < columns->cell_count; i++) {
        size_t column = i % columns->column_count;
        print_cell(columns->cells[i], output);
        if (column + 1 == columns->column_count)
            fputc('\n', output);
        else
            fprintf(output, "%*s", (int)(widths[column] - width_of(columns->cells[i]) + padding), "");
    }
}
