#include "pipeline/target/swap.h"

#include "core/log.h"
#include "gen/embed.h"
#include "pipeline/reject.h"
#include "pipeline/target/fresh.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TRIES 3

struct swap {
    struct stage_target *t;
    const char *old;  /* the target's name in SQL */
    const char *oid;  /* of the target */
    const char *name; /* of the new table, as a word */
    const char *table;
    const char *columns; /* of the old table that can be written, as a list in SQL */
    int64_t present;     /* rows of the old table */
    int64_t carried;     /* of those, that went over as their keys were rejected */
};

/* ---- statements that the catalogue writes ----------------------------------------------- */

/* With an empty search_path: names in what the server prints are whole, and mean the same for all.
 */
static int run_statements(const struct swap *w, const char *query, const char *second,
                          struct error *err)
{
    struct db_conn *db = w->t->ctx->db;
    AUTO_RESULT struct db_result *res = NULL;
    AUTOFREE char *path = NULL;
    TRY(db_query_text(db, "select current_setting('search_path')", DB_NO_PARAMS, &path, err));
    TRY(db_execute(db, "set local search_path = ''", DB_NO_PARAMS, NULL, err));
    TRY(db_query(db, query, DB_PARAMS(w->oid, second), &res, err));
    for (size_t i = 0; i < db_result_rows(res); i++) {
        const char *statement = db_result_text(res, i, 0);
        if (statement == NULL)
            return error_set(err, ERR_BUG, "a definition of %s is not understood", w->old);
        log_debug("%s", statement);
        TRY(db_execute(db, statement, DB_NO_PARAMS, NULL, err));
    }
    return db_execute(db, "select set_config('search_path', $1, true)", DB_PARAMS(path), NULL, err);
}

/* ---- may it be -------------------------------------------------------------------------- */

static const char *column_names(const struct stream_spec *s, struct arena *arena)
{
    AUTO_STRBUF struct strbuf names = {0};
    strbuf_init(&names, STAGE_SQL_MAX);
    for (size_t i = 0; i < s->ncolumns; i++)
        strbuf_addf(&names, "%s%s", i > 0 ? "\x1f" : "", s->columns[i].name);
    return arena_strdup(arena, names.data);
}

