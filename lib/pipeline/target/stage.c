#include "pipeline/target/stage.h"

#include "pipeline/reject.h"

#include <inttypes.h>
#include <string.h>

#define SQL_MAX ((size_t)4 << 20)

void stage_columns(struct strbuf *out, const struct stream_spec *s, const char *prefix)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", prefix);
        db_quote_identifier(out, s->columns[i].name);
    }
}

bool stage_has_sequence(const struct stream_spec *s)
{
    return s->key.count > 0;
}

/* ---- making the stage ------------------------------------------------------------------- */

int stage_sql(const struct stage_target *t, const char *text, struct bound_sql *ret,
              struct error *err)
{
    struct stream_context ctx = *t->ctx;
    ctx.staged = t->staged;
    return stream_sql(&ctx, text, ret, err);
}

int stage_create(const struct stage_target *t, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_adds(&sql, "create temp table diner_stage (");
    for (size_t i = 0; i < s->ncolumns; i++) {
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_addch(&sql, ' ');
        db_type_print(&s->columns[i].type, &sql);
        strbuf_adds(&sql, ", ");
    }
    strbuf_adds(&sql, stage_has_sequence(s) ? "_row bigint, _seq bigint)" : "_row bigint)");
    TRY(db_execute(ctx->db, "drop table if exists " STAGE_TABLE, DB_NO_PARAMS, NULL, err));
    return db_execute(ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

/* Without `columns:` the query says what there is. */
static int take_query_columns(const struct stream_context *ctx, const struct bound_sql *query,
                              struct error *err)
{
    struct stream_spec *s = ctx->stream;
    struct arena *arena = ctx->pipeline->arena;
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "select * from (%s\n) q limit 0", query->sql);
    TRY(db_query(ctx->db, sql.data, query->params, query->nparams, &res, err));
    s->ncolumns = db_result_columns(res);
    s->columns = arena_array(arena, s->ncolumns + 1, sizeof *s->columns);
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column_spec *c = &s->columns[i];
        c->name = c->from = arena_strdup(arena, db_result_name(res, i));
        if (!db_type_from_catalogue(db_result_type(res, i), -1, &c->type)) {
            error_set(err, ERR_SPEC, "column '%s' has a type that diner does not load", c->name);
            return error_hint(err, "cast it in the query, for example %s::text", c->name);
        }
    }
    return 0;
}

int stage_from_query(const struct stage_target *t, const struct bound_sql *query, int64_t *ret_rows,
                     struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    AUTO_STRBUF struct strbuf sql = {0};
    if (ctx->stream->columns_node == NULL && take_query_columns(ctx, query, err) != 0)
        return error_context(err, "stream '%s': its query", ctx->stream->name);
    TRY(stage_create(t, err));
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "insert into %s (", t->staged);
    stage_columns(&sql, ctx->stream, "");
    bool has_sequence = stage_has_sequence(ctx->stream);
    strbuf_adds(&sql, has_sequence ? ", _row, _seq) select " : ", _row) select ");
    for (size_t i = 0; i < ctx->stream->ncolumns; i++) {
        strbuf_adds(&sql, "q.");
        db_quote_identifier(&sql, ctx->stream->columns[i].from);
        strbuf_adds(&sql, ", ");
    }
    strbuf_addf(&sql, "%s from (%s\n) q",
                has_sequence ? "row_number() over (), row_number() over ()"
                             : "row_number() over ()",
                query->sql);
    if (db_execute(ctx->db, sql.data, query->params, query->nparams, ret_rows, err) != 0)
        return error_context(err, "stream '%s': its query", ctx->stream->name);
    return 0;
}

/* ---- the target table ------------------------------------------------------------------- */

bool stage_is_key(const struct stream_spec *s, const char *name)
{
    for (size_t i = 0; i < s->key.count; i++)
        if (strcmp(s->key.items[i], name) == 0)
            return true;
    return false;
}

bool stage_key_comes_last(const struct stream_spec *s)
{
    return s->mode == MODE_APPEND || s->mode == MODE_MERGE || s->mode == MODE_REPLACE;
}

void stage_column_definition(struct strbuf *out, const struct stream_spec *s, size_t i)
{
    db_quote_identifier(out, s->columns[i].name);
    strbuf_addch(out, ' ');
    db_type_print(&s->columns[i].type, out);
    if (s->columns[i].required || stage_is_key(s, s->columns[i].name))
        strbuf_adds(out, " not null");
}

static int create_target(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "create table %s (", t->quoted);
    for (size_t i = 0; i < s->ncolumns; i++) {
        stage_column_definition(&sql, s, i);
        strbuf_adds(&sql, ", ");
    }
    strbuf_adds(&sql, "_run_id bigint, _loaded_at timestamptz not null default now()");
    if (s->key.count > 0 && !stage_key_comes_last(s)) {
        strbuf_adds(&sql, ", primary key (");
        for (size_t i = 0; i < s->key.count; i++) {
            strbuf_adds(&sql, i > 0 ? ", " : "");
            db_quote_identifier(&sql, s->key.items[i]);
        }
        strbuf_addch(&sql, ')');
    }
    strbuf_addch(&sql, ')');
    if (db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err) != 0)
        return error_context(err, "while creating table %s", t->quoted);
    return 0;
}

