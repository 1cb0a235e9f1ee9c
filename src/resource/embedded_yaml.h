/* YAML in a string of YAML: a ConfigMap's mesh configuration, an annotation's proxy configuration. */
#ifndef FAIRLEAD_RESOURCE_EMBEDDED_YAML_H
#define FAIRLEAD_RESOURCE_EMBEDDED_YAML_H

#include "resource/decode.h"

/* Its first document. The text has lines of its own: its diagnostics name it as a file, `place` beside the one it lies in. NULL: it is empty, or does
 * not parse, which fails the object. */
const struct node *embedded_yaml_parse(struct decoder *decoder, struct located text, const char *place);

#endif
