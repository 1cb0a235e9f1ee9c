#include "wire/http1_fault.h"

#include "base/assert.h"

static const struct {
    struct span details;
    int status;
} faults[HTTP1_FAULT_COUNT] = {
#define HTTP1_FAULT_ROW(name, status, details) [HTTP1_FAULT_##name] = {{details, sizeof(details) - 1}, status},
    HTTP1_FAULT_TABLE(HTTP1_FAULT_ROW)
#undef HTTP1_FAULT_ROW
};

int http1_fault_status(enum http1_fault fault) {
    ASSERT(fault < HTTP1_FAULT_COUNT);
    return faults[fault].status;
}

struct span http1_fault_details(enum http1_fault fault) {
    ASSERT(fault < HTTP1_FAULT_COUNT);
    return faults[fault].details;
}
