/* What the configuration's author is told: collected over a whole load, printed sorted by place, with an excerpt, a cause and a way out.
 * Everything is copied into the list's own arena but file names and texts, which are borrowed until deinit. Not thread-safe. */
#ifndef FAIRLEAD_TEXT_DIAGNOSTIC_H
#define FAIRLEAD_TEXT_DIAGNOSTIC_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "text/diagnostic_code.h"
#include "text/position.h"

enum diagnostic_severity { DIAGNOSTIC_INFO, DIAGNOSTIC_WARNING, DIAGNOSTIC_ERROR };
#define DIAGNOSTIC_SEVERITIES 3

struct diagnostic {
    enum diagnostic_severity severity;
    enum diagnostic_code code;
    struct position position;
    struct span resource; /* "Gateway istio-config/azst-aks-gateway"; empty when no object is concerned */
    struct span message;  /* what is wrong and why, one sentence */
    struct span hint;     /* the way out; may be empty */
    size_t order;         /* of adding, the last key of sorting */
    bool excerpt_hidden;  /* the source line may hold a secret */
};

struct diagnostic_source {
    const char *file;
    struct span text;
};

struct diagnostic_list {
    struct arena arena;
    struct diagnostic *items; /* in order of adding until diagnostic_list_sort */
    size_t count;
    size_t capacity;
    size_t counts[DIAGNOSTIC_SEVERITIES]; /* of all added, also those past the ceiling */
    size_t dropped_count;                 /* past CONFIGURATION_DIAGNOSTICS_MAX */
    struct diagnostic_source *sources;
    size_t source_count;
    size_t source_capacity;
    bool excerpts_hidden; /* set while a Secret is read: what is added then shows no source line */
};

void diagnostic_list_init(struct diagnostic_list *list);
void diagnostic_list_deinit(struct diagnostic_list *list);

/* The text that excerpts of `file` come from. `file` is the very pointer that positions carry, or equal text; both are borrowed until
 * deinit. Of two texts of one file the later counts. */
void diagnostic_list_add_source(struct diagnostic_list *list, const char *file, struct span text);

/* `resource` and `hint` are copied, either may be empty. Past the ceiling the diagnostic is only counted. */
void diagnostic_add(struct diagnostic_list *list, enum diagnostic_severity severity, enum diagnostic_code code,
                    struct position position, struct span resource, struct span hint, const char *format, ...)
    PRINTF_LIKE(7, 8);

/* All of `from` once more, also those that it only counted, and its texts. Files and texts are borrowed as before. */
void diagnostic_list_append(struct diagnostic_list *list, const struct diagnostic_list *from);

static inline size_t diagnostic_list_errors(const struct diagnostic_list *list) {
    return list->counts[DIAGNOSTIC_ERROR];
}

/* By file (bytes), line, column, then order of adding; unknown places come last. */
void diagnostic_list_sort(struct diagnostic_list *list);

/* Sorts, then writes all of at least `severity_min`:
 *   file:12:7: error: Gateway ns/name: message [FL0104]
 *      12 |   number: abc
 *         |           ^
 *     hint: ...
 * Control bytes of names and texts are escaped; long runs that could be key material are masked. Ends with a line of counts when anything
 * was written or dropped. */
void diagnostic_list_print(struct diagnostic_list *list, enum diagnostic_severity severity_min, FILE *output);

/* One diagnostic as one line without excerpt, for logs: "file:12:7: error: ... [FL0104] (hint)". In the list's arena. */
struct span diagnostic_line(struct diagnostic_list *list, const struct diagnostic *diagnostic);

const char *diagnostic_severity_name(enum diagnostic_severity severity);

#endif
