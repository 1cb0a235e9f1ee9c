/* The YAML that configuration is nearly always written in, read at several times libyaml's pace: block and flow mappings and sequences; plain and quoted scalars
 * of one line; comments; documents between "---" lines; printable ASCII. Private to the YAML reader. */
#ifndef FAIRLEAD_TEXT_YAML_SUBSET_H
#define FAIRLEAD_TEXT_YAML_SUBSET_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "text/document.h"

/* True: the documents are what libyaml would make of the text, to the last position. False: the text holds something else (an anchor, a tag, a block
 * scalar, a letter of another script, any mistake at all), and nothing is written. Contract of the arguments as in yaml_parse. */
MUST_USE bool yaml_subset_parse(struct arena *nodes, struct arena *texts, const char *file, struct span text,
                                struct document_list *ret_documents);

#endif
