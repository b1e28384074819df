/* diner pipeline list|lint|show|graph|plan|preview. */
#include "cli/table.h"
#include "commands.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "engine.h"
#include "pipeline/graph.h"
#include "pipeline/lint.h"
#include "pipeline/plan.h"
#include "pipeline/resolve.h"

#include <stdio.h>
#include <string.h>

/* ---- list ------------------------------------------------------------------------------- */

static const struct table_column list_columns[] = {{"name", TABLE_TEXT},
                                                   {"kind", TABLE_TEXT},
                                                   {"description", TABLE_TEXT},
                                                   {"file", TABLE_TEXT},
                                                   {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const char **names;
    (void)bound;
    size_t count = pipeline_names(cli->config, cli->arena, &names);
    struct table *t = table_new(cli, list_columns);
    for (size_t i = 0; i < count; i++) {
        struct pipeline *p = NULL;
        struct diagnostics *d;
        struct error ignored = ERROR_INIT;
        int code = pipeline_load(names[i], cli->config, NULL, &p, &d, &ignored);
        const char *kind = code != 0 ? "broken" : p->steps.count > 0 ? "job" : "pipeline";
        table_row(t, (const char *[]){names[i], kind, code != 0 ? ignored.message : p->description,
                                      p->file});
        pipeline_free(p);
    }
    return table_end(t, "no pipelines: see the setting pipeline_path", err);
}

static const struct command command_list = {
    .name = "list",
    .summary = "list pipelines and jobs",
    .flags = CLI_OUTPUT,
    .run = list,
    .examples = (const struct command_example[]){{"diner pipeline list", "all of them"}, {0}}};

/* ---- lint ------------------------------------------------------------------------------- */

struct names_args {
    struct field_strings names;
};
static const struct field names_fields[] = {
    {"pipeline", FIELD_STRINGS, offsetof(struct names_args, names),
     "pipelines by name or file, directories, Markdown pages; default: all pipelines",
     .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REPEAT, .complete = "pipeline"},
    {0}};
static const struct field_set names_set = {
    .name = "lint", .struct_size = sizeof(struct names_args), .fields = names_fields};

static void tell(void *self, const struct diagnostic *d)
{
    engine_diagnostic(self, d);
}

static int lint(struct cli *cli, const void *bound, struct error *err)
{
    const struct names_args *args = bound;
    const char *const *names = args->names.items;
    size_t count = args->names.count;
    struct lint l = {.arena = cli->arena,
                     .config = cli->config,
                     .builtins = builtin_connectors,
                     .tell = tell,
                     .self = cli->out};
    if (count == 0) {
        const char **all;
        count = pipeline_names(cli->config, cli->arena, &all);
        names = all;
    }
    for (size_t i = 0; i < count; i++)
        TRY(lint_path(&l, names[i], err));
    cli_summary(cli, "%zu checked, %zu errors", l.checked, l.errors);
    return l.errors > 0 ? error_set(err, ERR_SPEC, "lint found %zu error%s", l.errors,
                                    l.errors > 1 ? "s" : "")
                        : 0;
}

static const struct command command_lint = {
    .name = "lint",
    .summary = "check pipeline files, all problems at once",
    .description =
        "Tells every problem with file, line, column and the mend. Of a Markdown page the fenced "
        "yaml blocks are checked that have `version` and `streams` or `steps`; of a directory its "
        ".yaml, .yml and .md files.",
    .args = &names_set,
    .run = lint,
    .examples = (const struct command_example[]){
        {"diner pipeline lint", "all of them"},
        {"diner pipeline lint pipelines/orders.yaml", "one file"},
        {"diner pipeline lint docs/pipelines.md", "the pipelines within a page"},
        {0}}};

/* ---- show ------------------------------------------------------------------------------- */

struct one_args {
    const char *name, *stream, *from, *to;
    struct field_strings params;
    int64_t rows;
    bool resolved;
};
#define ONE(member) offsetof(struct one_args, member)
#define NAME_FIELD                                                                                 \
    {                                                                                              \
        "pipeline", FIELD_STRING, ONE(name), "pipeline by name or file",                           \
            .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"  \
    }
#define PARAM_FIELD                                                                                \
    {                                                                                              \
        "param", FIELD_STRINGS, ONE(params), "value of a param",                                   \
            .short_name = 'p', .arg = "NAME=VALUE", .flags = FIELD_REPEAT                          \
    }
static const struct field show_fields[] = {
    NAME_FIELD,
    {"resolved", FIELD_BOOL, ONE(resolved),
     "as it was understood: defaults merged, environment put in, secrets masked; with origins"},
    {0}};
static const struct field_set show_set = {
    .name = "show", .struct_size = sizeof(struct one_args), .fields = show_fields};

static const struct table_column resolved_columns[] = {
    {"path", TABLE_TEXT}, {"value", TABLE_TEXT}, {"origin", TABLE_TEXT}, {NULL, TABLE_TEXT}};

static int show_resolved(struct cli *cli, const char *name, struct error *err)
{
    struct pipeline *p;
    const struct resolved *items;
    size_t count;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 16 << 20);
    TRY(pipeline_load(name, cli->config, NULL, &p, NULL, err));
    pipeline_resolve(p, cli->config, &items, &count);
    int code = 0;
    if (cli->output == CLI_OUTPUT_TABLE) {
        strbuf_addf(&text, "# %s\n", p->file);
        for (size_t i = 0; i < p->params.count; i++)
            strbuf_addf(&text, "# param %s = %s\n", p->params.names[i],
                        p->param_values[i] != NULL ? p->param_values[i]
                                                   : message_text("(to be given)"));
        resolved_print(items, count, &text);
        secret_redact(&text);
        fputs(text.data, cli->out);
    } else {
        struct table *t = table_new(cli, resolved_columns);
        for (size_t i = 0; i < count; i++) {
            if (items[i].value == NULL)
                continue;
            strbuf_clear(&text);
            strbuf_adds(&text, items[i].text != NULL ? items[i].text : "");
            secret_redact(&text);
            table_row(t, (const char *[]){items[i].path, items[i].text != NULL ? text.data : NULL,
                                          items[i].origin});
        }
        code = table_end(t, "nothing", err);
    }
    pipeline_free(p);
    return code;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct one_args *args = bound;
    const char *path;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4 << 20);
    if (args->resolved || cli->output != CLI_OUTPUT_TABLE)
        return show_resolved(cli, args->name, err);
    TRY(pipeline_find(args->name, cli->config, cli->arena, &path, err));
    TRY(file_read(path, 4 << 20, &text, err));
    fputs(text.data, cli->out);
    return 0;
}

