#include "proxy/http_date.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

struct span http_date_text(struct http_date *date, uint64_t wall_ns) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    uint64_t second = wall_ns / NANOSECONDS_PER_SECOND;
    if (second != date->second) {
        time_t time = (time_t)second;
        struct tm parts;
        gmtime_r(&time, &parts);
        char text[64];
        snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
                 (parts.tm_year + 1900) % 10000, parts.tm_hour, parts.tm_min, parts.tm_sec);
        memcpy(date->text, text, HTTP_DATE_SIZE);
        date->second = second;
    }
    return span_make(date->text, HTTP_DATE_SIZE);
}
