/* The hosts that Services and ServiceEntries stand for, and where each may be seen. */
#ifndef FAIRLEAD_ANALYSIS_KNOWN_HOSTS_H
#define FAIRLEAD_ANALYSIS_KNOWN_HOSTS_H

#include "base/arena.h"
#include "base/map.h"
#include "compile/array.h"
#include "resource/resource_set.h"

/* Exactly one of the two is set. */
struct known_host {
    struct span name; /* in full; may be a wildcard */
    const struct service *service;
    const struct service_entry *entry;
};

struct known_host_list {
    const struct known_host **items;
    size_t count;
    size_t capacity;
};

struct known_hosts {
    struct arena *arena;
    struct span domain_suffix;
    struct map by_scope;               /* "scope/host" -> struct known_host; the scope is a namespace or "*" */
    struct known_host_list wildcards;
    bool any; /* the input holds a Service or a ServiceEntry: else no host is judged */
};

void known_hosts_init(struct known_hosts *hosts, struct arena *arena, const struct resource_set *resources, struct span domain_suffix);
void known_hosts_deinit(struct known_hosts *hosts);
/* What `host` stands for in an object of `namespace` that is exported to `export_to`. NULL: nothing. */
const struct known_host *known_hosts_find(const struct known_hosts *hosts, struct span host, struct span namespace,
                                          const struct located_list *export_to);
/* How many ports the host has, and whether it has this one. */
size_t known_host_port_count(const struct known_host *host);
bool known_host_has_port(const struct known_host *host, int64_t port);
/* "[80 443]" */
struct span known_host_ports_print(struct arena *arena, const struct known_host *host);

#endif
