/* `transform`: filter, set and lookup, each one statement over the staged rows. */
#include "core/message.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <string.h>

static int filter(const struct stage_target *t, const char *expr, struct stream_counts *counts,
                  struct error *err)
{
    struct bound_sql bound;
    int64_t skipped = 0;
    struct arena *arena = t->ctx->arena;
    TRY(stage_sql(t, expr, &bound, err));
    struct stage_reject null = {.condition = arena_printf(arena, "(%s) is null", bound.sql),
                                .params = bound.params,
                                .nparams = bound.nparams,
                                .reason = MESSAGE("the filter gives null")};
    TRY(stage_reject(t, &null, counts, err));
    TRY(db_execute(t->ctx->db,
                   arena_printf(arena, "delete from %s s where not (%s)", t->staged, bound.sql),
                   bound.params, bound.nparams, &skipped, err));
    counts->skipped += skipped;
    return 0;
}

/* One statement: each expression sees the values before the step. The ${...} of all of them share
 * one list of parameters, so they are bound as one text. */
static int set_columns(const struct stage_target *t, const struct field_string_map *set,
                       struct error *err)
{
    struct bound_sql bound;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "update %s s set ", t->staged);
    for (size_t i = 0; i < set->count; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        stage_keep_what_was(&sql, t, set->keys[i], "");
        db_quote_identifier(&sql, set->keys[i]);
        strbuf_addf(&sql, " = (%s)", set->values[i] != NULL ? set->values[i] : "null");
    }
    TRY(stage_sql(t, sql.data, &bound, err));
    return db_execute(t->ctx->db, bound.sql, bound.params, bound.nparams, NULL, err);
}

/* ---- lookup ----------------------------------------------------------------------------- */

struct lookup {
    const struct stage_target *t;
    const struct lookup_spec *spec;
    struct bound_sql rows; /* SQL of its rows, in parentheses */
    const char *what;      /* for messages */
    struct pair *on, *take;
    uint32_t *on_types, *take_types; /* OIDs of theirs */
};

static bool is_text_type(uint32_t oid)
{
    return oid == 25 || oid == 1043 || oid == 1042;
}

static bool is_text_column(const struct stream_spec *s, const char *name)
{
    int at = stream_column(s, name);
    return at >= 0 && s->columns[at].type.kind == DB_TEXT;
}

static void dotted(struct strbuf *out, struct arena *arena, const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        db_quote_identifier(out, name);
    else
        db_quote_qualified(out, arena_strndup(arena, name, (size_t)(dot - name)), dot + 1);
}

int stage_lookup_rows(const struct stage_target *t, const struct lookup_spec *l,
                      struct bound_sql *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    const char *text;
    if (l->table == NULL) {
        TRY(pipeline_sql(t->ctx->pipeline, t->ctx->stream->node, l->query, &text, err));
        return stage_sql(t, text, ret, err);
    }
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select * from ");
    dotted(&sql, t->ctx->arena, l->table);
    *ret = (struct bound_sql){.sql = arena_strdup(t->ctx->arena, sql.data)};
    return 0;
}

/* Its rows as a subquery, and the types of the columns that are used. */
static int open_lookup(struct lookup *l, struct error *err)
{
    struct arena *arena = l->t->ctx->arena;
    AUTO_STRBUF struct strbuf sql = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, STAGE_SQL_MAX);
    TRY(stage_lookup_rows(l->t, l->spec, &l->rows, err));
    l->what = l->spec->table != NULL ? l->spec->table : message_text("its query");
    l->on = arena_array(arena, l->spec->on.count + 1, sizeof *l->on);
    l->take = arena_array(arena, l->spec->take.count + 1, sizeof *l->take);
    l->on_types = arena_array(arena, l->spec->on.count + 1, sizeof *l->on_types);
    l->take_types = arena_array(arena, l->spec->take.count + 1, sizeof *l->take_types);
    strbuf_adds(&sql, "select ");
    for (size_t i = 0; i < l->spec->on.count; i++) {
        l->on[i] = spec_pair(arena, l->spec->on.items[i]);
        strbuf_adds(&sql, i > 0 ? ", " : "");
        db_quote_identifier(&sql, l->on[i].theirs);
    }
    for (size_t i = 0; i < l->spec->take.count; i++) {
        l->take[i] = spec_pair(arena, l->spec->take.items[i]);
        strbuf_adds(&sql, ", ");
        db_quote_identifier(&sql, l->take[i].theirs);
    }
    strbuf_addf(&sql, " from (%s\n) l limit 0", l->rows.sql);
    TRY(db_query(l->t->ctx->db, sql.data, l->rows.params, l->rows.nparams, &res, err));
    for (size_t i = 0; i < l->spec->on.count; i++)
        l->on_types[i] = db_result_type(res, i);
    for (size_t i = 0; i < l->spec->take.count; i++)
        l->take_types[i] = db_result_type(res, l->spec->on.count + i);
    return 0;
}

