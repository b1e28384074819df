/* What the tables of fields cannot say of a stream: modes, deletes, transforms, checks, contracts,
 * reconciliation. Every default that could lose a row is an error until the file says otherwise. */
#include "pipeline/graph.h"
#include "pipeline/spec_private.h"
#include "pipeline/stream.h"
#include "pipeline/undeclared.h"

#include <string.h>

static const struct ynode *place_of(const struct stream_spec *s, const char *key)
{
    const struct ynode *value = ynode_get(s->node, key);
    return value != NULL ? value : s->node;
}

static bool is_listed(const struct field_strings *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

static bool is_time(const struct stream_spec *s, const char *column)
{
    int i = stream_column(s, column);
    return i >= 0 &&
           (s->columns[i].type.kind == DB_DATE || s->columns[i].type.kind == DB_TIMESTAMP ||
            s->columns[i].type.kind == DB_TIMESTAMPTZ);
}

/* The columns of the stream are known before its source opens. */
static bool has_columns(const struct stream_spec *s)
{
    return s->columns_node != NULL && s->ncolumns > 0;
}

/* ---- modes ------------------------------------------------------------------------------ */

static void check_scd2(const struct stream_spec *s, struct diagnostics *d)
{
    const char *names[] = {s->scd2.valid_from, s->scd2.valid_to, s->scd2.current};
    const struct ynode *place = place_of(s, "scd2");
    for (size_t i = 0; i < 3; i++)
        if (stream_column(s, names[i]) >= 0)
            diagnostics_add(d, place, "name it by  scd2: { valid_from: ..., valid_to: ... }",
                            "stream '%s': column '%s' is kept by mode 'scd2' itself", s->name,
                            names[i]);
    if (strcmp(names[0], names[1]) == 0 || strcmp(names[0], names[2]) == 0 ||
        strcmp(names[1], names[2]) == 0)
        diagnostics_add(d, place, NULL, "stream '%s': scd2 needs three different column names",
                        s->name);
    for (size_t i = 0; i < s->scd2.track.count; i++) {
        spec_need_column(s, s->scd2.track.items[i], "scd2.track", place, d);
        if (is_listed(&s->key, s->scd2.track.items[i]))
            diagnostics_add(d, place, NULL, "stream '%s': scd2.track '%s' is part of the key",
                            s->name, s->scd2.track.items[i]);
    }
    if (s->incremental != NULL && s->incremental->cursor != NULL && has_columns(s) &&
        stream_column(s, s->incremental->cursor) >= 0 && !is_time(s, s->incremental->cursor))
        diagnostics_add(d, place_of(s, "incremental"), NULL,
                        "stream '%s': versions begin at the cursor, so mode 'scd2' needs one that "
                        "is a date or time",
                        s->name);
}

static void check_delete_insert(const struct stream_spec *s, struct diagnostics *d)
{
    if ((s->incremental != NULL) == (s->partition_by.count > 0))
        diagnostics_add(d, place_of(s, "mode"),
                        "a window:  incremental: { cursor, start, window }, or  partition_by: "
                        "[column]",
                        "stream '%s': mode 'delete_insert' needs either 'incremental' or "
                        "'partition_by', to say what it replaces",
                        s->name);
    for (size_t i = 0; i < s->partition_by.count; i++)
        spec_need_column(s, s->partition_by.items[i], "partition_by", place_of(s, "partition_by"),
                         d);
    if (s->incremental != NULL && s->incremental->cursor != NULL && has_columns(s) &&
        stream_column(s, s->incremental->cursor) >= 0 && !is_time(s, s->incremental->cursor))
        diagnostics_add(d, place_of(s, "incremental"), NULL,
                        "stream '%s': a window is replaced by its time, so the cursor must be a "
                        "date or time",
                        s->name);
}

static void check_deletes(const struct stream_spec *s, struct diagnostics *d)
{
    const struct ynode *place = place_of(s, "deletes");
    bool deletes = s->deletes == DELETES_SOFT || s->deletes == DELETES_HARD;
    if (s->deletes != DELETES_DEFAULT && s->mode != MODE_MERGE && s->mode != MODE_REPLACE &&
        s->mode != MODE_SCD2)
        diagnostics_add(d, place, NULL, "stream '%s': mode '%s' has no use for 'deletes'", s->name,
                        stream_mode_names[s->mode]);
    else if (s->deletes != DELETES_DEFAULT && s->key.count == 0)
        diagnostics_add(d, place, "add  key: [column, ...]",
                        "stream '%s': 'deletes' needs a 'key' to know rows again", s->name);
    if (deletes && s->incremental != NULL)
        diagnostics_add(d, place, "deletes: keep",
                        "stream '%s': an incremental read has only what changed: the rest would "
                        "be deleted",
                        s->name);
    if (deletes && s->for_each != NULL)
        diagnostics_add(d, place,
                        "use  mode: delete_insert  with  partition_by: [the child's column]",
                        "stream '%s': each child of for_each is loaded by itself: the rows of the "
                        "others would be deleted",
                        s->name);
    if (s->mode == MODE_SCD2 && s->deletes == DELETES_SOFT)
        diagnostics_add(d, place, "deletes: hard  closes the version",
                        "stream '%s': mode 'scd2' never deletes a row", s->name);
}

/* A new table holds what the source has, and nothing else. */
static void check_load(const struct stream_spec *s, struct diagnostics *d)
{
    const struct ynode *load = ynode_get(s->target_node, "load");
    if (load == NULL || load->text == NULL || strcmp(load->text, "swap") != 0)
        return;
    if (s->mode != MODE_REPLACE)
        diagnostics_add(d, load, "mode: replace",
                        "stream '%s': 'load: swap' makes the table anew: it is for mode 'replace'",
                        s->name);
    else if (s->deletes == DELETES_KEEP || s->deletes == DELETES_SOFT)
        diagnostics_add(d, place_of(s, "deletes"), "load: difference",
                        "stream '%s': rows that the source no longer has cannot be kept by "
                        "'load: swap'",
                        s->name);
}

static void check_mode(const struct stream_spec *s, struct diagnostics *d)
{
    const struct ynode *mode = ynode_get(s->node, "mode");
    if (s->target != &target_postgres ||
        (mode != NULL &&
         strcmp(mode->text != NULL ? mode->text : "", stream_mode_names[s->mode]) != 0))
        return; /* an unknown mode was told already */
    if ((s->mode == MODE_MERGE || s->mode == MODE_SCD2) && s->key.count == 0)
        diagnostics_add(d, s->node, "add  key: [column, ...]",
                        "stream '%s': mode '%s' needs a 'key'", s->name,
                        stream_mode_names[s->mode]);
    if (s->mode == MODE_APPEND && s->key.count > 0)
        diagnostics_add(d, ynode_get(s->node, "key"), "use  mode: merge",
                        "stream '%s': mode 'append' does not look at a 'key'", s->name);
    if (s->mode == MODE_SCD2)
        check_scd2(s, d);
    else if (ynode_get(s->node, "scd2") != NULL)
        diagnostics_add(d, place_of(s, "scd2"), "mode: scd2",
                        "stream '%s': 'scd2' is for mode 'scd2'", s->name);
    if (s->mode == MODE_DELETE_INSERT)
        check_delete_insert(s, d);
    else if (s->partition_by.count > 0)
        diagnostics_add(d, place_of(s, "partition_by"), "mode: delete_insert",
                        "stream '%s': 'partition_by' is for mode 'delete_insert'", s->name);
    check_deletes(s, d);
    check_load(s, d);
}

/* Time or number: what `start` is, the column is too. */
static void check_start(const struct stream_spec *s, struct diagnostics *d)
{
    const struct incremental_spec *inc = s->incremental;
    const struct ynode *place = ynode_get(ynode_get(s->node, "incremental"), "start");
    struct datetime t;
    struct decimal n;
    bool is_number = decimal_parse(inc->start, strlen(inc->start), &n);
    int at = inc->cursor != NULL && has_columns(s) ? stream_column(s, inc->cursor) : -1;
    bool has_number = at >= 0 ? db_type_is_number(&s->columns[at].type) : is_number;
    place = place != NULL ? place : s->node;
    if (!is_number && !datetime_parse_iso(inc->start, strlen(inc->start), &t))
        diagnostics_add(d, place, NULL, "'start' is a date or time, or a number, found '%s'",
                        inc->start);
    else if (is_number && !has_number)
        diagnostics_add(d, place, "such as  start: 2026-01-01",
                        "'start' is a number, and the cursor '%s' is none", inc->cursor);
    else if (!is_number && has_number)
        diagnostics_add(d, place, "such as  start: 0",
                        "the cursor '%s' is a number, so 'start' must be one", inc->cursor);
}

static void check_incremental(const struct stream_spec *s, struct diagnostics *d)
{
    if (s->incremental == NULL)
        return;
    if (s->target != &target_postgres)
        diagnostics_add(d, s->node, NULL, "'incremental' needs a PostgreSQL target");
    if (s->incremental->cursor != NULL) /* told already: the key is required */
        spec_need_column(s, s->incremental->cursor, "incremental", place_of(s, "incremental"), d);
    if (s->mode != MODE_MERGE && s->mode != MODE_SCD2 && s->mode != MODE_DELETE_INSERT)
        diagnostics_add(d, s->node, "use  mode: merge  with a key",
                        "stream '%s': 'incremental' reads rows again, so it needs mode 'merge', "
                        "'scd2' or 'delete_insert'",
                        s->name);
    if (s->incremental->start != NULL)
        check_start(s, d);
}

/* ---- transforms ------------------------------------------------------------------------- */

struct pair spec_pair(struct arena *arena, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL)
        return (struct pair){text, text};
    size_t left = (size_t)(equals - text);
    while (left > 0 && text[left - 1] == ' ')
        left--;
    const char *right = equals + 1;
    while (*right == ' ')
        right++;
    return (struct pair){arena_strndup(arena, text, left), right};
}

