/* diner runs list|show|findings|resume|cancel|prune. */
#include "cli/table.h"
#include "commands.h"
#include "core/message.h"
#include "core/signals.h"
#include "engine.h"
#include "gen/embed.h"
#include "pipeline/asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const run_states[] = {"all",     "waiting", "running",     "succeeded",
                                         "partial", "failed",  "interrupted", NULL};

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

struct resume_args {
    int64_t run, jobs;
    const char *pipeline; /* found */
    struct field_strings params;
};
struct show_args {
    int64_t run;
    bool slices, left_behind, tasks;
};
static const struct field show_fields[] = {
    {"run", FIELD_INT, offsetof(struct show_args, run), "number of the run; 0: the latest",
     .arg = "RUN", .flags = FIELD_POSITIONAL, .def = "0", .min = 0, .max = INT64_MAX},
    {"slices", FIELD_BOOL, offsetof(struct show_args, slices),
     "the children and windows of its streams instead"},
    {"tasks", FIELD_BOOL, offsetof(struct show_args, tasks),
     "the parts of a distributed run instead, and who has them"},
    {"left-behind", FIELD_BOOL, offsetof(struct show_args, left_behind),
     "only children and windows that failed"},
    {0}};
static const struct field_set show_set = {
    .name = "runs show", .struct_size = sizeof(struct show_args), .fields = show_fields};
static const struct table_column show_columns[] = {{"run", TABLE_INT},
                                                   {"pipeline", TABLE_TEXT},
                                                   {"stream", TABLE_TEXT},
                                                   {"status", TABLE_TEXT},
                                                   {"read", TABLE_INT},
                                                   {"inserted", TABLE_INT},
                                                   {"updated", TABLE_INT},
                                                   {"unchanged", TABLE_INT},
                                                   {"deleted", TABLE_INT, true},
                                                   {"superseded", TABLE_INT, true},
                                                   {"rejected", TABLE_INT},
                                                   {"skipped", TABLE_INT, true},
                                                   {"findings", TABLE_INT, true},
                                                   {"bytes", TABLE_INT, true},
                                                   {"seconds", TABLE_DECIMAL},
                                                   {"rows_per_second", TABLE_INT},
                                                   {"target", TABLE_TEXT},
                                                   {"error", TABLE_TEXT, true},
                                                   {NULL, TABLE_TEXT}};
static const struct table_column slice_columns[] = {{"run", TABLE_INT},
                                                    {"pipeline", TABLE_TEXT},
                                                    {"stream", TABLE_TEXT},
                                                    {"status", TABLE_TEXT},
                                                    {"child", TABLE_TEXT, true},
                                                    {"window_start", TABLE_TIME, true},
                                                    {"window_end", TABLE_TIME, true},
                                                    {"read", TABLE_INT},
                                                    {"inserted", TABLE_INT},
                                                    {"updated", TABLE_INT},
                                                    {"unchanged", TABLE_INT},
                                                    {"deleted", TABLE_INT, true},
                                                    {"superseded", TABLE_INT, true},
                                                    {"rejected", TABLE_INT},
                                                    {"skipped", TABLE_INT, true},
                                                    {"seconds", TABLE_DECIMAL},
                                                    {"attempts", TABLE_INT, true},
                                                    {"error", TABLE_TEXT, true},
                                                    {NULL, TABLE_TEXT}};

static const struct table_column task_columns[] = {
    {"run", TABLE_INT},          {"pipeline", TABLE_TEXT},
    {"stream", TABLE_TEXT},      {"state", TABLE_TEXT},
    {"child", TABLE_TEXT, true}, {"window_start", TABLE_TIME, true},
    {"worker", TABLE_TEXT},      {"attempt", TABLE_INT},
    {"lost", TABLE_INT, true},   {"lease_until", TABLE_TIME, true},
    {"seconds", TABLE_DECIMAL},  {"error", TABLE_TEXT, true},
    {NULL, TABLE_TEXT}};

/* The number of the run that is meant (0: the latest), as text. */
static int find_run(struct db_conn *db, int64_t wanted, char ret_run[24], struct error *err)
{
    char run[24];
    int64_t found = 0;
    snprintf(run, sizeof run, "%" PRId64, wanted);
    TRY(db_query_int(db,
                     "select coalesce(max(id), 0) from diner.run where ($1::bigint = 0 and "
                     "parent_id is null) or id = $1::bigint",
                     DB_PARAMS(run), &found, err));
    if (found == 0)
        return wanted == 0 ? error_set(err, ERR_NOT_FOUND, "there are no runs yet")
                           : error_set(err, ERR_NOT_FOUND, "there is no run %s", run);
    snprintf(ret_run, 24, "%" PRId64, found);
    return 0;
}

