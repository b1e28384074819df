/* From the stage into the table: duplicates, and the merge that touches only what differs. What the
 * target refuses when it is written (a trigger, a domain) is found by halving. */
#include "pipeline/target/fresh.h"

#include <inttypes.h>
#include <string.h>

/* Columns outside the key that are written; returns how many. */
static size_t value_list(struct strbuf *out, const struct stage_target *t, const char *prefix)
{
    const struct stream_spec *s = t->ctx->stream;
    size_t n = 0;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (stage_is_key(s, s->columns[i].name) || !stage_is_written(t, i))
            continue;
        strbuf_addf(out, "%s%s", n++ > 0 ? ", " : "", prefix);
        db_quote_identifier(out, s->columns[i].name);
    }
    return n;
}

/* The last by (cursor, read order) of rows with one key wins; the rest are counted. In mode scd2
 * each time of the cursor is a version of its own. */
int stage_supersede(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const bool by_cursor = s->mode == MODE_SCD2 && s->incremental != NULL;
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0};
    int64_t any = 0;
    if (s->key.count == 0)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&keys, STAGE_SQL_MAX);
    stage_list(&keys, &s->key, "");
    if (by_cursor) {
        strbuf_adds(&keys, ", ");
        db_quote_identifier(&keys, s->incremental->cursor);
    }
    strbuf_addf(&sql,
                "select count(*) from (select 1 from %s group by %s having count(*) > 1 limit 1) d",
                t->staged, keys.data);
    TRY(db_query_int(t->ctx->db, sql.data, DB_NO_PARAMS, &any, err));
    if (any == 0)
        return 0;
    strbuf_clear(&sql);
    strbuf_addf(&sql,
                "delete from %s s using (select ctid, row_number() over (partition by %s order by ",
                t->staged, keys.data);
    if (s->incremental != NULL) {
        db_quote_identifier(&sql, s->incremental->cursor);
        strbuf_adds(&sql, " desc nulls last, ");
    }
    /* Not by ctid: a short row fills the rest of an earlier page. */
    strbuf_addf(&sql, "%s desc) as n from %s) d where s.ctid = d.ctid and d.n > 1", t->sequence,
                t->staged);
    int64_t superseded = 0;
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &superseded, err));
    counts->superseded += superseded;
    return 0;
}

/* ---- writing, and what the target refuses ----------------------------------------------- */

/* pg_temp.diner_diff has the rows to be written: the stage's columns, _is_new, and _n from 1. */
struct diff {
    const struct stage_target *t;
    struct stream_counts *counts;
    int64_t inserted, updated, refused;
};

static int update_changed(struct diff *d, int64_t from, int64_t to, int64_t *ret, struct error *err)
{
    const struct stage_target *t = d->t;
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    const char *comma = "";
    strbuf_addf(&sql, "update %s t set ", t->quoted);
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (stage_is_key(s, s->columns[i].name) || !stage_is_written(t, i))
            continue;
        strbuf_adds(&sql, comma);
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_adds(&sql, " = s.");
        db_quote_identifier(&sql, s->columns[i].name);
        comma = ", ";
    }
    if (t->has_run_id) {
        strbuf_addf(&sql, "%s_run_id = %" PRId64, comma, t->ctx->run_id);
        comma = ", ";
    }
    if (t->has_loaded_at) {
        strbuf_addf(&sql, "%s_loaded_at = now()", comma);
        comma = ", ";
    }
    if (t->has_row_hash || t->has_old_hash) {
        strbuf_addf(&sql, "%s_row_hash = %s", comma, t->has_row_hash ? "s._row_hash" : "null");
        comma = ", ";
    }
    if (stage_deletes(s) == DELETES_SOFT) {
        strbuf_addf(&sql, "%s_deleted_at = null", comma);
        comma = ", ";
    }
    /* In somebody else's table of nothing but the key no row can differ. */
    if (*comma == '\0') {
        *ret = 0;
        return 0;
    }
    strbuf_addf(&sql,
                " from pg_temp.diner_diff s where not s._is_new and s._n between %" PRId64
                " and %" PRId64 " and ",
                from, to);
    stage_match(&sql, &s->key, "t.", "s.");
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, ret, err);
}

/* insert into TARGET (...) select ... */
static void insert_from(struct strbuf *sql, const struct stage_target *t)
{
    strbuf_addf(sql, "insert into %s (", t->quoted);
    stage_written(sql, t, "");
    strbuf_addf(sql, "%s) select ", stage_run_column(t));
    stage_written(sql, t, "s.");
    strbuf_adds(sql, stage_run_value(t));
}

static int insert_new(struct diff *d, int64_t from, int64_t to, int64_t *ret, struct error *err)
{
    const struct stage_target *t = d->t;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    insert_from(&sql, t);
    strbuf_addf(&sql,
                " from pg_temp.diner_diff s where s._is_new and s._n between %" PRId64
                " and %" PRId64 " order by s._n",
                from, to);
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, ret, err);
}