static void check_lookup(const struct stream_spec *s, const struct lookup_spec *l,
                         const struct ynode *place, struct diagnostics *d)
{
    if ((l->table == NULL) == (l->query == NULL))
        diagnostics_add(d, place, NULL, "a lookup has either 'table' or 'query'");
    for (size_t i = 0; i < l->on.count; i++)
        spec_need_column(s, spec_pair(d->arena, l->on.items[i]).ours, "lookup.on", place, d);
    for (size_t i = 0; i < l->take.count; i++)
        spec_need_column(s, spec_pair(d->arena, l->take.items[i]).ours, "lookup.take", place, d);
}

/* What PostgreSQL would only tell in the middle of a run. */
static void check_sql_text(const char *text, const char *what, const char *example,
                           const struct ynode *place, struct diagnostics *d)
{
    if (text != NULL && text[strspn(text, " \t\r\n;")] == '\0')
        diagnostics_add(d, place, example, "'%s' is empty", what);
}

static void check_transforms(const struct stream_spec *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->transforms.count; i++) {
        const struct transform_spec *t = (const struct transform_spec *)s->transforms.items + i;
        const struct ynode *place = s->transforms.nodes[i];
        if ((t->filter != NULL) + (t->set.count > 0) + (t->lookup != NULL) != 1)
            diagnostics_add(d, place, "steps run in order: make it two",
                            "a step of 'transform' is one of 'filter', 'set', 'lookup'");
        check_sql_text(t->filter, "filter", "such as  filter: qty > 0", place, d);
        for (size_t k = 0; k < t->set.count; k++) {
            spec_need_column(s, t->set.keys[k], "set", place, d);
            check_sql_text(t->set.values[k], t->set.keys[k], "an SQL expression; null empties it",
                           place, d);
        }
        if (t->lookup != NULL)
            check_lookup(s, t->lookup, place, d);
    }
}

