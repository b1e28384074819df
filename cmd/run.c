/* diner run PIPELINE...: runs pipelines and jobs. */
#include "commands.h"
#include "core/log.h"
#include "engine.h"

struct run_args {
    struct field_strings pipelines, params;
    const char *only, *from, *to;
    bool full_refresh, strict;
};
#define AT(member) offsetof(struct run_args, member)
static const struct field run_fields[] = {
    {"pipeline", FIELD_STRINGS, AT(pipelines), "pipelines or jobs, by name or file",
     .arg = "PIPELINE", .flags = FIELD_POSITIONAL | FIELD_REPEAT | FIELD_REQUIRED,
     .complete = "pipeline"},
    {"param", FIELD_STRINGS, AT(params), "value of a param", .short_name = 'p', .arg = "NAME=VALUE",
     .flags = FIELD_REPEAT},
    {"only", FIELD_STRING, AT(only), "run only this stream", .arg = "STREAM"},
    {"from", FIELD_STRING, AT(from),
     "read from this time or business day on instead of the cursor, which stays", .arg = "TIME"},
    {"to", FIELD_STRING, AT(to),
     "read up to this time or the beginning of this business day; the cursor stays", .arg = "TIME"},
    {"full-refresh", FIELD_BOOL, AT(full_refresh), "read from the start, not from the cursor"},
    {"strict", FIELD_BOOL, AT(strict), "exit 7 when any row was rejected"},
    {0}};
static const struct field_set run_set = {
    .name = "run", .struct_size = sizeof(struct run_args), .fields = run_fields};

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct run_args *args = bound;
    enum error_code worst = ERR_OK;
    struct error first = ERROR_INIT;
    for (size_t i = 0; i < args->pipelines.count && worst != ERR_CANCELLED; i++) {
        struct run_options options = engine_options(cli);
        options.kind = cli->dry_run ? RUN_DRY : RUN_LOAD;
        options.full_refresh = args->full_refresh;
        options.strict = args->strict;
        options.from = args->from;
        options.to = args->to;
        options.only = args->only;
        options.params = &args->params;
        int code = engine_run(cli, args->pipelines.items[i], &options, err);
        if (code != 0 && args->pipelines.count > 1)
            error_context(err, "pipeline '%s'", args->pipelines.items[i]);
        if (code != 0 && first.code == ERR_OK)
            first = *err;
        else if (code != 0) /* the command itself reports only one */
            log_event(LOG_ERROR, LOG_FIELDS(LOG_STR("hint", err->hint)), "%s", err->message);
        worst = error_worse(worst, (enum error_code)code);
    }
    if (worst != ERR_OK) {
        *err = first;
        err->code = worst;
    }
    return worst;
}

static const struct command_example run_examples[] = {
    {"diner run nightly", "the whole night, by hand"},
    {"diner run orders --dry-run", "read and validate, write nothing"},
    {"diner run sales_export --param biz_date=2026-11-21", "one business day again"},
    {0}};

const struct command command_run = {
    .name = "run",
    .summary = "run pipelines and jobs",
    .description =
        "Runs pipelines one after the other. Rows and the cursor that covers them commit in one "
        "transaction; kill it at any instant and the next run ends with exactly the rows that an "
        "undisturbed run gives. One run of a pipeline at a time: a second exits 8.\n\n"
        "With --dry-run sources are read and every row validated, nothing is written; see "
        "'diner pipeline plan' for what would change.",
    .args = &run_set,
    .examples = run_examples,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .run = run};
