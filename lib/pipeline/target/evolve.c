/* The target table: made when there is none; else held to the contract (`schema: { columns, types
 * }`). What changes its shape is done in the transaction that loads the rows, after they were
 * staged, under the connection's lock_timeout. */
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <string.h>

/* ---- making it -------------------------------------------------------------------------- */

static const char *version_type(const struct stream_spec *s)
{
    int at = s->incremental != NULL ? stream_column(s, s->incremental->cursor) : -1;
    if (at < 0)
        return "timestamptz";
    return s->columns[at].type.kind == DB_DATE        ? "date"
           : s->columns[at].type.kind == DB_TIMESTAMP ? "timestamp"
                                                      : "timestamptz";
}

/* Columns of versions, and what keeps them apart. */
static void add_versions(const struct stream_spec *s, struct strbuf *sql)
{
    const char *names[] = {s->scd2.valid_from, s->scd2.valid_to, s->scd2.current};
    const char *type = version_type(s);
    struct strbuf quoted[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        strbuf_init(&quoted[i], 1024);
        db_quote_identifier(&quoted[i], names[i]);
    }
    strbuf_addf(sql,
                "%s %s not null, %s %s, %s boolean not null, check (%s > %s), "
                "check (%s = (%s is null)), ",
                quoted[0].data, type, quoted[1].data, type, quoted[2].data, quoted[1].data,
                quoted[0].data, quoted[2].data, quoted[1].data);
    for (size_t i = 0; i < 3; i++)
        strbuf_release(&quoted[i]);
}

/* At most one current version of a key. */
static int index_current(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "create unique index on %s (", t->quoted);
    stage_list(&sql, &s->key, "");
    strbuf_adds(&sql, ") where ");
    db_quote_identifier(&sql, s->scd2.current);
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
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

/* CREATE TABLE waits for whoever creates it just now, and then says one of these. */
int stage_not_created(const char *shown, struct error *err)
{
    if (strcmp(err->sqlstate, "42P07") == 0 || strcmp(err->sqlstate, "23505") == 0)
        err->code = ERR_DATABASE_TRANSIENT;
    return error_context(err, "while creating table %s", shown);
}

static int create_target(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "create table %s (", t->quoted);
    for (size_t i = 0; i < s->ncolumns; i++) {
        stage_column_definition(&sql, s, i);
        strbuf_adds(&sql, ", ");
    }
    if (s->mode == MODE_SCD2)
        add_versions(s, &sql);
    if (stage_deletes(s) == DELETES_SOFT)
        strbuf_adds(&sql, "_deleted_at timestamptz, ");
    strbuf_adds(&sql, t->has_row_hash ? "_row_hash uuid, " : "");
    strbuf_adds(&sql, "_run_id bigint, _loaded_at timestamptz not null default now()");
    if (s->key.count > 0 && !stage_key_comes_last(s)) {
        strbuf_adds(&sql, ", primary key (");
        stage_list(&sql, &s->key, "");
        if (s->mode == MODE_SCD2) {
            strbuf_adds(&sql, ", ");
            db_quote_identifier(&sql, s->scd2.valid_from);
        }
        strbuf_addch(&sql, ')');
    }
    strbuf_adds(&sql, t->has_row_hash ? ") with (fillfactor = 90)" : ")");
    int code = db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
    if (code == 0 && s->mode == MODE_SCD2)
        code = index_current(t, err);
    return code != 0 ? stage_not_created(t->shown, err) : 0;
}

/* ---- types ------------------------------------------------------------------------------ */

enum fit {
    FIT_HOLDS, /* every value of the declared type */
    FIT_SOME,  /* of one family, but narrower */
    FIT_OTHER, /* another kind of value */
};

static int int_digits(enum db_kind kind)
{
    return kind == DB_INT2 ? 5 : kind == DB_INT4 ? 10 : kind == DB_INT8 ? 19 : 0;
}

