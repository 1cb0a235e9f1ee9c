#include "proxy/header_rules.h"

#include <stdio.h>

#include "proxy/access_log_value.h"

static struct span print_item(struct arena *arena, const struct access_log_item *item, const struct access_log_record *record) {
    char scratch[ACCESS_LOG_SCRATCH_BYTES];
    struct access_log_calendar calendar = {0};
    if (item->operator_ == ACCESS_LOG_LITERAL)
        return item->argument;
    struct access_log_item_value value = access_log_item_value(item, record, &calendar, scratch);
    switch (value.kind) {
    case ACCESS_LOG_VALUE_ABSENT: return SPAN_EMPTY;
    case ACCESS_LOG_VALUE_NUMBER: return arena_print(arena, "%llu", (unsigned long long)value.number);
    case ACCESS_LOG_VALUE_PLAIN:
    case ACCESS_LOG_VALUE_FOREIGN:
    case ACCESS_LOG_VALUE_WORD: return arena_copy(arena, value.text);
    }
    return SPAN_EMPTY;
}

static struct span print_value(struct arena *arena, const struct access_log_value *value, const struct access_log_record *record) {
    if (value->item_count == 1)
        return print_item(arena, &value->items[0], record);
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < value->item_count; i++) {
        struct span part = print_item(arena, &value->items[i], record);
        text = arena_print(arena, "%.*s%.*s", SPAN_ARGUMENTS(text), SPAN_ARGUMENTS(part));
    }
    return text;
}

/* What peers said (a server name, a header) must not become a second field. */
static struct span safe_value(struct arena *arena, const struct access_log_value *value, const struct access_log_record *record) {
    struct span text = span_trim(print_value(arena, value, record));
    return header_value_is_valid(text) ? text : SPAN_EMPTY;
}

void header_rules_apply(const struct header_rules *rules, struct message_head *head, const struct access_log_record *record) {
    for (size_t i = 0; i < rules->remove_count; i++)
        message_head_remove_name(head, rules->remove[i]);
    size_t count = rules->set_count + rules->add_count;
    if (count == 0)
        return;
    struct span *values = arena_new_array(head->arena, struct span, count);
    for (size_t i = 0; i < count; i++) {
        const struct header_assignment *item = i < rules->set_count ? &rules->set[i] : &rules->add[i - rules->set_count];
        values[i] = safe_value(head->arena, &item->value, record);
    }
    for (size_t i = 0; i < rules->set_count; i++)
        if (values[i].size > 0)
            message_head_set_name(head, rules->set[i].name, values[i]);
    for (size_t i = 0; i < rules->add_count; i++)
        if (values[rules->set_count + i].size > 0)
            message_head_add_name(head, rules->add[i].name, values[rules->set_count + i]);
}

static struct header_assignment *copy_assignments(struct arena *arena, const struct header_assignment *items, size_t count) {
    struct header_assignment *copy = arena_new_array(arena, struct header_assignment, count);
    for (size_t i = 0; i < count; i++) {
        const struct access_log_value *value = &items[i].value;
        copy[i].name = arena_copy(arena, items[i].name);
        copy[i].value.items = arena_new_array(arena, struct access_log_item, value->item_count);
        copy[i].value.item_count = value->item_count;
        for (size_t item = 0; item < value->item_count; item++) {
            copy[i].value.items[item] = value->items[item];
            copy[i].value.items[item].argument = arena_copy(arena, value->items[item].argument);
            copy[i].value.items[item].alternative = arena_copy(arena, value->items[item].alternative);
        }
    }
    return copy;
}

struct header_rules header_rules_copy(struct arena *arena, const struct header_rules *rules) {
    struct header_rules copy = *rules;
    copy.remove = arena_new_array(arena, struct span, rules->remove_count);
    for (size_t i = 0; i < rules->remove_count; i++)
        copy.remove[i] = arena_copy(arena, rules->remove[i]);
    copy.set = copy_assignments(arena, rules->set, rules->set_count);
    copy.add = copy_assignments(arena, rules->add, rules->add_count);
    return copy;
}