/* All of the range or nothing of it. */
static int try_range(struct diff *d, int64_t from, int64_t to, struct error *err)
{
    struct db_conn *db = d->t->ctx->db;
    int64_t updated = 0, inserted = 0;
    TRY(db_execute(db, "savepoint diner_range", DB_NO_PARAMS, NULL, err));
    int code = d->t->ctx->stream->key.count > 0 ? update_changed(d, from, to, &updated, err) : 0;
    if (code == 0)
        code = insert_new(d, from, to, &inserted, err);
    struct error ignored = ERROR_INIT;
    if (code != 0) {
        if (db_execute(db, "rollback to savepoint diner_range", DB_NO_PARAMS, NULL, &ignored) != 0)
            return code;
        (void)db_execute(db, "release savepoint diner_range", DB_NO_PARAMS, NULL, &ignored);
        return code;
    }
    d->updated += updated;
    d->inserted += inserted;
    return db_execute(db, "release savepoint diner_range", DB_NO_PARAMS, NULL, err);
}

static int refuse_row(struct diff *d, int64_t n, const struct error *why, struct error *err)
{
    const struct stage_target *t = d->t;
    AUTO_STRBUF struct strbuf sql = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select ");
    stage_reject_columns(&sql, t);
    strbuf_addf(&sql, " from pg_temp.diner_diff s where s._n = %" PRId64, n);
    TRY(db_query(t->ctx->db, sql.data, DB_NO_PARAMS, &res, err));
    d->refused++;
    return stage_reject_row(t, res, why->message, NULL, NULL, d->counts, err);
}

/* The row is at fault, not the statement: integrity, data, a trigger's raise. */
static bool is_refusal(const struct error *err)
{
    return strncmp(err->sqlstate, "23", 2) == 0 || strncmp(err->sqlstate, "22", 2) == 0 ||
           strcmp(err->sqlstate, "P0001") == 0;
}

static int write_range(struct diff *d, int64_t from, int64_t to, struct error *err)
{
    if (from > to)
        return 0;
    int code = try_range(d, from, to, err);
    if (code == 0 || !is_refusal(err))
        return code;
    if (from == to) {
        struct error why = *err;
        error_clear(err);
        return refuse_row(d, from, &why, err);
    }
    error_clear(err);
    int64_t middle = from + (to - from) / 2;
    TRY(write_range(d, from, middle, err));
    return write_range(d, middle + 1, to, err);
}

static int write_differences(const struct stage_target *t, struct stream_counts *counts,
                             int64_t differing, struct error *err)
{
    struct diff d = {.t = t, .counts = counts};
    TRY(write_range(&d, 1, differing, err));
    counts->inserted += d.inserted;
    counts->updated += d.updated;
    if (d.inserted + d.updated + d.refused != differing)
        return error_set(err, ERR_BUG,
                         "%" PRId64 " rows differ, but %" PRId64 " were written and %" PRId64
                         " refused",
                         differing, d.inserted + d.updated, d.refused);
    return 0;
}

static int drop_diff(const struct stage_target *t, struct error *err)
{
    return db_execute(t->ctx->db, "drop table if exists pg_temp.diner_diff", DB_NO_PARAMS, NULL,
                      err);
}

/* ---- by key ----------------------------------------------------------------------------- */

/* Rows that are new or differ, into diner_diff. */
static int find_differences(const struct stage_target *t, int64_t *ret_rows, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0}, ours = {0}, theirs = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&ours, STAGE_SQL_MAX);
    strbuf_init(&theirs, STAGE_SQL_MAX);
    strbuf_adds(&sql, "create temp table diner_diff on commit drop as select s.*, (t.");
    db_quote_identifier(&sql, s->key.items[0]);
    strbuf_addf(&sql,
                " is null) as _is_new, row_number() over () as _n%s from %s s left join %s t on ",
                !t->has_row_hash                   ? ""
                : stage_deletes(s) == DELETES_SOFT ? ", case when t._deleted_at is null then "
                                                     "t._row_hash end as _old_hash"
                                                   : ", t._row_hash as _old_hash",
                t->staged, t->quoted);
    stage_match(&sql, &s->key, "t.", "s.");
    strbuf_adds(&sql, " where t.");
    db_quote_identifier(&sql, s->key.items[0]);
    strbuf_adds(&sql, " is null");
    if (value_list(&theirs, t, "t.") > 0) {
        value_list(&ours, t, "s.");
        strbuf_addf(&sql, " or row(%s) is distinct from row(%s)", theirs.data, ours.data);
    }
    if (stage_deletes(s) == DELETES_SOFT)
        strbuf_adds(&sql, " or t._deleted_at is not null");
    TRY(drop_diff(t, err));
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, ret_rows, err);
}

