#include "resource/embedded_yaml.h"

#include "resource/object_decode.h"
#include "text/yaml.h"

const struct node *embedded_yaml_parse(struct decoder *decoder, struct located text, const char *place) {
    const char *outer = text.position.file == NULL ? "" : text.position.file;
    const char *file = arena_print(decoder->arena, "%s(%s)", outer, place).data;
    struct document_list documents;
    diagnostic_list_add_source(decoder->diagnostics, file, text.text);
    if (!yaml_parse(decoder->arena, decoder->arena, file, text.text, decoder->diagnostics, &documents)) {
        decoder->failed = true;
        return NULL;
    }
    return documents.count == 0 ? NULL : documents.items[0].root;
}
