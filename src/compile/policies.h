/* Policies that govern the gateway and are not supported: what they restrict is refused (rule of the house: fail closed). */
#ifndef FAIRLEAD_COMPILE_POLICIES_H
#define FAIRLEAD_COMPILE_POLICIES_H

struct compiler;

/* Sets compiler->refusal and compiler->http_refusal, unless what is unsupported is allowed. */
void compile_policies(struct compiler *compiler);

#endif
