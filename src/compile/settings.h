/* The mesh configuration to what the data plane needs of it. */
#ifndef FAIRLEAD_COMPILE_SETTINGS_H
#define FAIRLEAD_COMPILE_SETTINGS_H

struct compiler;

/* Fills the snapshot's settings and access log, and compiler->retry. */
void compile_settings(struct compiler *compiler);

#endif