/* s."shop_id" = l._k0: text on one side only is compared as text. */
static void match_theirs(const struct lookup *l, bool is_copy, struct strbuf *out)
{
    const struct stream_spec *s = l->t->ctx->stream;
    for (size_t i = 0; i < l->spec->on.count; i++) {
        bool ours = is_text_column(s, l->on[i].ours), theirs = is_text_type(l->on_types[i]);
        strbuf_adds(out, i > 0 ? " and s." : "s.");
        db_quote_identifier(out, l->on[i].ours);
        strbuf_adds(out, theirs && !ours ? "::text = l." : " = l.");
        if (is_copy)
            strbuf_addf(out, "_k%zu", i);
        else
            db_quote_identifier(out, l->on[i].theirs);
        strbuf_adds(out, ours && !theirs ? "::text" : "");
    }
}

/* The rows that are used, once: the table may change under the statements that follow. */
static int copy_matches(const struct lookup *l, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "create temp table diner_lookup on commit drop as select ");
    for (size_t i = 0; i < l->spec->on.count; i++) {
        strbuf_adds(&sql, "l.");
        db_quote_identifier(&sql, l->on[i].theirs);
        strbuf_addf(&sql, " as _k%zu, ", i);
    }
    for (size_t i = 0; i < l->spec->take.count; i++) {
        strbuf_adds(&sql, i > 0 ? ", l." : "l.");
        db_quote_identifier(&sql, l->take[i].theirs);
        strbuf_addf(&sql, " as _t%zu", i);
    }
    strbuf_addf(&sql, " from (%s\n) l where exists (select from %s s where ", l->rows.sql,
                l->t->staged);
    match_theirs(l, false, &sql);
    strbuf_addch(&sql, ')');
    TRY(db_execute(l->t->ctx->db, "drop table if exists pg_temp.diner_lookup", DB_NO_PARAMS, NULL,
                   err));
    return db_execute(l->t->ctx->db, sql.data, l->rows.params, l->rows.nparams, NULL, err);
}