/* Deletes come first: a row that goes may hold a unique value of one that comes. */
static int merge_by_key(const struct stage_target *t, struct stream_counts *counts,
                        struct error *err)
{
    int64_t staged = 0, differing = 0;
    TRY(stage_delete_missing(t, counts, err));
    TRY(stage_constrain(t, counts, err));
    TRY(stage_count(t, t->staged, &staged, err));
    TRY(find_differences(t, &differing, err));
    counts->unchanged += staged - differing;
    return write_differences(t, counts, differing, err);
}

/* ---- without a key ---------------------------------------------------------------------- */

/* Into pg_temp.NAME: where each row lies, its hash, and which of its equals it is. */
static int number_equals(const struct stage_target *t, const char *name, const char *table,
                         const struct stage_scope *scope, int64_t *ret_rows, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, columns = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&columns, STAGE_SQL_MAX);
    stage_written(&columns, t, "");
    strbuf_addf(&sql, "drop table if exists pg_temp.%s", name);
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err));
    strbuf_clear(&sql);
    strbuf_addf(&sql,
                "create temp table %s on commit drop as select c, h, row_number() over (partition "
                "by h) as n from (select t.ctid as c, md5(row(%s)::text)::uuid as h from %s t "
                "where %s) x",
                name, columns.data, table, scope == NULL ? "true" : scope->condition);
    return db_execute(t->ctx->db, sql.data, scope == NULL ? NULL : scope->params,
                      scope == NULL ? 0 : scope->nparams, ret_rows, err);
}

/* A snapshot without a key is a multiset: equal rows stay, the rest goes or comes. */
static int replace_snapshot(const struct stage_target *t, struct stream_counts *counts,
                            struct error *err)
{
    struct stage_scope scope;
    int64_t held = 0, staged = 0, gone = 0, come = 0;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    TRY(stage_scope_of(t, &scope, err));
    TRY(number_equals(t, "diner_held", t->quoted, &scope, &held, err));
    if (held == 0)
        return stage_insert_all(t, counts, err);
    TRY(number_equals(t, "diner_come", t->staged, NULL, &staged, err));
    TRY(drop_diff(t, err));
    strbuf_addf(&sql,
                "create temp table diner_diff on commit drop as select s.*, true as _is_new, "
                "row_number() over () as _n from %s s join pg_temp.diner_come c on c.c = s.ctid "
                "where not exists (select from pg_temp.diner_held h where h.h = c.h and h.n = c.n)",
                t->staged);
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &come, err));
    strbuf_clear(&sql);
    strbuf_addf(&sql,
                "delete from %s d using pg_temp.diner_held h where d.ctid = h.c and not exists "
                "(select from pg_temp.diner_come c where c.h = h.h and c.n = h.n)",
                t->quoted);
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &gone, err));
    counts->deleted += gone;
    counts->unchanged += staged - come;
    return write_differences(t, counts, come, err);
}

int stage_insert_all(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    int64_t rows = 0;
    struct error ignored = ERROR_INIT;
    strbuf_init(&sql, STAGE_SQL_MAX);
    insert_from(&sql, t);
    strbuf_addf(&sql, " from %s s order by s._seq", t->staged);
    TRY(db_execute(t->ctx->db, "savepoint diner_append", DB_NO_PARAMS, NULL, err));
    int code = db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &rows, err);
    if (code == 0) {
        counts->inserted += rows;
        return 0;
    }
    if (!is_refusal(err) || db_execute(t->ctx->db, "rollback to savepoint diner_append",
                                       DB_NO_PARAMS, NULL, &ignored) != 0)
        return code;
    error_clear(err);
    TRY(drop_diff(t, err));
    strbuf_clear(&sql);
    strbuf_addf(&sql,
                "create temp table diner_diff on commit drop as select s.*, true as _is_new, "
                "row_number() over (order by s._seq) as _n from %s s",
                t->staged);
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &rows, err));
    return write_differences(t, counts, rows, err);
}

static int append_all(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    TRY(stage_constrain(t, counts, err));
    return stage_insert_all(t, counts, err);
}

/* Nothing to compare with; and an index is built faster than it grows. */
static int fill_new(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    int64_t rows = 0;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    insert_from(&sql, t);
    strbuf_addf(&sql, " from %s s", t->staged);
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, &rows, err));
    counts->inserted += rows;
    return fresh_add_key(t, err);
}

int stage_merge(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int code;
    if (t->is_new && stage_key_comes_last(s))
        code = fill_new(t, counts, err);
    else if (s->mode == MODE_APPEND)
        code = append_all(t, counts, err);
    else if (s->mode == MODE_SCD2)
        code = stage_merge_versions(t, counts, err);
    else if (s->key.count > 0)
        code = merge_by_key(t, counts, err);
    else
        code = replace_snapshot(t, counts, err);
    return code != 0 ? error_context(err, "while merging into %s", t->shown) : 0;
}
