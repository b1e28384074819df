/* `checks`: rules on the staged rows, after the transforms. */
#include "core/message.h"
#include "format/jsonx.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <string.h>

/* Appends parameters; returns the number of the first new one. */
static size_t add_params(struct arena *arena, struct bound_sql *sql, const char *const *more,
                         size_t n)
{
    const char **params = arena_array(arena, sql->nparams + n + 1, sizeof *params);
    if (sql->nparams > 0)
        memcpy((void *)params, (const void *)sql->params, sql->nparams * sizeof *params);
    memcpy((void *)(params + sql->nparams), (const void *)more, n * sizeof *params);
    sql->params = params;
    sql->nparams += n;
    return sql->nparams - n + 1;
}

/* ---- what fails ------------------------------------------------------------------------- */

/* A finding about all rows. */
static int add_finding(const struct stage_target *t, const struct check_spec *c, const char *detail,
                       struct stream_counts *counts, struct error *err)
{
    counts->findings++;
    return db_execute(t->ctx->db,
                      "insert into diner.finding (run_id, stream, check_name, row_data) "
                      "values ($1::bigint, $2, $3, jsonb_build_object('found', $4::text))",
                      DB_PARAMS(arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id),
                                t->ctx->stream->name, c->name, detail),
                      NULL, err);
}

/* All rows are at fault together: `found` says what there is. */
static int fail_all(const struct stage_target *t, const struct check_spec *c,
                    struct stream_counts *counts, struct error *err, const char *found)
{
    if (c->on_fail == CHECK_WARN)
        return add_finding(t, c, found, counts, err);
    return error_set(err, ERR_CHECK, "check '%s' failed: %s", c->name, found);
}

static int abort_rows(const struct stage_target *t, const struct check_spec *c,
                      const struct bound_sql *bad, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *sql =
        arena_printf(t->ctx->arena,
                     "select count(*) over (), s._seq, s._row, to_jsonb(s) - " STAGE_OWN
                     " from %s s where %s order by s._seq limit 1",
                     t->staged, bad->sql);
    TRY(db_query(t->ctx->db, sql, bad->params, bad->nparams, &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    error_set(err, ERR_CHECK, "check '%s' failed for %" PRId64 " rows", c->name,
              db_result_int(res, 0, 0));
    return error_hint(err, "first: %s:%" PRId64 ": %.300s",
                      stage_origin_of(t, db_result_int(res, 0, 1)).origin, db_result_int(res, 0, 2),
                      db_result_text(res, 0, 3));
}

/* The first _seq of each origin, and its name, as JSON arrays. */
static void print_origins(const struct stage_target *t, struct strbuf *firsts, struct strbuf *names)
{
    struct jwriter f, n;
    jwriter_init(&f, firsts);
    jwriter_init(&n, names);
    jwriter_array(&f);
    jwriter_array(&n);
    for (size_t i = 0; i < t->norigins; i++) {
        jwriter_int(&f, t->origins[i].first_seq);
        jwriter_string(&n, t->origins[i].origin);
    }
    jwriter_end(&f);
    jwriter_end(&n);
}

static int warn_rows(const struct stage_target *t, const struct check_spec *c, struct bound_sql bad,
                     struct stream_counts *counts, struct error *err)
{
    int64_t found = 0;
    AUTO_STRBUF struct strbuf firsts = {0}, names = {0};
    strbuf_init(&firsts, STRBUF_DEFAULT_MAX);
    strbuf_init(&names, STRBUF_DEFAULT_MAX);
    print_origins(t, &firsts, &names);
    const char *own[] = {arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id),
                         t->ctx->stream->name, c->name, firsts.data, names.data};
    size_t n = add_params(t->ctx->arena, &bad, own, 5);
    const char *sql = arena_printf(
        t->ctx->arena,
        "insert into diner.finding (run_id, stream, check_name, position, row_data, origin) "
        "select $%zu::bigint, $%zu, $%zu, s._row, to_jsonb(s) - " STAGE_OWN
        ", (array(select jsonb_array_elements_text($%zu::jsonb)))[width_bucket(s._seq, "
        "array(select jsonb_array_elements_text($%zu::jsonb)::bigint))] "
        "from %s s where %s order by s._seq",
        n, n + 1, n + 2, n + 4, n + 3, t->staged, bad.sql);
    TRY(db_execute(t->ctx->db, sql, bad.params, bad.nparams, &found, err));
    counts->findings += found;
    return 0;
}

/* Rows `s` for which the condition holds are at fault. */
static int fail_rows(const struct stage_target *t, const struct check_spec *c,
                     const struct bound_sql *bad, struct stream_counts *counts, struct error *err)
{
    switch ((enum check_action)c->on_fail) {
    case CHECK_ABORT: return abort_rows(t, c, bad, err);
    case CHECK_WARN: return warn_rows(t, c, *bad, counts, err);
    case CHECK_REJECT: break;
    }
    struct stage_reject what = {.condition = bad->sql,
                                .params = bad->params,
                                .nparams = bad->nparams,
                                .reason =
                                    arena_printf(t->ctx->arena, "check '%s' failed", c->name)};
    return stage_reject(t, &what, counts, err);
}

/* ---- the kinds -------------------------------------------------------------------------- */

static int check_expr(const struct stage_target *t, const struct check_spec *c,
                      struct stream_counts *counts, struct error *err)
{
    struct bound_sql bad;
    TRY(stage_sql(t, c->expr, &bad, err));
    bad.sql = arena_printf(t->ctx->arena, "(%s) is not true", bad.sql);
    return fail_rows(t, c, &bad, counts, err);
}

static int check_sql(const struct stage_target *t, const struct check_spec *c,
                     struct stream_counts *counts, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    struct bound_sql bound;
    const char *text;
    TRY(pipeline_sql(t->ctx->pipeline, t->ctx->stream->node, c->sql, &text, err));
    TRY(stage_sql(t, text, &bound, err));
    TRY(db_query(t->ctx->db, bound.sql, bound.params, bound.nparams, &res, err));
    if (db_result_rows(res) == 1 && db_result_columns(res) == 1 && db_result_bool(res, 0, 0))
        return 0;
    return fail_all(t, c, counts, err, message_text("it did not give true"));
}

/* Which of the rows that say the same is meant cannot be known: all of them are at fault. Nulls are
 * never equal. */
static int check_unique(const struct stage_target *t, const struct check_spec *c,
                        struct stream_counts *counts, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, columns = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&columns, STAGE_SQL_MAX);
    stage_list(&columns, &c->unique, "");
    strbuf_adds(&sql, "(");
    stage_list(&sql, &c->unique, "s.");
    strbuf_addf(&sql, ") in (select %s from %s group by %s having count(*) > 1)", columns.data,
                t->staged, columns.data);
    struct bound_sql bad = {.sql = sql.data};
    return fail_rows(t, c, &bad, counts, err);
}

