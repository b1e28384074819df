/* Whether the server moves the rows by itself, source and target being one database. What cannot
 * fail or be bent on its way goes so. What fails loudly goes so too, and the client's way when it
 * did fail. Everything else goes the client's way, which names each row that does not fit. */
#include "pipeline/target/pull.h"

#include "core/message.h"
#include "pipeline/column.h"
#include "pipeline/source/postgres.h"
#include "pipeline/undeclared.h"

#include <string.h>

/* Whether each value of a type is one of another, and the server takes it over unchanged. */
enum fit {
    FIT_ALWAYS,
    FIT_OR_FAIL, /* or the statement fails */
    FIT_UNSURE,  /* it might round, cut, or ask the session what is meant */
};

/* Types that diner does not declare, of src/include/catalog/pg_type.dat. */
enum { OID_JSON = 114, OID_FLOAT4 = 700, OID_MONEY = 790 };

/* ---- types ------------------------------------------------------------------------------ */

static bool is_whole(const struct db_type *t)
{
    return t->kind == DB_INT2 || t->kind == DB_INT4 || t->kind == DB_INT8;
}

/* Digits before the point that values of the type may need. */
static int digits_of(const struct db_type *t)
{
    switch (t->kind) {
    case DB_INT2: return 5;
    case DB_INT4: return 10;
    case DB_INT8: return 19;
    default: return t->precision - t->scale;
    }
}

static enum fit fit_numeric(const struct db_type *from, const struct db_type *to)
{
    const bool is_limited = is_whole(from) || (from->kind == DB_NUMERIC && from->precision > 0);
    if (!is_whole(from) && from->kind != DB_NUMERIC)
        return FIT_UNSURE;
    if (to->precision == 0)
        return FIT_ALWAYS;
    if (!is_limited || (!is_whole(from) && from->scale > to->scale))
        return FIT_UNSURE; /* digits too many would be rounded */
    return digits_of(from) <= to->precision - to->scale ? FIT_ALWAYS : FIT_OR_FAIL;
}

static enum fit fit_text(const struct db_type *from, const struct db_type *to)
{
    if (from->kind == DB_TEXT) /* of a text that is too long the server cuts blanks at the end */
        return to->precision == 0 || (from->precision > 0 && from->precision <= to->precision)
                   ? FIT_ALWAYS
                   : FIT_UNSURE;
    const bool is_printed_alike = is_whole(from) || from->kind == DB_NUMERIC ||
                                  from->kind == DB_UUID || from->kind == DB_BOOL;
    return is_printed_alike && to->precision == 0 ? FIT_ALWAYS : FIT_UNSURE;
}

static enum fit fit_known(const struct db_type *from, const struct db_type *to)
{
    if (db_type_equal(from, to))
        return FIT_ALWAYS;
    switch (to->kind) {
    case DB_INT2:
    case DB_INT4:
    case DB_INT8:
        if (!is_whole(from))
            return FIT_UNSURE;
        return digits_of(from) <= digits_of(to) ? FIT_ALWAYS : FIT_OR_FAIL;
    case DB_NUMERIC: return fit_numeric(from, to);
    case DB_FLOAT8: return from->kind == DB_INT2 || from->kind == DB_INT4 ? FIT_ALWAYS : FIT_UNSURE;
    case DB_TEXT: return fit_text(from, to);
    case DB_DATE: return from->kind == DB_TIMESTAMP ? FIT_ALWAYS : FIT_UNSURE; /* its day */
    case DB_TIMESTAMP: return from->kind == DB_DATE ? FIT_OR_FAIL : FIT_UNSURE;
    default: return FIT_UNSURE;
    }
}

/* A type that diner reads as text, from another database. */
static enum fit fit_other(uint32_t oid, const struct db_type *to)
{
    switch (to->kind) {
    case DB_TEXT: return to->precision == 0 ? FIT_ALWAYS : FIT_UNSURE;
    case DB_FLOAT8: return oid == OID_FLOAT4 ? FIT_ALWAYS : FIT_UNSURE;
    case DB_JSONB: return oid == OID_JSON ? FIT_OR_FAIL : FIT_UNSURE;
    case DB_NUMERIC: /* read as text it is not a number */
        return oid == OID_MONEY && (to->precision == 0 || to->scale >= 2) ? FIT_OR_FAIL
                                                                          : FIT_UNSURE;
    default: return FIT_UNSURE;
    }
}

/* ---- columns ---------------------------------------------------------------------------- */

static enum fit fit_column(const struct column_spec *c, const struct db_result *query, size_t field)
{
    struct db_type from;
    const uint32_t oid = db_result_type(query, field);
    const bool is_time =
        c->type.kind == DB_DATE || c->type.kind == DB_TIMESTAMP || c->type.kind == DB_TIMESTAMPTZ;
    if (!db_type_from_catalogue(oid, db_result_modifier(query, field), &from))
        return fit_other(oid, &c->type);
    if (is_time && !db_type_equal(&from, &c->type) && (c->zone != NULL || c->formats.count > 0))
        return FIT_UNSURE; /* here is said how it is read */
    return fit_known(&from, &c->type);
}

