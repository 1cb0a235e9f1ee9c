#include "resource/pod.h"

#include "resource/object_decode.h"

struct object_meta *pod_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    (void)root;
    struct pod *pod = arena_new(decoder->arena, struct pod);
    pod->meta = *meta;
    return &pod->meta;
}

struct object_meta *namespace_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    (void)root;
    struct namespace_object *object = arena_new(decoder->arena, struct namespace_object);
    object->meta = *meta;
    return &object->meta;
}
