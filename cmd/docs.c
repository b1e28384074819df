/* cmd/docs.c - diner __docs: the documents generated from the tables. */
#include "docs.h"
#include "commands.h"
#include "core/fileio.h"
#include "domain/api_error.h"
#include "gen/embed.h"
#include "handover.h"
#include "perf/config.h"
#include "pipeline/stream.h"
#include "schema/describe.h"
#include <stdio.h>

struct docs_args {
    int kind;
    const char *directory;
};
enum {
    DOCS_MAN,
    DOCS_REFERENCE,
    DOCS_JSON,
    DOCS_COMPLETIONS,
    DOCS_SCHEMA,
    DOCS_KONG,
    DOCS_MESSAGES,
    DOCS_CHECK
};
static const char *const kinds[] = {"man",  "reference", "json",  "completions", "schema",
                                    "kong", "messages",  "check", NULL};
static const struct field fields[] = {
    {.name = "kind",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct docs_args, kind),
     .choices = kinds,
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED,
     .help = "which documents; check: the tables they are made from"},
    {.name = "directory",
     .type = FIELD_STRING,
     .offset = offsetof(struct docs_args, directory),
     .arg = "DIR",
     .complete = "dir",
     .flags = FIELD_POSITIONAL,
     .help = "where they are written (default: the current directory)"},
    {0},
};
static const struct field_set args_set = {
    .name = "__docs",
    .help = "Which documents, and where to",
    .struct_size = sizeof(struct docs_args),
    .fields = fields,
};

struct writer {
    struct cli *cli;
    const char *directory;
};

static int write_document(void *self, const char *file, const struct strbuf *text,
                          struct error *err)
{
    const struct writer *w = self;
    struct atomic_file *out = NULL;
    TRY(atomic_file_open(arena_printf(w->cli->arena, "%s/%s", w->directory, file), &out, err));
    int code = atomic_file_write(out, text->data, text->len, err);
    if (code != 0) {
        atomic_file_discard(out);
        return code;
    }
    return atomic_file_commit(out, err);
}

static int write_reference(struct writer *w, struct error *err)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    cli_reference_markdown(w->cli->root, &text);
    TRY(write_document(w, "commands.md", &text, err));
    strbuf_clear(&text);
    strbuf_adds(&text, "# Settings: diner.yaml\n\n");
    describe_markdown(&settings_fields, 2, &text);
    TRY(write_document(w, "settings.md", &text, err));
    strbuf_clear(&text);
    strbuf_adds(&text, "# Pipelines: NAME.yaml\n\n");
    describe_markdown(&pipeline_fields, 2, &text);
    TRY(write_document(w, "pipelines.md", &text, err));
    strbuf_clear(&text);
    strbuf_adds(&text, "# Connectors: NAME.yaml\n\n");
    describe_markdown(&connector_fields, 2, &text);
    TRY(write_document(w, "connectors.md", &text, err));
    strbuf_clear(&text);
    api_errors_markdown(&text);
    TRY(write_document(w, "api-errors.md", &text, err));
    strbuf_clear(&text);
    strbuf_adds(&text, "# Performance reports: perf.yaml\n\n");
    describe_markdown(&perf_config_fields, 2, &text);
    return write_document(w, "perf.md", &text, err);
}

static int write_json(struct writer *w, struct error *err)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    cli_reference_json(w->cli->root, &text);
    return write_document(w, "commands.json", &text, err);
}

static int write_completions(struct writer *w, struct error *err)
{
    static const struct {
        const char *shell, *file;
    } all[] = {{"bash", "diner.bash"}, {"zsh", "_diner"}, {"fish", "diner.fish"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct strbuf text AUTO_STRBUF;
        strbuf_init(&text, 0);
        TRY(cli_completion(w->cli->root, all[i].shell, &text, err));
        TRY(write_document(w, all[i].file, &text, err));
    }
    return 0;
}

/* Every table that describes a file, beside those of the commands. */
static const struct field_set *const file_sets[] = {&settings_fields,    &pipeline_fields,
                                                    &column_fields,      &connector_fields,
                                                    &perf_config_fields, NULL};

static int write_messages(struct writer *w, struct error *err)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    cli_messages(w->cli->root, file_sets, &text);
    for (size_t i = 0; i < API_ERROR_COUNT; i++) {
        cli_message(&text, api_errors[i].meaning);
        cli_message(&text, api_errors[i].remedy);
    }
    struct handover h = {.arena = w->cli->arena, .root = w->cli->root};
    TRY(handover_open(&h, err));
    TRY(handover_messages(&h, &text, err));
    return write_document(w, "declared.c", &text, err);
}

static int write_schemas(struct writer *w, struct error *err)
{
    static const struct {
        const struct field_set *set;
        const char *title, *file;
    } all[] = {{&settings_fields, "diner.yaml", "settings.schema.json"},
               {&pipeline_fields, "diner pipeline", "pipeline.schema.json"},
               {&connector_fields, "diner connector", "connector.schema.json"},
               {&perf_config_fields, "diner perf-report", "perf.schema.json"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct strbuf text AUTO_STRBUF;
        strbuf_init(&text, 0);
        describe_json_schema(all[i].set, all[i].title, &text);
        TRY(write_document(w, all[i].file, &text, err));
    }
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    strbuf_adds(&text, embedded_perf_report_schema_json);
    return write_document(w, "perf-report.schema.json", &text, err);
}

static int write_kong(struct writer *w, struct error *err)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    TRY(docs_kong(w->cli->arena, &text, err));
    return write_document(w, "kong.yaml", &text, err);
}

/* Every defect of a table would show at the worst moment: when its option is used. */
static int check_tables(struct cli *cli, struct error *err)
{
    const char *defect = command_tree_check(cli->root);
    for (size_t i = 0; source_registry[i] != NULL && !defect; i++)
        defect = field_set_check(source_registry[i]->fields);
    for (size_t i = 0; target_registry[i] != NULL && !defect; i++)
        defect = field_set_check(target_registry[i]->fields);
    for (size_t i = 0; file_sets[i] != NULL && !defect; i++)
        defect = field_set_check(file_sets[i]);
    return defect ? error_set(err, ERR_BUG, "the tables are wrong: %s", defect) : 0;
}

static int run(struct cli *cli, const void *args, struct error *err)
{
    const struct docs_args *a = args;
    struct writer w = {.cli = cli, .directory = a->directory ? a->directory : "."};
    if (a->kind == DOCS_CHECK)
        return check_tables(cli, err);
    TRY(directory_make(w.directory, err));
    switch (a->kind) {
    case DOCS_MAN: return cli_man_pages(cli->root, write_document, &w, err);
    case DOCS_REFERENCE: return write_reference(&w, err);
    case DOCS_JSON: return write_json(&w, err);
    case DOCS_MESSAGES: return write_messages(&w, err);
    case DOCS_COMPLETIONS: return write_completions(&w, err);
    case DOCS_KONG: return write_kong(&w, err);
    default: return write_schemas(&w, err);
    }
}

const struct command command_docs = {
    .name = "__docs",
    .summary = "write the documents generated from the tables",
    .args = &args_set,
    .flags = CLI_NO_CONFIG | CLI_HIDDEN,
    .run = run,
};
