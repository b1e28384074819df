#include "pipeline/target/fresh.h"

#include <inttypes.h>
#include <string.h>

#define SQL_MAX ((size_t)4 << 20)

bool fresh_is_possible(const struct stream_context *ctx)
{
    const struct stream_spec *s = ctx->stream;
    if (ctx->plan || ctx->dry_run || s->transforms.count > 0 || stage_takes_undeclared(s))
        return false;
    if (!stage_key_comes_last(s) || stage_deletes(s) == DELETES_SOFT || stage_is_reconciled(s))
        return false;
    for (size_t i = 0; i < s->checks.count; i++) {
        const struct check_spec *c = check_at(s, i);
        if (c->expr != NULL || c->unique.count > 0) /* they ask for the place of a row */
            return false;
    }
    return true;
}

int fresh_create(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "create table %s (", t->quoted);
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        stage_column_definition(&sql, s, i);
    }
    strbuf_adds(&sql, t->has_row_hash ? ", _row_hash uuid) with (fillfactor = 90)" : ")");
    int code = db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
    return code != 0 ? stage_not_created(t->quoted, err) : 0;
}

int fresh_look(const struct stage_target *t, bool *ret_is_missing, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(t->ctx->db, "select to_regclass($1) is null", DB_PARAMS(t->quoted), &res, err));
    *ret_is_missing = db_result_bool(res, 0, 0);
    return 0;
}

int fresh_begin(const struct stage_target *t, struct error *err)
{
    TRY(db_begin(t->ctx->db, err));
    return fresh_create(t, err);
}

int fresh_add_key(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    if (s->key.count == 0)
        return 0;
    strbuf_init(&sql, SQL_MAX);
    strbuf_addf(&sql, "alter table %s add primary key (", t->quoted);
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        db_quote_identifier(&sql, s->key.items[i]);
    }
    strbuf_addch(&sql, ')');
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

/* Sources seldom repeat a key, and the index tells: duplicates are looked for only when it does. */
int fresh_settle_key(const struct stage_target *t, struct stream_counts *counts,
                     int (*build)(void *self, struct error *err), void *self, struct error *err)
{
    struct db_conn *db = t->ctx->db;
    TRY(db_execute(db, "savepoint diner_key", DB_NO_PARAMS, NULL, err));
    if (build(self, err) != 0) {
        if (strcmp(err->sqlstate, "23505") != 0 || t->ctx->stream->key.count == 0)
            return (int)err->code;
        if (t->sequence == NULL)
            return stream_fall_back(t->ctx, err,
                                    "a key comes twice, and of rows that several "
                                    "connections sent none is the last");
        error_clear(err);
        TRY(db_execute(db, "rollback to savepoint diner_key", DB_NO_PARAMS, NULL, err));
        TRY(stage_supersede(t, counts, err));
        TRY(build(self, err));
    }
    return db_execute(db, "release savepoint diner_key", DB_NO_PARAMS, NULL, err);
}

static int add_key(void *self, struct error *err)
{
    return fresh_add_key(self, err);
}

/* A constant default of a new column costs no byte in the rows: the catalogue holds it. */
static int add_run_columns(struct stage_target *t, struct error *err)
{
    const char *sql = arena_printf(t->ctx->arena,
                                   "alter table %s add column _run_id bigint default %" PRId64
                                   ", add column _loaded_at timestamptz not null default now()",
                                   t->quoted, t->ctx->run_id);
    TRY(db_execute(t->ctx->db, sql, DB_NO_PARAMS, NULL, err));
    sql =
        arena_printf(t->ctx->arena, "alter table %s alter column _run_id drop default", t->quoted);
    TRY(db_execute(t->ctx->db, sql, DB_NO_PARAMS, NULL, err));
    return stage_ensure_target(t, err);
}

int fresh_finish(struct stage_target *t, int64_t rows, struct stream_counts *counts,
                 struct error *err)
{
    const int64_t superseded = counts->superseded;
    TRY(stage_check(t, counts, err));
    if (t->ctx->stream->key.count > 0)
        TRY(fresh_settle_key(t, counts, add_key, t, err));
    rows -= counts->superseded - superseded;
    TRY(stage_guard_rows(t, rows, 0, err));
    counts->inserted += rows;
    return add_run_columns(t, err);
}
