/* The names of access log operators, as Envoy spells them, and what may follow each. */
#ifndef FAIRLEAD_SNAPSHOT_ACCESS_LOG_OPERATOR_TABLE_H
#define FAIRLEAD_SNAPSHOT_ACCESS_LOG_OPERATOR_TABLE_H

#include <stdbool.h>

#include "base/span.h"
#include "snapshot/access_log_format.h"

enum access_log_parameters {
    ACCESS_LOG_PARAMETERS_NONE,
    ACCESS_LOG_PARAMETERS_OPTIONAL,
    ACCESS_LOG_PARAMETERS_REQUIRED,
};

struct access_log_operator_row {
    const char *name; /* without the percent signs */
    enum access_log_operator operator_;
    enum access_log_parameters parameters;
    bool size_allowed; /* ":123" may follow */
};

/* NULL when Envoy has no operator of that name (case matters). */
const struct access_log_operator_row *access_log_operator_find(struct span name);

/* The name of an operator, for the dump; "ABSENT" for those that never have a value, "LITERAL" for text. */
const char *access_log_operator_name(enum access_log_operator operator_);

#endif