static const struct command command_show = {
    .name = "show",
    .summary = "print a pipeline, as written or as understood",
    .description =
        "With --resolved each value is followed by where it comes from: its line, `defaults`, the "
        "environment, a setting, or the default of its key; secrets are masked. -o json lists "
        "path, value and origin.",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner pipeline show stock_sync --resolved", "with defaults merged in"}, {0}}};

/* ---- graph ------------------------------------------------------------------------------ */

struct graph_args {
    const char *name;
    int format;
};
static const struct field graph_fields[] = {
    {"pipeline", FIELD_STRING, offsetof(struct graph_args, name), "pipeline or job by name or file",
     .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"},
    {"format", FIELD_CHOICE, offsetof(struct graph_args, format),
     "a tree as text, Mermaid (for Markdown) or Graphviz", .def = "text",
     .choices = graph_format_names},
    {0}};
static const struct field_set graph_set = {
    .name = "graph", .struct_size = sizeof(struct graph_args), .fields = graph_fields};

static int graph(struct cli *cli, const void *bound, struct error *err)
{
    const struct graph_args *args = bound;
    struct pipeline *p;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4 << 20);
    TRY(pipeline_load(args->name, cli->config, NULL, &p, NULL, err));
    graph_print(p, (enum graph_format)args->format, &text);
    pipeline_free(p);
    secret_redact(&text);
    fputs(text.data, cli->out);
    return 0;
}

static const struct command command_graph = {
    .name = "graph",
    .summary = "draw the streams of a pipeline, or the steps of a job",
    .args = &graph_set,
    .run = graph,
    .examples = (const struct command_example[]){
        {"diner pipeline graph orders", "as a tree"},
        {"diner pipeline graph marts --format mermaid", "for a Markdown page"},
        {"diner pipeline graph nightly --format dot", "for Graphviz: pipe it into dot -Tsvg"},
        {0}}};

/* ---- preview ---------------------------------------------------------------------------- */

static const struct field preview_fields[] = {
    NAME_FIELD,
    {"stream", FIELD_STRING, ONE(stream), "which stream; default: the first", .arg = "STREAM"},
    {"rows", FIELD_INT, ONE(rows), "how many rows", .short_name = 'r', .def = "20", .min = 1,
     .max = 100000},
    PARAM_FIELD,
    {0}};
static const struct field_set preview_set = {
    .name = "preview", .struct_size = sizeof(struct one_args), .fields = preview_fields};

struct preview {
    struct cli *cli;
    struct table *table;
    size_t faults;
};

static int preview_row(void *self, const struct stream_spec *s, const char *const *values,
                       const char *fault, struct error *err)
{
    struct preview *p = self;
    (void)err;
    if (p->table == NULL) {
        struct table_column *columns = arena_array(p->cli->arena, s->ncolumns + 2, sizeof *columns);
        for (size_t i = 0; i < s->ncolumns; i++)
            columns[i] = (struct table_column){
                arena_strdup(p->cli->arena, s->columns[i].name),
                db_type_is_number(&s->columns[i].type) ? TABLE_DECIMAL : TABLE_TEXT,
                .is_own = true};
        columns[s->ncolumns] = (struct table_column){"reject", TABLE_TEXT};
        p->table = table_new(p->cli, columns);
    }
    const char **row = arena_array(p->cli->arena, s->ncolumns + 1, sizeof *row);
    memcpy((void *)row, (const void *)values, s->ncolumns * sizeof *row);
    row[s->ncolumns] = fault;
    p->faults += fault != NULL;
    table_row(p->table, row);
    return 0;
}

static int preview(struct cli *cli, const void *bound, struct error *err)
{
    const struct one_args *args = bound;
    struct preview p = {.cli = cli};
    struct run_options options = engine_options(cli);
    options.params = &args->params;
    int code = run_preview(args->name, args->stream, args->rows, &options, preview_row, &p, err);
    struct error ignored = ERROR_INIT;
    if (p.table != NULL) {
        int printed = table_end(p.table, "no rows", code == 0 ? err : &ignored);
        code = code != 0 ? code : printed;
    }
    if (code == 0 && p.faults > 0)
        cli_summary(cli, "%zu of these rows would be rejected", p.faults);
    return code;
}

static const struct command command_preview = {
    .name = "preview",
    .summary = "show the first rows of a stream as they would be loaded",
    .args = &preview_set,
    .run = preview,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner pipeline preview orders --stream orders --rows 5", "five orders"}, {0}}};

/* ---- plan ------------------------------------------------------------------------------- */

struct plan_args {
    const char *name, *only;
    struct field_strings params;
    bool diff, raw;
    int64_t rows;
};
#define PLAN(member) offsetof(struct plan_args, member)
static const struct field plan_fields[] = {
    {"pipeline", FIELD_STRING, PLAN(name), "pipeline by name or file", .arg = "PIPELINE",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"},
    {"only", FIELD_STRING, PLAN(only), "only this stream", .arg = "STREAM"},
    {"diff", FIELD_BOOL, PLAN(diff), "show rows before and after"},
    {"rows", FIELD_INT, PLAN(rows), "with --diff: at most so many of each kind and stream",
     .short_name = 'r', .def = "20", .min = 1, .max = 100000},
    {"raw", FIELD_BOOL, PLAN(raw), "with --diff: values as they are, personal data not masked"},
    {"param", FIELD_STRINGS, PLAN(params), "value of a param", .short_name = 'p',
     .arg = "NAME=VALUE", .flags = FIELD_REPEAT},
    {0}};
static const struct field_set plan_set = {
    .name = "plan", .struct_size = sizeof(struct plan_args), .fields = plan_fields};

static const struct table_column plan_columns[] = {
    {"ddl", TABLE_JSON}, {"changes", TABLE_JSON}, {NULL, TABLE_TEXT}};

struct plan_view {
    struct cli *cli;
    struct plan *plan;
};

static void plan_values(void *self, const struct stream_report *r, const char **ret_values)
{
    const struct plan_view *v = self;
    const struct plan_stream *s = plan_of(v->plan, r->pipeline, r->stream);
    AUTO_STRBUF struct strbuf ddl = {0}, changes = {0};
    strbuf_init(&ddl, 16 << 20);
    strbuf_init(&changes, STRBUF_DEFAULT_MAX);
    plan_ddl_json(s, &ddl);
    plan_changes_json(s, &changes);
    ret_values[0] = arena_strdup(v->cli->arena, ddl.data);
    ret_values[1] = arena_strdup(v->cli->arena, changes.data);
}

static int plan(struct cli *cli, const void *bound, struct error *err)
{
    const struct plan_args *args = bound;
    struct plan_view view = {cli, plan_new(args->diff ? args->rows : 0, args->raw)};
    const struct engine_extra extra = {&view, plan_columns, plan_values};
    struct run_options options = engine_options(cli);
    options.kind = RUN_PLAN;
    options.params = &args->params;
    options.only = args->only;
    options.watch = plan_watch(view.plan);
    int code = engine_run_with(cli, args->name, &options, &extra, NULL, err);
    if (cli->output == CLI_OUTPUT_TABLE) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, STRBUF_DEFAULT_MAX);
        plan_print(view.plan, &text);
        secret_redact(&text);
        fputs(text.data, cli->out);
    }
    plan_free(view.plan);
    return code;
}

static const struct command command_plan = {
    .name = "plan",
    .summary = "show what a run would create, insert, update and delete, and roll back",
    .description =
        "Reads, stages and merges against the live targets inside one transaction that is rolled "
        "back; nothing is sent to an API and no file is written. Tables and columns that a run "
        "would make are printed as DDL.\n\n"
        "With --diff also rows: + inserted, ~ updated (only what changes), - deleted, > sent to an "
        "API. Long numbers and what is personal by its name are masked unless --raw. It costs two "
        "scans of each table.",
    .args = &plan_set,
    .run = plan,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner pipeline plan stock_sync", "what tonight would do to the stock"},
        {"diner pipeline plan orders --diff --rows 5", "and five rows of each kind"},
        {0}}};

static const struct command *const children[] = {
    &command_list,           &command_lint,          &command_show,
    &command_graph,          &command_preview,       &command_plan,
    &command_pipeline_guess, &command_pipeline_test, NULL};
const struct command command_pipeline = {
    .name = "pipeline",
    .summary = "write and look at pipelines: guess, lint, preview, plan",
    .children = children};
