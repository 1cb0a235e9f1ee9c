#include "explain/print.h"

static const char *const section_titles[STORY_SECTION_COUNT] = {
    [STORY_LISTENER] = "Listener", [STORY_CHAIN] = "Filter chains", [STORY_CERTIFICATE] = "Certificate", [STORY_HOST] = "Virtual host",
    [STORY_ROUTE] = "Routes",      [STORY_ACTION] = "Action",       [STORY_UPSTREAM] = "Upstream",
};

static const char marks[] = {[STORY_PLAIN] = ' ', [STORY_CHOSEN] = '+', [STORY_REJECTED] = '-', [STORY_CONCERN] = '!'};

static void print_sentence(const struct story *story, const char *label, struct span text, uint32_t id, struct builder *output) {
    if (text.size == 0)
        return;
    builder_put(output, span_of(label));
    story_put(output, text);
    story_print_place(story, id, output);
    builder_put_byte(output, '\n');
}

void print_explanation_text(const struct telling *telling, struct builder *output) {
    const struct story *story = telling->story;
    if (story->disagreement.size > 0)
        builder_print(output, "error: this explanation is not to be trusted: %.*s; please report it\n", SPAN_ARGUMENTS(story->disagreement));
    story_put(output, story->headline);
    builder_put_byte(output, '\n');
    print_sentence(story, "Cause: ", story->cause, story->cause_id, output);
    print_sentence(story, "Way out: ", story->way_out, story->way_out_id, output);
    for (const struct story_fact *note = story->first_note; note != NULL; note = note->next)
        print_sentence(story, "Note: ", note->text, note->id, output);
    int section = -1;
    for (const struct story_fact *fact = story->first; fact != NULL; fact = fact->next) {
        if ((int)fact->section != section)
            builder_print(output, "\n%s\n", section_titles[fact->section]);
        section = (int)fact->section;
        builder_print(output, "  %c ", marks[fact->mark]);
        story_put(output, fact->text);
        story_print_place(story, fact->id, output);
        builder_put_byte(output, '\n');
    }
}
