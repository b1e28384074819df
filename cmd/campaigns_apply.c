/* diner campaigns apply: the price of a basket explained; campaigns applied to an unpaid order. */
#include "cli/table.h"
#include "cmd/campaigns.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/orders.h"

#include <stdio.h>

struct apply_args {
    const char *order_no, *store, *member_no, *at;
    struct field_strings items, coupons;
    int channel;
};
#define APPLY(member) offsetof(struct apply_args, member)
static const struct field apply_fields[] = {
    {"order", FIELD_STRING, APPLY(order_no), "an unpaid order; without it: the basket of --item",
     .arg = "ORDER", .flags = FIELD_POSITIONAL},
    {"coupon", FIELD_STRINGS, APPLY(coupons), "with this coupon", .arg = "CODE",
     .flags = FIELD_REPEAT},
    {"store", FIELD_STRING, APPLY(store), "store of the basket", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"item", FIELD_STRINGS, APPLY(items), "a line of the basket: product and quantity",
     .short_name = 'i', .arg = "PRODUCT=QUANTITY", .flags = FIELD_REPEAT},
    {"channel", FIELD_CHOICE, APPLY(channel), "how it is eaten", .def = "dine_in",
     .choices = order_channels},
    {"member-no", FIELD_STRING, APPLY(member_no), "member who orders", .arg = "NO"},
    {"at", FIELD_STRING, APPLY(at), "when it would be ordered; default: now", .arg = "WHEN"},
    {0}};
static const struct field_set apply_set = {
    .name = "campaigns apply", .struct_size = sizeof(struct apply_args), .fields = apply_fields};

/* ---- explaining ------------------------------------------------------------------------- */

static const struct table_column line_columns[] = {
    {"line_no", TABLE_INT},           {"product", TABLE_TEXT},       {"product_name", TABLE_TEXT},
    {"price", TABLE_MONEY},           {"quantity", TABLE_DECIMAL},   {"amount", TABLE_MONEY},
    {"discount_amount", TABLE_MONEY}, {"total_amount", TABLE_MONEY}, {NULL, TABLE_TEXT}};
static const struct table_column campaign_columns[] = {
    {"campaign", TABLE_TEXT}, {"campaign_name", TABLE_TEXT}, {"coupon", TABLE_TEXT},
    {"applied", TABLE_BOOL},  {"amount", TABLE_MONEY},       {"message", TABLE_TEXT},
    {NULL, TABLE_TEXT}};

static int print_price(struct cli *cli, const struct jsonx *price, struct error *err)
{
    if (!campaign_print_json(cli, price)) {
        TRY(listing_print_rows(cli, jsonx_get(price, "items"), line_columns, "no lines", err));
        fputc('\n', cli->out);
        TRY(listing_print_rows(cli, jsonx_get(price, "campaigns"), campaign_columns, "no campaigns",
                               err));
    }
    cli_summary(cli, "dry run: %s less %s is %s, on %s at %s; nothing was taken",
                jsonx_text(jsonx_get(price, "gross_amount")),
                jsonx_text(jsonx_get(price, "discount_amount")),
                jsonx_text(jsonx_get(price, "total_amount")),
                jsonx_text(jsonx_get(price, "business_date")),
                jsonx_text(jsonx_get(price, "local_time")));
    return 0;
}

/* order_no NULL: of the basket that the body is. */
static int explain(struct cli *cli, const char *order_no, const struct strbuf *body,
                   struct error *err)
{
    struct jsonx *answer = NULL;
    TRY(order_call(cli, order_no != NULL ? "order_discounts_preview" : "campaign_preview", order_no,
                   body, &answer, err));
    int code = print_price(cli, jsonx_get(answer, "data"), err);
    jsonx_free(answer);
    return code;
}

static void put_text(struct jwriter *w, const char *key, const char *value)
{
    if (value != NULL)
        jwriter_kstring(w, key, value);
}

static int explain_basket(struct cli *cli, const struct apply_args *args, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    struct jwriter w;
    const char *at;
    TRY(listing_when(cli, args->at, &at, err));
    strbuf_init(&body, CAMPAIGN_BODY_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, "store", args->store);
    jwriter_kstring(&w, "channel", order_channels[args->channel]);
    put_text(&w, "member", args->member_no);
    put_text(&w, "at", at);
    order_coupons_write(&w, &args->coupons);
    TRY(order_items_write(&w, &args->items, err));
    jwriter_end(&w);
    return explain(cli, NULL, &body, err);
}

/* ---- applying --------------------------------------------------------------------------- */

static int apply_to_order(struct cli *cli, const struct apply_args *args, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    struct jwriter w;
    strbuf_init(&body, CAMPAIGN_BODY_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    order_coupons_write(&w, &args->coupons);
    jwriter_end(&w);
    if (cli->dry_run)
        return explain(cli, args->order_no, &body, err);
    return order_send(cli, "order_discounts", args->order_no, &body, "priced anew", err);
}

static int check(struct cli *cli, const struct apply_args *args, struct error *err)
{
    if (args->order_no != NULL && args->items.count > 0)
        return error_set(err, ERR_USAGE, "an order has its lines: ORDER or --item, not both");
    if (args->order_no != NULL)
        return 0;
    if (args->items.count == 0 || args->store == NULL) {
        error_set(err, ERR_USAGE, "nothing to apply campaigns to");
        return error_hint(err, "name an ORDER, or a basket by --store and --item");
    }
    if (!cli->dry_run) {
        error_set(err, ERR_USAGE, "a basket is only explained: --dry-run");
        return error_hint(err, "to sell it: diner orders create");
    }
    return 0;
}

static int apply(struct cli *cli, const void *bound, struct error *err)
{
    const struct apply_args *args = bound;
    TRY(check(cli, args, err));
    return args->order_no != NULL ? apply_to_order(cli, args, err) : explain_basket(cli, args, err);
}

const struct command command_campaigns_apply = {
    .name = "apply",
    .summary = "explain the price of a basket, or apply campaigns and coupons to an unpaid order",
    .description =
        "With --dry-run: what each line of a basket, or of an order, would cost, which campaigns "
        "count and why the others do not. Nothing is taken.\n\n"
        "Of an ORDER that nobody has paid: it is priced anew as of when it was made, with the "
        "coupons that are given. What it had taken of budgets and coupons is given back first.",
    .args = &apply_set,
    .run = apply,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner campaigns apply --store S001 --item P1001=2 --item P2001=1 --dry-run",
         "what it costs now, and why"},
        {"diner campaigns apply --store S001 --item P1001=2 --at '2026-12-31 23:30' --dry-run",
         "what it would cost then"},
        {"diner campaigns apply S001-20261121-0000042 --coupon HELLO",
         "the guest has a coupon after all"},
        {0}}};