static bool has_column(const struct db_result *present, const char *name)
{
    for (size_t k = 0; k < db_result_rows(present); k++)
        if (strcmp(db_result_text(present, k, 0), name) == 0)
            return true;
    return false;
}

static int add_columns(const struct stage_target *t, const struct db_result *present,
                       struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (has_column(present, s->columns[i].name))
            continue;
        AUTO_STRBUF struct strbuf sql = {0};
        strbuf_init(&sql, 4096);
        strbuf_addf(&sql, "alter table %s add column ", t->quoted);
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_addch(&sql, ' ');
        db_type_print(&s->columns[i].type, &sql);
        TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err));
    }
    return 0;
}

int stage_ensure_target(struct stage_target *t, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(t->ctx->db,
                 "select attname from pg_attribute where attrelid = to_regclass($1) and attnum > 0 "
                 "and not attisdropped",
                 DB_PARAMS(t->quoted), &res, err));
    t->is_new = db_result_rows(res) == 0;
    t->has_run_id = t->is_new || has_column(res, "_run_id");
    t->has_loaded_at = t->is_new || has_column(res, "_loaded_at");
    return t->is_new ? create_target(t, err) : add_columns(t, res, err);
}

/* ---- transforms and checks -------------------------------------------------------------- */

struct reject_query {
    const struct stage_target *t;
    const char *reason;
    int64_t rows;
};

static int add_reject(void *self, const struct db_result *row, struct error *err)
{
    struct reject_query *q = self;
    struct reject item = {.origin = "staged row",
                          .position = (uint64_t)db_result_int(row, 0, 0),
                          .reason = q->reason,
                          .raw = db_result_text(row, 0, 1),
                          .key = db_result_text(row, 0, 2),
                          .key_is_whole = db_result_bool(row, 0, 3)};
    (void)err;
    q->rows++;
    rejects_add(q->t->ctx->rejects, &item);
    return 0;
}

/* Takes the rows of the stage for which `condition` holds out of it, as rejects. */
static int reject_where(const struct stage_target *t, const char *condition, const char *reason,
                        const char *const *params, size_t nparams, struct stream_counts *counts,
                        struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    struct reject_query q = {.t = t, .reason = reason};
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql,
                "delete from %s s where %s returning s._row, "
                "to_jsonb(s) - '{_row,_seq}'::text[], jsonb_strip_nulls(jsonb_build_object(",
                t->staged, condition);
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        db_quote_literal(&sql, s->key.items[i]);
        strbuf_adds(&sql, ", s.");
        db_quote_identifier(&sql, s->key.items[i]);
        strbuf_adds(&sql, "::text");
    }
    strbuf_adds(&sql, s->key.count > 0 ? ")), num_nulls(" : ")), true");
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_adds(&sql, i > 0 ? ", s." : "s.");
        db_quote_identifier(&sql, s->key.items[i]);
    }
    strbuf_adds(&sql, s->key.count > 0 ? ") = 0" : "");
    TRY(db_query_each(t->ctx->db, sql.data, params, nparams, add_reject, &q, err));
    counts->rejected += q.rows;
    return 0;
}

static int filter(const struct stage_target *t, const char *expr, struct stream_counts *counts,
                  struct error *err)
{
    struct bound_sql bound;
    int64_t skipped = 0;
    struct arena *arena = t->ctx->arena;
    TRY(stage_sql(t, expr, &bound, err));
    TRY(reject_where(t, arena_printf(arena, "(%s) is null", bound.sql), "the filter gives null",
                     bound.params, bound.nparams, counts, err));
    TRY(db_execute(t->ctx->db,
                   arena_printf(arena, "delete from %s s where not (%s)", t->staged, bound.sql),
                   bound.params, bound.nparams, &skipped, err));
    counts->skipped += skipped;
    return 0;
}

static int set_columns(const struct stage_target *t, const struct field_string_map *set,
                       struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct bound_sql bound;
        AUTO_STRBUF struct strbuf sql = {0};
        strbuf_init(&sql, SQL_MAX);
        TRY(stage_sql(t, set->values[i] ? set->values[i] : "null", &bound, err));
        strbuf_addf(&sql, "update %s set ", t->staged);
        db_quote_identifier(&sql, set->keys[i]);
        strbuf_addf(&sql, " = (%s)", bound.sql);
        TRY(db_execute(t->ctx->db, sql.data, bound.params, bound.nparams, NULL, err));
    }
    return 0;
}

