/* Why, in one sentence and a way out. For the files of this folder. */
#ifndef FAIRLEAD_EXPLAIN_CAUSE_H
#define FAIRLEAD_EXPLAIN_CAUSE_H

#include "explain/tell.h"

/* cause_connection.c: of a connection that ends before a request is read. */
void cause_no_listener(const struct telling *telling);
void cause_no_chain(const struct telling *telling);
void cause_no_certificate(const struct telling *telling);
void cause_not_plaintext(const struct telling *telling);
/* cause_host.c: no virtual host has the name. */
void cause_no_host(const struct telling *telling);

/* cause_server.c */
/* Whether a server has the name among its hosts, whatever the namespace before them. */
bool cause_server_has(const struct background_server *server, struct span name);
/* Why a server is not served, or not wholly; false: it is. */
bool cause_of_server(const struct telling *telling, const struct background_gateway *gateway, const struct background_server *server);
/* The first server of that port which is not served and has the name, or any name when `name` is empty; true: the cause is set. */
bool cause_of_absent_server(const struct telling *telling, struct span name);
/* "a.example.com, b.example.com" */
struct span cause_hosts_text(const struct telling *telling, const struct background_server *server);
/* The remark of a code whose message holds the text; NULL: none. */
const struct background_remark *cause_remark_about(const struct telling *telling, int code, struct span text);

#endif
