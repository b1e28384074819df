/* diner state get|set|rewind. */
#include "cli/table.h"
#include "commands.h"
#include "core/datetime.h"
#include "core/decimal.h"
#include "core/message.h"
#include "engine.h"
#include "gen/embed.h"

#include <stdio.h>
#include <string.h>

struct state_args {
    const char *pipeline, *stream, *value, *to, *child;
};
#define AT(member) offsetof(struct state_args, member)
#define PIPELINE_FIELD                                                                             \
    {                                                                                              \
        "pipeline", FIELD_STRING, AT(pipeline), "name of the pipeline",                            \
            .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"  \
    }
#define CHILD_FIELD                                                                                \
    {                                                                                              \
        "child", FIELD_STRING, AT(child),                                                          \
            "of a stream with for_each: whose cursor, as `state get` shows it", .arg = "JSON"      \
    }
#define CURSOR_TEXT_MAX (DATETIME_ISO_MAX + DECIMAL_TEXT_MAX)

static const struct field get_fields[] = {PIPELINE_FIELD,
                                          {"stream", FIELD_STRING, AT(stream), "only this stream",
                                           .arg = "STREAM", .flags = FIELD_POSITIONAL},
                                          {0}};
static const struct field_set get_set = {
    .name = "state get", .struct_size = sizeof(struct state_args), .fields = get_fields};
static const struct table_column get_columns[] = {
    {"pipeline", TABLE_TEXT},   {"stream", TABLE_TEXT}, {"child", TABLE_TEXT, true},
    {"name", TABLE_TEXT},       {"value", TABLE_TEXT},  {"run", TABLE_INT},
    {"updated_at", TABLE_TIME}, {NULL, TABLE_TEXT}};

static int get(struct cli *cli, const void *bound, struct error *err)
{
    const struct state_args *args = bound;
    struct db_conn *db;
    TRY(engine_open(cli, &db, err));
    int code =
        engine_table(cli, db,
                     "select pipeline, stream, nullif(child, ''), name, value, run_id, "
                     "to_char(updated_at at time zone 'UTC', "
                     "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from diner.state where pipeline = $1 and "
                     "($2::text is null or stream = $2) order by 1, 2, diner.state.child, 4",
                     DB_PARAMS(args->pipeline, args->stream), get_columns, "no state yet", err);
    db_close(db);
    return code;
}

/* A cursor as the engine stores it. One that nothing could be read from would make the next run
 * fail or, worse, read nothing. */
static int cursor_text(const struct incremental_spec *inc, const char *value,
                       char ret[CURSOR_TEXT_MAX], struct error *err)
{
    struct datetime t;
    struct decimal n;
    if (inc->is_number) {
        if (!decimal_parse(value, strlen(value), &n))
            return error_set(err, ERR_USAGE, "'%s' is not a number, as the cursor '%s' is", value,
                             inc->cursor);
        decimal_print(&n, ret);
        return 0;
    }
    if (!datetime_parse_iso(value, strlen(value), &t) || !t.has_zone)
        return error_set(err, ERR_USAGE,
                         "'%s' is not a time with a zone, such as 2026-11-21T00:00:00+08:00",
                         value);
    struct civil c;
    civil_from_us(t.us, &c);
    snprintf(ret, CURSOR_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day,
             c.hour, c.minute, c.second, c.microsecond);
    return 0;
}

/* The cursors of children are their own: nobody reads one of the stream as a whole. */
static int check_child(const struct stream_spec *s, const char *child, struct error *err)
{
    if ((s->for_each != NULL) == (child != NULL))
        return 0;
    if (child != NULL)
        return error_set(err, ERR_USAGE, "stream '%s' has no children", s->name);
    error_set(err, ERR_USAGE, "each child of stream '%s' has a cursor of its own", s->name);
    return error_hint(err, "--child '{\"%s\":\"...\"}' names one, as 'diner state get' shows it",
                      s->for_each->bind.count > 0 ? s->for_each->bind.keys[0] : "name");
}

static int check_cursor(struct cli *cli, const struct state_args *args, const char *value,
                        const char **ret_name, char ret_text[CURSOR_TEXT_MAX], struct error *err)
{
    struct pipeline *p;
    TRY(pipeline_load(args->pipeline, cli->config, NULL, &p, NULL, err));
    const struct stream_spec *found = NULL;
    for (size_t i = 0; i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], args->stream) == 0)
            found = (const struct stream_spec *)p->streams.items + i;
    int code = 0;
    if (found == NULL)
        code = error_set(err, ERR_USAGE, "pipeline '%s' has no stream '%s'", args->pipeline,
                         args->stream);
    else if (found->incremental == NULL)
        code = error_set(err, ERR_USAGE, "stream '%s' is not incremental: it has no cursor",
                         args->stream);
    else if ((code = check_child(found, args->child, err)) == 0)
        code = cursor_text(found->incremental, value, ret_text, err);
    *ret_name = arena_strdup(cli->arena, p->name); /* a file may have been named */
    pipeline_free(p);
    return code;
}

/* A cursor is only taken back from where one is: without one the next run begins at `start`, and
 * one made up here would make it leave rows out. */
