/* The program's own log, to standard error: one line a message, control bytes escaped. Any thread; the level is process-wide. Never used
 * per request. */
#ifndef FAIRLEAD_BASE_LOG_H
#define FAIRLEAD_BASE_LOG_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "debug", "info", "warning", "error". */
const char *log_level_name(enum log_level level);
MUST_USE bool log_level_of(struct span name, enum log_level *ret_level);
/* "2026-01-02T03:04:05.678Z warning message"; line breaks and control bytes of the message are written as \xNN. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
