/* Istio's rules about names in fields, as checks while decoding: each diagnoses what it finds at the item's own place. Private to the
 * resource floor. */
#ifndef FAIRLEAD_RESOURCE_NAME_CHECK_H
#define FAIRLEAD_RESOURCE_NAME_CHECK_H

#include "resource/decode.h"

/* A DNS label: names of subsets, of ports, of namespaces. `what` says of what, as in "the subset". */
void name_check_dns_label(struct decoder *decoder, const struct located *name, const char *what);
/* A domain name, of which the first label may be a wildcard; false: it is none. */
bool name_check_wildcard_domain(struct decoder *decoder, const struct located *name);
/* "namespace/name" or "name" of Gateways, in a VirtualService or a match of it. Istio stops at the first without a slash. */
void name_check_gateways(struct decoder *decoder, const struct located_list *gateways);
/* Keys and values of labels. */
void name_check_labels(struct decoder *decoder, const struct label_set *labels);
/* Labels of a workload selector: no wildcards; a selector without labels selects everything, which is worth a warning. */
void name_check_selector(struct decoder *decoder, const struct label_set *labels, struct position position);

enum export_to_kind { EXPORT_TO_ANY, EXPORT_TO_SERVICE_ENTRY /* "~" is allowed, too */, EXPORT_TO_OWN_ONLY /* a DestinationRule with a selector */ };
/* exportTo of an object of `namespace`. */
void name_check_export_to(struct decoder *decoder, const struct located_list *export_to, struct span namespace, enum export_to_kind kind);

/* A regular expression in RE2's syntax. */
void name_check_regex(struct decoder *decoder, struct span pattern, struct position position);

#endif
