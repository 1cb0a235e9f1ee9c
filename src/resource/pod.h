/* Pod, and other objects of which only name and labels count (Namespace). */
#ifndef FAIRLEAD_RESOURCE_POD_H
#define FAIRLEAD_RESOURCE_POD_H

#include "resource/object.h"

struct pod {
    struct object_meta meta;
};

struct namespace_object {
    struct object_meta meta;
};

#endif
