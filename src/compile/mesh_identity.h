/* The gateway's own identity in the mesh: a folder with cert-chain.pem, key.pem and root-cert.pem, as Istio's agent writes it. */
#ifndef FAIRLEAD_COMPILE_MESH_IDENTITY_H
#define FAIRLEAD_COMPILE_MESH_IDENTITY_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

struct compiler;
struct tls_identity;
struct tls_trust;

struct mesh_identity {
    bool looked_for;
    bool is_mistake_told; /* of the first service that needs it; the others have the same to say */
    bool is_usable;
    struct tls_identity *identity; /* both live as long as the snapshot */
    struct tls_trust *trust;
    const char *mistake; /* what is wrong with the files, whether or not a last good identity covers it; NULL: nothing */
};

/* Of options->mesh_identity, which is not empty. Read once a compile. Never NULL. The three files may change one after the other: a certificate and key that
 * do not fit leave the last good pair in use, roots that cannot all be read the last good roots. */
struct mesh_identity *compile_mesh_identity(struct compiler *compiler);

#endif
