/* From the stage into the table: duplicates, guard, and the merge that touches only what differs.
 */
#include "core/log.h"
#include "pipeline/reject.h"
#include "pipeline/target/fresh.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <string.h>

#define SQL_MAX ((size_t)4 << 20)

static void key_list(struct strbuf *out, const struct stream_spec *s, const char *prefix)
{
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", prefix);
        db_quote_identifier(out, s->key.items[i]);
    }
}

/* t."a" = s."a" and ... */
static void key_match(struct strbuf *out, const struct stream_spec *s, const char *left,
                      const char *right)
{
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " and " : "", left);
        db_quote_identifier(out, s->key.items[i]);
        strbuf_addf(out, " = %s", right);
        db_quote_identifier(out, s->key.items[i]);
    }
}

/* Columns outside the key; returns how many. */
static size_t value_list(struct strbuf *out, const struct stream_spec *s, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (stage_is_key(s, s->columns[i].name))
            continue;
        strbuf_addf(out, "%s%s", n++ > 0 ? ", " : "", prefix);
        db_quote_identifier(out, s->columns[i].name);
    }
    return n;
}

/* What is put beside the values of a row: the run, where the table has a place for it. */
static const char *run_column(const struct stage_target *t)
{
    return t->has_run_id ? ", _run_id" : "";
}

static const char *run_value(const struct stage_target *t)
{
    return t->has_run_id ? arena_printf(t->ctx->arena, ", %" PRId64, t->ctx->run_id) : "";
}

/* The last by (cursor, read order) of rows with one key wins; the rest are counted. */
int stage_supersede(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    int64_t any = 0;
    if (s->key.count == 0)
        return 0;
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "select count(*) from (select 1 from %s group by ", t->staged);
    key_list(&sql, s, "");
    strbuf_adds(&sql, " having count(*) > 1 limit 1) d");
    TRY(db_query_int(t->ctx->db, sql.data, DB_NO_PARAMS, &any, err));
    if (any == 0)
        return 0;
    strbuf_clear(&sql);
    strbuf_addf(&sql, "delete from %s s using (select ctid, row_number() over (partition by ",
                t->staged);
    key_list(&sql, s, "");
    strbuf_adds(&sql, " order by ");
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

static int count_rows(const struct stage_target *t, const char *table, int64_t *ret,
                      struct error *err)
{
    return db_query_int(t->ctx->db, arena_printf(t->ctx->arena, "select count(*) from %s", table),
                        DB_NO_PARAMS, ret, err);
}

int stage_guard_rows(const struct stage_target *t, int64_t staged, int64_t present,
                     struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int64_t max_shrink = s->guard.max_shrink >= 0
                             ? s->guard.max_shrink
                             : config_settings(t->ctx->config)->guard_max_shrink;
    if (staged < s->guard.min_rows) {
        error_set(err, ERR_CHECK, "stream '%s' has %" PRId64 " rows, guard.min_rows is %" PRId64,
                  s->name, staged, s->guard.min_rows);
        return error_hint(err, "the old data stays; look at the source");
    }
    if (s->mode != MODE_REPLACE ||
        (double)staged * 1e6 >= (double)present * (double)(1000000 - max_shrink))
        return 0;
    error_set(err, ERR_CHECK,
              "stream '%s' would shrink from %" PRId64 " to %" PRId64
              " rows, guard.max_shrink is %g%%",
              s->name, present, staged, (double)max_shrink / 10000);
    return error_hint(err, "the old data stays; if the source is right, raise guard.max_shrink");
}

int stage_guard(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int64_t staged = 0, present = 0;
    if (s->guard.min_rows == 0 && s->mode != MODE_REPLACE)
        return 0;
    TRY(count_rows(t, t->staged, &staged, err));
    if (s->mode == MODE_REPLACE)
        TRY(count_rows(t, t->quoted, &present, err));
    return stage_guard_rows(t, staged, present, err);
}

static int insert_all(const struct stage_target *t, const char *from, int64_t *ret_rows,
                      struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "insert into %s (", t->quoted);
    stage_columns(&sql, s, "");
    strbuf_addf(&sql, "%s) select ", run_column(t));
    stage_columns(&sql, s, "s.");
    strbuf_addf(&sql, "%s from %s", run_value(t), from);
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, ret_rows, err);
}

