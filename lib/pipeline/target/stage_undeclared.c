/* `schema: { undeclared: evolve }`: what the source has and nobody declared waits in `_more` of the
 * stage, an object a row; its members become columns of the stream for the rest of the load. Their
 * types: what the source says; else of JSON numeric or boolean, when all values are that; else
 * text. A column that the table has as text takes text. */
#include "core/message.h"
#include "pipeline/target/stage.h"

#include <string.h>

#define COLUMNS_NEW_MAX 100
#define NAME_MAX_BYTES  63

bool stage_takes_undeclared(const struct stream_spec *s)
{
    return s->schema.undeclared == CONTRACT_EVOLVE;
}

static int refuse_name(const struct stage_target *t, const char *name, const char *why,
                       struct error *err)
{
    error_set(err, ERR_CHECK, "stream '%s': the source's '%.100s' cannot be a column: %s",
              t->ctx->stream->name, name, why);
    return error_hint(err,
                      "declare it under another name:  columns: { NAME: { type: text, from: "
                      "%.100s } }",
                      name);
}

static int check_name(const struct stage_target *t, const char *name, struct error *err)
{
    if (stream_column(t->ctx->stream, name) >= 0)
        return refuse_name(t, name, message_text("another column has that name"), err);
    if (*name == '\0' || *name == '_')
        return refuse_name(t, name, message_text("names beginning with '_' are diner's own"), err);
    return strlen(name) > NAME_MAX_BYTES
               ? refuse_name(t, name, message_text("a name has at most 63 bytes"), err)
               : 0;
}

/* Of the found name at i: name, type by its values, whether the table has it as text. */
static int type_of(const struct stage_target *t, const struct db_result *found, size_t i,
                   struct db_type *ret, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    const char *name = db_result_text(found, i, 0);
    *ret = (struct db_type){.kind = DB_TEXT};
    if (db_result_bool(found, i, 2))
        return 0;
    for (size_t k = 0; k < s->nothers; k++) {
        if (strcmp(s->others[k].name, name) != 0)
            continue;
        *ret = s->others[k].type;
        return 0;
    }
    return db_type_parse(db_result_text(found, i, 1), ret, err);
}

/* The columns of the stream, and those: the declared ones are found again by stage_forget. */
static int append_columns(struct stage_target *t, const struct db_result *found, struct error *err)
{
    struct stream_spec *s = t->ctx->stream;
    struct arena *arena = t->ctx->arena;
    const size_t n = db_result_rows(found);
    struct column_spec *columns = arena_array(arena, s->ncolumns + n + 1, sizeof *columns);
    memcpy(columns, s->columns, s->ncolumns * sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        struct column_spec *c = &columns[s->ncolumns + i];
        TRY(check_name(t, db_result_text(found, i, 0), err));
        TRY(type_of(t, found, i, &c->type, err));
        c->name = c->from = arena_strdup(arena, db_result_text(found, i, 0));
    }
    t->declared = s->columns;
    t->ndeclared = s->ncolumns;
    s->columns = columns;
    s->ncolumns += n;
    return 0;
}

/* alter table STAGE add column "a" date, ...; update STAGE set "a" = (_more->>'a')::date, ... */
static int fill_columns(const struct stage_target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf add = {0}, set = {0};
    strbuf_init(&add, STAGE_SQL_MAX);
    strbuf_init(&set, STAGE_SQL_MAX);
    for (size_t i = t->ndeclared; i < s->ncolumns; i++) {
        const char *comma = i > t->ndeclared ? ", " : "";
        strbuf_addf(&add, "%sadd column ", comma);
        db_quote_identifier(&add, s->columns[i].name);
        strbuf_addch(&add, ' ');
        db_type_print(&s->columns[i].type, &add);
        strbuf_adds(&set, comma);
        db_quote_identifier(&set, s->columns[i].name);
        strbuf_adds(&set, " = (_more->>");
        db_quote_literal(&set, s->columns[i].name);
        strbuf_adds(&set, ")::");
        db_type_print(&s->columns[i].type, &set);
    }
    const char *sql = arena_printf(t->ctx->arena, "alter table %s %s", t->staged, add.data);
    TRY(db_execute(t->ctx->db, sql, DB_NO_PARAMS, NULL, err));
    sql = arena_printf(t->ctx->arena, "update %s set %s where _more is not null", t->staged,
                       set.data);
    return db_execute(t->ctx->db, sql, DB_NO_PARAMS, NULL, err);
}

int stage_take_undeclared(struct stage_target *t, struct error *err)
{
    AUTO_RESULT struct db_result *found = NULL;
    if (!stage_takes_undeclared(t->ctx->stream))
        return 0;
    const char *sql =
        arena_printf(t->ctx->arena,
                     "select k, case when bool_and(jsonb_typeof(v) = 'number') then 'numeric' "
                     "when bool_and(jsonb_typeof(v) = 'boolean') then 'bool' else 'text' end, "
                     "coalesce((select atttypid in ('text'::regtype, 'varchar'::regtype) "
                     "from pg_attribute where attrelid = to_regclass($1) and attname = k and "
                     "attnum > 0 and not attisdropped), false) "
                     "from (select (jsonb_each(_more)).* from %s) as m (k, v) "
                     "group by k order by k collate \"C\" limit %d",
                     t->staged, COLUMNS_NEW_MAX + 1);
    TRY(db_query(t->ctx->db, sql, DB_PARAMS(t->quoted), &found, err));
    if (db_result_rows(found) == 0)
        return 0;
    if (db_result_rows(found) > COLUMNS_NEW_MAX) {
        error_set(err, ERR_CHECK,
                  "stream '%s': the source has more than %d names that nobody declared",
                  t->ctx->stream->name, COLUMNS_NEW_MAX);
        return error_hint(err,
                          "are they values? read what they are in as one column of type jsonb");
    }
    TRY(append_columns(t, found, err));
    return fill_columns(t, err);
}

void stage_forget_undeclared(struct stage_target *t)
{
    if (t->declared == NULL)
        return;
    t->ctx->stream->columns = t->declared;
    t->ctx->stream->ncolumns = t->ndeclared;
    t->declared = NULL;
}
