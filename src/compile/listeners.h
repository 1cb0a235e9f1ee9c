/* Server groups to listeners and their filter chains. */
#ifndef FAIRLEAD_COMPILE_LISTENERS_H
#define FAIRLEAD_COMPILE_LISTENERS_H

struct compiler;

/* Fills compiler->listeners. Needs the route tables. A listener without chains is not made: its port is not bound. A chain that would catch
 * what an earlier one of the listener does loses those names, and itself when none is left. Source: Istio's buildGatewayListeners. */
void compile_listeners(struct compiler *compiler);

#endif
