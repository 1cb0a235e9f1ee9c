/* The compiler's own knowledge of what it left out, kept beside the snapshot for those who ask why. */
#ifndef FAIRLEAD_COMPILE_BACKGROUND_H
#define FAIRLEAD_COMPILE_BACKGROUND_H

struct compiler;

/* After everything else: servers are merged, VirtualServices bound, all diagnostics made. Fills the snapshot's background. */
void compile_background(struct compiler *compiler);

#endif
