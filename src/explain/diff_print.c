#include "explain/diff_print.h"

#include "base/json_writer.h"

static const char *const titles[DIFF_SECTION_COUNT] = {
    [DIFF_NAMES] = "Names and ports", [DIFF_REQUESTS] = "Requests", [DIFF_CERTIFICATES] = "Certificates", [DIFF_UPSTREAMS] = "Upstreams"};
static const char *const keys[DIFF_SECTION_COUNT] = {
    [DIFF_NAMES] = "names", [DIFF_REQUESTS] = "requests", [DIFF_CERTIFICATES] = "certificates", [DIFF_UPSTREAMS] = "upstreams"};

static void print_place(const struct diff_state *state, int side, uint32_t id, struct builder *output) {
    struct origin origin = snapshot_origin(state->sides[side].snapshot, id);
    if (origin.file.size == 0)
        return;
    builder_put(output, SPAN_LITERAL(" ["));
    story_put(output, origin.file);
    builder_print(output, ":%u ", origin.line);
    story_put(output, origin.object);
    builder_put_byte(output, ']');
}

static void print_details(const struct explain_request *request, struct builder *output) {
    const char *separator = " (";
    for (size_t i = 0; i < request->header_count; i++, separator = ", ") {
        builder_put(output, span_of(separator));
        story_put(output, request->headers[i].name);
        builder_put(output, SPAN_LITERAL(": "));
        story_put(output, request->headers[i].value);
    }
    if (explain_request_has_tls(request) && !span_equal(request->sni, request->host)) {
        builder_print(output, "%s%s", separator, request->sni.size > 0 ? "on a connection for " : "without a server name");
        story_put(output, request->sni);
        separator = ", ";
    }
    if (request->mesh) {
        builder_print(output, "%soffering Istio's ALPN", separator);
        separator = ", ";
    }
    if (request->client_is_trusted) {
        builder_print(output, "%swith a client certificate that is trusted", separator);
        separator = ", ";
    }
    if (request->certificate_is_assumed) {
        builder_print(output, "%sonce there is a certificate", separator);
        separator = ", ";
    }
    if (separator[0] == ',')
        builder_put_byte(output, ')');
}

static void print_item(const struct diff_state *state, const struct diff_item *item, struct builder *output) {
    if (item->section == DIFF_NAMES) {
        bool comes = item->after.size > 0;
        builder_print(output, "  %c ", comes ? '+' : '-');
        story_put(output, item->what);
        builder_print(output, " is %s", comes ? "served now" : "not served any more");
        print_place(state, comes ? 1 : 0, comes ? item->after_id : item->before_id, output);
        builder_put_byte(output, '\n');
        return;
    }
    builder_put(output, SPAN_LITERAL("  "));
    story_put(output, item->what);
    if (item->request != NULL)
        print_details(item->request, output);
    builder_put(output, SPAN_LITERAL("\n    before: "));
    story_put(output, item->before.size > 0 ? item->before : SPAN_LITERAL("nothing"));
    print_place(state, 0, item->before_id, output);
    builder_put(output, SPAN_LITERAL("\n    after:  "));
    story_put(output, item->after.size > 0 ? item->after : SPAN_LITERAL("nothing"));
    print_place(state, 1, item->after_id, output);
    builder_put_byte(output, '\n');
    if (item->count > 1)
        builder_print(output, "    and %zu more like it\n", item->count - 1);
}

static bool has_section(const struct diff_state *state, enum diff_section section) {
    for (const struct diff_item *item = state->first; item != NULL; item = item->next)
        if (item->section == section)
            return true;
    return false;
}

void diff_print_text(const struct diff_state *state, struct builder *output) {
    for (int section = 0; section < DIFF_SECTION_COUNT; section++) {
        if (!has_section(state, (enum diff_section)section))
            continue;
        builder_print(output, "%s\n", titles[section]);
        for (const struct diff_item *item = state->first; item != NULL; item = item->next)
            if ((int)item->section == section)
                print_item(state, item, output);
        builder_put_byte(output, '\n');
    }
    builder_print(output, "%s: %zu requests were compared, %zu are answered otherwise\n", state->first == NULL ? "no difference" : "different",
                  state->request_count, state->difference_count);
    if (state->incomplete)
        builder_print(output, "not every combination was tried: there are too many, or a regular expression gave no example\n");
}

static void put_side(const struct diff_state *state, int side, const struct diff_item *item, struct json_writer *json) {
    struct origin origin = snapshot_origin(state->sides[side].snapshot, side == 0 ? item->before_id : item->after_id);
    json_put_object(json, side == 0 ? "before" : "after");
    json_put_text(json, "text", side == 0 ? item->before : item->after);
    if (origin.file.size > 0) {
        json_put_text(json, "object", origin.object);
        json_put_text(json, "file", origin.file);
        json_put_number(json, "line", origin.line);
    }
    json_object_end(json);
}

static void put_item(const struct diff_state *state, const struct diff_item *item, struct arena *arena, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "what", item->what);
    if (item->request != NULL) {
        json_key(json, "request");
        explain_request_write_json(arena, item->request, json);
        if (item->request->client_is_trusted)
            json_put_bool(json, "with_client_certificate", true);
        if (item->request->certificate_is_assumed)
            json_put_bool(json, "certificate_is_assumed", true);
        json_put_number(json, "count", item->count);
    }
    put_side(state, 0, item, json);
    put_side(state, 1, item, json);
    json_object_end(json);
}

void diff_print_json(const struct diff_state *state, struct builder *output) {
    struct json_writer json = json_writer_make(output);
    struct arena arena;
    arena_init(&arena, 4096);
    json_object_begin(&json);
    for (int section = 0; section < DIFF_SECTION_COUNT; section++) {
        json_put_array(&json, keys[section]);
        for (const struct diff_item *item = state->first; item != NULL; item = item->next)
            if ((int)item->section == section)
                put_item(state, item, &arena, &json);
        json_array_end(&json);
    }
    json_put_number(&json, "compared", state->request_count);
    json_put_number(&json, "different", state->difference_count);
    json_put_bool(&json, "complete", !state->incomplete);
    json_object_end(&json);
    json_finish(&json);
    arena_deinit(&arena);
}