static enum fit number_fit(const struct db_type *declared, const struct db_type *held)
{
    int digits = int_digits(declared->kind), room = int_digits(held->kind);
    if (held->kind == DB_FLOAT8)
        return declared->kind == DB_INT2 || declared->kind == DB_INT4 ? FIT_HOLDS : FIT_OTHER;
    if (declared->kind == DB_FLOAT8)
        return FIT_OTHER;
    if (held->kind != DB_NUMERIC)
        return digits > 0 && digits <= room ? FIT_HOLDS : FIT_SOME;
    if (held->precision == 0)
        return FIT_HOLDS;
    if (declared->kind == DB_NUMERIC && declared->precision == 0)
        return FIT_SOME;
    int before = digits > 0 ? digits : declared->precision - declared->scale;
    int after = digits > 0 ? 0 : declared->scale;
    return held->scale >= after && held->precision - held->scale >= before ? FIT_HOLDS : FIT_SOME;
}

static enum fit type_fit(const struct db_type *declared, const struct db_type *held)
{
    if (db_type_equal(declared, held))
        return FIT_HOLDS;
    if (declared->kind == DB_TEXT && held->kind == DB_TEXT)
        return held->precision == 0 ||
                       (declared->precision > 0 && declared->precision <= held->precision)
                   ? FIT_HOLDS
                   : FIT_SOME;
    if (db_type_is_number(declared) && db_type_is_number(held))
        return number_fit(declared, held);
    return FIT_OTHER;
}

bool stage_is_same_type(const struct db_type *declared, const struct db_type *held)
{
    return declared->kind == held->kind && type_fit(declared, held) == FIT_HOLDS;
}

/* Whether every value that is there stays what it is when the column gets the declared type. */
static bool can_widen(const struct db_type *held, const struct db_type *declared)
{
    bool ints = int_digits(held->kind) > 0 && int_digits(declared->kind) > 0;
    bool texts = held->kind == DB_TEXT && declared->kind == DB_TEXT;
    bool decimals = held->kind == DB_NUMERIC && declared->kind == DB_NUMERIC &&
                    (declared->precision == 0 || declared->scale == held->scale);
    return (ints || texts || decimals) && type_fit(held, declared) == FIT_HOLDS;
}

static const char *type_name(struct arena *arena, const struct db_type *type)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 256);
    db_type_print(type, &text);
    return arena_strdup(arena, text.data);
}

static int alter(const struct stage_target *t, size_t column, const char *verb,
                 const char *type_verb, struct error *err)
{
    const struct column_spec *c = &t->ctx->stream->columns[column];
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, 4096);
    strbuf_addf(&sql, "alter table %s %s column ", t->quoted, verb);
    db_quote_identifier(&sql, c->name);
    strbuf_addf(&sql, " %s", type_verb);
    db_type_print(&c->type, &sql);
    if (db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err) != 0)
        return error_context(err, "while changing column '%s' of %s", c->name, t->shown);
    return 0;
}

/* A type that nobody declared (of a query) is SQL's own matter. */
static int hold_type(const struct stage_target *t, size_t column, const struct stage_held *held,
                     struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const struct column_spec *c = &s->columns[column];
    struct arena *arena = t->ctx->arena;
    if (s->columns_node == NULL || !held->is_known)
        return 0;
    enum fit fit = type_fit(&c->type, &held->type);
    bool may_widen = fit == FIT_SOME && !held->is_domain && can_widen(&held->type, &c->type);
    if (fit == FIT_HOLDS)
        return 0;
    if (fit == FIT_SOME && s->schema.types == CONTRACT_EVOLVE && may_widen)
        return alter(t, column, "alter", "type ", err);
    if (fit == FIT_SOME &&
        (s->schema.types == CONTRACT_DISCARD_ROW || s->schema.types == CONTRACT_DISCARD_VALUE))
        return 0;
    const char *ours = type_name(arena, &c->type), *theirs = type_name(arena, &held->type);
    error_set(err, ERR_CHECK, "column '%s' of %s is %s, the pipeline declares %s", c->name,
              t->shown, theirs, ours);
    if (fit == FIT_OTHER)
        return error_hint(err, "declare  %s: %s  or change the table", c->name, theirs);
    if (may_widen)
        return error_hint(err, "declare %s, or let  schema: { types: evolve }  widen the column",
                          theirs);
    return error_hint(
        err, "declare %s, or let  schema: { types: discard_row }  reject what does not fit",
        theirs);
}

