/* JSON text into the document tree, keys in the order written. */
#ifndef FAIRLEAD_TEXT_JSON_H
#define FAIRLEAD_TEXT_JSON_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "text/diagnostic.h"
#include "text/document.h"

/* One JSON value (any kind) with nothing but space after it. Every node carries `origin` as its position. Of two equal keys the later
 * counts, as in Go. On false nothing is written to ret_root and, unless `diagnostics` is NULL, an error at `origin` says why. Nesting is
 * limited by CONFIGURATION_DEPTH_MAX. */
MUST_USE bool json_parse(struct arena *arena, struct span text, struct position origin,
                         struct diagnostic_list *diagnostics, struct node **ret_root);

#endif
