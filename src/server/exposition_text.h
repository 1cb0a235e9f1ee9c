/* Prometheus' text format 0.0.4: families, labels, numbers. */
#ifndef FAIRLEAD_SERVER_EXPOSITION_TEXT_H
#define FAIRLEAD_SERVER_EXPOSITION_TEXT_H

#include "base/builder.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The HELP and TYPE lines that begin a family. */
void exposition_begin(struct builder *output, const char *name, const char *type, const char *help);
/* name="value", with its comma. The value is escaped; an empty one is written all the same. */
void exposition_put_label(struct builder *output, const char *name, struct span value);
/* Closes the labels: the brace and the space, instead of the last comma. */
void exposition_end_labels(struct builder *output);
/* A sample without labels. */
void exposition_put(struct builder *output, const char *name, uint64_t value);
/* A sample with one label. */
void exposition_put_labelled(struct builder *output, const char *name, const char *label, struct span label_value, uint64_t value);
/* Nanoseconds as seconds, or as milliseconds: a decimal number without loss. */
void exposition_put_seconds(struct builder *output, uint64_t value_ns);
void exposition_put_milliseconds(struct builder *output, uint64_t value_ns);

#endif