/* Two rows of one key: which of them is meant cannot be known. */
static int refuse_duplicates(const struct lookup *l, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0}, found = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&keys, STAGE_SQL_MAX);
    strbuf_init(&found, ERROR_MESSAGE_MAX);
    for (size_t i = 0; i < l->spec->on.count; i++)
        strbuf_addf(&keys, "%s_k%zu", i > 0 ? ", " : "", i);
    strbuf_addf(&sql,
                "select count(*), %s from pg_temp.diner_lookup group by %s having count(*) > 1 "
                "order by %s limit 1",
                keys.data, keys.data, keys.data);
    TRY(db_query(l->t->ctx->db, sql.data, DB_NO_PARAMS, &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    for (size_t i = 0; i < l->spec->on.count; i++)
        strbuf_addf(&found, "%s%s = '%.100s'", i > 0 ? ", " : "", l->on[i].theirs,
                    db_result_text(res, 0, i + 1));
    error_set(err, ERR_CHECK, "lookup in %s: %" PRId64 " rows have %s", l->what,
              db_result_int(res, 0, 0), found.data);
    return error_hint(err, "the columns of 'on' must name one row: add to them, or use a 'query'");
}

/* SQL assigns ours from theirs; only text is read as what we need. */
static int take_values(const struct lookup *l, struct error *err)
{
    const struct stream_spec *s = l->t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "update %s u set ", l->t->staged);
    for (size_t i = 0; i < l->spec->take.count; i++) {
        int at = stream_column(s, l->take[i].ours);
        strbuf_adds(&sql, i > 0 ? ", " : "");
        stage_keep_what_was(&sql, l->t, l->take[i].ours, "u.");
        db_quote_identifier(&sql, l->take[i].ours);
        strbuf_addf(&sql, " = l._t%zu", i);
        if (at >= 0 && is_text_type(l->take_types[i]) && s->columns[at].type.kind != DB_TEXT) {
            strbuf_adds(&sql, "::");
            db_type_print(&s->columns[at].type, &sql);
        }
    }
    strbuf_addf(&sql, " from %s s left join pg_temp.diner_lookup l on ", l->t->staged);
    match_theirs(l, true, &sql);
    strbuf_adds(&sql, " where u.ctid = s.ctid");
    return db_execute(l->t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

static int refuse_misses(const struct lookup *l, struct stream_counts *counts, struct error *err)
{
    const struct stage_target *t = l->t;
    AUTO_STRBUF struct strbuf condition = {0}, value = {0};
    strbuf_init(&condition, STAGE_SQL_MAX);
    strbuf_init(&value, STAGE_SQL_MAX);
    strbuf_adds(&condition, "not exists (select from pg_temp.diner_lookup l where ");
    match_theirs(l, true, &condition);
    strbuf_addch(&condition, ')');
    strbuf_adds(&value, l->spec->on.count > 1 ? "concat_ws(', '" : "concat(''");
    for (size_t i = 0; i < l->spec->on.count; i++) {
        strbuf_adds(&value, ", s.");
        db_quote_identifier(&value, l->on[i].ours);
    }
    strbuf_addch(&value, ')');
    struct stage_reject miss = {.condition = condition.data,
                                .reason = arena_printf(t->ctx->arena, "not found in %s", l->what),
                                .column = l->on[0].ours,
                                .value = value.data};
    if (l->spec->miss == MISS_REJECT)
        return stage_reject(t, &miss, counts, err);
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(t->ctx->db,
                 arena_printf(t->ctx->arena, "select count(*), min(%s) from %s s where %s",
                              value.data, t->staged, condition.data),
                 DB_NO_PARAMS, &res, err));
    if (db_result_int(res, 0, 0) == 0)
        return 0;
    return error_set(err, ERR_CHECK, "%" PRId64 " rows have no match in %s; the first %s is '%s'",
                     db_result_int(res, 0, 0), l->what, l->on[0].ours, db_result_text(res, 0, 1));
}

static int lookup(const struct stage_target *t, const struct lookup_spec *spec,
                  struct stream_counts *counts, struct error *err)
{
    struct lookup l = {.t = t, .spec = spec};
    TRY(open_lookup(&l, err));
    TRY(copy_matches(&l, err));
    TRY(refuse_duplicates(&l, err));
    if (spec->miss != MISS_NULL)
        TRY(refuse_misses(&l, counts, err));
    return take_values(&l, err);
}

/* ---- all of them ------------------------------------------------------------------------ */

static int run_step(const struct stage_target *t, const struct transform_spec *step,
                    struct stream_counts *counts, struct error *err)
{
    if (step->filter != NULL)
        return filter(t, step->filter, counts, err);
    if (step->lookup != NULL)
        return lookup(t, step->lookup, counts, err);
    return set_columns(t, &step->set, err);
}

/* What a row must have when the transforms are done: a null in the key would never meet its row
 * again, and columns that they fill could not be looked at before. */
static int refuse_nulls(const struct stage_target *t, struct stream_counts *counts,
                        struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf condition = {0};
    strbuf_init(&condition, STAGE_SQL_MAX);
    if (s->key.count > 0) {
        strbuf_adds(&condition, "num_nulls(");
        stage_list(&condition, &s->key, "s.");
        strbuf_adds(&condition, ") > 0");
        struct stage_reject null = {.condition = condition.data,
                                    .reason = MESSAGE("null in the key")};
        TRY(stage_reject(t, &null, counts, err));
    }
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (!s->columns[i].is_computed || !s->columns[i].required)
            continue;
        strbuf_clear(&condition);
        strbuf_adds(&condition, "s.");
        db_quote_identifier(&condition, s->columns[i].name);
        strbuf_adds(&condition, " is null");
        struct stage_reject null = {.condition = condition.data,
                                    .reason = "null, but required",
                                    .column = s->columns[i].name};
        TRY(stage_reject(t, &null, counts, err));
    }
    return 0;
}

int stage_transform(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->transforms.count; i++)
        if (run_step(t, (const struct transform_spec *)s->transforms.items + i, counts, err) != 0)
            return error_context(err, "transform %zu of stream '%s'", i + 1, s->name);
    return refuse_nulls(t, counts, err);
}
