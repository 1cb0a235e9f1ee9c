#include "base/json_writer.h"
#include "explain/print.h"
#include "wire/response_flag.h"

static const char *const section_names[STORY_SECTION_COUNT] = {
    [STORY_LISTENER] = "listener", [STORY_CHAIN] = "filter_chain", [STORY_CERTIFICATE] = "certificate", [STORY_HOST] = "virtual_host",
    [STORY_ROUTE] = "route",       [STORY_ACTION] = "action",      [STORY_UPSTREAM] = "upstream",
};

static const char *const mark_names[] = {
    [STORY_PLAIN] = "info", [STORY_CHOSEN] = "chosen", [STORY_REJECTED] = "rejected", [STORY_CONCERN] = "concern"};

static void put_origin(const struct story *story, uint32_t id, struct json_writer *json) {
    struct origin origin = snapshot_origin(story->snapshot, id);
    if (origin.object.size > 0)
        json_put_text(json, "object", origin.object);
    if (origin.file.size == 0)
        return;
    json_put_text(json, "file", origin.file);
    json_put_number(json, "line", origin.line);
}

static void put_sentence(const struct story *story, struct span text, uint32_t id, struct json_writer *json) {
    json_object_begin(json);
    if (text.size > 0)
        json_put_text(json, "text", text);
    put_origin(story, id, json);
    json_object_end(json);
}

static void put_destinations(const struct destinations *destinations, struct json_writer *json) {
    if (destinations == NULL)
        return;
    json_put_array(json, "destinations");
    for (size_t i = 0; i < destinations->count; i++) {
        json_object_begin(json);
        json_put_text(json, "cluster", destinations->items[i].cluster_name);
        json_put_number(json, "weight", destinations->items[i].weight);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_place_of_decision(const struct telling *telling, struct json_writer *json) {
    const struct verdict *verdict = telling->verdict;
    const struct decision *decision = &verdict->decision;
    if (verdict->listener != NULL)
        json_put_number(json, "listener_port", verdict->port);
    if (verdict->chain != NULL)
        json_put_text(json, "filter_chain", verdict->chain->name);
    if (decision->coalesced)
        json_put_text(json, "coalesced_with", verdict->owner->name);
    if (decision->virtual_host != NULL)
        json_put_text(json, "virtual_host", decision->virtual_host->domain);
    if (decision->route == NULL)
        return;
    json_put_text(json, "route", decision->route->name);
    json_put_number(json, "route_index", (uint64_t)(decision->route - decision->virtual_host->routes));
    json_key(json, "route_origin");
    put_sentence(telling->story, SPAN_EMPTY, decision->route->id, json);
}

/* The members of both forms. */
static void put_verdict(const struct telling *telling, struct json_writer *json) {
    const struct verdict *verdict = telling->verdict;
    char flags[RESPONSE_FLAGS_TEXT_MAX];
    json_put_text(json, "outcome", span_of(verdict_word(verdict)));
    if (verdict_status(verdict) != 0)
        json_put_number(json, "status", (uint64_t)verdict_status(verdict));
    size_t size = response_flags_print(verdict->flags, flags);
    json_put_text(json, "flags", span_make(flags, size));
    if (verdict->details.size > 0)
        json_put_text(json, "details", verdict->details);
    if (verdict->kind == VERDICT_ANSWERED && verdict->reply.location.size > 0)
        json_put_text(json, "location", verdict->reply.location);
    put_place_of_decision(telling, json);
    if (verdict->kind == VERDICT_FORWARD || verdict->kind == VERDICT_TUNNEL)
        put_destinations(verdict->destinations, json);
    if (telling->story->disagreement.size > 0)
        json_put_text(json, "error", telling->story->disagreement);
}

void print_verdict_json(const struct telling *telling, struct builder *output) {
    struct json_writer json = json_writer_make(output);
    json.compact = true;
    json_object_begin(&json);
    put_verdict(telling, &json);
    json_key(&json, "cause");
    put_sentence(telling->story, telling->story->cause, telling->story->cause_id, &json);
    json_object_end(&json);
    json_finish(&json);
}

static void put_facts(const struct story *story, struct json_writer *json) {
    json_put_array(json, "facts");
    for (const struct story_fact *fact = story->first; fact != NULL; fact = fact->next) {
        json_object_begin(json);
        json_put_text(json, "section", span_of(section_names[fact->section]));
        json_put_text(json, "mark", span_of(mark_names[fact->mark]));
        json_put_text(json, "text", fact->text);
        put_origin(story, fact->id, json);
        json_object_end(json);
    }
    json_array_end(json);
}

void print_explanation_json(const struct telling *telling, struct builder *output) {
    const struct story *story = telling->story;
    struct json_writer json = json_writer_make(output);
    json_object_begin(&json);
    json_key(&json, "request");
    explain_request_write_json(telling->arena, telling->request, &json);
    json_put_object(&json, "verdict");
    put_verdict(telling, &json);
    json_object_end(&json);
    json_put_text(&json, "headline", story->headline);
    json_key(&json, "cause");
    put_sentence(story, story->cause, story->cause_id, &json);
    if (story->way_out.size > 0) {
        json_key(&json, "way_out");
        put_sentence(story, story->way_out, story->way_out_id, &json);
    }
    json_put_array(&json, "notes");
    for (const struct story_fact *note = story->first_note; note != NULL; note = note->next)
        put_sentence(story, note->text, note->id, &json);
    json_array_end(&json);
    put_facts(story, &json);
    json_object_end(&json);
    json_finish(&json);
}