/* How far a distributed run is. */
static int tell_tasks(struct cli *cli, struct db_conn *db, const char *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(db, sql_runs_task_counts, DB_PARAMS(run), &res, err));
    if (db_result_int(res, 0, 0) == 0)
        return 0;
    cli_summary(cli,
                "run %s is distributed: of %s parts %s are done, %s under way, %s waiting, %s "
                "failed; --tasks lists them",
                run, db_result_text(res, 0, 1), db_result_text(res, 0, 2),
                db_result_text(res, 0, 3), db_result_text(res, 0, 4), db_result_text(res, 0, 5));
    return 0;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    struct db_conn *db;
    char run[24];
    TRY(engine_open(cli, &db, err));
    int code = find_run(db, args->run, run, err);
    if (code == 0 && args->tasks)
        code = engine_table(
            cli, db, sql_runs_tasks, DB_PARAMS(run), task_columns,
            "the run has no parts: it is not a distributed one, or they were pruned", err);
    else if (code == 0 && (args->slices || args->left_behind))
        code = engine_table(cli, db, sql_runs_slices,
                            DB_PARAMS(run, args->left_behind ? "true" : "false"), slice_columns,
                            args->left_behind
                                ? MESSAGE("nothing was left behind")
                                : MESSAGE("its streams have no slices, or they were pruned"),
                            err);
    else if (code == 0)
        code = engine_table(cli, db, sql_runs_show, DB_PARAMS(run), show_columns,
                            "the run has no streams", err);
    if (code == 0)
        code = tell_tasks(cli, db, run, err);
    db_close(db);
    return code;
}

/* ---- findings --------------------------------------------------------------------------- */

struct findings_args {
    int64_t run, limit;
    const char *check;
    bool raw;
};
static const struct field findings_fields[] = {
    {"run", FIELD_INT, offsetof(struct findings_args, run), "number of the run; 0: the latest",
     .arg = "RUN", .flags = FIELD_POSITIONAL, .def = "0", .min = 0, .max = INT64_MAX},
    {"check", FIELD_STRING, offsetof(struct findings_args, check), "only of this check",
     .arg = "NAME"},
    {"limit", FIELD_INT, offsetof(struct findings_args, limit), "how many", .def = "100", .min = 1,
     .max = 1000000},
    {"raw", FIELD_BOOL, offsetof(struct findings_args, raw), "show personal data unmasked"},
    {0}};
static const struct field_set findings_set = {.name = "runs findings",
                                              .struct_size = sizeof(struct findings_args),
                                              .fields = findings_fields};
static const struct table_column findings_columns[] = {
    {"id", TABLE_INT},      {"run", TABLE_INT},    {"pipeline", TABLE_TEXT},
    {"stream", TABLE_TEXT}, {"check", TABLE_TEXT}, {"origin", TABLE_TEXT},
    {"line", TABLE_INT},    {"row", TABLE_TEXT},   {NULL, TABLE_TEXT}};

static int findings(struct cli *cli, const void *bound, struct error *err)
{
    const struct findings_args *args = bound;
    struct db_conn *db;
    char run[24], limit[24];
    snprintf(limit, sizeof limit, "%" PRId64, args->limit);
    TRY(engine_open(cli, &db, err));
    int code = find_run(db, args->run, run, err);
    if (code == 0)
        code = engine_table(cli, db, sql_runs_findings,
                            DB_PARAMS(run, args->check, args->raw ? "true" : "false", limit),
                            findings_columns, "its checks found nothing", err);
    db_close(db);
    return code;
}

/* ---- resume ----------------------------------------------------------------------------- */

static const struct field resume_fields[] = {
    {"run", FIELD_INT, offsetof(struct resume_args, run), "number of the run that stopped",
     .arg = "RUN", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .min = 1, .max = INT64_MAX},
    {"jobs", FIELD_INT, offsetof(struct resume_args, jobs), "children and windows side by side",
     .arg = "N", .short_name = 'j', .def = "1", .min = 1, .max = 64},
    {0}};
static const struct field_set resume_set = {
    .name = "runs resume", .struct_size = sizeof(struct resume_args), .fields = resume_fields};

