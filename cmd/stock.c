/* diner stock: the group, and what only reads: show, log, reorder. */
#include "cmd/stock.h"
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"

#include <inttypes.h>
#include <string.h>

/* ---- show ------------------------------------------------------------------------------- */

static const char *const below_levels[] = {"any", "zero", "min", "par", NULL};

static const char *const show_sorts[] = {"store",      "-store",      "qty", "-qty",
                                         "updated_at", "-updated_at", NULL};

struct show_args {
    const char *store, *product;
    int64_t limit, max_age_ms;
    int below, sort;
};
#define SHOW(member) offsetof(struct show_args, member)
static const struct field show_fields[] = {
    {"store", FIELD_STRING, SHOW(store), "only of this store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"product", FIELD_STRING, SHOW(product), "only this product", .arg = "SKU"},
    {"below", FIELD_CHOICE, SHOW(below), "only what has less than zero, its minimum, its par",
     .arg = "LEVEL", .def = "any", .choices = below_levels},
    {"max-age", FIELD_DURATION, SHOW(max_age_ms),
     "with --store and --product: how old the answer may be, such as 60s; it may come from the "
     "platform's cache then, and says its age",
     .arg = "TIME", .def = "0s", .min = 0, .max = 86400000},
    {"sort", FIELD_CHOICE, SHOW(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "store", .choices = show_sorts},
    {"limit", FIELD_INT, SHOW(limit), "how many", .def = "1000", .min = 1, .max = 10000000},
    {0}};
static const struct field_set show_set = {
    .name = "stock show", .struct_size = sizeof(struct show_args), .fields = show_fields};
static const struct table_column show_columns[] = {{"store", TABLE_TEXT},
                                                   {"product", TABLE_TEXT},
                                                   {"product_name", TABLE_TEXT},
                                                   {"material_code", TABLE_TEXT},
                                                   {"qty", TABLE_DECIMAL},
                                                   {"reserved", TABLE_DECIMAL, .is_quiet = true},
                                                   {"available", TABLE_DECIMAL},
                                                   {"unit", TABLE_TEXT},
                                                   {"par_qty", TABLE_DECIMAL, .is_quiet = true},
                                                   {"min_qty", TABLE_DECIMAL, .is_quiet = true},
                                                   {"pack_unit", TABLE_TEXT, .is_quiet = true},
                                                   {"policy", TABLE_TEXT},
                                                   {"updated_at", TABLE_TIME},
                                                   {NULL, TABLE_TEXT}};

static const struct table_column aged_columns[] = {
    {"store", TABLE_TEXT},  {"product", TABLE_TEXT},     {"product_name", TABLE_TEXT},
    {"qty", TABLE_DECIMAL}, {"reserved", TABLE_DECIMAL}, {"available", TABLE_DECIMAL},
    {"unit", TABLE_TEXT},   {"updated_at", TABLE_TIME},  {"source", TABLE_TEXT},
    {"age_s", TABLE_INT},   {"degraded", TABLE_BOOL},    {NULL, TABLE_TEXT}};

/* One product at one store, which may come from the platform's cache. */
static int show_aged(struct cli *cli, const struct show_args *args, struct error *err)
{
    struct jsonx *answer = NULL;
    const struct connector_param params[] = {
        {"store", args->store},
        {"product", args->product},
        {"max_age", arena_printf(cli->arena, "%" PRId64, (args->max_age_ms + 999) / 1000)}};
    if (args->store == NULL || args->product == NULL)
        return error_set(err, ERR_USAGE, "--max-age goes with --store and --product");
    TRY(listing_call(cli, "stock_of", params, 3, NULL, &answer, err));
    int code = listing_print_one(cli, jsonx_get(answer, "data"), aged_columns, err);
    jsonx_free(answer);
    return code;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    if (args->max_age_ms > 0)
        return show_aged(cli, args, err);
    const struct connector_param params[] = {
        {"store", args->store},
        {"product", args->product},
        {"below", args->below > 0 ? below_levels[args->below] : NULL},
        {"sort", args->sort > 0 ? show_sorts[args->sort] : NULL}};
    return listing_show(cli, "stock", params, 4, args->limit, show_columns, "no stock", err);
}

/* ---- log -------------------------------------------------------------------------------- */

static const char *const change_types[] = {
    "any",   "sale",    "restore",         "adjust",       "erp_sync",    "count",
    "waste", "receipt", "supplier_return", "transfer_out", "transfer_in", "transfer_return",
    NULL};

static const char *const log_sorts[] = {"-id",      "id",        "created_at", "-created_at",
                                        "quantity", "-quantity", NULL};

struct log_args {
    const char *store, *product, *order_no, *since, *until;
    int type, sort;
    bool flagged, oldest_first;
    int64_t limit;
};
#define LOG(member) offsetof(struct log_args, member)
static const struct field log_fields[] = {
    {"store", FIELD_STRING, LOG(store), "only of this store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"product", FIELD_STRING, LOG(product), "only of this product", .arg = "SKU"},
    {"order", FIELD_STRING, LOG(order_no), "only what this order took and gave back",
     .arg = "ORDER"},
    {"type", FIELD_CHOICE, LOG(type), "only this kind of movement", .arg = "TYPE", .def = "any",
     .choices = change_types},
    {"since", FIELD_STRING, LOG(since),
     "at or after: today, yesterday, 'N days ago' (business days), a date or a time",
     .arg = "WHEN"},
    {"until", FIELD_STRING, LOG(until), "before, likewise", .arg = "WHEN"},
    {"flagged", FIELD_BOOL, LOG(flagged), "only what ended below zero under the policy 'flag'"},
    {"oldest-first", FIELD_BOOL, LOG(oldest_first), "in the order in which it happened: --sort id"},
    {"sort", FIELD_CHOICE, LOG(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "-id", .choices = log_sorts},
    {"limit", FIELD_INT, LOG(limit), "how many", .def = "50", .min = 1, .max = 10000000},
    {0}};
static const struct field_set log_set = {
    .name = "stock log", .struct_size = sizeof(struct log_args), .fields = log_fields};
static const struct table_column log_columns[] = {
    {"id", TABLE_INT},
    {"created_at", TABLE_TIME},
    {"store", TABLE_TEXT},
    {"product_id", TABLE_INT},
    {"product", TABLE_TEXT},
    {"product_name", TABLE_TEXT},
    {"order_id", TABLE_INT, .is_quiet = true},
    {"order_no", TABLE_TEXT, .is_quiet = true},
    {"change_type", TABLE_TEXT},
    {"quantity", TABLE_DECIMAL},
    {"stock_after", TABLE_DECIMAL},
    {"unit", TABLE_TEXT},
    {"entered_quantity", TABLE_DECIMAL, .is_quiet = true},
    {"entered_unit", TABLE_TEXT, .is_quiet = true},
    {"reason_code", TABLE_TEXT, .is_quiet = true},
    {"reason", TABLE_TEXT, .is_quiet = true},
    {"flagged", TABLE_BOOL, .is_quiet = true},
    {"ref", TABLE_TEXT},
    {NULL, TABLE_TEXT}};

static int show_log(struct cli *cli, const void *bound, struct error *err)
{
    const struct log_args *args = bound;
    const char *since, *until;
    TRY(listing_when(cli, args->since, &since, err));
    TRY(listing_when(cli, args->until, &until, err));
    const struct connector_param params[] = {
        {"store", args->store},
        {"product", args->product},
        {"order_no", args->order_no},
        {"change_type", args->type > 0 ? change_types[args->type] : NULL},
        {"since", since},
        {"until", until},
        {"flagged", args->flagged ? "true" : NULL},
        {"sort", args->oldest_first ? "id" : log_sorts[args->sort]}};
    return listing_print(cli, "stock_log", params, 8, args->limit, log_columns, "no movements",
                         err);
}

/* ---- reorder ---------------------------------------------------------------------------- */

static const char *const reorder_sorts[] = {"store",   "-store",   "qty", "-qty",
                                            "par_qty", "-par_qty", NULL};

struct reorder_args {
    const char *store;
    int64_t limit;
    int sort;
};
static const struct field reorder_fields[] = {
    {"store", FIELD_STRING, offsetof(struct reorder_args, store), "only for this store",
     .short_name = 's', .arg = "CODE", .env = "DINER_STORE", .complete = "store"},
    {"sort", FIELD_CHOICE, offsetof(struct reorder_args, sort),
     "in this order; descending with a '-' before it", .arg = "ORDER", .def = "store",
     .choices = reorder_sorts},
    {"limit", FIELD_INT, offsetof(struct reorder_args, limit), "how many", .def = "10000", .min = 1,
     .max = 10000000},
    {0}};
static const struct field_set reorder_set = {
    .name = "stock reorder", .struct_size = sizeof(struct reorder_args), .fields = reorder_fields};
static const struct table_column reorder_columns[] = {{"store", TABLE_TEXT},
                                                      {"product", TABLE_TEXT},
                                                      {"product_name", TABLE_TEXT},
                                                      {"material_code", TABLE_TEXT},
                                                      {"qty", TABLE_DECIMAL},
                                                      {"reserved", TABLE_DECIMAL, .is_quiet = true},
                                                      {"incoming", TABLE_DECIMAL, .is_quiet = true},
                                                      {"par_qty", TABLE_DECIMAL},
                                                      {"min_qty", TABLE_DECIMAL, .is_quiet = true},
                                                      {"packs", TABLE_DECIMAL},
                                                      {"pack_unit", TABLE_TEXT},
                                                      {"order_qty", TABLE_DECIMAL},
                                                      {"unit", TABLE_TEXT},
                                                      {"usage_per_day", TABLE_DECIMAL},
                                                      {"days_left", TABLE_DECIMAL},
                                                      {NULL, TABLE_TEXT}};

static int reorder(struct cli *cli, const void *bound, struct error *err)
{
    const struct reorder_args *args = bound;
    const struct connector_param params[] = {
        {"store", args->store}, {"sort", args->sort > 0 ? reorder_sorts[args->sort] : NULL}};
    return listing_print(cli, "stock_reorder", params, 2, args->limit, reorder_columns,
                         "nothing to order: all that has a par level has enough", err);
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_show = {
    .name = "show",
    .summary = "show the platform's stock",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner stock show --store S001", "of one store"},
        {"diner stock show --below min", "what is running out, in all stores"},
        {"diner stock show --store S001 --sort qty --limit 20", "what there is least of"},
        {"diner stock show --store S001 --product P1001 --max-age 60s", "quick, and not too old"},
        {0}}};
static const struct command command_log = {
    .name = "log",
    .summary = "show the ledger: every movement of stock, newest first",
    .description = "Each movement has its kind (sale, restore, count, waste...), the signed "
                   "quantity, the stock after it, and the order or document it belongs to. The "
                   "stock of a product is the sum of its movements.",
    .args = &log_set,
    .run = show_log,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner stock log --store S001 --product P1001 --since yesterday", "what happened to it"},
        {"diner stock log --type waste -o csv --limit 10000", "for a spreadsheet"},
        {0}}};
static const struct command command_reorder = {
    .name = "reorder",
    .summary = "propose what to order, in whole packs, to be at par again",
    .description =
        "For each product with a par level ('diner stock set'): par less what is available and on "
        "its way from other stores, rounded up to packs, once it is at or below its minimum "
        "(without one: below par). Nothing is changed. What was ordered from suppliers is not "
        "known "
        "here: order once a proposal.",
    .args = &reorder_set,
    .run = reorder,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner stock reorder --store S001", "of one store"},
                                         {"diner stock reorder -o csv", "for the buyer"},
                                         {0}}};
static const struct command *const children[] = {
    &command_show,           &command_log,        &command_stock_adjust,
    &command_stock_count,    &command_stock_set,  &command_reorder,
    &command_stock_transfer, &command_stock_sync, NULL};
const struct command command_stock = {
    .name = "stock",
    .summary = "stock of the platform: counts, ledger, transfers, and its sync with the ERP",
    .children = children};
