/* `reconcile: { against }`: what was read, group by group, against the source's own figures.
 *
 * Compared are the rows as they were read and typed: those in the stage, before any transform, and
 * those that were rejected while reading, as far as their group and amounts can be read. Numbers
 * are PostgreSQL's numeric, so a difference of a cent is one. */
#include "core/message.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "pipeline/reject.h"
#include "pipeline/source/postgres.h"
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIGURES_MAX_BYTES ((size_t)64 << 20)
#define GROUPS_SHOWN      20

struct figures {
    const struct stage_target *t;
    const struct reconcile_spec *spec;
    struct strbuf json; /* [{"b0": .., "n": .., "s0": ..}, ...] of the source */
    struct jwriter w;
    size_t *columns; /* of the answer: by, rows, sums */
    bool is_placed;
};

/* ---- the source's figures --------------------------------------------------------------- */

static int find_column(const struct db_result *row, const char *name, size_t *ret,
                       struct error *err)
{
    for (size_t i = 0; i < db_result_columns(row); i++)
        if (strcmp(db_result_name(row, i), name) == 0) {
            *ret = i;
            return 0;
        }
    return error_set(err, ERR_SPEC, "'against' gives no column '%s'", name);
}

static int place_columns(struct figures *f, const struct db_result *row, struct error *err)
{
    const struct reconcile_spec *r = f->spec;
    size_t n = 0;
    f->columns = arena_array(f->t->ctx->arena, r->by.count + r->sum.count + 2, sizeof *f->columns);
    for (size_t i = 0; i < r->by.count; i++)
        TRY(find_column(row, r->by.items[i], &f->columns[n++], err));
    if (r->rows != NULL)
        TRY(find_column(row, r->rows, &f->columns[n++], err));
    for (size_t i = 0; i < r->sum.count; i++)
        TRY(find_column(row, r->sum.values[i] != NULL ? r->sum.values[i] : r->sum.keys[i],
                        &f->columns[n++], err));
    f->is_placed = true;
    return 0;
}

static int add_figure(void *self, const struct db_result *row, struct error *err)
{
    struct figures *f = self;
    const struct reconcile_spec *r = f->spec;
    char key[24];
    size_t n = 0;
    if (!f->is_placed)
        TRY(place_columns(f, row, err));
    jwriter_object(&f->w);
    for (size_t i = 0; i < r->by.count; i++) {
        snprintf(key, sizeof key, "b%zu", i);
        jwriter_kstring(&f->w, key, db_result_text(row, 0, f->columns[n++]));
    }
    if (r->rows != NULL)
        jwriter_kstring(&f->w, "n", db_result_text(row, 0, f->columns[n++]));
    for (size_t i = 0; i < r->sum.count; i++) {
        snprintf(key, sizeof key, "s%zu", i);
        jwriter_kstring(&f->w, key, db_result_text(row, 0, f->columns[n++]));
    }
    jwriter_end(&f->w);
    return f->json.len < FIGURES_MAX_BYTES / 2
               ? 0
               : error_set(err, ERR_LIMIT, "'against' gives too many groups");
}

/* On the source's connection when it is PostgreSQL, else on the target's. */
static int ask_figures(struct figures *f, struct error *err)
{
    const struct stream_context *ctx = f->t->ctx;
    const struct postgres_source_spec *source =
        ctx->stream->source == &source_postgres ? ctx->stream->source_spec : NULL;
    struct bound_sql sql;
    const char *text;
    struct db_conn *own = NULL;
    TRY(pipeline_sql(ctx->pipeline, ctx->stream->node, f->spec->against, &text, err));
    TRY(stage_sql(f->t, text, &sql, err));
    if (source != NULL && !postgres_source_is_local(ctx)) {
        char *dsn;
        TRY(config_dsn(ctx->config, source->connection, &dsn, err));
        struct db_options options = {.dsn = dsn, .application_name = "diner figures"};
        int code = db_open(&options, &own, err);
        secret_free(dsn);
        TRY(code);
    }
    jwriter_array(&f->w);
    int code = db_query_each(own != NULL ? own : ctx->db, sql.sql, sql.params, sql.nparams,
                             add_figure, f, err);
    jwriter_end(&f->w);
    db_close(own);
    return code;
}

/* ---- what was read ---------------------------------------------------------------------- */

/* Figures of the rows that were rejected while reading; *ret_unplaced: those without a group. */
static void add_rejected(const struct figures *f, struct strbuf *out, int64_t *ret_unplaced)
{
    const struct rejects *rejects = f->t->ctx->rejects;
    const char *comma = "";
    *ret_unplaced = 0;
    strbuf_addch(out, '[');
    for (size_t i = 0; i < rejects->count; i++) {
        if (rejects->items[i].figures == NULL) {
            ++*ret_unplaced;
            continue;
        }
        strbuf_addf(out, "%s%s", comma, rejects->items[i].figures);
        comma = ",";
    }
    strbuf_addch(out, ']');
}

static void type_of(struct strbuf *out, const struct stream_spec *s, const char *column)
{
    int at = stream_column(s, column);
    if (at >= 0)
        db_type_print(&s->columns[at].type, out);
    else
        strbuf_adds(out, "text");
}

/* jsonb_build_array of the group's values, from JSON rows `f` ("b0"...). */
static void group_of_json(struct strbuf *out, const struct figures *f)
{
    strbuf_adds(out, "jsonb_build_array(");
    for (size_t i = 0; i < f->spec->by.count; i++) {
        strbuf_addf(out, "%s(f->>'b%zu')::", i > 0 ? ", " : "", i);
        type_of(out, f->t->ctx->stream, f->spec->by.items[i]);
    }
    strbuf_addch(out, ')');
}