/* The same again, in the words of the run that stopped. */
static int read_options(struct cli *cli, struct db_conn *db, struct resume_args *r,
                        struct run_options *o, struct error *err)
{
    struct asked asked;
    TRY(asked_read(db, r->run, cli->arena, o, &asked, err));
    if (asked.parent_id != 0) {
        error_set(err, ERR_USAGE, "run %" PRId64 " is a step of run %" PRId64, r->run,
                  asked.parent_id);
        return error_hint(err, "resume the job: diner runs resume %" PRId64, asked.parent_id);
    }
    if (strcmp(asked.status, "succeeded") == 0)
        return error_set(err, ERR_USAGE, "run %" PRId64 " succeeded: there is nothing to resume",
                         r->run);
    o->started_us = o->asked_us = 0; /* as of now */
    r->pipeline = asked.file;
    r->params = asked.params;
    return 0;
}

static int resume(struct cli *cli, const void *bound, struct error *err)
{
    struct resume_args r = *(const struct resume_args *)bound;
    struct run_options options = engine_options(cli);
    struct db_conn *db;
    TRY(engine_open(cli, &db, err));
    int code = read_options(cli, db, &r, &options, err);
    db_close(db);
    TRY(code);
    options.kind = RUN_LOAD;
    options.resumes = r.run;
    options.jobs = r.jobs;
    options.params = &r.params;
    return engine_run(cli, r.pipeline, &options, NULL, err);
}

static const struct command command_resume = {
    .name = "resume",
    .summary = "go on with a run that stopped",
    .description =
        "Runs the pipeline or job again with the options and params of that run. What it had "
        "committed stands and is left out: steps and streams that succeeded, children and windows "
        "that were done.",
    .args = &resume_set,
    .run = resume,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner runs resume 4711", "the stores that run 4711 left behind"}, {0}}};

/* ---- cancel ----------------------------------------------------------------------------- */

struct cancel_args {
    int64_t run;
};
static const struct field cancel_fields[] = {
    {"run", FIELD_INT, offsetof(struct cancel_args, run), "number of the distributed run",
     .arg = "RUN", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .min = 1, .max = INT64_MAX},
    {0}};
static const struct field_set cancel_set = {
    .name = "runs cancel", .struct_size = sizeof(struct cancel_args), .fields = cancel_fields};

static int check_open(struct db_conn *db, const char *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(db,
                 "select status, is_distributed, parent_id from diner.run where id = $1::bigint",
                 DB_PARAMS(run), &res, err));
    if (db_result_rows(res) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no run %s", run);
    if (db_result_text(res, 0, 2) != NULL)
        return error_set(err, ERR_CONFLICT, "run %s is a step of run %s: cancel that", run,
                         db_result_text(res, 0, 2));
    const char *status = db_result_text(res, 0, 0);
    if (strcmp(status, "waiting") != 0 && strcmp(status, "running") != 0)
        return error_set(err, ERR_CONFLICT, "run %s is over: %s", run, status);
    if (db_result_bool(res, 0, 1))
        return 0;
    error_set(err, ERR_CONFLICT, "run %s is one process, not a distributed run", run);
    return error_hint(err, "stop that process with SIGTERM");
}

static int cancel(struct cli *cli, const void *bound, struct error *err)
{
    const struct cancel_args *args = bound;
    struct db_conn *db;
    char run[24];
    snprintf(run, sizeof run, "%" PRId64, args->run);
    TRY(engine_open(cli, &db, err));
    int code = check_open(db, run, err);
    if (code == 0)
        code = db_execute(db, sql_run_cancel, DB_PARAMS(run), NULL, err);
    db_close(db);
    TRY(code);
    cli_summary(cli, "runs cancel: run %s is cancelled; what it had committed stands", run);
    return 0;
}

static const struct command command_cancel = {
    .name = "cancel",
    .summary = "end a distributed run",
    .description =
        "Nobody begins another part of it, and parts that are under way are not committed. What "
        "was committed stands; 'diner runs resume' goes on from there.",
    .args = &cancel_set,
    .run = cancel,
    .examples = (const struct command_example[]){
        {"diner runs cancel 4711", "it waits for workers that do not come"}, {0}}};

/* ---- prune ------------------------------------------------------------------------------ */

#define DAY_MS ((int64_t)86400000)

struct prune_args {
    int64_t older_than_ms;
};
static const struct field prune_fields[] = {
    {"older-than", FIELD_DURATION, offsetof(struct prune_args, older_than_ms),
     "age of what is deleted, since the run ended or the reject was closed", .arg = "DURATION",
     .flags = FIELD_REQUIRED, .min = DAY_MS, .max = 36600 * DAY_MS},
    {0}};
static const struct field_set prune_set = {
    .name = "runs prune", .struct_size = sizeof(struct prune_args), .fields = prune_fields};
static const struct table_column prune_columns[] = {{"slices", TABLE_INT},   {"parts", TABLE_INT},
                                                    {"findings", TABLE_INT}, {"rejects", TABLE_INT},
                                                    {"requests", TABLE_INT}, {NULL, TABLE_TEXT}};
#define PRUNE_COUNTS (sizeof prune_columns / sizeof *prune_columns - 1)

/* One statement after the other, each a transaction of its own: history may be long, and who runs a
 * pipeline meanwhile waits for none of it. A dry run is one, rolled back. counts are added to, in
 * the order of the columns. */
static int prune_with(struct db_conn *db, const char *sql, const char *batch, int64_t older_than_ms,
                      int64_t *counts, struct error *err)
{
    char after[24] = "0", age[24];
    snprintf(age, sizeof age, "%" PRId64, older_than_ms);
    for (;;) {
        AUTO_RESULT struct db_result *res = NULL;
        TRY(signals_check(err));
        TRY(db_query(db, sql, DB_PARAMS(after, age, batch), &res, err));
        if (db_result_text(res, 0, 0) == NULL)
            return 0;
        snprintf(after, sizeof after, "%s", db_result_text(res, 0, 0));
        for (size_t i = 1; i < db_result_columns(res); i++)
            counts[i - 1] += db_result_int(res, 0, i);
    }
}

/* Marked in one transaction, deleted in another: a resumption that the second does not see has
 * begun after the first, and finds the mark. */
static int prune_all(struct db_conn *db, int64_t age_ms, int64_t *counts, struct error *err)
{
    TRY(prune_with(db, sql_runs_mark, "10000", age_ms, counts, err));
    TRY(prune_with(db, sql_runs_prune, "100", age_ms, counts, err));
    TRY(prune_with(db, sql_rejects_prune, "10000", age_ms, counts + 3, err));
    return prune_with(db, sql_intents_prune, "1000", age_ms, counts + 4, err);
}

static int prune(struct cli *cli, const void *bound, struct error *err)
{
    const struct prune_args *args = bound;
    int64_t counts[PRUNE_COUNTS] = {0};
    char texts[PRUNE_COUNTS][24];
    const char *values[PRUNE_COUNTS];
    struct db_conn *db;
    TRY(engine_open(cli, &db, err));
    int code = cli->dry_run ? db_begin(db, err) : 0;
    if (code == 0)
        code = prune_all(db, args->older_than_ms, counts, err);
    if (cli->dry_run)
        db_rollback(db);
    db_close(db);
    TRY(code);
    struct table *t = table_new(cli, prune_columns);
    for (size_t i = 0; i < PRUNE_COUNTS; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRId64, counts[i]);
        values[i] = texts[i];
    }
    table_row(t, values);
    TRY(table_end(t, "", err));
    if (cli->dry_run)
        cli_summary(cli, "dry run: nothing was deleted");
    return 0;
}

