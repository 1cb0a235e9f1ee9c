/* Servers of Gateways that are not served. */
#include "explain/cause.h"

/* Codes of text/diagnostic_code.h that are looked for here. */
#define CODE_SERVER_DROPPED 203

static struct span host_part(struct span host) {
    size_t slash;
    return span_find_byte(host, '/', &slash) ? span_from(host, slash + 1) : host;
}

bool cause_server_has(const struct background_server *server, struct span name) {
    for (size_t i = 0; i < server->host_count; i++)
        if (tell_name_covers(host_part(server->hosts[i]), name))
            return true;
    return false;
}

struct span cause_hosts_text(const struct telling *telling, const struct background_server *server) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < server->host_count && i < 5; i++)
        text = arena_print(telling->arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ", ", SPAN_ARGUMENTS(server->hosts[i]));
    return server->host_count > 5 ? arena_print(telling->arena, "%.*s and %zu more", SPAN_ARGUMENTS(text), server->host_count - 5) : text;
}

const struct background_remark *cause_remark_about(const struct telling *telling, int code, struct span text) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->remark_count; i++) {
        const struct background_remark *remark = &background->remarks[i];
        if (remark->code == code && memmem(remark->message.data, remark->message.size, text.data, text.size) != NULL)
            return remark;
    }
    return NULL;
}

bool cause_of_server(const struct telling *telling, const struct background_gateway *gateway, const struct background_server *server) {
    struct story *story = telling->story;
    const struct background_remark *remark;
    struct span labels = telling->snapshot->background->gateway_labels;
    switch (server->state) {
    case BACKGROUND_SERVER_SERVED:
        return false;
    case BACKGROUND_SERVER_NOT_SELECTED:
        story_set_cause(story, gateway->id, "Gateway %.*s is not for this gateway: its selector is %.*s, the gateway's labels are %.*s",
                        SPAN_ARGUMENTS(gateway->name), SPAN_ARGUMENTS(gateway->selector), SPAN_ARGUMENTS(labels));
        story_set_way_out(story, gateway->id, "write labels of the gateway into spec.selector, such as those of the Gateways that are served");
        return true;
    case BACKGROUND_SERVER_DROPPED:
        remark = cause_remark_about(telling, CODE_SERVER_DROPPED, server->title);
        if (remark == NULL)
            remark = tell_remark_at(telling->snapshot, server->id);
        story_set_cause(story, remark == NULL ? server->id : remark->id, "%.*s", SPAN_ARGUMENTS(remark == NULL ? server->title : remark->message));
        if (remark != NULL && remark->hint.size > 0)
            story_set_way_out(story, server->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
        return true;
    case BACKGROUND_SERVER_UNUSABLE:
        remark = tell_remark_of(telling->snapshot, snapshot_origin(telling->snapshot, gateway->id).object);
        story_set_cause(story, remark == NULL ? server->id : remark->id, "%.*s is not served: %.*s", SPAN_ARGUMENTS(server->title),
                        SPAN_ARGUMENTS(remark == NULL ? SPAN_LITERAL("it holds a mistake") : remark->message));
        if (server->has_tls && span_starts_with_ignore_case(server->protocol, SPAN_LITERAL("HTTP")) &&
            !span_equal_ignore_case(server->protocol, SPAN_LITERAL("HTTPS")))
            story_set_way_out(story, server->id, "write port.protocol: HTTPS, or leave the tls block out");
        else if (remark != NULL && remark->hint.size > 0)
            story_set_way_out(story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
        return true;
    }
    return false;
}

bool cause_of_absent_server(const struct telling *telling, struct span name) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->gateway_count; i++) {
        const struct background_gateway *gateway = &background->gateways[i];
        for (size_t s = 0; s < gateway->server_count; s++) {
            const struct background_server *server = &gateway->servers[s];
            bool same_port = server->port == telling->verdict->port || server->number == telling->request->port;
            if (same_port && (name.size == 0 || cause_server_has(server, name)) && cause_of_server(telling, gateway, server))
                return true;
        }
    }
    return false;
}