static int check_rows(const struct stage_target *t, const struct check_spec *c,
                      struct stream_counts *counts, struct error *err)
{
    int64_t rows = 0;
    struct arena *arena = t->ctx->arena;
    TRY(stage_count(t, t->staged, &rows, err));
    if (c->rows->min >= 0 && rows < c->rows->min)
        return fail_all(
            t, c, counts, err,
            arena_printf(arena, message_text("%" PRId64 " rows, at least %" PRId64 " are expected"),
                         rows, c->rows->min));
    if (c->rows->max >= 0 && rows > c->rows->max)
        return fail_all(
            t, c, counts, err,
            arena_printf(arena, message_text("%" PRId64 " rows, at most %" PRId64 " are expected"),
                         rows, c->rows->max));
    return 0;
}

/* Seen from the run's start. A date is as new as its end; times without a zone are local ones. */
static int check_fresh(const struct stage_target *t, const struct check_spec *c,
                       struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int at = stream_column(s, c->fresh->column);
    bool is_date = at >= 0 && s->columns[at].type.kind == DB_DATE;
    bool has_zone = at >= 0 && s->columns[at].type.kind == DB_TIMESTAMPTZ;
    AUTO_STRBUF struct strbuf sql = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select max(");
    db_quote_identifier(&sql, c->fresh->column);
    strbuf_adds(&sql, ")::text, coalesce((max(");
    db_quote_identifier(&sql, c->fresh->column);
    strbuf_addf(&sql,
                ")%s)%s >= (select started_at from diner.run where id = $1::bigint) - "
                "$2::bigint * interval '1 millisecond', false) from %s where $3::text is not null",
                is_date ? " + 1" : "", has_zone ? "" : "::timestamp at time zone $3", t->staged);
    TRY(db_query(t->ctx->db, sql.data,
                 DB_PARAMS(arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id),
                           arena_printf(t->ctx->arena, "%" PRId64, c->fresh->within_ms),
                           zone_name(t->ctx->pipeline->bizday.zone)),
                 &res, err));
    if (db_result_bool(res, 0, 1))
        return 0;
    const char *newest = db_result_text(res, 0, 0);
    return fail_all(
        t, c, counts, err,
        newest != NULL
            ? arena_printf(t->ctx->arena, message_text("the newest '%s' is %s"), c->fresh->column,
                           newest)
            : arena_printf(t->ctx->arena, message_text("no row has a '%s'"), c->fresh->column));
}

/* Rows that came, those that declared rules skipped apart, against the last run that succeeded. */
static int check_drop(const struct stage_target *t, const struct check_spec *c,
                      struct stream_counts *counts, struct error *err)
{
    int64_t now = counts->read - counts->skipped;
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(t->ctx->db,
                 "select s.read - s.skipped, s.run_id from diner.run_stream s "
                 "join diner.run r on r.id = s.run_id "
                 "where r.pipeline = $1 and s.stream = $2 and s.status = 'succeeded' "
                 "and s.run_id <> $3::bigint order by s.run_id desc limit 1",
                 DB_PARAMS(t->ctx->pipeline->name, t->ctx->stream->name,
                           arena_printf(t->ctx->arena, "%" PRId64, t->ctx->run_id)),
                 &res, err));
    if (db_result_rows(res) == 0)
        return 0; /* the first run */
    int64_t before = db_result_int(res, 0, 0);
    if ((double)now * 1e6 >= (double)before * (double)(1000000 - c->drop))
        return 0;
    return fail_all(t, c, counts, err,
                    arena_printf(t->ctx->arena,
                                 message_text("%" PRId64 " rows came, run %" PRId64 " had %" PRId64
                                              ", a drop of more than %g%%"),
                                 now, db_result_int(res, 0, 1), before, (double)c->drop / 10000));
}

static int run_check(const struct stage_target *t, const struct check_spec *c,
                     struct stream_counts *counts, struct error *err)
{
    if (c->expr != NULL)
        return check_expr(t, c, counts, err);
    if (c->sql != NULL)
        return check_sql(t, c, counts, err);
    if (c->unique.count > 0)
        return check_unique(t, c, counts, err);
    if (c->rows != NULL)
        return check_rows(t, c, counts, err);
    if (c->fresh != NULL)
        return check_fresh(t, c, counts, err);
    return check_drop(t, c, counts, err);
}

int stage_check(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->checks.count; i++)
        if (run_check(t, (const struct check_spec *)s->checks.items + i, counts, err) != 0)
            return error_context(err, "stream '%s'", s->name);
    return 0;
}
