/* Route tables: the servers that share one, crossed with the VirtualServices bound to their Gateways. */
#ifndef FAIRLEAD_COMPILE_VIRTUAL_HOSTS_H
#define FAIRLEAD_COMPILE_VIRTUAL_HOSTS_H

struct compiler;

/* Fills compiler->route_tables, one for each of compiler->servers.route_tables. Source: Istio's buildGatewayHTTPRouteConfig. */
void compile_route_tables(struct compiler *compiler);

#endif
