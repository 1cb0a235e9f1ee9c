/* The http rules of a VirtualService once those that delegate are replaced by the rules of their delegates. */
#ifndef FAIRLEAD_COMPILE_DELEGATES_H
#define FAIRLEAD_COMPILE_DELEGATES_H

#include "compile/array.h"
#include "resource/virtual_service.h"

struct compiler;

struct bound_rule {
    const struct http_route *written;
    /* Of the VirtualService; of a delegate's rule: a copy whose title names both. */
    const struct object_meta *meta;
};

struct bound_rule_list {
    struct bound_rule *items;
    size_t count;
    size_t capacity;
};

/* The rules of the VirtualService in their order. A delegate that is missing, invalid or not exported to the VirtualService's namespace takes
 * only the rule with it that names it, and a delegate's rule that fits no match of that rule is left out; both are said. Short names of a
 * delegate are resolved in its own namespace. In the scratch arena. Source: Istio's mergeVirtualServicesIfNeeded, MergeHTTPRoutes. */
void delegates_bind(struct compiler *compiler, const struct virtual_service *service, struct bound_rule_list *ret_rules);

/* Root's and delegate's matches, joined: each match of the delegate within each match of the root that has room for it. Gateways must be
 * resolved. False: some match of the delegate fits none of the root's. Source: mergeHTTPMatchRequests, hasConflict. */
MUST_USE bool delegate_matches_merge(struct arena *arena, const struct http_route *root, const struct http_route *delegate,
                                     struct http_match **ret_matches, size_t *ret_count);
/* Both names with '-' between them, or the one that there is. */
struct located delegate_names_join(struct arena *arena, const struct located *root, const struct located *delegate);

#endif
