/* Istio's syntax of names, as its admission demands it. Pure predicates over borrowed text. Source: pkg/config/labels and
 * pkg/config/validation/agent. */
#ifndef FAIRLEAD_RESOURCE_NAME_SYNTAX_H
#define FAIRLEAD_RESOURCE_NAME_SYNTAX_H

#include <stdbool.h>

#include "base/span.h"

/* 1 to 63 letters, digits and '-', neither first nor last a '-'. Upper case is allowed. */
bool name_is_dns_label(struct span text);
/* Labels joined by dots, 255 bytes at most; the last one is not all digits; one trailing dot is allowed. */
bool name_is_fqdn(struct span text);
/* As a FQDN, but the first label may be '*', '*abc' or '*-abc', and a single label may be anything. */
bool name_is_wildcard_domain(struct span text);
/* A '*' anywhere but in a leading "*.": "*-a.example", "a*". The name "*" is none. */
bool name_is_partial_wildcard(struct span text);
/* An IPv4 or IPv6 address. */
bool name_is_address(struct span text);
/* ADDRESS/BITS, or an address. */
bool name_is_subnet(struct span text);
/* Keys and values of labels: an optional DNS prefix and '/', then 63 letters, digits, '-', '_' and '.' at most. An empty value is one. */
bool name_is_label_key(struct span text);
bool name_is_label_value(struct span text);

#endif
