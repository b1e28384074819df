/* diner run PIPELINE...: runs pipelines and jobs. */
#include "commands.h"
#include "core/log.h"
#include "engine.h"
#include "pipeline/lease.h"
#include "run_record.h"

#include <stdlib.h>
#include <string.h>

struct run_args {
    struct field_strings pipelines, params;
    const char *only, *from, *to;
    bool full_refresh, strict, verify;
    int64_t jobs;
    const char *shard, *report, *metrics;
    bool distribute, detach;
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
    {"jobs", FIELD_INT, AT(jobs),
     "children and windows read side by side, or connections that load one table", .arg = "N",
     .short_name = 'j', .def = "1", .min = 1, .max = 64},
    {"shard", FIELD_STRING, AT(shard),
     "do only part I of N (from 0) of the children and windows; auto or auto/N: as the Kubernetes "
     "Indexed Job or Slurm array that runs this says",
     .arg = "I/N"},
    {"distribute", FIELD_BOOL, AT(distribute),
     "share the children and windows out among all that run `diner worker`; this process takes "
     "part, and waits for the end"},
    {"detach", FIELD_BOOL, AT(detach),
     "with --distribute: leave all of it to the workers; prints the number of the run"},
    {"verify", FIELD_BOOL, AT(verify),
     "compare every row of a snapshot with the table, repairing what others changed in it"},
    {"strict", FIELD_BOOL, AT(strict), "exit 7 when any row was rejected"},
    {"report", FIELD_STRING, AT(report), "write what was done to this file, as JSON", .arg = "FILE",
     .complete = "file"},
    {"metrics", FIELD_STRING, AT(metrics),
     "write it to this file for Prometheus' textfile collector", .arg = "FILE", .complete = "file",
     .config = "metrics.textfile"},
    {0}};
static const struct field_set run_set = {
    .name = "run", .struct_size = sizeof(struct run_args), .fields = run_fields};

/* "1/4", "auto/4", "auto": part and parts. A Kubernetes Indexed Job and a Slurm array say which
 * part this is; only Slurm says of how many. */
static int shard_parse(const char *text, int64_t *ret_index, int64_t *ret_count, struct error *err)
{
    const char *index = getenv("JOB_COMPLETION_INDEX");
    const char *slurm = getenv("SLURM_ARRAY_TASK_ID"), *first = getenv("SLURM_ARRAY_TASK_MIN");
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    const char *count = slash != NULL ? slash + 1 : getenv("SLURM_ARRAY_TASK_COUNT");
    char *end = NULL;
    if (text == NULL)
        return 0;
    if (strncmp(text, "auto", 4) != 0)
        *ret_index = strtoll(text, &end, 10);
    else if (index != NULL)
        *ret_index = strtoll(index, NULL, 10);
    else if (slurm != NULL)
        *ret_index = strtoll(slurm, NULL, 10) - (first != NULL ? strtoll(first, NULL, 10) : 0);
    else
        return error_set(
            err, ERR_USAGE,
            "--shard auto: neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID is set");
    if (end != NULL ? end != slash : text[4] != '\0' && text[4] != '/')
        return error_set(err, ERR_USAGE, "--shard: expected I/N, found '%s'", text);
    *ret_count = count != NULL ? strtoll(count, &end, 10) : 0;
    if (count == NULL || *end != '\0' || *ret_count < 1 || *ret_count > 10000 || *ret_index < 0 ||
        *ret_index >= *ret_count) {
        error_set(err, ERR_USAGE, "--shard: '%s' is no part of a whole", text);
        return error_hint(err, "parts count from 0: 0/4, 1/4, 2/4 and 3/4 are all of four");
    }
    return 0;
}

static int check_distribute(const struct cli *cli, const struct run_args *args, struct error *err)
{
    if (args->detach && !args->distribute)
        return error_set(err, ERR_USAGE, "--detach is for --distribute");
    if (!args->distribute)
        return 0;
    if (cli->dry_run)
        return error_set(err, ERR_USAGE, "--distribute: a dry run is done here, by itself");
    if (args->shard != NULL)
        return error_set(err, ERR_USAGE,
                         "--distribute and --shard both share the run out: use one");
    if (args->detach && (args->report != NULL || args->jobs > 1))
        return error_set(err, ERR_USAGE, "--detach: nothing is run here that %s could be about",
                         args->report != NULL ? "--report" : "--jobs");
    return 0;
}

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct run_args *args = bound;
    enum error_code worst = ERR_OK;
    struct error first = ERROR_INIT;
    int64_t shard_index = 0, shard_count = 0;
    struct lease_holder *holder = NULL;
    TRY(shard_parse(args->shard, &shard_index, &shard_count, err));
    TRY(check_distribute(cli, args, err));
    if (args->distribute && !args->detach)
        TRY(lease_holder_open(cli->config, false, &holder, err));
    struct run_record *record = run_record_new(args->report, args->metrics);
    for (size_t i = 0; i < args->pipelines.count && worst != ERR_CANCELLED; i++) {
        struct run_options options = engine_options(cli);
        options.kind = cli->dry_run ? RUN_DRY : RUN_LOAD;
        options.full_refresh = args->full_refresh;
        options.strict = args->strict;
        options.from = args->from;
        options.to = args->to;
        options.only = args->only;
        options.params = &args->params;
        options.jobs = args->jobs;
        options.shard_index = shard_index;
        options.shard_count = shard_count;
        options.verify = args->verify;
        options.distribute = args->distribute;
        options.detach = args->detach;
        options.holder = holder;
        int code = engine_run(cli, args->pipelines.items[i], &options, record, err);
        if (code != 0 && args->pipelines.count > 1)
            error_context(err, "pipeline '%s'", args->pipelines.items[i]);
        if (code != 0 && first.code == ERR_OK)
            first = *err;
        else if (code != 0) /* the command itself reports only one */
            log_event(LOG_ERROR, LOG_FIELDS(LOG_STR("hint", err->hint)), "%s", err->message);
        worst = error_worse(worst, (enum error_code)code);
    }
    lease_holder_close(holder);
    if (worst != ERR_OK) {
        *err = first;
        err->code = worst;
    }
    struct error ignored = ERROR_INIT;
    int written = run_record_end(record, worst == ERR_OK ? err : &ignored);
    return worst != ERR_OK ? (int)worst : written;
}

static const struct command_example run_examples[] = {
    {"diner run nightly", "the whole night, by hand"},
    {"diner run orders --dry-run", "read and validate, write nothing"},
    {"diner run sales_export --param biz_date=2026-11-21", "one business day again"},
    {"diner run orders --from 2026-10-01 --to 2026-11-01 --jobs 4",
     "a month again, cursor untouched"},
    {"diner run orders --shard auto/8", "one of eight pods of an Indexed Job"},
    {"diner run orders --from 2026-10-01 --to 2026-11-01 --distribute",
     "by all machines with a worker; see 'diner help worker'"},
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