static const struct command command_prune = {
    .name = "prune",
    .summary = "delete old details of the history",
    .description =
        "Of runs: their slices (children and windows), the parts of distributed ones, findings. "
        "Rejects that are closed, unless their stream has open ones. Requests to APIs that were "
        "answered. Runs themselves and the sums of their streams stay, and so does all of a run "
        "that did not end its load, until a later one does, what is open and what waits to be "
        "sent. A run whose details are gone is not resumed any more.",
    .args = &prune_set,
    .run = prune,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner runs prune --older-than 90d --dry-run", "what would go"},
        {"diner runs prune --older-than 90d", "once a week, by cron"},
        {0}}};

static const struct command command_list = {
    .name = "list",
    .summary = "list runs, newest first",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner runs list --pipeline nightly --limit 5", "the last five nights"}, {0}}};
static const struct command command_findings = {
    .name = "findings",
    .summary = "list what checks with `on_fail: warn` found in a run",
    .args = &findings_set,
    .run = findings,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner runs findings", "of the latest run"}, {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show the streams of a run, and of its steps",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){{"diner runs show", "the latest run"}, {0}}};
static const struct command *const children[] = {
    &command_list,  &command_show, &command_findings, &command_resume, &command_cancel,
    &command_prune, NULL};
const struct command command_runs = {
    .name = "runs", .summary = "history of runs", .children = children};