/* Rows that are new or differ, into diner_diff; *ret_rows how many. */
static int find_differences(const struct stage_target *t, int64_t *ret_rows, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0}, ours = {0}, theirs = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_init(&ours, SQL_MAX);
    strbuf_init(&theirs, SQL_MAX);
    strbuf_adds(&sql, "create temp table diner_diff on commit drop as select s.*, (t.");
    db_quote_identifier(&sql, s->key.items[0]);
    strbuf_addf(&sql, " is null) as _is_new from %s s left join %s t on ", t->staged, t->quoted);
    key_match(&sql, s, "t.", "s.");
    strbuf_adds(&sql, " where t.");
    db_quote_identifier(&sql, s->key.items[0]);
    strbuf_adds(&sql, " is null");
    if (value_list(&theirs, s, "t.") > 0) {
        value_list(&ours, s, "s.");
        strbuf_addf(&sql, " or row(%s) is distinct from row(%s)", theirs.data, ours.data);
    }
    TRY(db_execute(t->ctx->db, "drop table if exists pg_temp.diner_diff", DB_NO_PARAMS, NULL, err));
    TRY(db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err));
    return db_query_int(t->ctx->db, "select count(*) from pg_temp.diner_diff", DB_NO_PARAMS,
                        ret_rows, err);
}

static int update_changed(const struct stage_target *t, int64_t *ret_rows, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    const char *comma = "";
    strbuf_addf(&sql, "update %s t set ", t->quoted);
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (stage_is_key(s, s->columns[i].name))
            continue;
        strbuf_adds(&sql, comma);
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_adds(&sql, " = s.");
        db_quote_identifier(&sql, s->columns[i].name);
        comma = ", ";
    }
    if (t->has_run_id)
        strbuf_addf(&sql, "%s_run_id = %" PRId64, comma, t->ctx->run_id);
    if (t->has_loaded_at)
        strbuf_adds(&sql, ", _loaded_at = now()");
    strbuf_adds(&sql, " from pg_temp.diner_diff s where not s._is_new and ");
    key_match(&sql, s, "t.", "s.");
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, ret_rows, err);
}

/* Keys that the source no longer has. A rejected key keeps its row; a reject whose key cannot be
 * read might be any row, so nothing is deleted then. */
static int delete_missing(const struct stage_target *t, struct stream_counts *counts,
                          struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const struct rejects *rejects = t->ctx->rejects;
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_init(&keys, 64 << 20);
    strbuf_addch(&keys, '[');
    for (size_t i = 0; i < rejects->count; i++) {
        if (!rejects->items[i].key_is_whole) {
            log_event(LOG_WARN, LOG_FIELDS(LOG_STR("stream", s->name)),
                      "a rejected row has no readable key: nothing is deleted from %s in this run",
                      t->quoted);
            return 0;
        }
        strbuf_addf(&keys, "%s%s", i > 0 ? "," : "", rejects->items[i].key);
    }
    strbuf_addch(&keys, ']');
    strbuf_addf(&sql, "delete from %s t where not exists (select from %s s where ", t->quoted,
                t->staged);
    key_match(&sql, s, "s.", "t.");
    strbuf_adds(&sql, ") and not exists (select from jsonb_array_elements($1::jsonb) r where ");
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_addf(&sql, "%st.", i > 0 ? " and " : "");
        db_quote_identifier(&sql, s->key.items[i]);
        strbuf_adds(&sql, " = (r->>");
        db_quote_literal(&sql, s->key.items[i]);
        strbuf_adds(&sql, ")::");
        db_type_print(&s->columns[stream_column(s, s->key.items[i])].type, &sql);
    }
    strbuf_addch(&sql, ')');
    return db_execute(t->ctx->db, sql.data, DB_PARAMS(keys.data), &counts->deleted, err);
}

