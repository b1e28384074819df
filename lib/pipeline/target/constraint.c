/* What the target's constraints would refuse, found over the stage before anything is written: not
 * null, check, foreign key, unique. They are read from the catalogue; those that cannot be said
 * over staged rows (a column that is not loaded, an expression index, an exclusion, a trigger) are
 * left to the writing, which finds the row by halving. */
#include "pipeline/target/stage.h"

#include <string.h>

struct constraint_pass {
    const struct stage_target *t;
    struct stream_counts *counts;
};

struct names {
    const char *items[32];
    size_t count;
};

/* Names that came as one text, \x1f between them; false when there are none or too many. */
static bool split_names(const struct stage_target *t, const char *list, struct names *ret)
{
    ret->count = 0;
    while (list != NULL && *list != '\0') {
        const char *end = strchr(list, '\x1f');
        size_t n = end != NULL ? (size_t)(end - list) : strlen(list);
        if (ret->count == 32)
            return false;
        ret->items[ret->count] = arena_strndup(t->ctx->arena, list, n);
        ret->count++;
        list = end != NULL ? end + 1 : NULL;
    }
    return ret->count > 0;
}

static bool are_written(const struct stage_target *t, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        int at = stream_column(t->ctx->stream, names->items[i]);
        if (at < 0 || !stage_is_written(t, (size_t)at))
            return false;
    }
    return true;
}

static bool is_the_key(const struct stage_target *t, const struct names *names)
{
    const struct stream_spec *s = t->ctx->stream;
    if (names->count != s->key.count)
        return false;
    for (size_t i = 0; i < names->count; i++)
        if (!stage_is_key(s, names->items[i]))
            return false;
    return true;
}

static void list(struct strbuf *out, const struct names *names, const char *prefix)
{
    for (size_t i = 0; i < names->count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", prefix);
        db_quote_identifier(out, names->items[i]);
    }
}

static void match(struct strbuf *out, const struct names *left, const char *left_prefix,
                  const struct names *right, const char *right_prefix)
{
    for (size_t i = 0; i < left->count; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " and " : "", left_prefix);
        db_quote_identifier(out, left->items[i]);
        strbuf_addf(out, " = %s", right_prefix);
        db_quote_identifier(out, right->items[i]);
    }
}

/* A predicate that SQL refuses (types that do not compare) is left to the writing. */
static int reject_safely(const struct constraint_pass *p, const struct stage_reject *what,
                         struct error *err)
{
    struct db_conn *db = p->t->ctx->db;
    TRY(db_execute(db, "savepoint diner_constraint", DB_NO_PARAMS, NULL, err));
    int code = stage_reject(p->t, what, p->counts, err);
    if (code != 0 && strncmp(err->sqlstate, "42", 2) == 0) {
        error_clear(err);
        return db_execute(db, "rollback to savepoint diner_constraint", DB_NO_PARAMS, NULL, err);
    }
    TRY(code);
    return db_execute(db, "release savepoint diner_constraint", DB_NO_PARAMS, NULL, err);
}

/* ---- the kinds -------------------------------------------------------------------------- */

static int reject_nulls(const struct constraint_pass *p, struct error *err)
{
    const struct stage_target *t = p->t;
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->ncolumns; i++) {
        if (!t->held[i].is_present || !t->held[i].is_required || s->columns[i].required ||
            stage_is_key(s, s->columns[i].name))
            continue;
        AUTO_STRBUF struct strbuf condition = {0};
        strbuf_init(&condition, 4096);
        strbuf_adds(&condition, "s.");
        db_quote_identifier(&condition, s->columns[i].name);
        strbuf_adds(&condition, " is null");
        struct stage_reject what = {
            .condition = condition.data,
            .reason = arena_printf(t->ctx->arena, "null, which %s does not take", t->shown),
            .column = s->columns[i].name};
        TRY(stage_reject(t, &what, p->counts, err));
    }
    return 0;
}

