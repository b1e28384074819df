/* diner runs list|show. */
#include "cli/table.h"
#include "commands.h"
#include "engine.h"
#include "gen/embed.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const run_states[] = {"all",    "running",     "succeeded", "partial",
                                         "failed", "interrupted", NULL};

struct list_args {
    const char *pipeline;
    int status;
    int64_t limit;
};
static const struct field list_fields[] = {
    {"pipeline", FIELD_STRING, offsetof(struct list_args, pipeline), "only runs of this pipeline",
     .arg = "NAME", .complete = "pipeline"},
    {"status", FIELD_CHOICE, offsetof(struct list_args, status), "only with this status",
     .arg = "STATUS", .def = "all", .choices = run_states},
    {"limit", FIELD_INT, offsetof(struct list_args, limit), "how many, newest first", .def = "20",
     .min = 1, .max = 10000},
    {0}};
static const struct field_set list_set = {
    .name = "runs list", .struct_size = sizeof(struct list_args), .fields = list_fields};
static const struct table_column list_columns[] = {
    {"id", TABLE_INT},          {"pipeline", TABLE_TEXT},   {"status", TABLE_TEXT},
    {"started_at", TABLE_TIME}, {"seconds", TABLE_DECIMAL}, {"read", TABLE_INT},
    {"written", TABLE_INT},     {"rejected", TABLE_INT},    {"error", TABLE_TEXT},
    {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    struct db_conn *db;
    char limit[24];
    snprintf(limit, sizeof limit, "%" PRId64, args->limit);
    TRY(engine_open(cli, &db, err));
    int code = engine_table(
        cli, db, sql_runs_list,
        DB_PARAMS(args->pipeline, args->status > 0 ? run_states[args->status] : NULL, limit),
        list_columns, "no runs yet", err);
    db_close(db);
    return code;
}

struct show_args {
    int64_t run;
};
static const struct field show_fields[] = {
    {"run", FIELD_INT, offsetof(struct show_args, run), "number of the run; 0: the latest",
     .arg = "RUN", .flags = FIELD_POSITIONAL, .def = "0", .min = 0, .max = INT64_MAX},
    {0}};
static const struct field_set show_set = {
    .name = "runs show", .struct_size = sizeof(struct show_args), .fields = show_fields};
static const struct table_column show_columns[] = {
    {"run", TABLE_INT},        {"pipeline", TABLE_TEXT},   {"stream", TABLE_TEXT},
    {"status", TABLE_TEXT},    {"read", TABLE_INT},        {"inserted", TABLE_INT},
    {"updated", TABLE_INT},    {"unchanged", TABLE_INT},   {"deleted", TABLE_INT},
    {"superseded", TABLE_INT}, {"rejected", TABLE_INT},    {"skipped", TABLE_INT},
    {"findings", TABLE_INT},   {"seconds", TABLE_DECIMAL}, {"target", TABLE_TEXT},
    {"error", TABLE_TEXT},     {NULL, TABLE_TEXT}};

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    struct db_conn *db;
    char run[24];
    int64_t found = 0;
    snprintf(run, sizeof run, "%" PRId64, args->run);
    TRY(engine_open(cli, &db, err));
    int code = db_query_int(db,
                            "select coalesce(max(id), 0) from diner.run where ($1::bigint = 0 and "
                            "parent_id is null) or id = $1::bigint",
                            DB_PARAMS(run), &found, err);
    if (code == 0 && found == 0)
        code = args->run == 0 ? error_set(err, ERR_NOT_FOUND, "there are no runs yet")
                              : error_set(err, ERR_NOT_FOUND, "there is no run %s", run);
    snprintf(run, sizeof run, "%" PRId64, found);
    if (code == 0)
        code = engine_table(cli, db, sql_runs_show, DB_PARAMS(run), show_columns,
                            "the run has no streams", err);
    db_close(db);
    return code;
}

static const struct command command_list = {
    .name = "list",
    .summary = "list runs, newest first",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner runs list --pipeline nightly --limit 5", "the last five nights"}, {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show the streams of a run, and of its steps",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){{"diner runs show", "the latest run"}, {0}}};
static const struct command *const children[] = {&command_list, &command_show, NULL};
const struct command command_runs = {
    .name = "runs", .summary = "history of runs", .children = children};