bool spec_is_set(const struct stream_spec *s, struct arena *arena, const char *column)
{
    for (size_t i = 0; i < s->transforms.count; i++) {
        const struct transform_spec *t = transform_at(s, i);
        for (size_t k = 0; k < t->set.count; k++)
            if (strcmp(t->set.keys[k], column) == 0)
                return true;
        for (size_t k = 0; t->lookup != NULL && k < t->lookup->take.count; k++)
            if (strcmp(spec_pair(arena, t->lookup->take.items[k]).ours, column) == 0)
                return true;
    }
    return false;
}

void spec_mark_computed(struct stream_spec *s, struct arena *arena)
{
    for (size_t i = 0; i < s->transforms.count; i++) {
        const struct transform_spec *t = (const struct transform_spec *)s->transforms.items + i;
        const struct field_strings none = {0}, *take = t->lookup ? &t->lookup->take : &none;
        for (size_t k = 0; k < t->set.count + take->count; k++) {
            const char *name = k < t->set.count
                                   ? t->set.keys[k]
                                   : spec_pair(arena, take->items[k - t->set.count]).ours;
            int at = stream_column(s, name);
            if (at >= 0)
                s->columns[at].is_computed = ynode_get(s->columns[at].node, "from") == NULL;
        }
    }
}

