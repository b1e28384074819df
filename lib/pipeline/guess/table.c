/* A pipeline from a table: its columns and key as the catalogue has them. */
#include "core/message.h"
#include "core/secret.h"
#include "db/conn.h"
#include "gen/embed.h"
#include "pipeline/guess/draft.h"
#include "pipeline/guess/names.h"

#include <inttypes.h>
#include <string.h>

struct table_name {
    const char *connection, *schema, *table;
};

static int split_name(struct arena *arena, const char *text, struct table_name *ret,
                      struct error *err)
{
    const char *first = strchr(text, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
    if (second == NULL || first == text || second == first + 1 || second[1] == '\0') {
        error_set(err, ERR_USAGE, "'%s' is no file, no URL and no table", text);
        return error_hint(err, "a table is CONNECTION.SCHEMA.TABLE");
    }
    *ret = (struct table_name){arena_strndup(arena, text, (size_t)(first - text)),
                               arena_strndup(arena, first + 1, (size_t)(second - first - 1)),
                               arena_strdup(arena, second + 1)};
    return 0;
}

static int open_connection(const struct table_name *name, const struct guess_options *o,
                           struct db_conn **ret, struct error *err)
{
    char *dsn;
    TRY(config_dsn(o->config, name->connection, &dsn, err));
    struct db_options options = {.dsn = dsn, .application_name = "diner"};
    int code = db_open(&options, ret, err);
    secret_free(dsn);
    return code;
}

/* Columns of the catalogue that diner loads; others are named in a comment. */
static void take_columns(struct draft *d, const struct db_result *res, struct strbuf *left_out)
{
    size_t n = db_result_rows(res);
    d->columns = arena_array(d->arena, n + 1, sizeof *d->columns);
    for (size_t i = 0; i < n; i++) {
        const char *name = arena_strdup(d->arena, db_result_text(res, i, 0));
        struct db_type type;
        if (!db_type_from_catalogue((uint32_t)db_result_int(res, i, 1),
                                    (int32_t)db_result_int(res, i, 2), &type) ||
            name[0] == '_') {
            strbuf_addf(left_out, "%s%s (%s)", left_out->len > 0 ? ", " : "", name,
                        db_result_text(res, i, 3));
            continue;
        }
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, 256);
        db_type_print(&type, &text);
        struct draft_column *c = &d->columns[d->ncolumns];
        const struct seen_type known = {.type = arena_strdup(d->arena, text.data)};
        *c = (struct draft_column){
            .name = name, .header = name, .type = known, .required = db_result_bool(res, i, 4)};
        int64_t at = db_result_int(res, i, 5); /* place in the key, from 1; 0: not in it */
        if (at == 1 || at == 2)
            d->keys[0].columns[at - 1] = d->ncolumns;
        if (at > 0)
            d->keys[0].ncolumns++;
        d->ncolumns++;
    }
}

static const char *column_named(const struct draft *d, const char *const *names, size_t n)
{
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < d->ncolumns; i++)
            if (strcmp(d->columns[i].name, names[k]) == 0 &&
                strncmp(d->columns[i].type.type, "timestamp", 9) == 0)
                return d->columns[i].name;
    return NULL;
}

static void print_extra(struct draft *d, const struct db_result *res, struct strbuf *out)
{
    static const char *const cursors[] = {"updated_at", "modified_at", "update_time", "changed_at"};
    const char *cursor = column_named(d, cursors, sizeof cursors / sizeof *cursors);
    if (d->keys[0].ncolumns > 2) { /* longer than a draft's own: written here */
        strbuf_adds(out, message_text(
                             "    # the primary key, written as  key: [...]  with  mode: merge :"));
        for (size_t at = 1; at <= d->keys[0].ncolumns; at++)
            for (size_t i = 0; i < db_result_rows(res); i++)
                if (db_result_int(res, i, 5) == (int64_t)at)
                    strbuf_addf(out, " %s", db_result_text(res, i, 0));
        strbuf_addch(out, '\n');
    }
    if (cursor != NULL && d->has_key) {
        strbuf_adds(out, message_text("    # read only what changed, with mode: merge:\n"
                                      "    # incremental: { cursor: "));
        name_yaml(out, cursor);
        strbuf_adds(
            out,
            message_text(", start: 2020-01-01T00:00:00Z, lag: 10m }   # and in the query: where "));
        db_quote_identifier(out, cursor);
        strbuf_adds(out, " >= ${window.start}::timestamptz\n");
    }
}

static int draft_table(struct draft *d, const struct table_name *name, struct db_conn *db,
                       struct strbuf *out, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf left_out = {0}, source = {0}, extra = {0};
    strbuf_init(&left_out, 1 << 16);
    strbuf_init(&source, 1 << 16);
    strbuf_init(&extra, 1 << 16);
    TRY(db_query(db, sql_guess_table, DB_PARAMS(name->schema, name->table), &res, err));
    if (db_result_rows(res) == 0)
        return error_set(err, ERR_NOT_FOUND, "connection '%s' has no table %s.%s", name->connection,
                         name->schema, name->table);
    take_columns(d, res, &left_out);
    if (d->ncolumns == 0)
        return error_set(err, ERR_DATA, "%s.%s has no column that diner loads", name->schema,
                         name->table);
    d->replaces = true;
    d->has_key = d->keys[0].ncolumns > 0 && d->keys[0].ncolumns <= 2;
    print_extra(d, res, &extra);
    d->extra = arena_strdup(d->arena, extra.data);
    strbuf_adds(&source, "      connection: ");
    name_yaml(&source, name->connection);
    strbuf_adds(&source, "\n      table: ");
    name_yaml(&source, arena_printf(d->arena, "%s.%s", name->schema, name->table));
    strbuf_adds(&source, "   # or  query: select ...\n");
    d->source = arena_strdup(d->arena, source.data);
    d->intro = arena_printf(
        d->arena,
        message_text("# Guessed from the catalogue of %s: review it, then commit it.\n%s%s%s"),
        name->connection, left_out.len > 0 ? message_text("# Left out: ") : "", left_out.data,
        left_out.len > 0 ? "\n" : "");
    draft_print(d, out);
    return 0;
}

int guess_table(const char *text, const struct guess_options *o, struct strbuf *out,
                struct error *err)
{
    struct draft d = {.arena = arena_new(), .options = o, .is_unread = true};
    struct table_name name = {0};
    struct db_conn *db = NULL;
    int code = split_name(d.arena, text, &name, err);
    if (code == 0)
        code = open_connection(&name, o, &db, err);
    if (code == 0) {
        d.name = o->name != NULL ? o->name : name_stem(d.arena, name.table);
        code = draft_table(&d, &name, db, out, err);
    }
    db_close(db);
    arena_free(d.arena);
    return code;
}
