#include "pipeline/target/stage.h"

#include "pipeline/reject.h"
#include "pipeline/reject_scope.h"

#include <inttypes.h>
#include <string.h>

/* ---- pieces ----------------------------------------------------------------------------- */

void stage_list(struct strbuf *out, const struct field_strings *names, const char *prefix)
{
    for (size_t i = 0; i < names->count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", prefix);
        db_quote_identifier(out, names->items[i]);
    }
}

void stage_match(struct strbuf *out, const struct field_strings *names, const char *left,
                 const char *right)
{
    for (size_t i = 0; i < names->count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " and " : "", left);
        db_quote_identifier(out, names->items[i]);
        strbuf_addf(out, " = %s", right);
        db_quote_identifier(out, names->items[i]);
    }
}

static void stage_columns(struct strbuf *out, const struct stream_spec *s, const char *prefix)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", prefix);
        db_quote_identifier(out, s->columns[i].name);
    }
}

bool stage_is_written(const struct stage_target *t, size_t column)
{
    return t->held == NULL || t->held[column].is_present;
}

void stage_written(struct strbuf *out, const struct stage_target *t, const char *prefix)
{
    const struct stream_spec *s = t->ctx->stream;
    const char *comma = "";
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (!stage_is_written(t, i))
            continue;
        strbuf_addf(out, "%s%s", comma, prefix);
        db_quote_identifier(out, s->columns[i].name);
        comma = ", ";
    }
}

bool stage_is_key(const struct stream_spec *s, const char *name)
{
    for (size_t i = 0; i < s->key.count; i++)
        if (strcmp(s->key.items[i], name) == 0)
            return true;
    return false;
}

const char *stage_run_column(const struct stage_target *t)
{
    return arena_printf(t->ctx->arena, "%s%s", t->has_run_id ? ", _run_id" : "",
                        t->has_row_hash ? ", _row_hash" : "");
}

const char *stage_run_value(const struct stage_target *t)
{
    struct arena *arena = t->ctx->arena;
    return arena_printf(arena, "%s%s",
                        t->has_run_id ? arena_printf(arena, ", %" PRId64, t->ctx->run_id) : "",
                        t->has_row_hash ? ", s._row_hash" : "");
}

int stage_count(const struct stage_target *t, const char *table, int64_t *ret, struct error *err)
{
    return db_query_int(t->ctx->db, arena_printf(t->ctx->arena, "select count(*) from %s", table),
                        DB_NO_PARAMS, ret, err);
}

int stage_sql(const struct stage_target *t, const char *text, struct bound_sql *ret,
              struct error *err)
{
    struct stream_context ctx = *t->ctx;
    ctx.staged = t->staged;
    return stream_sql(&ctx, text, ret, err);
}

/* ---- making the stage ------------------------------------------------------------------- */

/* Columns that a transform may change get one more, for what was read. */
static void add_kept_columns(struct stage_target *t, struct strbuf *sql)
{
    const struct stream_spec *s = t->ctx->stream;
    t->was_kept = arena_array(t->ctx->arena, s->ncolumns + 1, sizeof *t->was_kept);
    t->nwas = s->ncolumns;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (!spec_is_set(s, t->ctx->arena, s->columns[i].name))
            continue;
        strbuf_addf(sql, "_was_%zu ", i);
        db_type_print(&s->columns[i].type, sql);
        strbuf_adds(sql, ", ");
    }
}

void stage_keep_what_was(struct strbuf *out, const struct stage_target *t, const char *column,
                         const char *from)
{
    int at = stream_column(t->ctx->stream, column);
    if (at < 0 || (size_t)at >= t->nwas || t->was_kept[at])
        return;
    t->was_kept[at] = true;
    strbuf_addf(out, "_was_%d = %s", at, from);
    db_quote_identifier(out, column);
    strbuf_adds(out, ", ");
}

