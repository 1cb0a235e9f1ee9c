#include "proxy/access_log.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "base/limits.h"
#include "proxy/access_log_line.h"
#include "proxy/access_log_value.h"

#define CACHE_LINE_BYTES 64

/* Positions count up for ever; their low bits are the place. `written` is always the end of a line. */
struct access_log_ring {
    /* The worker's. */
    _Alignas(CACHE_LINE_BYTES) _Atomic size_t written; /* released by the worker, acquired by the reader */
    size_t consumed_seen;                              /* the worker's last look at `consumed` */
    _Atomic uint64_t dropped;
    struct access_log_calendar calendar;
    /* The reader's. */
    _Alignas(CACHE_LINE_BYTES) _Atomic size_t consumed;
    _Alignas(CACHE_LINE_BYTES) char line[ACCESS_LOG_LINE_BYTES_MAX];
    char bytes[ACCESS_LOG_RING_BYTES];
};

_Static_assert((ACCESS_LOG_RING_BYTES & (ACCESS_LOG_RING_BYTES - 1)) == 0, "positions wrap by masking");
_Static_assert(ACCESS_LOG_LINE_BYTES_MAX <= ACCESS_LOG_RING_BYTES, "an empty ring takes every line");

struct access_log_ring *access_log_ring_create(void) {
    struct access_log_ring *ring;
    /* Only the head is touched: the pages of the rest come when lines do. */
    ring = aligned_alloc(CACHE_LINE_BYTES, (sizeof(*ring) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES);
    ASSERT(ring != NULL);
    atomic_init(&ring->written, 0);
    atomic_init(&ring->consumed, 0);
    atomic_init(&ring->dropped, 0);
    ring->consumed_seen = 0;
    ring->calendar = (struct access_log_calendar){.second = 0};
    return ring;
}

void access_log_ring_destroy(struct access_log_ring *ring) {
    free(ring);
}

static void ring_copy_in(struct access_log_ring *ring, size_t position, struct span line) {
    size_t place = position & (ACCESS_LOG_RING_BYTES - 1);
    struct span first = span_first(line, ACCESS_LOG_RING_BYTES - place), rest = span_from(line, first.size);
    memcpy(ring->bytes + place, first.data, first.size);
    if (rest.size > 0)
        memcpy(ring->bytes, rest.data, rest.size);
}

static void ring_drop(struct access_log_ring *ring) {
    uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    atomic_store_explicit(&ring->dropped, dropped + 1, memory_order_relaxed);
}

static void ring_put(struct access_log_ring *ring, struct span line) {
    size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (ACCESS_LOG_RING_BYTES - (written - ring->consumed_seen) < line.size) {
        ring->consumed_seen = atomic_load_explicit(&ring->consumed, memory_order_acquire);
        if (ACCESS_LOG_RING_BYTES - (written - ring->consumed_seen) < line.size) {
            ring_drop(ring);
            return;
        }
    }
    ring_copy_in(ring, written, line);
    atomic_store_explicit(&ring->written, written + line.size, memory_order_release);
}

size_t access_log_ring_size(const struct access_log_ring *ring) {
    return atomic_load_explicit(&ring->written, memory_order_acquire) - atomic_load_explicit(&ring->consumed, memory_order_relaxed);
}

struct span access_log_ring_front(const struct access_log_ring *ring, size_t size) {
    size_t place = atomic_load_explicit(&ring->consumed, memory_order_relaxed) & (ACCESS_LOG_RING_BYTES - 1);
    return span_first(span_make(ring->bytes + place, ACCESS_LOG_RING_BYTES - place), size);
}

void access_log_ring_consume(struct access_log_ring *ring, size_t size) {
    size_t consumed = atomic_load_explicit(&ring->consumed, memory_order_relaxed);
    atomic_store_explicit(&ring->consumed, consumed + size, memory_order_release);
}

uint64_t access_log_ring_dropped(const struct access_log_ring *ring) {
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

struct rendering {
    struct access_log_line line;
    const struct access_log_record *record;
    struct access_log_calendar *calendar;
};

/* TEXT prints words without quotes around them: a space would start a field of its own. */
static void put_word(struct access_log_line *line, struct span text) {
    struct span rest = access_log_cut(text, line->value_bytes_max), part;
    bool first = true;
    while (span_split(&rest, ' ', &part)) {
        if (!first)
            access_log_line_put(line, SPAN_LITERAL("\\x20"));
        first = false;
        access_log_line_put_escaped(line, part);
    }
}

static void put_value(struct access_log_line *line, const struct access_log_item_value *value) {
    switch (value->kind) {
    case ACCESS_LOG_VALUE_ABSENT:
        access_log_line_put_byte(line, '-');
        return;
    case ACCESS_LOG_VALUE_PLAIN:
        access_log_line_put(line, value->text);
        return;
    case ACCESS_LOG_VALUE_WORD:
        if (!line->json) {
            put_word(line, value->text);
            return;
        }
        access_log_line_put_escaped(line, value->text);
        return;
    case ACCESS_LOG_VALUE_FOREIGN:
        access_log_line_put_escaped(line, value->text);
        return;
    case ACCESS_LOG_VALUE_NUMBER:
        access_log_line_put_number(line, value->number);
        return;
    }
    UNREACHABLE();
}

static void put_items(struct rendering *rendering, const struct access_log_value *value) {
    char scratch[ACCESS_LOG_SCRATCH_BYTES];
    struct access_log_line *line = &rendering->line;
    for (size_t i = 0; i < value->item_count && !line->full; i++) {
        const struct access_log_item *item = &value->items[i];
        if (item->operator_ == ACCESS_LOG_LITERAL && line->json) {
            size_t value_bytes_max = line->value_bytes_max;
            line->value_bytes_max = SIZE_MAX;
            access_log_line_put_escaped(line, item->argument);
            line->value_bytes_max = value_bytes_max;
        } else if (item->operator_ == ACCESS_LOG_LITERAL) {
            access_log_line_put(line, item->argument);
        } else {
            struct access_log_item_value item_value = access_log_item_value(item, rendering->record, rendering->calendar, scratch);
            put_value(line, &item_value);
        }
    }
}

static void put_json_value(struct rendering *rendering, const struct access_log_value *value) {
    char scratch[ACCESS_LOG_SCRATCH_BYTES];
    struct access_log_line *line = &rendering->line;
    if (value->item_count != 1 || value->items[0].operator_ == ACCESS_LOG_LITERAL) {
        access_log_line_put_byte(line, '"');
        put_items(rendering, value);
        access_log_line_put_byte(line, '"');
        return;
    }
    struct access_log_item_value only = access_log_item_value(&value->items[0], rendering->record, rendering->calendar, scratch);
    if (only.kind == ACCESS_LOG_VALUE_ABSENT) {
        access_log_line_put(line, SPAN_LITERAL("null"));
        return;
    }
    bool quoted = only.kind != ACCESS_LOG_VALUE_NUMBER;
    if (quoted)
        access_log_line_put_byte(line, '"');
    put_value(line, &only);
    if (quoted)
        access_log_line_put_byte(line, '"');
}

static void put_object(struct rendering *rendering, const struct access_log_field *fields, size_t count, unsigned depth) {
    ASSERT(depth <= ACCESS_LOG_DEPTH_MAX);
    struct access_log_line *line = &rendering->line;
    access_log_line_put_byte(line, '{');
    for (size_t i = 0; i < count && !line->full; i++) {
        if (i != 0)
            access_log_line_put_byte(line, ',');
        access_log_line_put(line, fields[i].key_json);
        if (fields[i].field_count != 0)
            put_object(rendering, fields[i].fields, fields[i].field_count, depth + 1);
        else
            put_json_value(rendering, &fields[i].value);
    }
    access_log_line_put_byte(line, '}');
}

static bool render(struct rendering *rendering, const struct access_log_format *format) {
    rendering->line.json = format->json;
    if (!format->json) {
        put_items(rendering, &format->text);
        return !rendering->line.full;
    }
    put_object(rendering, format->fields, format->field_count, 0);
    access_log_line_put_byte(&rendering->line, '\n');
    return !rendering->line.full;
}

/* A line that does not fit is rendered again with its values cut ever shorter, so that it stays whole in its own syntax. */
void access_log_write(struct access_log_ring *ring, const struct access_log_format *format, const struct access_log_record *record) {
    static const size_t value_sizes[] = {SIZE_MAX, 16384, 4096, 1024, 256, 64, 16, 0};
    for (size_t i = 0; i < ARRAY_SIZE(value_sizes); i++) {
        struct rendering rendering = {.record = record, .calendar = &ring->calendar};
        rendering.line = (struct access_log_line){.bytes = ring->line, .capacity = sizeof(ring->line), .value_bytes_max = value_sizes[i]};
        if (render(&rendering, format)) {
            ring_put(ring, span_make(ring->line, rendering.line.used));
            return;
        }
    }
    ring_drop(ring);
}
