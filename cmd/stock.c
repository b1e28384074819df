/* diner stock show|adjust|sync. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "cmd/listing.h"
#include "pipeline/column.h"
#include "platform/client/client.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- show ------------------------------------------------------------------------------- */

struct show_args {
    const char *store, *product;
    int64_t limit;
};
static const struct field show_fields[] = {
    {"store", FIELD_STRING, offsetof(struct show_args, store), "only of this store",
     .short_name = 's', .arg = "CODE", .env = "DINER_STORE", .complete = "store"},
    {"product", FIELD_STRING, offsetof(struct show_args, product), "only this product",
     .arg = "SKU"},
    {"limit", FIELD_INT, offsetof(struct show_args, limit), "how many", .def = "1000", .min = 1,
     .max = 10000000},
    {0}};
static const struct field_set show_set = {
    .name = "stock show", .struct_size = sizeof(struct show_args), .fields = show_fields};
static const struct table_column show_columns[] = {
    {"store", TABLE_TEXT},         {"product", TABLE_TEXT}, {"product_name", TABLE_TEXT},
    {"material_code", TABLE_TEXT}, {"qty", TABLE_DECIMAL},  {"unit", TABLE_TEXT},
    {"updated_at", TABLE_TIME},    {NULL, TABLE_TEXT}};

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    const struct connector_param params[] = {{"store", args->store}, {"product", args->product}};
    return listing_print(cli, "stock", params, 2, args->limit, show_columns, "no stock", err);
}

/* ---- adjust ----------------------------------------------------------------------------- */

static const char *const adjust_reasons[] = {"adjust", "count", "waste", NULL};

struct adjust_args {
    const char *store, *product, *delta, *note;
    int reason;
};
#define ADJUST(member) offsetof(struct adjust_args, member)
static const struct field adjust_fields[] = {
    {"store", FIELD_STRING, ADJUST(store), "store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .flags = FIELD_REQUIRED, .complete = "store"},
    {"product", FIELD_STRING, ADJUST(product), "product", .arg = "SKU",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"by", FIELD_STRING, ADJUST(delta), "signed quantity, such as 5 or -1.5", .arg = "QUANTITY",
     .flags = FIELD_REQUIRED},
    {"reason", FIELD_CHOICE, ADJUST(reason), "why, in the stock log", .def = "adjust",
     .choices = adjust_reasons},
    {"note", FIELD_STRING, ADJUST(note), "a note in the stock log", .arg = "TEXT"},
    {0}};
static const struct field_set adjust_set = {
    .name = "stock adjust", .struct_size = sizeof(struct adjust_args), .fields = adjust_fields};

static void write_adjustment(const struct adjust_args *args, struct strbuf *body)
{
    struct jwriter w;
    jwriter_init(&w, body);
    jwriter_object(&w);
    jwriter_key(&w, "items");
    jwriter_array(&w);
    jwriter_object(&w);
    jwriter_kstring(&w, "store", args->store);
    jwriter_kstring(&w, "product", args->product);
    jwriter_kstring(&w, "delta", args->delta);
    jwriter_kstring(&w, "reason", adjust_reasons[args->reason]);
    if (args->note != NULL)
        jwriter_kstring(&w, "note", args->note);
    jwriter_end(&w);
    jwriter_end(&w);
    jwriter_end(&w);
}

static int adjust(struct cli *cli, const void *bound, struct error *err)
{
    const struct adjust_args *args = bound;
    struct decimal delta;
    struct client *client;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    if (!decimal_parse(args->delta, strlen(args->delta), &delta) || decimal_is_zero(&delta))
        return error_set(err, ERR_USAGE, "--by '%s' is not a quantity other than zero",
                         args->delta);
    strbuf_init(&body, 1 << 20);
    write_adjustment(args, &body);
    if (cli->dry_run) {
        fprintf(cli->out, "%s\n", body.data);
        cli_summary(cli, "dry run: nothing was sent");
        return 0;
    }
    TRY(client_open(cli->config, builtin_connectors, NULL, &client, err));
    int code = client_call(client, "stock_adjustments", NULL, 0, &body, &answer, err);
    client_close(client);
    TRY(code);
    const struct jsonx *result = jsonx_pointer(answer, "/data/results/0");
    const char *reason = jsonx_text(jsonx_get(result, "error"));
    const char *qty = jsonx_text(jsonx_get(result, "qty"));
    if (jsonx_is_true(jsonx_get(result, "ok")))
        cli_summary(cli, "stock of %s in %s is now %s", args->product, args->store,
                    qty ? qty : "?");
    else
        code = error_set(err, ERR_CONFLICT, "stock of '%s' in '%s' was not adjusted: %s",
                         args->product, args->store, reason ? reason : "refused");
    jsonx_free(answer);
    return code;
}

/* ---- sync ------------------------------------------------------------------------------- */

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
                    d.rows, cli->dry_run ? "would be adjusted (nothing was sent)" : "adjusted",
                    rejected, findings);
    run_report_release(&report);
    if (code == 0 && printed == 0 && !cli->dry_run)
        code = after_differences(cli, err);
    return code != 0 ? code : printed;
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_show = {
    .name = "show",
    .summary = "show the platform's stock",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner stock show --store S001", "of one store"}, {0}}};
static const struct command command_adjust = {
    .name = "adjust",
    .summary = "adjust the stock of one product in one store",
    .args = &adjust_set,
    .run = adjust,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock adjust P1001 --store S001 --by -1.5 --reason waste --dry-run", "look first"},
        {0}}};
static const struct command command_sync = {
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
static const struct command *const children[] = {&command_show, &command_adjust, &command_sync,
                                                 NULL};
const struct command command_stock = {.name = "stock",
                                      .summary = "stock of the platform, and its sync with the ERP",
                                      .children = children};
