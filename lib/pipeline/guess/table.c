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

/* What holds the values of a type that diner does not load as it is: text takes any. */
static const char *nearest_type(const char *type)
{
    static const char *const others[][2] = {{"json", "jsonb"}, {"real", "float8"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(type, others[i][0]) == 0)
            return others[i][1];
    return "text";
}

/* Type of a column, with a comment where it is another than the table's. */
static struct seen_type column_type(struct arena *arena, const struct db_result *res, size_t row)
{
    const char *theirs = db_result_text(res, row, 3);
    AUTO_STRBUF struct strbuf text = {0};
    struct db_type type;
    if (!db_type_from_catalogue((uint32_t)db_result_int(res, row, 1),
                                (int32_t)db_result_int(res, row, 2), &type))
        return (struct seen_type){.type = nearest_type(theirs),
                                  .note =
                                      arena_printf(arena, message_text("%s in the table"), theirs)};
    strbuf_init(&text, 256);
    db_type_print(&type, &text);
    return (struct seen_type){.type = arena_strdup(arena, text.data)};
}

static bool has_column(const struct db_result *res, const char *name)
{
    for (size_t i = 0; i < db_result_rows(res); i++)
        if (strcmp(db_result_text(res, i, 0), name) == 0)
            return true;
    return false;
}

/* Names that begin with an underscore are diner's own. */
static const char *column_name(struct arena *arena, const struct db_result *res, const char *theirs)
{
    const char *name = theirs + strspn(theirs, "_");
    if (name == theirs)
        return theirs;
    if (*name == '\0')
        name = "column";
    return arena_printf(arena, "%s%s", name, has_column(res, name) ? "_" : "");
}

static void take_columns(struct draft *d, const struct db_result *res)
{
    size_t n = db_result_rows(res);
    d->columns = arena_array(d->arena, n + 1, sizeof *d->columns);
    for (size_t i = 0; i < n; i++) {
        const char *theirs = arena_strdup(d->arena, db_result_text(res, i, 0));
        d->columns[i] = (struct draft_column){.name = column_name(d->arena, res, theirs),
                                              .header = theirs,
                                              .type = column_type(d->arena, res, i),
                                              .required = db_result_bool(res, i, 4)};
        int64_t at = db_result_int(res, i, 5); /* place in the key, from 1; 0: not in it */
        if (at > 0 && at <= KEY_WIDTH_MAX) {
            d->keys[0].columns[at - 1] = i;
            d->keys[0].ncolumns++;
        }
    }
    d->ncolumns = n;
    draft_name_columns(d);
    for (size_t i = 0; i < n; i++)
        if (strcmp(d->columns[i].name, d->columns[i].header) != 0)
            d->columns[i].from = d->columns[i].header;
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

static void print_extra(const struct draft *d, struct strbuf *out)
{
    static const char *const cursors[] = {"updated_at", "modified_at", "update_time", "changed_at"};
    const char *cursor = column_named(d, cursors, sizeof cursors / sizeof *cursors);
    if (cursor != NULL && d->has_key) {
        strbuf_adds(out, message_text("    # read only what changed, with mode: merge:\n"
                                      "    # incremental: { cursor: "));
        name_yaml(out, cursor);
        strbuf_adds(out, ", start: 2020-01-01T00:00:00Z, lag: 10m }\n");
    }
}

static int draft_table(struct draft *d, const struct table_name *name, struct db_conn *db,
                       struct strbuf *out, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf source = {0}, extra = {0};
    strbuf_init(&source, 1 << 16);
    strbuf_init(&extra, 1 << 16);
    TRY(db_query(db, sql_guess_table, DB_PARAMS(name->schema, name->table), &res, err));
    if (db_result_rows(res) == 0)
        return error_set(err, ERR_NOT_FOUND, "connection '%s' has no table %s.%s", name->connection,
                         name->schema, name->table);
    take_columns(d, res);
    d->replaces = true;
    d->has_key = d->keys[0].ncolumns > 0;
    print_extra(d, &extra);
    d->extra = arena_strdup(d->arena, extra.data);
    strbuf_adds(&source, "      connection: ");
    name_yaml(&source, name->connection);
    strbuf_adds(&source, "\n      table: ");
    name_yaml(&source, arena_printf(d->arena, "%s.%s", name->schema, name->table));
    strbuf_adds(&source, "   # or  query: select ...\n");
    d->source = arena_strdup(d->arena, source.data);
    d->intro = arena_printf(
        d->arena, message_text("# Guessed from the catalogue of %s: review it, then commit it.\n"),
        name->connection);
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
