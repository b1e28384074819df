#include "pipeline/source/where.h"

#include "pipeline/column.h"
#include "pipeline/source/pattern.h"

#include <stdlib.h>
#include <string.h>

struct where_spec {
    struct field_strings is, not_in;
    const char *match;
    int null; /* NULL_ANY, NULL_NO, NULL_YES */
};
enum { NULL_ANY, NULL_NO, NULL_YES };

static const char *const null_choices[] = {"any", "false", "true", NULL};
static const struct field where_fields[] = {
    {"is", FIELD_STRINGS, offsetof(struct where_spec, is), "one of these words"},
    {"not", FIELD_STRINGS, offsetof(struct where_spec, not_in),
     "none of these words; null is none of them"},
    {"match", FIELD_STRING, offsetof(struct where_spec, match), "a regular expression"},
    {"null", FIELD_CHOICE, offsetof(struct where_spec, null), "true: only null, false: only others",
     .def = "any", .choices = null_choices},
    {0}};
const struct field_set where_set = {.name = "where",
                                    .help = "What a row's column must be",
                                    .struct_size = sizeof(struct where_spec),
                                    .fields = where_fields,
                                    .scalar = "is"};

static const struct where_spec *spec_at(const struct field_objects *spec, size_t i)
{
    return (const struct where_spec *)spec->items + i;
}

void where_check(const struct stream_spec *s, const struct field_objects *spec,
                 struct diagnostics *d)
{
    for (size_t i = 0; i < spec->count; i++) {
        const struct where_spec *w = spec_at(spec, i);
        struct pattern pattern;
        struct error err = ERROR_INIT;
        if (s->columns_node != NULL && stream_column(s, spec->names[i]) < 0)
            diagnostics_add(d, spec->nodes[i], "name a column of the stream, not of the source",
                            "where: '%s' is not a column of stream '%s'", spec->names[i], s->name);
        if (w->is.count == 0 && w->not_in.count == 0 && w->match == NULL && w->null == NULL_ANY)
            diagnostics_add(d, spec->nodes[i], "such as  where: { channel: [eleme, meituan] }",
                            "where: '%s' says nothing of its column", spec->names[i]);
        if (pattern_compile(w->match, &pattern, &err) != 0)
            diagnostics_add(d, spec->nodes[i], NULL, "%s", err.message);
        else
            pattern_release(&pattern);
    }
}

/* ---- running ---------------------------------------------------------------------------- */

struct words {
    struct span *items;
    size_t count;
};
struct rule {
    size_t column;
    struct words is, not_in;
    struct pattern match;
    int null;
};
struct where {
    size_t count;
    struct rule *rules;
};

static struct words words_of(const struct field_strings *list)
{
    struct words w = {mem_array(list->count + 1, sizeof(struct span)), list->count};
    for (size_t i = 0; i < list->count; i++)
        w.items[i] = span_of(list->items[i]);
    return w;
}

static bool has_word(const struct words *w, struct span text)
{
    for (size_t i = 0; i < w->count; i++)
        if (span_equal(w->items[i], text))
            return true;
    return false;
}

int where_new(const struct stream_spec *s, const struct field_objects *spec, struct where **ret,
              struct error *err)
{
    if (spec->count == 0)
        return 0;
    struct where *w = mem_alloc(sizeof *w);
    w->rules = mem_array(spec->count, sizeof *w->rules);
    for (size_t i = 0; i < spec->count; i++) {
        const struct where_spec *from = spec_at(spec, i);
        struct rule *rule = &w->rules[w->count++];
        int column = stream_column(s, spec->names[i]);
        rule->is = words_of(&from->is);
        rule->not_in = words_of(&from->not_in);
        rule->null = from->null;
        rule->column = column < 0 ? 0 : (size_t)column;
        int code = column < 0 ? error_set(err, ERR_SPEC, "where: the source has no column '%s'",
                                          spec->names[i])
                              : pattern_compile(from->match, &rule->match, err);
        if (code != 0) {
            where_free(w);
            return code;
        }
    }
    *ret = w;
    return 0;
}

void where_free(struct where *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->count; i++) {
        free(w->rules[i].is.items);
        free(w->rules[i].not_in.items);
        pattern_release(&w->rules[i].match);
    }
    free(w->rules);
    free(w);
}

static bool rule_agrees(const struct rule *rule, struct span text, bool is_null)
{
    if (rule->null != NULL_ANY && is_null != (rule->null == NULL_YES))
        return false;
    if (is_null)
        return rule->is.count == 0 && !rule->match.is_set;
    return (rule->is.count == 0 || has_word(&rule->is, text)) && !has_word(&rule->not_in, text) &&
           (!rule->match.is_set || pattern_matches(&rule->match, text));
}

bool where_keeps(struct where *w, struct column_reader *reader, const struct source_row *row)
{
    if (w == NULL || row->fault != NULL)
        return true;
    bool agrees = true;
    for (size_t i = 0; i < w->count; i++) {
        const struct rule *rule = &w->rules[i];
        const struct cell *cell = &row->cells[rule->column];
        struct span text = SPAN("");
        bool is_null = cell->form == CELL_NULL;
        if (!is_null && column_clean(reader, rule->column, cell, &text, &is_null) != NULL)
            return true;
        agrees = agrees && rule_agrees(rule, text, is_null);
    }
    return agrees;
}