/* ---- checks ----------------------------------------------------------------------------- */

static const char *check_name(const struct check_spec *c, struct arena *arena)
{
    AUTO_STRBUF struct strbuf text = {0};
    if (c->expr != NULL || c->sql != NULL)
        return c->expr != NULL ? c->expr : c->sql;
    strbuf_init(&text, 1 << 20);
    if (c->unique.count > 0) {
        strbuf_adds(&text, "unique ");
        for (size_t i = 0; i < c->unique.count; i++)
            strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", c->unique.items[i]);
    } else if (c->rows != NULL) {
        strbuf_adds(&text, "rows");
    } else if (c->fresh != NULL) {
        strbuf_addf(&text, "fresh %s", c->fresh->column != NULL ? c->fresh->column : "");
    } else {
        strbuf_adds(&text, "drop");
    }
    return arena_strdup(arena, text.data);
}

static void check_one_check(const struct stream_spec *s, struct check_spec *c,
                            const struct ynode *place, struct diagnostics *d)
{
    int kinds = (c->expr != NULL) + (c->sql != NULL) + (c->unique.count > 0) + (c->rows != NULL) +
                (c->fresh != NULL) + (ynode_get(place, "drop") != NULL);
    if (kinds != 1)
        diagnostics_add(d, place, NULL,
                        "a check is one of 'expr', 'sql', 'unique', 'rows', 'fresh', 'drop'");
    else if (c->on_fail == CHECK_REJECT && c->expr == NULL && c->unique.count == 0)
        diagnostics_add(d, place, "on_fail: warn  or  on_fail: abort",
                        "a check of 'sql', 'rows', 'fresh' or 'drop' looks at all rows: it can "
                        "warn or abort, not reject");
    check_sql_text(c->expr, "expr", "true for a good row, such as  expr: qty > 0", place, d);
    check_sql_text(c->sql, "sql",
                   "a query that gives true, such as  sql: select count(*) > 0 from "
                   "${staged}",
                   place, d);
    for (size_t i = 0; i < c->unique.count; i++)
        spec_need_column(s, c->unique.items[i], "unique", place, d);
    if (c->rows != NULL && c->rows->max >= 0 && c->rows->min > c->rows->max)
        diagnostics_add(d, place, NULL, "'rows': min is more than max");
    if (c->fresh != NULL && c->fresh->column != NULL) {
        spec_need_column(s, c->fresh->column, "fresh", place, d);
        if (stream_column(s, c->fresh->column) >= 0 && !is_time(s, c->fresh->column))
            diagnostics_add(d, place, NULL, "'fresh' needs a date or time, '%s' is none",
                            c->fresh->column);
    }
    if (c->name == NULL)
        c->name = check_name(c, d->arena);
}