int stage_create(struct stage_target *t, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "create temp table diner_stage (");
    for (size_t i = 0; i < s->ncolumns; i++) {
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_addch(&sql, ' ');
        db_type_print(&s->columns[i].type, &sql);
        strbuf_adds(&sql, ", ");
    }
    add_kept_columns(t, &sql);
    strbuf_adds(&sql, t->has_row_hash ? "_row_hash uuid, " : "");
    strbuf_adds(&sql, stage_takes_undeclared(s) ? "_more jsonb, " : "");
    strbuf_adds(&sql, "_row bigint, _seq bigint)");
    TRY(db_execute(ctx->db, "drop table if exists " STAGE_TABLE, DB_NO_PARAMS, NULL, err));
    return db_execute(ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

static bool has_name(const struct db_result *res, const char *name)
{
    for (size_t i = 0; i < db_result_columns(res); i++)
        if (strcmp(db_result_name(res, i), name) == 0)
            return true;
    return false;
}

/* Without `columns:` the query says what there is; with them, whether it has all (what a transform
 * fills it may lack). */
static int look_at_query(const struct stream_context *ctx, const struct bound_sql *query,
                         bool *present, struct error *err)
{
    struct stream_spec *s = ctx->stream;
    struct arena *arena = ctx->pipeline->arena;
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "select * from (%s\n) q limit 0", query->sql);
    TRY(db_query(ctx->db, sql.data, query->params, query->nparams, &res, err));
    if (s->columns_node != NULL) {
        for (size_t i = 0; i < s->ncolumns; i++)
            present[i] = !s->columns[i].is_computed || has_name(res, s->columns[i].from);
        return 0;
    }
    s->ncolumns = 0;
    s->columns = arena_array(arena, db_result_columns(res) + 1, sizeof *s->columns);
    for (size_t i = 0; i < db_result_columns(res); i++) {
        if (strcmp(db_result_name(res, i), STREAM_ROW_HASH) == 0)
            continue;
        struct column_spec *c = &s->columns[s->ncolumns++];
        c->name = c->from = arena_strdup(arena, db_result_name(res, i));
        if (!db_type_from_catalogue(db_result_type(res, i), -1, &c->type)) {
            error_set(err, ERR_SPEC, "column '%s' has a type that diner does not load", c->name);
            return error_hint(err, "cast it in the query, for example %s::text", c->name);
        }
    }
    return 0;
}

