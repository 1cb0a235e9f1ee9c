/* YAML text into documents. */
#ifndef FAIRLEAD_TEXT_YAML_H
#define FAIRLEAD_TEXT_YAML_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "text/diagnostic.h"
#include "text/document.h"

/* All documents of `text`; empty ones (comments between two "---") are left out. `file`, `text` and both arenas must outlive the documents. Nodes go to
 * `nodes`; scalars are the text's own bytes where these are what is meant, else copies in `texts`, so that what was taken out of the tree outlives
 * `nodes`. A syntax error, or a ceiling (CONFIGURATION_DEPTH_MAX, CONFIGURATION_NODES_MAX), ends the reading: the documents before
 * it are kept, the error is a diagnostic. A document with a duplicate key or an unknown alias is left out with a diagnostic and the
 * others are kept. ret_documents is always written. Returns whether every document of the text could be read. JSON text is YAML, too. */
MUST_USE bool yaml_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text,
                         struct diagnostic_list *diagnostics, struct document_list *ret_documents);

#endif
