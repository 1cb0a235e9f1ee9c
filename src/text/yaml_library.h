/* All of YAML, by libyaml. Private to the YAML reader and to the tests that hold the quicker one against it. */
#ifndef FAIRLEAD_TEXT_YAML_LIBRARY_H
#define FAIRLEAD_TEXT_YAML_LIBRARY_H

#include "text/yaml.h"

/* As yaml_parse. */
MUST_USE bool yaml_library_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text,
                                 struct diagnostic_list *diagnostics, struct document_list *ret_documents);

#endif