int stage_from_query(struct stage_target *t, const struct bound_sql *query, int64_t *ret_rows,
                     struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    bool *present = arena_array(ctx->arena, s->ncolumns + 1, sizeof *present);
    if (look_at_query(ctx, query, present, err) != 0)
        return error_context(err, "stream '%s': its query", s->name);
    TRY(stage_create(t, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "insert into %s (", t->staged);
    stage_columns(&sql, s, "");
    strbuf_adds(&sql, ", _row, _seq) select ");
    for (size_t i = 0; i < s->ncolumns; i++) {
        const char *bound = stream_bound(ctx, i);
        if (bound != NULL) {
            db_quote_literal(&sql, bound);
            strbuf_adds(&sql, "::");
            db_type_print(&s->columns[i].type, &sql);
        } else if (s->columns_node == NULL || present[i]) {
            strbuf_adds(&sql, "q.");
            db_quote_identifier(&sql, s->columns[i].from);
        } else {
            strbuf_adds(&sql, "null");
        }
        strbuf_adds(&sql, ", ");
    }
    strbuf_addf(&sql, "row_number() over (), row_number() over () from (%s\n) q", query->sql);
    if (db_execute(ctx->db, sql.data, query->params, query->nparams, ret_rows, err) != 0)
        return error_context(err, "stream '%s': its query", s->name);
    return 0;
}

void stage_note_origin(struct stage_target *t, const struct source_row *row, int64_t seq)
{
    struct arena *arena = t->ctx->arena;
    size_t n = t->norigins;
    if (n > 0 && t->origins != NULL && strcmp(t->origins[n - 1].origin, row->origin) == 0)
        return;
    if (t->origins == NULL || n == t->origins_capacity) {
        t->origins_capacity = n > 0 ? n * 2 : 16;
        struct stage_origin *grown = arena_array(arena, t->origins_capacity, sizeof *grown);
        if (t->origins != NULL)
            memcpy(grown, t->origins, n * sizeof *grown);
        t->origins = grown;
    }
    const char *before = n > 0 ? t->origins[n - 1].identity : NULL;
    bool is_same = before != NULL && row->identity != NULL && strcmp(before, row->identity) == 0;
    t->origins[n] = (struct stage_origin){
        .origin = arena_strdup(arena, row->origin), /* the pages of a resource share an identity */
        .identity = is_same ? before : arena_strdup(arena, row->identity),
        .first_seq = seq};
    t->norigins++;
}

struct stage_origin stage_origin_of(const struct stage_target *t, int64_t seq)
{
    size_t low = 0, high = t->norigins;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->origins[middle].first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? t->origins[low - 1] : (struct stage_origin){.origin = "query"};
}

/* ---- rejects ---------------------------------------------------------------------------- */

/* The row as it was read: what a transform has changed since is taken back. */
static void add_read_row(struct strbuf *out, const struct stage_target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    strbuf_adds(out, "(to_jsonb(s) - " STAGE_OWN);
    for (size_t i = 0; i < t->nwas; i++)
        if (spec_is_set(s, t->ctx->arena, s->columns[i].name))
            strbuf_addf(out, " - '_was_%zu'", i);
    strbuf_addch(out, ')');
    for (size_t i = 0; i < t->nwas; i++) {
        if (!t->was_kept[i])
            continue;
        strbuf_adds(out, " || jsonb_build_object(");
        db_quote_literal(out, s->columns[i].name);
        strbuf_addf(out, ", s._was_%zu)", i);
    }
}

void stage_reject_columns(struct strbuf *out, const struct stage_target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    strbuf_adds(out, "s._seq, s._row, ");
    add_read_row(out, t);
    strbuf_adds(out, ", jsonb_strip_nulls(jsonb_build_object(");
    const char *comma = "";
    for (size_t i = 0; i < s->ncolumns; i++) {
        const char *name = s->columns[i].name;
        if (!stage_is_key(s, name) && !reject_scope_has(s, t->ctx->arena, name))
            continue;
        strbuf_adds(out, comma);
        db_quote_literal(out, name);
        strbuf_adds(out, ", s.");
        db_quote_identifier(out, name);
        strbuf_adds(out, "::text");
        comma = ", ";
    }
    strbuf_adds(out, s->key.count > 0 ? ")), num_nulls(" : ")), true");
    stage_list(out, &s->key, "s.");
    strbuf_adds(out, s->key.count > 0 ? ") = 0" : "");
}

int stage_reject_row(const struct stage_target *t, const struct db_result *row, const char *reason,
                     const char *column, const char *value, struct stream_counts *counts,
                     struct error *err)
{
    const struct stage_origin from = stage_origin_of(t, db_result_int(row, 0, 0));
    struct reject item = {.origin = from.origin,
                          .identity = from.identity,
                          .position = (uint64_t)db_result_int(row, 0, 1),
                          .column = column,
                          .value = value,
                          .reason = reason,
                          .raw = db_result_text(row, 0, 2),
                          .key = db_result_text(row, 0, 3),
                          .key_is_whole = db_result_bool(row, 0, 4),
                          .is_staged = true};
    counts->rejected++;
    rejects_add(t->ctx->rejects, &item);
    return rejects_check_budget(t->ctx->rejects, t->ctx, counts->read, true, err);
}

struct reject_query {
    const struct stage_target *t;
    const struct stage_reject *what;
    struct stream_counts *counts;
};

static int add_reject(void *self, const struct db_result *row, struct error *err)
{
    struct reject_query *q = self;
    return stage_reject_row(q->t, row, q->what->reason, q->what->column,
                            q->what->column != NULL ? db_result_text(row, 0, 5) : NULL, q->counts,
                            err);
}

int stage_reject(const struct stage_target *t, const struct stage_reject *what,
                 struct stream_counts *counts, struct error *err)
{
    struct reject_query q = {t, what, counts};
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "delete from %s s where %s returning ", t->staged, what->condition);
    stage_reject_columns(&sql, t);
    if (what->column != NULL && what->value == NULL) {
        strbuf_adds(&sql, ", s.");
        db_quote_identifier(&sql, what->column);
        strbuf_adds(&sql, "::text");
    } else {
        strbuf_addf(&sql, ", (%s)::text", what->value != NULL ? what->value : "null");
    }
    return db_query_each(t->ctx->db, sql.data, what->params, what->nparams, add_reject, &q, err);
}

/* ---- the cursor ------------------------------------------------------------------------- */

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