static int check_back(const char *current, const char *text, const char *name, const char *stream,
                      struct error *err)
{
    if (current == NULL) {
        error_set(err, ERR_CONFLICT, "%s.%s has no cursor yet", name, stream);
        return error_hint(err, "its next run begins at `incremental.start`");
    }
    struct decimal a, b;
    bool are_numbers =
        decimal_parse(text, strlen(text), &a) && decimal_parse(current, strlen(current), &b);
    if (are_numbers ? decimal_compare(&a, &b) <= 0 : strcmp(text, current) <= 0)
        return 0;
    error_set(err, ERR_CONFLICT, "the cursor is before %s already: %s", text, current);
    return error_hint(err, "'diner state set' moves it forward");
}

static int lock_pipeline(struct db_conn *db, const char *name, struct error *err)
{
    char lock[160];
    snprintf(lock, sizeof lock, "diner:%s", name);
    int code = db_try_lock(db, lock, err);
    return code == ERR_RUNNING
               ? error_set(err, ERR_RUNNING, "pipeline '%s' is running: its cursor stays", name)
               : code;
}

static int change_cursor(struct cli *cli, struct db_conn *db, const char *name,
                         const struct state_args *args, const char *text, bool only_back,
                         struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *stream = args->stream, *child = args->child != NULL ? args->child : "";
    if (!cli->dry_run)
        TRY(lock_pipeline(db, name, err));
    TRY(db_query(db, sql_state_get, DB_PARAMS(name, stream, child, "cursor"), &res, err));
    const char *current = db_result_rows(res) > 0 ? db_result_text(res, 0, 0) : NULL;
    if (args->child != NULL && current == NULL)
        return error_set(err, ERR_NOT_FOUND, "%s.%s has no cursor of child '%s'", name, stream,
                         child);
    if (only_back)
        TRY(check_back(current, text, name, stream, err));
    if (!cli->dry_run)
        TRY(db_execute(db, sql_state_set, DB_PARAMS(name, stream, child, "cursor", text, NULL),
                       NULL, err));
    cli_summary(cli, "cursor of %s.%s %s %s, was %s", name, stream,
                cli->dry_run ? message_text("would be") : message_text("is"), text,
                current != NULL ? current : message_text("not set"));
    return 0;
}

static int write_cursor(struct cli *cli, const struct state_args *args, const char *value,
                        bool only_back, struct error *err)
{
    struct db_conn *db;
    char text[CURSOR_TEXT_MAX];
    const char *name;
    TRY(check_cursor(cli, args, value, &name, text, err));
    TRY(engine_open(cli, &db, err));
    int code = change_cursor(cli, db, name, args, text, only_back, err);
    db_close(db);
    return code;
}

static const struct field set_fields[] = {
    PIPELINE_FIELD,
    {"stream", FIELD_STRING, AT(stream), "stream with a cursor", .arg = "STREAM",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"value", FIELD_STRING, AT(value), "time with a zone, or a number where the cursor is one",
     .arg = "VALUE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    CHILD_FIELD,
    {0}};
static const struct field_set set_set = {
    .name = "state set", .struct_size = sizeof(struct state_args), .fields = set_fields};
static const struct field rewind_fields[] = {
    PIPELINE_FIELD,
    {"stream", FIELD_STRING, AT(stream), "stream with a cursor", .arg = "STREAM",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"to", FIELD_STRING, AT(to), "time with a zone, or a number where the cursor is one",
     .arg = "VALUE", .flags = FIELD_REQUIRED},
    CHILD_FIELD,
    {0}};
static const struct field_set rewind_set = {
    .name = "state rewind", .struct_size = sizeof(struct state_args), .fields = rewind_fields};

static int set(struct cli *cli, const void *bound, struct error *err)
{
    const struct state_args *args = bound;
    return write_cursor(cli, args, args->value, false, err);
}

static int rewind_cursor(struct cli *cli, const void *bound, struct error *err)
{
    const struct state_args *args = bound;
    return write_cursor(cli, args, args->to, true, err);
}

static const struct command command_get = {.name = "get",
                                           .summary = "show cursors and file ledgers",
                                           .args = &get_set,
                                           .run = get,
                                           .flags = CLI_OUTPUT,
                                           .examples = (const struct command_example[]){
                                               {"diner state get orders", "of one pipeline"}, {0}}};
static const struct command command_set = {
    .name = "set",
    .summary = "set the cursor of a stream",
    .args = &set_set,
    .run = set,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner state set orders orders 2026-11-01T00:00:00+08:00 --dry-run", "look first"}, {0}}};
static const struct command command_rewind = {
    .name = "rewind",
    .summary = "take a cursor back: rows since then are read again and merged",
    .args = &rewind_set,
    .run = rewind_cursor,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner state rewind orders orders --to 2026-11-20T00:00:00+08:00 --dry-run", "look first"},
        {0}}};
static const struct command *const children[] = {&command_get, &command_set, &command_rewind, NULL};
const struct command command_state = {
    .name = "state", .summary = "cursors and file ledgers of streams", .children = children};
