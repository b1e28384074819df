/* What a pipeline says of the cells of a column: units, codes, dates that could be read two ways.
 */
#include "pipeline/spec_private.h"
#include "pipeline/time_clash.h"

#include <string.h>

/* The node of a key, for a place as near as can be. */
static const struct ynode *place_of(const struct ynode *node, const char *key)
{
    const struct ynode *value = ynode_get(node, key);
    return value != NULL ? value : node;
}

/* The first that fits is taken: what is wrong in one order may be sound in the other. */
static const char *clash_hint(const char *first, const char *second, bool is_date, struct arena *a)
{
    struct time_clash ignored;
    return time_formats_clash(second, first, is_date, &ignored)
               ? "a column is written one way; split the files"
               : arena_printf(a, "the first that fits is taken: list '%s' first", second);
}

/* 03/04/2026 must not mean what its neighbours make of it. */
static void check_formats(const struct column_spec *c, const struct ynode *place,
                          struct diagnostics *d)
{
    bool is_date = c->type.kind == DB_DATE;
    for (size_t i = 0; i < c->formats.count; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *first = c->formats.items[k], *second = c->formats.items[i];
            struct time_clash clash;
            if (time_formats_clash(first, second, is_date, &clash))
                diagnostics_add(d, place, clash_hint(first, second, is_date, d->arena),
                                "column '%s': by '%s' the text '%s' is %s, by '%s' the text '%s' "
                                "is %s",
                                c->name, first, clash.texts[0], clash.readings[0], second,
                                clash.texts[1], clash.readings[1]);
        }
    }
}

static void bind_units(struct pipeline *p, struct column_spec *c, struct diagnostics *d)
{
    const struct ynode *place = place_of(c->node, "units");
    c->unit_factors = arena_array(p->arena, c->units.count + 1, sizeof *c->unit_factors);
    for (size_t i = 0; i < c->units.count; i++) {
        const char *text = c->units.values[i];
        struct decimal *factor = &c->unit_factors[i];
        if (text == NULL || !decimal_parse(text, strlen(text), factor) || factor->coefficient <= 0)
            diagnostics_add(d, place, NULL,
                            "column '%s': the factor of '%s' is a number, found '%s'", c->name,
                            c->units.keys[i], text != NULL ? text : "");
        if (strpbrk(c->units.keys[i], "0123456789") != NULL)
            diagnostics_add(d, place, NULL, "column '%s': the unit '%s' has a digit in it", c->name,
                            c->units.keys[i]);
    }
    if (c->units.count > 0 && (!db_type_is_number(&c->type) || c->unit == 1))
        diagnostics_add(d, place, NULL,
                        "column '%s': 'units' are for numbers, without 'unit: cents'", c->name);
}

/* Identifiers: text of the key, unless the file says otherwise. */
void columns_bind_codes(struct stream_spec *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column_spec *c = &s->columns[i];
        bool is_key = false;
        for (size_t k = 0; k < s->key.count; k++)
            is_key |= strcmp(s->key.items[k], c->name) == 0;
        if (c->code == CODE_AUTO)
            c->code = is_key && c->type.kind == DB_TEXT ? CODE_YES : CODE_NO;
        if (c->strip_zeros && c->type.kind != DB_TEXT)
            diagnostics_add(d, place_of(c->node, "strip_zeros"), NULL,
                            "column '%s': 'strip_zeros' is for text", c->name);
    }
}

void column_bind_habits(struct pipeline *p, struct column_spec *c, struct diagnostics *d)
{
    check_formats(c, place_of(c->node, "format"), d);
    bind_units(p, c, d);
}
