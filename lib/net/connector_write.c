/* The body of a request that writes records: the resource's own with the records put in, or just
 * the records where `write` says. */
#include "format/jpull.h"
#include "format/ynode.h"
#include "net/connector_internal.h"

struct own_list {
    struct template_own *items;
    size_t count, capacity;
    struct arena *arena;
};

static void own_add(struct own_list *list, const char *name, const char *text, struct span json)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct template_own *grown = arena_array(list->arena, capacity, sizeof(*grown));
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof(*grown));
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct template_own){
        .name = name, .text = text, .json = arena_strndup(list->arena, json.ptr, json.len)};
}

/* ${record.NAME} for each member; null is JSON's null, and no text. */
static int members_add(struct own_list *list, struct span record, struct strbuf *scratch,
                       struct error *err)
{
    struct jpull_array members;
    struct jpull_value v;
    struct span key, value;
    bool end = false;

    TRY(jpull_object_begin(record, &members, err));
    for (;;) {
        strbuf_clear(scratch);
        TRY(jpull_object_next(&members, &key, &value, &end, scratch, err));
        if (end)
            return 0;
        const char *name = arena_printf(list->arena, "record.%.*s", (int)key.len, key.ptr);
        TRY(jpull_value_of(value, &v, scratch, err));
        const char *text = v.kind == JPULL_NULL   ? NULL
                           : v.kind == JPULL_TRUE ? "true"
                           : v.kind == JPULL_FALSE
                               ? "false"
                               : arena_strndup(list->arena, v.text.ptr, v.text.len);
        own_add(list, name, text, value);
    }
}

static int first_record(struct span records, struct span *ret, struct error *err)
{
    struct jpull_array array;
    bool end = false;

    TRY(jpull_array_begin(records, &array, err));
    TRY(jpull_array_next(&array, ret, &end, err));
    return end ? error_set(err, ERR_BUG, "a request without records") : 0;
}

static int body_render(struct connector *c, const struct resource_spec *r, struct span records,
                       int64_t nrecords, struct arena *arena, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct own_list own = {.arena = arena};
    struct template_scope s = {.c = c, .specs = &r->params, .arena = arena};
    struct span record;

    strbuf_init(&scratch, 0);
    own_add(&own, "records", NULL, records);
    if (nrecords == 1) {
        TRY(first_record(records, &record, err));
        own_add(&own, "record", NULL, record);
        TRY(members_add(&own, record, &scratch, err));
    }
    s.own = own.items;
    s.nown = own.count;
    strbuf_init(&s.scratch, CONNECTOR_TEXT_MAX);
    int code = template_json(&s, r->body, &r->json_text, out, err);
    strbuf_release(&s.scratch);
    return code;
}

int connector_write_body(struct connector *c, const char *resource, struct span records,
                         int64_t nrecords, struct strbuf *out, struct error *err)
{
    const struct resource_spec *r = connector_resource(c, resource, err);
    struct span record;

    if (!r)
        return (int)err->code;
    if (r->body) {
        struct arena *arena = arena_new();
        int code = body_render(c, r, records, nrecords, arena, out, err);
        arena_free(arena);
        return code == 0 ? 0
                         : error_context(err, "resource '%s' of connector '%s'", resource, c->name);
    }
    if (r->write && r->write->records) {
        strbuf_addf(out, "{\"%s\":", r->write->records + 1);
        strbuf_add(out, records.ptr, records.len);
        strbuf_addch(out, '}');
        return 0;
    }
    TRY(first_record(records, &record, err));
    strbuf_add(out, record.ptr, record.len);
    return 0;
}
