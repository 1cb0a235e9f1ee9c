/* The gateway's own identity in the mesh: a folder with cert-chain.pem, key.pem and root-cert.pem, as Istio's agent writes it. */
#ifndef FAIRLEAD_COMPILE_MESH_IDENTITY_H
#define FAIRLEAD_COMPILE_MESH_IDENTITY_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

struct compiler;
struct tls_identity;

struct mesh_identity {
    bool looked_for;
    struct tls_identity *identity; /* lives as long as the snapshot; NULL: there is none */
    struct span root_pem;
    const char *mistake; /* why there is none, for a diagnostic */
};

/* Of options->mesh_identity, which is not empty. Read once a compile. Never NULL. A pair that does not fit (it is being replaced) leaves the last good one in use. */
const struct mesh_identity *compile_mesh_identity(struct compiler *compiler);

#endif