/* ---- holding it to the contract --------------------------------------------------------- */

static int find_column(const struct db_result *present, const char *name)
{
    for (size_t k = 0; k < db_result_rows(present); k++)
        if (strcmp(db_result_text(present, k, 0), name) == 0)
            return (int)k;
    return -1;
}

static int missing_column(const struct stage_target *t, size_t column, bool *ret_present,
                          struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const char *name = s->columns[column].name;
    bool leaves_out =
        s->schema.columns == CONTRACT_DISCARD_ROW || s->schema.columns == CONTRACT_DISCARD_VALUE;
    *ret_present = !leaves_out;
    if (s->schema.columns == CONTRACT_EVOLVE)
        return alter(t, column, "add", "", err);
    if (leaves_out && !stage_is_key(s, name))
        return 0;
    error_set(err, ERR_CHECK, "%s has no column '%s'", t->shown, name);
    return error_hint(err, "schema: { columns: evolve }  adds it");
}

/* The columns that a mode keeps for itself. */
static int hold_own_columns(const struct stage_target *t, const struct db_result *present,
                            struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const char *names[] = {s->scd2.valid_from, s->scd2.valid_to, s->scd2.current};
    for (size_t i = 0; s->mode == MODE_SCD2 && i < 3; i++)
        if (find_column(present, names[i]) < 0) {
            error_set(err, ERR_CHECK, "%s has no column '%s', so it holds no versions", t->shown,
                      names[i]);
            return error_hint(err, "give versions a table of their own, or say the names:  scd2: { "
                                   "valid_from: ..., valid_to: ..., current: ... }");
        }
    if (t->has_row_hash && find_column(present, "_row_hash") < 0)
        TRY(db_execute(
            t->ctx->db,
            arena_printf(t->ctx->arena, "alter table %s add column _row_hash uuid", t->quoted),
            DB_NO_PARAMS, NULL, err));
    if (stage_deletes(s) == DELETES_SOFT && find_column(present, "_deleted_at") < 0)
        return db_execute(t->ctx->db,
                          arena_printf(t->ctx->arena,
                                       "alter table %s add column _deleted_at timestamptz",
                                       t->quoted),
                          DB_NO_PARAMS, NULL, err);
    return 0;
}

static int query_columns(const struct stage_target *t, struct db_result **ret, struct error *err)
{
    return db_query(
        t->ctx->db,
        "select a.attname, case when y.typtype = 'd' then y.typbasetype else a.atttypid end, "
        "case when y.typtype = 'd' then y.typtypmod else a.atttypmod end, a.attnotnull, "
        "y.typtype = 'd' from pg_attribute a join pg_type y on y.oid = a.atttypid "
        "where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped",
        DB_PARAMS(t->quoted), ret, err);
}

static void read_held(const struct db_result *present, size_t row, struct stage_held *ret)
{
    *ret = (struct stage_held){.is_present = true,
                               .is_required = db_result_bool(present, row, 3),
                               .is_domain = db_result_bool(present, row, 4)};
    ret->is_known = db_type_from_catalogue((uint32_t)db_result_int(present, row, 1),
                                           (int32_t)db_result_int(present, row, 2), &ret->type);
}

static int hold_columns(struct stage_target *t, const struct db_result *present, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    struct stage_held *held = arena_array(t->ctx->arena, s->ncolumns + 1, sizeof *held);
    for (size_t i = 0; i < s->ncolumns; i++) {
        int row = find_column(present, s->columns[i].name);
        if (row < 0) {
            TRY(missing_column(t, i, &held[i].is_present, err));
            held[i].is_known = held[i].is_present;
            held[i].type = s->columns[i].type;
            continue;
        }
        read_held(present, (size_t)row, &held[i]);
        TRY(hold_type(t, i, &held[i], err));
        if (s->schema.types == CONTRACT_EVOLVE && can_widen(&held[i].type, &s->columns[i].type) &&
            s->columns_node != NULL && !held[i].is_domain)
            held[i].type = s->columns[i].type;
    }
    t->held = held;
    return 0;
}