static int refuse(const struct swap *w, struct error *err)
{
    const struct stream_context *ctx = w->t->ctx;
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf reasons = {0};
    TRY(db_query(ctx->db, sql_swap_reasons,
                 DB_PARAMS(w->old, column_names(ctx->stream, ctx->arena)), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    strbuf_init(&reasons, ERROR_MESSAGE_MAX);
    for (size_t i = 0; i < db_result_rows(res); i++)
        strbuf_addf(&reasons, "%s%s", i > 0 ? "; " : "", db_result_text(res, i, 0));
    error_set(err, ERR_SPEC, "stream '%s': %s cannot be swapped: %s", ctx->stream->name, w->old,
              reasons.data);
    return error_hint(err, "without  load: swap  what differs is written into the table itself");
}

int swap_open(struct stage_target *t, struct swap **ret, struct error *err)
{
    struct arena *arena = t->ctx->arena;
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf quoted = {0};
    *ret = NULL;
    TRY(db_query(t->ctx->db,
                 "select attrelid, string_agg(quote_ident(attname), ', ' order by attnum) filter "
                 "(where attgenerated = '') from pg_attribute where attrelid = to_regclass($1) and "
                 "attnum > 0 and not attisdropped group by 1",
                 DB_PARAMS(t->quoted), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    struct swap *w = arena_alloc(arena, sizeof *w);
    strbuf_init(&quoted, 512);
    w->t = t;
    w->old = t->quoted;
    w->oid = arena_strdup(arena, db_result_text(res, 0, 0));
    w->columns = arena_strdup(arena, db_result_text(res, 0, 1));
    w->name = arena_printf(arena, "_diner_load_%s", w->oid);
    db_quote_qualified(&quoted, t->schema, w->name);
    w->table = arena_strdup(arena, quoted.data);
    TRY(refuse(w, err));
    *ret = w;
    return 0;
}

const char *swap_table(const struct swap *w)
{
    return w->table;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int swap_is_direct(const struct swap *w, bool *not_null, bool *ret, struct error *err)
{
    const struct stream_spec *s = w->t->ctx->stream;
    struct arena *arena = w->t->ctx->arena;
    const char **sorted = arena_array(arena, s->key.count + 1, sizeof *sorted);
    AUTO_STRBUF struct strbuf key = {0};
    AUTO_RESULT struct db_result *res = NULL;
    strbuf_init(&key, STAGE_SQL_MAX);
    for (size_t i = 0; i < s->key.count; i++)
        sorted[i] = s->key.items[i];
    qsort((void *)sorted, s->key.count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < s->key.count; i++)
        strbuf_addf(&key, "%s%s", i > 0 ? "\x1f" : "", sorted[i]);
    TRY(db_query(w->t->ctx->db, sql_swap_direct, DB_PARAMS(w->old, key.data), &res, err));
    *ret = db_result_bool(res, 0, 0);
    return *ret ? stage_takes_rows(w->t, not_null, ret, err) : 0;
}

/* ---- filling it ------------------------------------------------------------------------- */

int swap_make(struct swap *w, struct error *err)
{
    if (run_statements(w, sql_swap_make, w->name, err) != 0)
        return error_context(err, "while making a table like %s", w->old);
    w->t->quoted = w->table;
    w->t->shown = w->old;
    return stage_ensure_target(w->t, err);
}

/* A rejected key keeps its row: it goes over from the old table, which nobody writes to from now
 * on. Where a reject has no readable key, every row goes over whose key did not come. */
static int carry_rejected(struct swap *w, bool is_filled, struct error *err)
{
    const struct stage_target *t = w->t;
    const struct stream_spec *s = t->ctx->stream;
    const char *const came[] = {w->table, is_filled ? NULL : t->staged};
    AUTO_STRBUF struct strbuf sql = {0}, rejected = {0}, keys = {0};
    int64_t carried = 0;
    if (s->key.count == 0 || t->ctx->rejects->count == 0)
        return 0;
    TRY(db_execute(t->ctx->db,
                   arena_printf(t->ctx->arena, "lock table %s in exclusive mode", w->old),
                   DB_NO_PARAMS, NULL, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&rejected, STAGE_SQL_MAX);
    strbuf_init(&keys, (size_t)64 << 20);
    bool are_known = stage_rejected_keys(t, 1, &rejected, &keys);
    strbuf_addf(&sql, "insert into %s (%s) overriding system value select %s from %s t where %s",
                w->table, w->columns, w->columns, w->old, are_known ? "not (true" : "true");
    strbuf_adds(&sql, are_known ? rejected.data : "");
    strbuf_adds(&sql, are_known ? ")" : "");
    for (size_t i = 0; i < 2 && came[i] != NULL; i++) {
        strbuf_addf(&sql, " and not exists (select from %s s where ", came[i]);
        stage_match(&sql, &s->key, "s.", "t.");
        strbuf_addch(&sql, ')');
    }
    const char *const params[] = {keys.data};
    TRY(db_execute(t->ctx->db, sql.data, params, are_known ? 1 : 0, &carried, err));
    w->carried += carried;
    return 0;
}

static int guard(struct swap *w, int64_t rows, struct error *err)
{
    TRY(stage_count(w->t, w->old, &w->present, err));
    return stage_guard_rows(w->t, rows, w->present, err);
}

/* What a constraint refuses keeps its old row, which in turn may hold a value that a new row wants:
 * again until nothing more is refused. */
int swap_fill(struct swap *w, struct stream_counts *counts, struct error *err)
{
    struct stage_target *t = w->t;
    int64_t before, staged = 0;
    TRY(stage_count(t, t->staged, &staged, err));
    TRY(guard(w, staged, err));
    t->like = w->old;
    do {
        before = counts->rejected;
        TRY(carry_rejected(w, false, err));
        TRY(stage_constrain(t, counts, err));
    } while (counts->rejected > before);
    return stage_insert_all(t, counts, err);
}

/* ---- taking its place ------------------------------------------------------------------- */

static int build_indexes(void *self, struct error *err)
{
    const struct swap *w = self;
    if (run_statements(w, sql_swap_index, w->name, err) != 0)
        return error_context(err, "while indexing the new rows of %s", w->old);
    return 0;
}

/* Readers queue behind a request for the lock: it gives up after lock_timeout, so that they get
 * their turn, and asks again. */
static int lock_out_readers(const struct swap *w, struct error *err)
{
    struct db_conn *db = w->t->ctx->db;
    const char *sql =
        arena_printf(w->t->ctx->arena, "lock table %s in access exclusive mode", w->old);
    for (int tries = 1;; tries++) {
        TRY(db_execute(db, "savepoint diner_lock", DB_NO_PARAMS, NULL, err));
        if (db_execute(db, sql, DB_NO_PARAMS, NULL, err) == 0)
            return db_execute(db, "release savepoint diner_lock", DB_NO_PARAMS, NULL, err);
        if (strcmp(err->sqlstate, "55P03") != 0)
            return (int)err->code;
        if (tries == LOCK_TRIES) {
            error_set(err, ERR_DATABASE, "%s is in use: no lock within %d x lock_timeout", w->old,
                      LOCK_TRIES);
            return error_hint(err, "the old rows stay; see pg_stat_activity, or raise "
                                   "database.lock_timeout");
        }
        error_clear(err);
        TRY(db_execute(db, "rollback to savepoint diner_lock", DB_NO_PARAMS, NULL, err));
        log_notice("stream '%s': %s is in use, waiting for the lock again", w->t->ctx->stream->name,
                   w->old);
    }
}

/* Under the lock nothing of the table changes any more: what came up since the first look counts.
 */
static int exchange(const struct swap *w, struct error *err)
{
    struct db_conn *db = w->t->ctx->db;
    AUTO_RESULT struct db_result *res = NULL;
    TRY(lock_out_readers(w, err));
    TRY(db_query(db,
                 "select to_regclass($1)::oid is not distinct from $2::oid, to_regclass($3)::oid",
                 DB_PARAMS(w->old, w->oid, w->table), &res, err));
    if (!db_result_bool(res, 0, 0))
        return error_set(err, ERR_DATABASE_TRANSIENT, "%s was replaced by somebody else", w->old);
    TRY(refuse(w, err));
    if (run_statements(w, sql_swap_exchange, db_result_text(res, 0, 1), err) != 0)
        return error_context(err, "while the new table takes the place of %s", w->old);
    return 0;
}

int swap_finish(struct swap *w, int64_t rows, struct stream_counts *counts, struct error *err)
{
    struct stage_target *t = w->t;
    const int64_t superseded = counts->superseded;
    TRY(fresh_settle_key(t, counts, build_indexes, w, err));
    if (t->staged == w->table) { /* they went straight in */
        rows -= counts->superseded - superseded;
        TRY(guard(w, rows, err));
        counts->inserted += rows;
    }
    TRY(carry_rejected(w, true, err));
    TRY(exchange(w, err));
    counts->deleted += w->present - w->carried;
    t->quoted = w->old;
    return 0;
}