/* What for_each bound is a literal of the statement; a cast would cut or round it. */
static enum fit fit_bound(const struct column_spec *c)
{
    if (!column_is_of_child(c) || c->type.precision > 0)
        return FIT_UNSURE;
    return c->type.kind == DB_TEXT ? FIT_ALWAYS : FIT_OR_FAIL;
}

static enum fit fit_columns(const struct stream_context *ctx, const struct db_result *query)
{
    const struct stream_spec *s = ctx->stream;
    enum fit worst = FIT_ALWAYS;
    for (size_t i = 0; i < s->ncolumns && worst != FIT_UNSURE; i++) {
        enum fit fit = FIT_ALWAYS;
        size_t field = 0;
        while (field < db_result_columns(query) &&
               strcmp(db_result_name(query, field), s->columns[i].from) != 0)
            field++;
        if (stream_bound(ctx, i) != NULL)
            fit = fit_bound(&s->columns[i]);
        else if (field < db_result_columns(query)) /* else null, or told by the statement */
            fit = fit_column(&s->columns[i], query, field);
        if (fit > worst)
            worst = fit;
    }
    return worst;
}

/* ---- whether ---------------------------------------------------------------------------- */

/* Masks, hashes, defaults, null words and units are put in here, not by the server. */
static bool changes_nothing(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        if (column_is_changed(&s->columns[i]) || column_has_words(&s->columns[i]))
            return false;
    return true;
}

/* A dry run validates each row. */
static bool may_pull(const struct stream_context *ctx)
{
    const struct stream_spec *s = ctx->stream;
    return s->source == &source_postgres && s->target == &target_postgres &&
           postgres_source_is_local(ctx) && !ctx->dry_run && !stream_fell_back(ctx) &&
           changes_nothing(s) && !undeclared_is_asked(s);
}

int target_postgres_pulls(const struct stream_context *ctx, bool *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf sql = {0};
    struct bound_sql query;
    *ret = may_pull(ctx);
    if (!*ret || ctx->stream->columns_node == NULL) /* the query's own types */
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    TRY(postgres_source_sql(ctx, ctx->db, &query, err));
    strbuf_addf(&sql, "select * from (%s\n) q limit 0", query.sql);
    if (db_query(ctx->db, sql.data, query.params, query.nparams, &res, err) != 0)
        return error_context(err, "stream '%s': its query", ctx->stream->name);
    *ret = fit_columns(ctx, res) != FIT_UNSURE;
    return 0;
}

/* ---- the rows --------------------------------------------------------------------------- */

/* What a value is refused with where it must fit or fail. */
static bool is_misfit(const struct error *err)
{
    static const char *const states[] = {"22003", "22008", "22P02", "22P05"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(err->sqlstate, states[i]) == 0)
            return true;
    return false;
}

int pull_rows(struct stage_target *t, int64_t *ret_rows, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    struct bound_sql query;
    TRY(postgres_source_sql(ctx, ctx->db, &query, err));
    int code = stage_from_query(t, &query, ret_rows, err);
    if (code == 0 || !is_misfit(err) || ctx->stream->columns_node == NULL)
        return code;
    const char *why = arena_strdup(ctx->arena, err->message);
    error_clear(err);
    return stream_fall_back(ctx, err, "%s", why);
}

/* Why a null in the column is refused before the transforms; NULL: it is not. */
static const char *no_null(const struct stream_spec *s, size_t column)
{
    const struct column_spec *c = &s->columns[column];
    if (c->required && !c->is_computed)
        return MESSAGE("null, but required");
    return s->transforms.count == 0 && stage_is_key(s, c->name) ? MESSAGE("null in the key") : NULL;
}

/* By column: whether the stage has one that is refused; in one reading of it. */
static int find_nulls(const struct stage_target *t, struct db_result **ret, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select ");
    for (size_t i = 0; i < s->ncolumns; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        if (no_null(s, i) == NULL) {
            strbuf_adds(&sql, "false");
            continue;
        }
        strbuf_adds(&sql, "count(");
        db_quote_identifier(&sql, s->columns[i].name);
        strbuf_adds(&sql, ") < count(*)");
    }
    strbuf_addf(&sql, " from %s", t->staged);
    return db_query(t->ctx->db, sql.data, DB_NO_PARAMS, ret, err);
}

int pull_refuse_nulls(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_RESULT struct db_result *res = NULL;
    bool is_asked = false;
    for (size_t i = 0; i < s->ncolumns; i++)
        is_asked |= no_null(s, i) != NULL;
    if (!is_asked)
        return 0;
    TRY(find_nulls(t, &res, err));
    for (size_t i = 0; i < s->ncolumns; i++) {
        AUTO_STRBUF struct strbuf condition = {0};
        if (!db_result_bool(res, 0, i))
            continue;
        strbuf_init(&condition, 4096);
        strbuf_adds(&condition, "s.");
        db_quote_identifier(&condition, s->columns[i].name);
        strbuf_adds(&condition, " is null");
        struct stage_reject null = {
            .condition = condition.data, .reason = no_null(s, i), .column = s->columns[i].name};
        TRY(stage_reject(t, &null, counts, err));
    }
    return 0;
}
