/* diner orders: the group, list and sync. */
#include "cmd/orders.h"
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "cmd/listing.h"

#include <stdio.h>
#include <string.h>

/* ---- list ------------------------------------------------------------------------------- */

static const char *const order_states[] = {"all",       "pending",   "paid", "accepted",
                                           "fulfilled", "cancelled", NULL};

static const char *const payment_states[] = {
    "all", "unpaid", "paid", "refunding", "partially_refunded", "refunded", NULL};

static const char *const sorts[] = {"updated_at",   "-updated_at",   "created_at",
                                    "-created_at",  "order_no",      "-order_no",
                                    "total_amount", "-total_amount", NULL};

struct list_args {
    const char *store, *since, *until;
    int status, payment, sort;
    int64_t limit;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"store", FIELD_STRING, LIST(store), "only of this store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"status", FIELD_CHOICE, LIST(status), "only with this status", .arg = "STATUS", .def = "all",
     .choices = order_states},
    {"payment-status", FIELD_CHOICE, LIST(payment), "only those whose payment is so",
     .arg = "STATUS", .def = "all", .choices = payment_states},
    {"since", FIELD_STRING, LIST(since),
     "changed at or after: today, yesterday, 'N days ago' (business days), a date or a time",
     .arg = "WHEN"},
    {"until", FIELD_STRING, LIST(until), "changed before, likewise", .arg = "WHEN"},
    {"sort", FIELD_CHOICE, LIST(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "updated_at", .choices = sorts},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "50", .min = 1, .max = 1000000},
    {0}};
static const struct field_set list_set = {
    .name = "orders list", .struct_size = sizeof(struct list_args), .fields = list_fields};

static const struct table_column list_columns[] = {
    {"order_no", TABLE_TEXT},       {"store", TABLE_TEXT},
    {"channel", TABLE_TEXT},        {"status", TABLE_TEXT},
    {"payment_status", TABLE_TEXT}, {"total_amount", TABLE_MONEY},
    {"business_date", TABLE_TEXT},  {"created_at", TABLE_TIME},
    {"updated_at", TABLE_TIME},     {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    const char *since, *until;
    TRY(listing_when(cli, args->since, &since, err));
    TRY(listing_when(cli, args->until, &until, err));
    const struct connector_param params[] = {
        {"store", args->store},
        {"status", args->status > 0 ? order_states[args->status] : NULL},
        {"payment_status", args->payment > 0 ? payment_states[args->payment] : NULL},
        {"updated_since", since},
        {"updated_until", until},
        {"sort", args->sort > 0 ? sorts[args->sort] : NULL}};
    return listing_show(cli, "orders", params, 6, args->limit, list_columns, "no orders", err);
}

/* ---- sync ------------------------------------------------------------------------------- */

struct sync_args {
    const char *from, *to;
    bool full_refresh;
};
static const struct field sync_fields[] = {
    {"from", FIELD_STRING, offsetof(struct sync_args, from),
     "changed at or after, instead of the cursor, which stays", .arg = "TIME"},
    {"to", FIELD_STRING, offsetof(struct sync_args, to), "changed before", .arg = "TIME"},
    {"full-refresh", FIELD_BOOL, offsetof(struct sync_args, full_refresh), "all orders again"},
    {0}};
static const struct field_set sync_set = {
    .name = "orders sync", .struct_size = sizeof(struct sync_args), .fields = sync_fields};

static int sync_orders(struct cli *cli, const void *bound, struct error *err)
{
    const struct sync_args *args = bound;
    struct run_options options = engine_options(cli);
    options.kind = cli->dry_run ? RUN_DRY : RUN_LOAD;
    options.from = args->from;
    options.to = args->to;
    options.full_refresh = args->full_refresh;
    return engine_run(cli, "orders", &options, NULL, err);
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list orders, by time of change or as --sort says",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner orders list --store S001 --since yesterday", "since the last closed day began"},
        {"diner orders list --status pending -o json", "for a program"},
        {"diner orders list --sort=-total_amount --limit 10", "the ten largest"},
        {0}}};
static const struct command command_sync = {
    .name = "sync",
    .summary = "bring the platform's orders into ods (the pipeline 'orders')",
    .args = &sync_set,
    .run = sync_orders,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){{"diner orders sync", "what changed"}, {0}}};
static const struct command *const children[] = {&command_list,
                                                 &command_orders_show,
                                                 &command_orders_create,
                                                 &command_orders_pay,
                                                 &command_orders_accept,
                                                 &command_orders_ready,
                                                 &command_orders_fulfill,
                                                 &command_orders_cancel,
                                                 &command_orders_refund,
                                                 &command_orders_auto_cancel,
                                                 &command_orders_settle,
                                                 &command_sync,
                                                 NULL};
const struct command command_orders = {
    .name = "orders", .summary = "orders of the platform", .children = children};
