/* diner rejects list|show|export|replay|dismiss. */
#include "cli/table.h"
#include "cmd/ids.h"
#include "commands.h"
#include "core/fileio.h"
#include "core/message.h"
#include "engine.h"
#include "gen/embed.h"

#include <inttypes.h>
#include <stdio.h>

struct rejects_args {
    const char *pipeline, *stream, *out_file, *mended, *note;
    struct field_strings ids;
    int64_t run, limit, id;
    bool raw, group, all;
};
#define AT(member) offsetof(struct rejects_args, member)
#define FILTER_FIELDS                                                                              \
    {"pipeline",    FIELD_STRING,          AT(pipeline), "only of this pipeline",                  \
     .arg = "NAME", .complete = "pipeline"},                                                       \
        {"stream", FIELD_STRING, AT(stream), "only of this stream", .arg = "NAME"},                \
    {                                                                                              \
        "run", FIELD_INT, AT(run), "only of this run (and its steps)", .arg = "RUN",               \
                                                                       .max = INT64_MAX            \
    }
#define RAW_FIELD                                                                                  \
    {                                                                                              \
        "raw", FIELD_BOOL, AT(raw), "values as read: personal data is not masked"                  \
    }

#define ALL_FIELD                                                                                  \
    {                                                                                              \
        "all", FIELD_BOOL, AT(all), "closed ones as well: replayed, read again since, dismissed"   \
    }

static const char *bool_text(bool value)
{
    return value ? "true" : "false";
}

/* The run as a parameter of SQL; NULL for any. */
static const char *run_text(const struct rejects_args *args, char text[24])
{
    snprintf(text, 24, "%" PRId64, args->run);
    return args->run != 0 ? text : NULL;
}

static const struct field list_fields[] = {FILTER_FIELDS,
                                           {"limit", FIELD_INT, AT(limit), "how many, newest first",
                                            .def = "50", .min = 1, .max = 1000000},
                                           {"group", FIELD_BOOL, AT(group),
                                            "one line for the same reason in the same column, the "
                                            "most frequent first"},
                                           ALL_FIELD,
                                           RAW_FIELD,
                                           {0}};
static const struct field_set list_set = {
    .name = "rejects list", .struct_size = sizeof(struct rejects_args), .fields = list_fields};
static const struct table_column list_columns[] = {{"id", TABLE_INT},
                                                   {"pipeline", TABLE_TEXT},
                                                   {"stream", TABLE_TEXT},
                                                   {"origin", TABLE_TEXT},
                                                   {"line", TABLE_INT},
                                                   {"column", TABLE_TEXT},
                                                   {"value", TABLE_TEXT},
                                                   {"reason", TABLE_TEXT, .is_words = true},
                                                   {"closed", TABLE_TEXT, .is_quiet = true},
                                                   {NULL, TABLE_TEXT}};