static void check_checks(const struct stream_spec *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->checks.count; i++)
        check_one_check(s, (struct check_spec *)s->checks.items + i, s->checks.nodes[i], d);
    if (s->target != NULL && s->target != &target_postgres &&
        (s->checks.count > 0 || s->transforms.count > 0))
        diagnostics_add(d, s->node, NULL,
                        "stream '%s': 'checks' and 'transform' run in PostgreSQL, its target is %s",
                        s->name, s->target->name);
}

/* ---- contract and reconciliation -------------------------------------------------------- */

static void check_figure(const struct stream_spec *s, const char *what, const char *figure,
                         struct diagnostics *d)
{
    const struct ynode *place = place_of(s, "reconcile");
    if (s->reconcile->against == NULL && figure != NULL && figure[0] != '/')
        diagnostics_add(d, place, "such as  /data/total",
                        "'reconcile': '%s' is a JSON pointer into the answer, found '%s'", what,
                        figure);
}

static void check_reconcile(const struct stream_spec *s, struct diagnostics *d)
{
    const struct reconcile_spec *r = s->reconcile;
    const struct ynode *place = place_of(s, "reconcile");
    if (r == NULL)
        return;
    if (r->rows == NULL && r->sum.count == 0)
        diagnostics_add(d, place, NULL, "'reconcile' compares 'rows', 'sum' or both");
    if (r->sum.count > 8)
        diagnostics_add(d, place, NULL, "'reconcile': at most 8 sums, found %zu", r->sum.count);
    if (r->against == NULL && r->by.count > 0)
        diagnostics_add(d, place, "against: select ... group by ...",
                        "'reconcile': groups ('by') need figures 'against' which to hold them");
    if (r->against == NULL && s->source != &source_rest)
        diagnostics_add(d, place, "against: select ...   or the `trailer` of a file",
                        "'reconcile' without 'against' needs an API that states the figures");
    if (r->against != NULL && s->target != &target_postgres)
        diagnostics_add(d, place, NULL, "'reconcile' 'against' needs a PostgreSQL target");
    check_figure(s, "rows", r->rows, d);
    for (size_t i = 0; i < r->by.count; i++)
        spec_need_column(s, r->by.items[i], "reconcile.by", place, d);
    for (size_t i = 0; i < r->sum.count; i++) {
        int at = stream_column(s, r->sum.keys[i]);
        spec_need_column(s, r->sum.keys[i], "reconcile.sum", place, d);
        check_figure(s, r->sum.keys[i], r->sum.values[i], d);
        if (at >= 0 && has_columns(s) && !db_type_is_number(&s->columns[at].type))
            diagnostics_add(d, place, NULL, "'reconcile': column '%s' is not a number",
                            r->sum.keys[i]);
    }
}

static void check_undeclared(const struct stream_spec *s, struct diagnostics *d)
{
    const struct ynode *place = ynode_get(ynode_get(s->node, "schema"), "undeclared");
    const char *format = ynode_text(s->source_node, "format", "");
    if (place == NULL || !undeclared_is_asked(s))
        return;
    if (!has_columns(s))
        diagnostics_add(d, place, "list them as  columns: { name: type }",
                        "stream '%s': without 'columns' nothing is undeclared", s->name);
    if (s->source == &source_file && strcmp(format, "fixed") == 0)
        diagnostics_add(d, place, NULL,
                        "stream '%s': text of fixed width has no names that could be undeclared",
                        s->name);
    if (s->schema.undeclared == CONTRACT_EVOLVE &&
        strcmp(ynode_text(s->target_node, "load", ""), "swap") == 0)
        diagnostics_add(
            d, place, "load: difference",
            "stream '%s': 'load: swap' makes the table anew: its columns are those that "
            "are declared",
            s->name);
}

