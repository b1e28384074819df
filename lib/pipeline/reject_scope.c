#include "pipeline/reject_scope.h"

#include "format/jsonx.h"
#include "pipeline/column.h"
#include "pipeline/stream.h"

#include <string.h>

static bool has_name(const struct field_strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct field_strings *names, const char *name)
{
    if (!has_name(names, name))
        names->items[names->count++] = name;
}

/* The columns that say whose child a row is; false: of some bound name none does. */
static bool add_children(const struct stream_spec *s, struct arena *arena,
                         struct field_strings *names)
{
    bool is_told = true;
    for (size_t k = 0; s->for_each != NULL && k < s->for_each->bind.count; k++) {
        bool has_column = false;
        for (size_t i = 0; i < s->ncolumns; i++) {
            const struct column_spec *c = &s->columns[i];
            if (!column_is_of_child(c) || strcmp(c->from + 1, s->for_each->bind.keys[k]) != 0 ||
                spec_is_set(s, arena, c->name))
                continue;
            has_column = true;
            add_name(names, c->name);
        }
        is_told &= has_column;
    }
    return is_told;
}

bool reject_scope(const struct stream_spec *s, struct arena *arena, struct field_strings *ret)
{
    const size_t max = s->partition_by.count + s->ncolumns + 1;
    bool is_told = true;
    *ret = (struct field_strings){.items = arena_array(arena, max, sizeof(char *))};
    if (s->mode != MODE_DELETE_INSERT)
        return true;
    if (s->incremental != NULL)
        add_name(ret, s->incremental->cursor);
    for (size_t i = 0; s->incremental == NULL && i < s->partition_by.count; i++)
        add_name(ret, s->partition_by.items[i]);
    for (size_t i = 0; i < ret->count; i++)
        is_told &= stream_column(s, ret->items[i]) >= 0 && !spec_is_set(s, arena, ret->items[i]);
    return add_children(s, arena, ret) && is_told;
}

bool reject_scope_has(const struct stream_spec *s, struct arena *arena, const char *name)
{
    struct field_strings names;
    if (s->mode != MODE_DELETE_INSERT)
        return false;
    (void)reject_scope(s, arena, &names);
    return has_name(&names, name) && !spec_is_set(s, arena, name);
}

void reject_scope_json(const struct field_strings *names, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_array(&w);
    for (size_t i = 0; i < names->count; i++)
        jwriter_string(&w, names->items[i]);
    jwriter_end(&w);
}
