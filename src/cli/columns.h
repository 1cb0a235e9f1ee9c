/* Rows of cells in columns as wide as their widest cell, as istioctl prints them (Go's tabwriter). */
#ifndef FAIRLEAD_CLI_COLUMNS_H
#define FAIRLEAD_CLI_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/span.h"

#define COLUMNS_MAX 8

struct columns {
    struct arena *arena; /* of the rows; the cells are borrowed */
    size_t column_count;
    struct span *cells; /* row by row */
    size_t cell_count, cell_capacity;
};

void columns_init(struct columns *columns, struct arena *arena, size_t column_count);
/* `cells` has column_count of them. */
void columns_add(struct columns *columns, const struct span *cells);
/* `padding` spaces follow the widest cell of each column but the last. Control bytes are written as "?". */
void columns_print(const struct columns *columns, size_t padding, FILE *output);

#endif