static void check_key(const struct stream_spec *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->key.count; i++) {
        spec_need_column(s, s->key.items[i], "key", place_of(s, "key"), d);
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->key.items[k], s->key.items[i]) == 0)
                diagnostics_add(d, place_of(s, "key"), NULL, "stream '%s': key '%s' is named twice",
                                s->name, s->key.items[i]);
        int at = s->columns_node != NULL ? stream_column(s, s->key.items[i]) : -1;
        if (at >= 0 && s->columns[at].mask != 0) {
            const struct ynode *mask = ynode_get(s->columns[at].node, "mask");
            diagnostics_add(d, mask != NULL ? mask : s->columns[at].node, "use  hash: env:NAME",
                            "column '%s': masked values would make keys equal that are not",
                            s->key.items[i]);
        }
    }
}

void spec_check_hooks(const struct hooks_spec *hooks, struct diagnostics *d)
{
    const struct field_objects *const lists[] = {&hooks->before, &hooks->after, &hooks->on_failure,
                                                 &hooks->on_partial};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct hook_spec *h = (const struct hook_spec *)lists[i]->items + k;
            if ((h->sql != NULL) + (h->http != NULL) + (h->exec != NULL) != 1)
                diagnostics_add(d, lists[i]->nodes[k], NULL,
                                "a hook has one of 'sql', 'http' and 'exec'");
            check_sql_text(h->sql, "sql", "statements, or a .sql file", lists[i]->nodes[k], d);
        }
    }
}

void spec_check_stream(struct stream_spec *s, struct diagnostics *d)
{
    spec_check_hooks(&s->hooks, d);
    check_key(s, d);
    check_transforms(s, d);
    check_checks(s, d);
    if (s->source == NULL || s->target == NULL)
        return; /* what is wrong with them was told; the rest depends on what they are */
    check_mode(s, d);
    check_incremental(s, d);
    check_reconcile(s, d);
    check_undeclared(s, d);
    if (ynode_get(s->node, "schema") != NULL && s->target != &target_postgres)
        diagnostics_add(d, place_of(s, "schema"), NULL, "'schema' needs a PostgreSQL target");
}

/* ---- several streams of one target -------------------------------------------------------- */

/* Whether it deletes, or closes, what its source no longer has. */
static bool takes_away(const struct stream_spec *s)
{
    if (s->mode == MODE_REPLACE)
        return s->deletes != DELETES_KEEP;
    return (s->mode == MODE_MERGE || s->mode == MODE_SCD2) &&
           (s->deletes == DELETES_SOFT || s->deletes == DELETES_HARD);
}

static void check_pair(const struct stream_spec *a, const struct stream_spec *b,
                       struct arena *arena, struct diagnostics *d)
{
    const char *place = graph_place(arena, b->target_node, b->name, true);
    if (a->target == NULL || a->target != b->target ||
        strcmp(graph_place(arena, a->target_node, a->name, true), place) != 0)
        return;
    if (b->target == &target_file && strcmp(place, "file -") != 0 &&
        strncmp(place, "file /dev/", 10) != 0)
        diagnostics_add(d, b->target_node, "give each stream a file of its own",
                        "streams '%s' and '%s' write the same %s: only the last would be left",
                        a->name, b->name, place);
    if (b->target != &target_postgres)
        return;
    const struct stream_spec *adds = a->mode == MODE_APPEND ? a : b, *whole = adds == a ? b : a;
    if (adds->mode == MODE_APPEND && takes_away(whole))
        diagnostics_add(d, b->target_node, "give each stream a table of its own",
                        "stream '%s' would delete from %s what stream '%s' appends to it",
                        whole->name, place, adds->name);
}

void spec_check_targets(const struct pipeline *p, struct diagnostics *d)
{
    const struct stream_spec *streams = (const struct stream_spec *)p->streams.items;
    for (size_t i = 0; i < p->streams.count; i++) {
        for (size_t j = 0; j < i; j++)
            check_pair(&streams[j], &streams[i], p->arena, d);
    }
}