static int reject_unchecked(const struct constraint_pass *p, const char *name, const char *expr,
                            const struct names *columns, struct error *err)
{
    struct arena *arena = p->t->ctx->arena;
    /* Names in it are bare, as those of the stage. */
    struct stage_reject what = {.condition = arena_printf(arena, "(%s) is false", expr),
                                .reason = arena_printf(arena, "violates check '%s'", name),
                                .column = columns->count == 1 ? columns->items[0] : NULL};
    return reject_safely(p, &what, err);
}

static int reject_orphans(const struct constraint_pass *p, const char *name,
                          const struct names *columns, const char *parent,
                          const struct names *parents, bool is_self, struct error *err)
{
    const struct stage_target *t = p->t;
    AUTO_STRBUF struct strbuf condition = {0};
    strbuf_init(&condition, STAGE_SQL_MAX);
    strbuf_adds(&condition, "num_nulls(");
    list(&condition, columns, "s.");
    strbuf_addf(&condition, ") = 0 and not exists (select from %s p where ", parent);
    match(&condition, parents, "p.", columns, "s.");
    strbuf_addch(&condition, ')');
    if (is_self) { /* or it comes with this load */
        if (!are_written(t, parents))
            return 0;
        strbuf_addf(&condition, " and not exists (select from %s q where ", t->staged);
        match(&condition, parents, "q.", columns, "s.");
        strbuf_addch(&condition, ')');
    }
    struct stage_reject what = {
        .condition = condition.data,
        .reason = arena_printf(t->ctx->arena, "violates foreign key '%s': not in %s", name, parent),
        .column = columns->items[0]};
    return reject_safely(p, &what, err);
}

/* Taken by another row of the target, or by an earlier one of the stage. */
static int reject_taken(const struct constraint_pass *p, const char *name,
                        const struct names *columns, struct error *err)
{
    const struct stage_target *t = p->t;
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf condition = {0};
    if (s->mode == MODE_SCD2 || (s->key.count > 0 && is_the_key(t, columns)))
        return 0;
    strbuf_init(&condition, STAGE_SQL_MAX);
    strbuf_adds(&condition, "num_nulls(");
    list(&condition, columns, "s.");
    strbuf_addf(&condition, ") = 0 and (exists (select from %s t where ", t->quoted);
    match(&condition, columns, "t.", columns, "s.");
    if (s->key.count > 0) {
        strbuf_adds(&condition, " and (");
        stage_list(&condition, &s->key, "t.");
        strbuf_adds(&condition, ") is distinct from (");
        stage_list(&condition, &s->key, "s.");
        strbuf_addch(&condition, ')');
    }
    strbuf_addf(&condition, ") or exists (select from %s q where q._seq < s._seq and ", t->staged);
    match(&condition, columns, "q.", columns, "s.");
    strbuf_adds(&condition, "))");
    struct stage_reject what = {
        .condition = condition.data,
        .reason = arena_printf(t->ctx->arena, "violates unique '%s': the value is taken", name),
        .column = columns->items[0]};
    return reject_safely(p, &what, err);
}

/* ---- from the catalogue ----------------------------------------------------------------- */

static int query_constraints(const struct stage_target *t, struct db_result **ret,
                             struct error *err)
{
    return db_query(
        t->ctx->db,
        "select c.contype::text, c.conname, "
        "(select string_agg(a.attname, e'\\x1f' order by k.n) from unnest(c.conkey) with "
        "ordinality k(num, n) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = "
        "k.num), "
        "case c.contype when 'c' then pg_get_expr(c.conbin, c.conrelid) "
        "when 'f' then c.confrelid::regclass::text end, "
        "(select string_agg(a.attname, e'\\x1f' order by k.n) from unnest(c.confkey) with "
        "ordinality k(num, n) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = "
        "k.num), c.confrelid = c.conrelid "
        "from pg_constraint c where c.conrelid = to_regclass($1) and c.contype in ('c', 'f') "
        "union all "
        "select 'u', i.indexrelid::regclass::text, "
        "(select string_agg(a.attname, e'\\x1f' order by k.n) from unnest(i.indkey::int2[]) with "
        "ordinality k(num, n) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num "
        "where k.n <= i.indnkeyatts), null, null, false "
        "from pg_index i where i.indrelid = to_regclass($1) and i.indisunique and i.indisvalid "
        "and i.indpred is null and i.indexprs is null "
        "order by 1, 2",
        DB_PARAMS(t->like != NULL ? t->like : t->quoted), ret, err);
}

