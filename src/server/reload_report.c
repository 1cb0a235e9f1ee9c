#include "server/reload_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

static int compare_codes(const void *left, const void *right) {
    const struct reload_code_count *a = left, *b = right;
    return a->code != b->code ? (a->code < b->code ? -1 : 1) : (int)a->severity - (int)b->severity;
}

static void count_code(struct reload_report *report, const struct diagnostic *diagnostic) {
    for (size_t i = 0; i < report->code_count; i++) {
        struct reload_code_count *item = &report->codes[i];
        if (item->code == diagnostic->code && item->severity == diagnostic->severity) {
            item->count++;
            return;
        }
    }
    report->codes = memory_resize(report->codes, (report->code_count + 1) * sizeof(*report->codes));
    report->codes[report->code_count++] = (struct reload_code_count){.code = diagnostic->code, .severity = diagnostic->severity, .count = 1};
}

static void write_diagnostic(const struct diagnostic *diagnostic, struct json_writer *json) {
    char code[16];
    (void)snprintf(code, sizeof(code), "FL%04d", (int)diagnostic->code);
    json_object_begin(json);
    json_put_text(json, "severity", span_of(diagnostic_severity_name(diagnostic->severity)));
    json_put_text(json, "code", span_of(code));
    if (diagnostic->position.file != NULL)
        json_put_text(json, "file", span_of(diagnostic->position.file));
    if (diagnostic->position.line != 0) {
        json_put_number(json, "line", diagnostic->position.line);
        json_put_number(json, "column", diagnostic->position.column);
    }
    if (diagnostic->resource.size != 0)
        json_put_text(json, "resource", diagnostic->resource);
    json_put_text(json, "message", diagnostic->message);
    if (diagnostic->hint.size != 0)
        json_put_text(json, "hint", diagnostic->hint);
    json_object_end(json);
}

void reload_report_take(struct reload_report *report, struct configuration_load *load) {
    bool good = load->snapshot != NULL && load->stale_count == 0;
    *(good ? &report->good_count : &report->failed_count) += 1;
    *(good ? &report->good_wall_ns : &report->failed_wall_ns) = clock_wall_ns();
    memcpy(report->counts, load->diagnostics.counts, sizeof(report->counts));
    report->stale_count = load->stale_count;
    report->dropped_count = load->diagnostics.dropped_count;
    report->code_count = 0;
    report->diagnostics.size = 0;
    diagnostic_list_sort(&load->diagnostics);
    /* A value within the object of reload_report_write. */
    struct json_writer json = {.output = &report->diagnostics, .depth = 1, .keyed = true};
    json_array_begin(&json);
    for (size_t i = 0; i < load->diagnostics.count; i++) {
        count_code(report, &load->diagnostics.items[i]);
        write_diagnostic(&load->diagnostics.items[i], &json);
    }
    json_array_end(&json);
    if (report->code_count != 0)
        qsort(report->codes, report->code_count, sizeof(*report->codes), compare_codes);
}

void reload_report_deinit(struct reload_report *report) {
    free(report->codes);
    builder_deinit(&report->diagnostics);
}

void json_put_time(struct json_writer *json, const char *key, uint64_t wall_ns) {
    json_key(json, key);
    if (wall_ns == 0) {
        json_null(json);
        return;
    }
    time_t seconds = (time_t)(wall_ns / NANOSECONDS_PER_SECOND);
    struct tm date;
    gmtime_r(&seconds, &date);
    char text[64];
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &date);
    size += (size_t)snprintf(text + size, sizeof(text) - size, ".%03uZ", (unsigned)(wall_ns / NANOSECONDS_PER_MILLISECOND % 1000));
    json_text(json, span_make(text, size));
}

void reload_report_write(const struct reload_report *report, struct json_writer *json) {
    json_put_time(json, "last_good_load", report->good_wall_ns);
    json_put_time(json, "last_failed_load", report->failed_wall_ns);
    json_put_number(json, "errors", report->counts[DIAGNOSTIC_ERROR]);
    json_put_number(json, "warnings", report->counts[DIAGNOSTIC_WARNING]);
    json_put_number(json, "infos", report->counts[DIAGNOSTIC_INFO]);
    json_put_number(json, "stale", report->stale_count);
    json_put_number(json, "not_shown", report->dropped_count);
    json_key(json, "diagnostics");
    json_raw(json, builder_span(&report->diagnostics));
}