static void sums_of_json(struct strbuf *out, const struct figures *f)
{
    for (size_t i = 0; i < f->spec->sum.count; i++)
        strbuf_addf(out, ", (f->>'s%zu')::numeric as s%zu", i, i);
}

/* $1: the source's figures, $2: those of rejected rows. */
static void comparison(struct strbuf *sql, const struct figures *f)
{
    const struct reconcile_spec *r = f->spec;
    strbuf_adds(sql, "with ours as (select k, sum(n) as n");
    for (size_t i = 0; i < r->sum.count; i++)
        strbuf_addf(sql, ", coalesce(sum(s%zu), 0) as s%zu", i, i);
    strbuf_adds(sql, " from (select jsonb_build_array(");
    stage_list(sql, &r->by, "s.");
    strbuf_adds(sql, ") as k, 1::numeric as n");
    for (size_t i = 0; i < r->sum.count; i++) {
        strbuf_adds(sql, ", s.");
        db_quote_identifier(sql, r->sum.keys[i]);
        strbuf_addf(sql, "::numeric as s%zu", i);
    }
    strbuf_addf(sql, " from %s s union all select ", f->t->staged);
    group_of_json(sql, f);
    strbuf_adds(sql, ", 1");
    sums_of_json(sql, f);
    strbuf_adds(sql, " from jsonb_array_elements($2::jsonb) f) x group by k), theirs as (select k, "
                     "sum(n) as n");
    for (size_t i = 0; i < r->sum.count; i++)
        strbuf_addf(sql, ", coalesce(sum(s%zu), 0) as s%zu", i, i);
    strbuf_adds(sql, " from (select ");
    group_of_json(sql, f);
    strbuf_adds(sql, r->rows != NULL ? " as k, (f->>'n')::numeric as n" : " as k, 0::numeric as n");
    sums_of_json(sql, f);
    strbuf_adds(sql,
                " from jsonb_array_elements($1::jsonb) f) y group by k) select count(*) over (), "
                "k, coalesce(ours.n, 0), coalesce(theirs.n, 0)");
    for (size_t i = 0; i < r->sum.count; i++)
        strbuf_addf(sql,
                    ", coalesce(ours.s%zu, 0), coalesce(theirs.s%zu, 0), coalesce(ours.s%zu, 0) "
                    "- coalesce(theirs.s%zu, 0)",
                    i, i, i, i);
    strbuf_adds(sql, " from ours full join theirs using (k) where ");
    strbuf_adds(sql, r->rows != NULL ? "coalesce(ours.n, 0) <> coalesce(theirs.n, 0)" : "false");
    for (size_t i = 0; i < r->sum.count; i++)
        strbuf_addf(sql, " or coalesce(ours.s%zu, 0) <> coalesce(theirs.s%zu, 0)", i, i);
    strbuf_addf(sql, " order by k limit %d", GROUPS_SHOWN);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void tell_group(const struct figures *f, const struct db_result *res, size_t row,
                       struct strbuf *out)
{
    const struct reconcile_spec *r = f->spec;
    const char *comma = "";
    strbuf_addf(out, "%s", row > 0 ? "; " : "");
    if (r->by.count > 0)
        strbuf_addf(out, "%s: ", db_result_text(res, row, 1));
    if (r->rows != NULL && strcmp(db_result_text(res, row, 2), db_result_text(res, row, 3)) != 0) {
        strbuf_addf(out, message_text("%s rows read, %s stated"), db_result_text(res, row, 2),
                    db_result_text(res, row, 3));
        comma = ", ";
    }
    for (size_t i = 0; i < r->sum.count; i++) {
        const size_t at = 4 + i * 3;
        const char *difference = db_result_text(res, row, at + 2);
        if (difference[strspn(difference, "0.")] == '\0')
            continue;
        strbuf_addf(out, "%s%s %s read, %s stated (%s)", comma, r->sum.keys[i],
                    db_result_text(res, row, at), db_result_text(res, row, at + 1), difference);
        comma = ", ";
    }
}

static int compare(struct figures *f, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, rejected = {0}, told = {0};
    AUTO_RESULT struct db_result *res = NULL;
    int64_t unplaced = 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&rejected, FIGURES_MAX_BYTES);
    strbuf_init(&told, 64 << 10);
    add_rejected(f, &rejected, &unplaced);
    comparison(&sql, f);
    TRY(db_query(f->t->ctx->db, sql.data, DB_PARAMS(f->json.data, rejected.data), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    for (size_t i = 0; i < db_result_rows(res); i++)
        tell_group(f, res, i, &told);
    int64_t differing = db_result_int(res, 0, 0);
    if (differing > (int64_t)db_result_rows(res))
        strbuf_addf(&told, "; and %" PRId64 " more", differing - (int64_t)db_result_rows(res));
    error_set(err, ERR_CHECK, "what was read differs from the source's own figures: %s", told.data);
    if (unplaced > 0)
        return error_hint(err,
                          "nothing was committed; %" PRId64
                          " rejected rows are in no group: theirs could not be read",
                          unplaced);
    return error_hint(err, "nothing was committed; rows are missing or doubled");
}

bool stage_is_reconciled(const struct stream_spec *s)
{
    return s->reconcile != NULL && s->reconcile->against != NULL;
}

int stage_reconcile(const struct stage_target *t, struct error *err)
{
    struct figures f = {.t = t, .spec = t->ctx->stream->reconcile};
    if (!stage_is_reconciled(t->ctx->stream))
        return 0;
    strbuf_init(&f.json, FIGURES_MAX_BYTES);
    jwriter_init(&f.w, &f.json);
    int code = ask_figures(&f, err);
    if (code == 0)
        code = compare(&f, err);
    strbuf_release(&f.json);
    return code != 0 ? error_context(err, "stream '%s': reconcile", t->ctx->stream->name) : 0;
}
