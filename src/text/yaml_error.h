/* What libyaml complains about, in plain words. Private to the YAML reader. */
#ifndef FAIRLEAD_TEXT_YAML_ERROR_H
#define FAIRLEAD_TEXT_YAML_ERROR_H

#include <yaml.h>

#include "base/span.h"
#include "text/diagnostic.h"

/* Adds the diagnostic for the error that `parser` stopped at. */
void yaml_error_report(const yaml_parser_t *parser, const char *file, struct span text,
                       struct diagnostic_list *diagnostics);

#endif
