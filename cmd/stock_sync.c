/* diner stock sync: the ERP's export against the platform's stock. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "cmd/stock.h"
#include "core/message.h"
#include "pipeline/column.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct sync_args {
    const char *from;
};
static const struct field sync_fields[] = {{"from", FIELD_STRING, offsetof(struct sync_args, from),
                                            "the ERP's export; default: the pipeline's",
                                            .arg = "FILE", .complete = "file"},
                                           {0}};
static const struct field_set sync_set = {
    .name = "stock sync", .struct_size = sizeof(struct sync_args), .fields = sync_fields};

static const struct table_column diff_columns[] = {
    {"store", TABLE_TEXT},           {"product", TABLE_TEXT},
    {"product_name", TABLE_TEXT},    {"material", TABLE_TEXT},
    {"platform_qty", TABLE_DECIMAL}, {"erp_qty", TABLE_DECIMAL},
    {"moved_qty", TABLE_DECIMAL},    {"delta", TABLE_DECIMAL},
    {"target_qty", TABLE_DECIMAL},   {NULL, TABLE_TEXT}};
#define DIFF_COLUMNS (sizeof diff_columns / sizeof *diff_columns - 1)

struct differences {
    struct cli *cli;
    struct table *table;
    size_t rows;
};

/* A row of the stream `adjustments`: what the platform's stock must change by. */
static void difference_row(void *self, const struct stream_context *ctx, const struct cell *cells)
{
    struct differences *d = self;
    const char *texts[DIFF_COLUMNS] = {NULL};
    for (size_t i = 0; i < DIFF_COLUMNS; i++) {
        struct span text = SPAN("");
        bool is_null = true;
        int at = stream_column(ctx->stream, diff_columns[i].key);
        if (at >= 0 && column_clean(ctx->reader, (size_t)at, &cells[at], &text, &is_null) == NULL &&
            !is_null)
            texts[i] = arena_strndup(d->cli->arena, text.ptr, text.len);
    }
    table_row(d->table, texts);
    d->rows++;
}

static void count_row(void *self, const struct stream_context *ctx, const struct cell *cells)
{
    (void)ctx;
    (void)cells;
    ++*(size_t *)self;
}

/* What would still be adjusted now: the same comparison, planned once more. */
static int after_differences(struct cli *cli, struct error *err)
{
    size_t left = 0;
    struct run_report report;
    const struct run_observer observer = {.self = &left, .row = count_row};
    struct run_options options = engine_options(cli);
    options.kind = RUN_PLAN;
    options.only = "adjustments";
    options.observer = &observer;
    int code = run_pipeline("stock_sync", &options, &report, err);
    run_report_release(&report);
    if (code == 0)
        cli_summary(cli, "after: %zu differences left", left);
    return code;
}

static int sync_stock(struct cli *cli, const void *bound, struct error *err)
{
    const struct sync_args *args = bound;
    struct differences d = {.cli = cli};
    struct run_observer observer = {.self = &d, .row = difference_row};
    struct run_options options = engine_options(cli);
    struct field_strings params = {.items = arena_array(cli->arena, 1, sizeof(char *))};
    struct error ignored = ERROR_INIT;
    struct run_report report;
    char path[PATH_MAX];
    if (args->from != NULL) {
        if (realpath(args->from, path) == NULL)
            return error_set(err, ERR_NOT_FOUND, "there is no file '%s'", args->from);
        params.items[params.count++] = arena_printf(cli->arena, "file=%s", path);
    }
    d.table = table_new(cli, diff_columns);
    options.kind = cli->dry_run ? RUN_PLAN : RUN_LOAD;
    options.params = &params;
    options.observer = &observer;
    int code = run_pipeline("stock_sync", &options, &report, err);
    int printed = table_end(d.table, "the platform's stock is as the ERP's: nothing to adjust",
                            code == 0 ? err : &ignored);
    int64_t rejected = 0, findings = 0;
    for (size_t i = 0; i < report.nstreams; i++) {
        rejected += report.streams[i].counts.rejected;
        findings += report.streams[i].counts.findings;
    }
    if (code == 0)
        cli_summary(cli,
                    "stock sync: %zu %s, %" PRId64 " rows rejected, %" PRId64
                    " negative quantities left alone",
                    d.rows,
                    cli->dry_run ? message_text("would be adjusted (nothing was sent)")
                                 : message_text("adjusted"),
                    rejected, findings);
    run_report_release(&report);
    if (code == 0 && printed == 0 && !cli->dry_run)
        code = after_differences(cli, err);
    return code != 0 ? code : printed;
}

const struct command command_stock_sync = {
    .name = "sync",
    .summary = "correct the platform's stock by the ERP's export (the pipeline 'stock_sync')",
    .description =
        "Loads the export, compares it with the platform's stock as of the export's own time, "
        "prints what differs and adjusts it, in batches that carry idempotency keys. Keys that are "
        "missing, rejected or negative in the export are never touched. With --dry-run everything "
        "is rolled back and nothing is sent.",
    .args = &sync_set,
    .run = sync_stock,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock sync --dry-run", "a diff before any write"}, {0}}};