int stage_ensure_target(struct stage_target *t, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(query_columns(t, &res, err));
    t->is_new = db_result_rows(res) == 0;
    t->has_run_id = t->is_new || find_column(res, "_run_id") >= 0;
    t->has_loaded_at = t->is_new || find_column(res, "_loaded_at") >= 0;
    t->has_old_hash = !t->has_row_hash && t->has_run_id && t->has_loaded_at &&
                      find_column(res, "_row_hash") >= 0 &&
                      stream_column(t->ctx->stream, "_row_hash") < 0;
    if (t->is_new)
        return create_target(t, err);
    TRY(hold_own_columns(t, res, err));
    return hold_columns(t, res, err);
}

/* ---- values that do not fit ------------------------------------------------------------- */

/* SQL: the value is not one of the held type. */
static void misfit(struct strbuf *out, const char *name, const struct db_type *declared,
                   const struct db_type *held)
{
    AUTO_STRBUF struct strbuf value = {0};
    strbuf_init(&value, 1024);
    strbuf_adds(&value, "s.");
    db_quote_identifier(&value, name);
    switch (held->kind) {
    case DB_TEXT: strbuf_addf(out, "char_length(%s) > %d", value.data, held->precision); return;
    case DB_INT2: strbuf_addf(out, "%s not between -32768 and 32767", value.data); break;
    case DB_INT4: strbuf_addf(out, "%s not between -2147483648 and 2147483647", value.data); break;
    case DB_INT8:
        strbuf_addf(out, "%s not between -9223372036854775808 and 9223372036854775807", value.data);
        break;
    default:
        strbuf_addf(out, "round(%s::numeric, %d) <> %s or abs(%s::numeric) >= 10::numeric ^ %d",
                    value.data, held->scale, value.data, value.data, held->precision - held->scale);
        return;
    }
    if (declared->kind == DB_NUMERIC)
        strbuf_addf(out, " or %s <> trunc(%s)", value.data, value.data);
}

static int discard(const struct stage_target *t, size_t column, struct stream_counts *counts,
                   struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const struct column_spec *c = &s->columns[column];
    const struct stage_held *held = &t->held[column];
    AUTO_STRBUF struct strbuf condition = {0}, sql = {0};
    bool is_length = held->type.kind == DB_TEXT; /* what SQL would refuse in any case */
    if (!held->is_known || type_fit(&c->type, &held->type) != FIT_SOME ||
        (s->columns_node == NULL && !is_length))
        return 0;
    strbuf_init(&condition, 4096);
    misfit(&condition, c->name, &c->type, &held->type);
    if (s->columns_node == NULL || s->schema.types == CONTRACT_DISCARD_ROW) {
        struct stage_reject what = {.condition = condition.data,
                                    .reason = arena_printf(t->ctx->arena, "does not fit %s",
                                                           type_name(t->ctx->arena, &held->type)),
                                    .column = c->name};
        return stage_reject(t, &what, counts, err);
    }
    if (s->schema.types != CONTRACT_DISCARD_VALUE)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "update %s s set ", t->staged);
    db_quote_identifier(&sql, c->name);
    strbuf_addf(&sql, " = null where %s", condition.data);
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

int stage_contract(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; t->held != NULL && i < s->ncolumns; i++) {
        if (t->held[i].is_present) {
            TRY(discard(t, i, counts, err));
            continue;
        }
        if (s->schema.columns != CONTRACT_DISCARD_ROW)
            continue;
        AUTO_STRBUF struct strbuf condition = {0};
        strbuf_init(&condition, 4096);
        strbuf_adds(&condition, "s.");
        db_quote_identifier(&condition, s->columns[i].name);
        strbuf_adds(&condition, " is not null");
        struct stage_reject what = {
            .condition = condition.data,
            .reason = arena_printf(t->ctx->arena, "%s has no such column", t->shown),
            .column = s->columns[i].name};
        TRY(stage_reject(t, &what, counts, err));
    }
    return 0;
}