static int merge_by_key(const struct stage_target *t, struct stream_counts *counts,
                        struct error *err)
{
    int64_t staged = 0, differing = 0, inserted = 0, updated = 0;
    TRY(count_rows(t, t->staged, &staged, err));
    TRY(find_differences(t, &differing, err));
    if (differing > 0) {
        TRY(update_changed(t, &updated, err));
        TRY(insert_all(t, "pg_temp.diner_diff s where s._is_new", &inserted, err));
    }
    if (inserted + updated != differing)
        return error_set(err, ERR_BUG, "%" PRId64 " rows differ but %" PRId64 " were written",
                         differing, inserted + updated);
    counts->inserted += inserted;
    counts->updated += updated;
    counts->unchanged += staged - differing;
    return t->ctx->stream->mode == MODE_REPLACE ? delete_missing(t, counts, err) : 0;
}

/* A snapshot without a key is a multiset: equal rows stay, the rest goes or comes. */
static int replace_snapshot(const struct stage_target *t, struct stream_counts *counts,
                            struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0}, columns = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&sql, SQL_MAX);
    strbuf_init(&columns, SQL_MAX);
    stage_columns(&columns, s, "");
    strbuf_addf(&sql,
                "with s as materialized (select h, row_number() over (partition by h) as n, c from "
                "(select ctid as c, md5(row(%s)::text) as h from %s) x), "
                "t as materialized (select h, row_number() over (partition by h) as n, c from "
                "(select ctid as c, md5(row(%s)::text) as h from %s) x), "
                "gone as (delete from %s d using t where d.ctid = t.c and not exists "
                "(select from s where s.h = t.h and s.n = t.n) returning 1), "
                "come as (insert into %s (%s%s) select ",
                columns.data, t->staged, columns.data, t->quoted, t->quoted, t->quoted,
                columns.data, run_column(t));
    stage_columns(&sql, s, "g.");
    strbuf_adds(&sql, run_value(t));
    strbuf_addf(&sql,
                " from %s g join s on g.ctid = s.c where not exists "
                "(select from t where t.h = s.h and t.n = s.n) returning 1) "
                "select (select count(*) from gone), (select count(*) from come), "
                "(select count(*) from s)",
                t->staged);
    TRY(db_query(t->ctx->db, sql.data, DB_NO_PARAMS, &res, err));
    counts->deleted += db_result_int(res, 0, 0);
    counts->inserted += db_result_int(res, 0, 1);
    counts->unchanged += db_result_int(res, 0, 2) - db_result_int(res, 0, 1);
    return 0;
}

/* Nothing to compare with; and an index is built faster than it grows. */
static int fill_new(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    int64_t rows = 0;
    TRY(insert_all(t, arena_printf(t->ctx->arena, "%s s", t->staged), &rows, err));
    counts->inserted += rows;
    return fresh_add_key(t, err);
}

static int append_all(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    int64_t rows = 0;
    const char *from = arena_printf(t->ctx->arena, "%s s order by s._row", t->staged);
    TRY(insert_all(t, from, &rows, err));
    counts->inserted += rows;
    return 0;
}

int stage_merge(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int code;
    if (t->is_new && stage_key_comes_last(s))
        code = fill_new(t, counts, err);
    else if (s->mode == MODE_APPEND)
        code = append_all(t, counts, err);
    else if (s->key.count > 0)
        code = merge_by_key(t, counts, err);
    else
        code = replace_snapshot(t, counts, err);
    return code != 0 ? error_context(err, "while merging into %s", t->quoted) : 0;
}

int stage_cursor(const struct stage_target *t, const char **ret, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    int column = stream_column(s, s->incremental->cursor);
    AUTO_STRBUF struct strbuf sql = {0};
    AUTOFREE char *text = NULL;
    strbuf_init(&sql, 4096);
    bool is_instant = column >= 0 && s->columns[column].type.kind == DB_TIMESTAMPTZ;
    strbuf_adds(&sql, is_instant ? "select to_char(max(" : "select max(");
    db_quote_identifier(&sql, s->incremental->cursor);
    strbuf_adds(&sql, is_instant ? ") at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                                 : ")::text");
    strbuf_addf(&sql, " from %s", t->staged);
    TRY(db_query_text(t->ctx->db, sql.data, DB_NO_PARAMS, &text, err));
    *ret = text != NULL ? arena_strdup(t->ctx->arena, text) : NULL;
    return 0;
}
