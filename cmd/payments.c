/* diner payments: the group and list. */
#include "cmd/payments.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/orders.h"
#include "cmd/payments_bill.h"

/* ---- list ------------------------------------------------------------------------------- */

static const char *const sorts[] = {"created_at", "-created_at", "amount", "-amount",
                                    "id",         "-id",         NULL};

struct list_args {
    const char *store, *method, *channel, *status, *since, *until;
    bool refunds;
    int sort;
    int64_t limit;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"refunds", FIELD_BOOL, LIST(refunds), "the refunds, instead of the payments"},
    {"store", FIELD_STRING, LIST(store), "only of this store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"method", FIELD_STRING, LIST(method), "only paid so: wechat, alipay, cash and so on",
     .arg = "METHOD"},
    {"channel", FIELD_STRING, LIST(channel),
     "only where the money is held by: none (only recorded), wallet, or a payment channel",
     .arg = "CHANNEL"},
    {"status", FIELD_STRING, LIST(status),
     "only so: created, sent, succeeded, failed, closed; of refunds requested, accepted, "
     "succeeded, failed",
     .arg = "STATUS"},
    {"since", FIELD_STRING, LIST(since),
     "made at or after: today, yesterday, 'N days ago' (business days), a date or a time",
     .arg = "WHEN"},
    {"until", FIELD_STRING, LIST(until), "made before, likewise", .arg = "WHEN"},
    {"sort", FIELD_CHOICE, LIST(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "-created_at", .choices = sorts},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "50", .min = 1, .max = 1000000},
    {0}};
static const struct field_set list_set = {
    .name = "payments list", .struct_size = sizeof(struct list_args), .fields = list_fields};

static const struct table_column payment_columns[] = {
    {"payment_no", TABLE_TEXT}, {"order_no", TABLE_TEXT},   {"store", TABLE_TEXT},
    {"method", TABLE_TEXT},     {"channel", TABLE_TEXT},    {"amount", TABLE_MONEY},
    {"status", TABLE_TEXT},     {"is_surplus", TABLE_BOOL}, {"transaction_id", TABLE_TEXT},
    {"paid_at", TABLE_TIME},    {"created_at", TABLE_TIME}, {NULL, TABLE_TEXT}};
static const struct table_column refund_columns[] = {
    {"refund_no", TABLE_TEXT},   {"payment_no", TABLE_TEXT}, {"order_no", TABLE_TEXT},
    {"store", TABLE_TEXT},       {"method", TABLE_TEXT},     {"channel", TABLE_TEXT},
    {"amount", TABLE_MONEY},     {"status", TABLE_TEXT},     {"reason", TABLE_TEXT},
    {"accepted_at", TABLE_TIME}, {"final_at", TABLE_TIME},   {"created_at", TABLE_TIME},
    {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    const char *since, *until;
    TRY(listing_when(cli, args->since, &since, err));
    TRY(listing_when(cli, args->until, &until, err));
    const struct connector_param params[] = {{"store", args->store},     {"method", args->method},
                                             {"channel", args->channel}, {"status", args->status},
                                             {"since", since},           {"until", until},
                                             {"sort", sorts[args->sort]}};
    return args->refunds ? listing_print(cli, "refunds", params, 7, args->limit, refund_columns,
                                         "no refunds", err)
                         : listing_print(cli, "payments", params, 7, args->limit, payment_columns,
                                         "no payments", err);
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list payments, or refunds, of all orders",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner payments list --store S001 --since yesterday --method wechat",
         "since the last closed day began"},
        {"diner payments list --refunds --status accepted -o json", "refunds under way"},
        {0}}};
static const struct command *const children[] = {&command_list,
                                                 &command_payments_refund,
                                                 &command_payments_bill,
                                                 &command_payments_reconcile,
                                                 &command_payments_differences,
                                                 NULL};
const struct command command_payments = {
    .name = "payments", .summary = "payments, and the channels' books", .children = children};
