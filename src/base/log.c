#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES_MAX 2048

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static _Atomic int log_level_current = LOG_INFO;

void log_set_level(enum log_level level) {
    atomic_store(&log_level_current, (int)level);
}

enum log_level log_get_level(void) {
    return (enum log_level)atomic_load(&log_level_current);
}

const char *log_level_name(enum log_level level) {
    return level_names[level];
}

bool log_level_of(struct span name, enum log_level *ret_level) {
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (!span_equal(name, span_of(level_names[i])))
            continue;
        *ret_level = (enum log_level)i;
        return true;
    }
    return false;
}

static size_t log_escape(const char *text, char *out, size_t capacity) {
    size_t used = 0;
    for (; *text != '\0' && used + 5 < capacity; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x20 && byte != 0x7f)
            out[used++] = (char)byte;
        else
            used += (size_t)snprintf(out + used, capacity - used, "\\x%02x", byte);
    }
    return used;
}

void log_write(enum log_level level, const char *format, ...) {
    if (level < log_get_level())
        return;
    char message[LOG_LINE_BYTES_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    char line[LOG_LINE_BYTES_MAX];
    uint64_t now_ns = clock_wall_ns();
    time_t seconds = (time_t)(now_ns / NANOSECONDS_PER_SECOND);
    struct tm date;
    gmtime_r(&seconds, &date);
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &date);
    used += (size_t)snprintf(line + used, sizeof(line) - used, ".%03uZ %s ",
                             (unsigned)(now_ns / NANOSECONDS_PER_MILLISECOND % 1000), level_names[level]);
    used += log_escape(message, line + used, sizeof(line) - used - 1);
    line[used++] = '\n';
    /* One write a line keeps lines of several threads whole. A lost line has no one to be reported to. */
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}