static const struct table_column group_columns[] = {{"rows", TABLE_INT},
                                                    {"pipeline", TABLE_TEXT},
                                                    {"stream", TABLE_TEXT},
                                                    {"column", TABLE_TEXT},
                                                    {"reason", TABLE_TEXT, .is_words = true},
                                                    {"example", TABLE_TEXT},
                                                    {"origins", TABLE_INT},
                                                    {"newest_id", TABLE_INT},
                                                    {"seen_at", TABLE_TIME},
                                                    {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct rejects_args *args = bound;
    struct db_conn *db;
    char limit[24], run[24];
    snprintf(limit, sizeof limit, "%" PRId64, args->limit);
    TRY(engine_open(cli, &db, err));
    int code = engine_table(cli, db, args->group ? sql_rejects_group : sql_rejects_list,
                            DB_PARAMS(args->pipeline, args->stream, run_text(args, run), limit,
                                      bool_text(args->raw), bool_text(args->all)),
                            args->group ? group_columns : list_columns, "no rejects", err);
    db_close(db);
    return code;
}

static const struct field show_fields[] = {{"id", FIELD_INT, AT(id), "number of the reject",
                                            .arg = "ID", .flags = FIELD_POSITIONAL | FIELD_REQUIRED,
                                            .min = 1, .max = INT64_MAX},
                                           RAW_FIELD,
                                           {0}};
static const struct field_set show_set = {
    .name = "rejects show", .struct_size = sizeof(struct rejects_args), .fields = show_fields};

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct rejects_args *args = bound;
    struct db_conn *db;
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, args->id);
    TRY(engine_open(cli, &db, err));
    int code =
        db_query(db, sql_rejects_show, DB_PARAMS(id, args->raw ? "true" : "false"), &res, err);
    db_close(db);
    TRY(code);
    if (db_result_rows(res) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no reject %s", id);
    static const struct table_column columns[] = {
        {"field", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < db_result_columns(res); i++)
        table_row(t, (const char *[]){db_result_name(res, i), db_result_text(res, 0, i)});
    return table_end(t, "", err);
}

static const struct field export_fields[] = {FILTER_FIELDS,
                                             {"out-file", FIELD_STRING, AT(out_file),
                                              "file instead of standard output", .arg = "FILE",
                                              .complete = "file"},
                                             ALL_FIELD,
                                             RAW_FIELD,
                                             {0}};
static const struct field_set export_set = {
    .name = "rejects export", .struct_size = sizeof(struct rejects_args), .fields = export_fields};

struct export
{
    struct cli *cli;
    struct atomic_file *file;
    int64_t rows;
};

static int export_row(void *self, const struct db_result *row, struct error *err)
{
    struct export *e = self;
    struct span line = db_result_span(row, 0, 0);
    e->rows++;
    if (e->file == NULL) {
        (void)fwrite(line.ptr, 1, line.len, e->cli->out); /* checked at the end, with stdout */
        (void)fputc('\n', e->cli->out);
        return 0;
    }
    TRY(atomic_file_write(e->file, line.ptr, line.len, err));
    return atomic_file_write(e->file, "\n", 1, err);
}

static int export_rows(struct cli *cli, const void *bound, struct error *err)
{
    const struct rejects_args *args = bound;
    struct export e = {.cli = cli};
    struct db_conn *db;
    char run[24];
    TRY(engine_open(cli, &db, err));
    int code = args->out_file != NULL ? atomic_file_open(args->out_file, &e.file, err) : 0;
    if (code == 0)
        code = db_query_each(db, sql_rejects_export,
                             DB_PARAMS(args->pipeline, args->stream, run_text(args, run),
                                       bool_text(args->raw), bool_text(args->all)),
                             export_row, &e, err);
    db_close(db);
    if (e.file != NULL) {
        if (code == 0)
            code = atomic_file_commit(e.file, err);
        else
            atomic_file_discard(e.file);
    }
    if (code == 0)
        cli_summary(cli, "%" PRId64 " rejects written%s%s", e.rows,
                    args->out_file ? message_text(" to ") : "",
                    args->out_file ? args->out_file : "");
    return code;
}

static const struct field replay_fields[] = {
    {"pipeline", FIELD_STRING, AT(pipeline), "pipeline whose rejects are read, by name or file",
     .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"},
    {"stream", FIELD_STRING, AT(stream), "only of this stream", .arg = "NAME"},
    {"mended", FIELD_STRING, AT(mended),
     "JSON Lines of {id, cells}: only these, with these cells (export --raw, then mend)",
     .arg = "FILE", .complete = "file"},
    {0}};
static const struct field_set replay_set = {
    .name = "rejects replay", .struct_size = sizeof(struct rejects_args), .fields = replay_fields};

static int replay(struct cli *cli, const void *bound, struct error *err)
{
    const struct rejects_args *args = bound;
    static const struct field_strings no_params = {0};
    struct run_options options = engine_options(cli);
    options.kind = cli->dry_run ? RUN_PLAN : RUN_LOAD; /* rolled back, so that all is looked at */
    options.replay = true;
    options.mended = args->mended;
    options.only = args->stream;
    options.params = &no_params;
    return engine_run(cli, args->pipeline, &options, NULL, err);
}

/* ---- dismiss ------------------------------------------------------------------------------ */

static const struct field dismiss_fields[] = {
    {"id", FIELD_STRINGS, AT(ids), "numbers of rejects; without, all that the options name",
     .arg = "ID", .flags = FIELD_POSITIONAL | FIELD_REPEAT},
    FILTER_FIELDS,
    {"note", FIELD_STRING, AT(note), "why nobody will mend them", .arg = "TEXT",
     .flags = FIELD_REQUIRED},
    {0}};
static const struct field_set dismiss_set = {.name = "rejects dismiss",
                                             .struct_size = sizeof(struct rejects_args),
                                             .fields = dismiss_fields};

static int check_open(struct db_conn *db, const char *ids, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(db, sql_rejects_not_open, DB_PARAMS(ids), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    return db_result_bool(res, 0, 1)
               ? error_set(err, ERR_CONFLICT, "reject %s is closed: see 'diner rejects show %s'",
                           db_result_text(res, 0, 0), db_result_text(res, 0, 0))
               : error_set(err, ERR_NOT_FOUND, "there is no reject %s", db_result_text(res, 0, 0));
}

/* All that are named, or none. */
static int dismiss_all(struct cli *cli, struct db_conn *db, const struct rejects_args *args,
                       const char *ids, int64_t *ret_rows, struct error *err)
{
    char run[24];
    TRY(db_begin(db, err));
    if (ids != NULL)
        TRY(check_open(db, ids, err));
    TRY(db_query_int(db, sql_rejects_dismiss,
                     DB_PARAMS(ids, args->pipeline, args->stream, run_text(args, run), args->note),
                     ret_rows, err));
    if (!cli->dry_run)
        return db_commit(db, err);
    db_rollback(db);
    return 0;
}

static int dismiss(struct cli *cli, const void *bound, struct error *err)
{
    const struct rejects_args *args = bound;
    struct db_conn *db;
    const char *ids;
    int64_t rows = 0;
    TRY(ids_array(cli, &args->ids, "diner rejects list", &ids, err));
    if (args->note[0] == '\0')
        return error_set(err, ERR_USAGE, "--note must say why");
    if (ids == NULL && args->pipeline == NULL && args->run == 0) {
        error_set(err, ERR_USAGE, "which rejects?");
        return error_hint(err, "name them by number, or by --pipeline, --stream and --run");
    }
    TRY(engine_open(cli, &db, err));
    int code = dismiss_all(cli, db, args, ids, &rows, err);
    db_close(db);
    if (code == 0)
        cli_summary(cli, "%s%" PRId64 " rejects are dismissed",
                    cli->dry_run ? message_text("dry run: ") : "", rows);
    return code;
}

/* ---- the group ---------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list rows that were not loaded, with their reasons",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner rejects list --pipeline stock_sync", "of the stock sync"},
        {"diner rejects list --group", "what is wrong most often"},
        {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show one rejected row whole",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){{"diner rejects show 1", "the first"}, {0}}};
static const struct command command_export = {
    .name = "export",
    .summary = "write rejects as JSON Lines",
    .args = &export_set,
    .run = export_rows,
    .examples = (const struct command_example[]){
        {"diner rejects export --pipeline stock_sync --out-file rejects.jsonl",
         "for a spreadsheet"},
        {0}}};
static const struct command command_replay = {
    .name = "replay",
    .summary = "load rejected rows after the mend",
    .description =
        "Reads the cells that were kept with the open rejects of a pipeline through its streams as "
        "they are now: after the pipeline was mended, or with cells that were mended in a file. "
        "Rows are merged by key, without deletes; a row that a later run wrote is left as it is. "
        "What is loaded is marked in the same transaction, what is refused again stays open. "
        "Rejects whose rows a later load has read again are closed by it.",
    .args = &replay_set,
    .run = replay,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner rejects replay stock_sync", "after the pipeline was mended"},
        {"diner rejects replay stock_sync --mended rejects.jsonl", "after the rows were"},
        {0}}};
static const struct command command_dismiss = {
    .name = "dismiss",
    .summary = "close rejects that nobody will mend",
    .description =
        "They are not open any more and are not replayed; what was rejected, and why it was "
        "dismissed, is kept. A later run that refuses the same row for the same reason does not "
        "open it again; it counts it as rejected all the same.",
    .args = &dismiss_set,
    .run = dismiss,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner rejects dismiss 1 --note 'a test shop' --dry-run", "whether it can be"},
        {"diner rejects dismiss --pipeline stock_sync --run 1 --note 'the file was withdrawn'",
         "all of a run"},
        {0}}};
static const struct command *const children[] = {&command_list,   &command_show,    &command_export,
                                                 &command_replay, &command_dismiss, NULL};
const struct command command_rejects = {
    .name = "rejects", .summary = "rows that were not loaded", .children = children};