int stage_transform(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->transforms.count; i++) {
        const struct transform_spec *step = (const struct transform_spec *)s->transforms.items + i;
        int code = step->filter != NULL ? filter(t, step->filter, counts, err) : 0;
        if (code == 0)
            code = set_columns(t, &step->set, err);
        if (code != 0)
            return error_context(err, "transform %zu of stream '%s'", i + 1, s->name);
    }
    /* A null in the key would never meet its row again. */
    if (s->key.count > 0) {
        AUTO_STRBUF struct strbuf condition = {0};
        strbuf_init(&condition, SQL_MAX);
        strbuf_adds(&condition, "num_nulls(");
        for (size_t i = 0; i < s->key.count; i++) {
            strbuf_adds(&condition, i > 0 ? ", s." : "s.");
            db_quote_identifier(&condition, s->key.items[i]);
        }
        strbuf_adds(&condition, ") > 0");
        TRY(reject_where(t, condition.data, "null in the key", DB_NO_PARAMS, counts, err));
    }
    return 0;
}

static int check_abort(const struct stage_target *t, const struct check_spec *c,
                       const struct bound_sql *bound, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *sql =
        arena_printf(t->ctx->arena,
                     "select count(*), min(s._row), (array_agg(to_jsonb(s) - '{_row,_seq}'::text[] "
                     "order by s._row))[1] from %s s where (%s) is not true",
                     t->staged, bound->sql);
    TRY(db_query(t->ctx->db, sql, bound->params, bound->nparams, &res, err));
    if (db_result_int(res, 0, 0) == 0)
        return 0;
    error_set(err, ERR_CHECK, "check '%s' failed for %" PRId64 " rows", c->name,
              db_result_int(res, 0, 0));
    return error_hint(err, "first: row %" PRId64 ": %.300s", db_result_int(res, 0, 1),
                      db_result_text(res, 0, 2));
}

static int check_warn(const struct stage_target *t, const struct check_spec *c,
                      const struct bound_sql *bound, struct stream_counts *counts,
                      struct error *err)
{
    size_t n = bound->nparams;
    const char **params = arena_array(t->ctx->arena, n + 3, sizeof *params);
    int64_t found = 0;
    if (n > 0)
        memcpy((void *)params, (const void *)bound->params, n * sizeof *params);
    params[n] = arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id);
    params[n + 1] = t->ctx->stream->name;
    params[n + 2] = c->name;
    const char *sql = arena_printf(
        t->ctx->arena,
        "insert into diner.finding (run_id, stream, check_name, position, row_data) "
        "select $%zu::bigint, $%zu, $%zu, s._row, to_jsonb(s) - '{_row,_seq}'::text[] from %s s "
        "where (%s) is not true order by s._row",
        n + 1, n + 2, n + 3, t->staged, bound->sql);
    TRY(db_execute(t->ctx->db, sql, params, n + 3, &found, err));
    counts->findings += found;
    return 0;
}

static int check_sql(const struct stage_target *t, const struct check_spec *c,
                     const struct bound_sql *bound, struct stream_counts *counts, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(t->ctx->db, bound->sql, bound->params, bound->nparams, &res, err));
    if (db_result_rows(res) == 1 && db_result_columns(res) == 1 && db_result_bool(res, 0, 0))
        return 0;
    if (c->on_fail == CHECK_WARN) {
        counts->findings++;
        return db_execute(t->ctx->db,
                          "insert into diner.finding (run_id, stream, check_name, row_data) "
                          "values ($1::bigint, $2, $3, '{}')",
                          DB_PARAMS(arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id),
                                    t->ctx->stream->name, c->name),
                          NULL, err);
    }
    return error_set(err, ERR_CHECK, "check '%s' did not give true", c->name);
}

static int run_check(const struct stage_target *t, const struct check_spec *c,
                     struct stream_counts *counts, struct error *err)
{
    struct bound_sql bound;
    const char *text;
    TRY(pipeline_sql(t->ctx->pipeline, t->ctx->stream->node, c->sql ? c->sql : c->expr, &text,
                     err));
    TRY(stage_sql(t, text, &bound, err));
    if (c->sql != NULL)
        return check_sql(t, c, &bound, counts, err);
    switch ((enum check_action)c->on_fail) {
    case CHECK_ABORT: return check_abort(t, c, &bound, err);
    case CHECK_WARN: return check_warn(t, c, &bound, counts, err);
    case CHECK_REJECT: break;
    }
    return reject_where(t, arena_printf(t->ctx->arena, "(%s) is not true", bound.sql),
                        arena_printf(t->ctx->arena, "check '%s' failed", c->name), bound.params,
                        bound.nparams, counts, err);
}

int stage_check(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->checks.count; i++)
        if (run_check(t, (const struct check_spec *)s->checks.items + i, counts, err) != 0)
            return error_context(err, "stream '%s'", s->name);
    return 0;
}
