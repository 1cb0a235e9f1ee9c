/* istioctl's three shapes of output. */
#ifndef FAIRLEAD_ANALYSIS_MESSAGE_PRINT_H
#define FAIRLEAD_ANALYSIS_MESSAGE_PRINT_H

#include <stdio.h>

#include "analysis/message.h"

/* "Error [IST0101] (Gateway ns/name file.yaml:9) text", a line each; nothing: one empty line. `color`: the level in ANSI colours. */
void message_print_log(const struct message_list *list, bool color, FILE *output);
/* An array of objects, indented by tabs, keys in alphabetical order. */
void message_print_json(const struct message_list *list, FILE *output);
void message_print_yaml(const struct message_list *list, FILE *output);
/* "Error", "Warning", "Info". */
const char *message_level_name(enum diagnostic_severity level);

#endif