static int constrain_one(const struct constraint_pass *p, const struct db_result *res, size_t row,
                         struct error *err)
{
    const struct stage_target *t = p->t;
    const char kind = db_result_text(res, row, 0)[0], *name = db_result_text(res, row, 1);
    struct names columns = {0}, parents = {0};
    if (!split_names(t, db_result_text(res, row, 2), &columns) || !are_written(t, &columns))
        return 0;
    if (kind == 'c')
        return reject_unchecked(p, name, db_result_text(res, row, 3), &columns, err);
    if (kind == 'u')
        return reject_taken(p, name, &columns, err);
    if (!split_names(t, db_result_text(res, row, 4), &parents))
        return 0;
    return reject_orphans(p, name, &columns, db_result_text(res, row, 3), &parents,
                          db_result_bool(res, row, 5), err);
}

int stage_constrain(const struct stage_target *t, struct stream_counts *counts, struct error *err)
{
    const struct constraint_pass p = {t, counts};
    AUTO_RESULT struct db_result *res = NULL;
    if (t->is_new || t->held == NULL)
        return 0;
    TRY(reject_nulls(&p, err));
    TRY(query_constraints(t, &res, err));
    for (size_t i = 0; i < db_result_rows(res); i++)
        TRY(constrain_one(&p, res, i, err));
    return 0;
}

int stage_has_unique_key(const struct stage_target *t, bool *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    struct names columns = {0};
    TRY(query_constraints(t, &res, err));
    *ret = false;
    for (size_t i = 0; i < db_result_rows(res) && !*ret; i++)
        *ret = db_result_text(res, i, 0)[0] == 'u' &&
               split_names(t, db_result_text(res, i, 2), &columns) && is_the_key(t, &columns);
    return 0;
}

int stage_takes_rows(const struct stage_target *t, bool *not_null, bool *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const struct stream_spec *s = t->ctx->stream;
    size_t found = 0;
    TRY(db_query(t->ctx->db,
                 "select a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef or "
                 "a.attidentity <> '' from pg_attribute a where a.attrelid = to_regclass($1) and "
                 "a.attnum > 0 and not a.attisdropped",
                 DB_PARAMS(t->quoted), &res, err));
    *ret = true;
    for (size_t i = 0; i < db_result_rows(res); i++) {
        struct db_type held;
        int column = stream_column(s, db_result_text(res, i, 0));
        const bool is_required = db_result_bool(res, i, 3);
        if (column < 0) { /* filled by its default, or refuses every row */
            *ret &= !is_required || db_result_bool(res, i, 4);
            continue;
        }
        found++;
        not_null[column] = is_required;
        *ret &= db_type_from_catalogue((uint32_t)db_result_int(res, i, 1),
                                       (int32_t)db_result_int(res, i, 2), &held) &&
                stage_is_same_type(&s->columns[column].type, &held);
    }
    *ret &= found == s->ncolumns || s->schema.columns == CONTRACT_EVOLVE;
    return 0;
}

int stage_is_plain(const struct stage_target *t, bool *not_null, bool *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(
        t->ctx->db,
        "select exists (select from pg_constraint where conrelid = to_regclass($1)) or "
        "exists (select from pg_index where indrelid = to_regclass($1) and indisunique) or "
        "exists (select from pg_trigger where tgrelid = to_regclass($1) and not tgisinternal)",
        DB_PARAMS(t->quoted), &res, err));
    *ret = !db_result_bool(res, 0, 0);
    return *ret ? stage_takes_rows(t, not_null, ret, err) : 0;
}
