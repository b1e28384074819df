/* diner orders pay|accept|ready|fulfill|cancel|refund. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/orders.h"
#include "core/decimal.h"
#include "core/message.h"

#include <string.h>

struct change_args {
    const char *order_no, *method, *reason, *amount, *refund_no, *payment_no;
    bool restock, code;
};
#define CHANGE(member) offsetof(struct change_args, member)
#define REASON_FIELD                                                                               \
    {                                                                                              \
        "reason", FIELD_STRING, CHANGE(reason), "why", .arg = "TEXT", .flags = FIELD_REQUIRED      \
    }

/* The body: the members that were given. */
static void write_body(const struct change_args *args, struct strbuf *body)
{
    const struct {
        const char *key, *value;
    } members[] = {{"payment_method", args->method},
                   {"amount", args->amount},
                   {"reason", args->reason},
                   {"refund_no", args->refund_no},
                   {"payment_no", args->payment_no}};
    struct jwriter w;
    jwriter_init(&w, body);
    jwriter_object(&w);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].value != NULL)
            jwriter_kstring(&w, members[i].key, members[i].value);
    if (args->restock)
        jwriter_kbool(&w, "restock", true);
    jwriter_end(&w);
}

static int change(struct cli *cli, const struct change_args *args, const char *resource,
                  const char *done, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 1 << 16);
    write_body(args, &body);
    return order_send(cli, resource, args->order_no, &body, done, err);
}

/* A code to pay by, instead of the payment. */
static int prepay(struct cli *cli, const struct change_args *args, struct error *err)
{
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 1 << 16);
    write_body(args, &body);
    if (cli->dry_run)
        return order_dry(cli, &body);
    TRY(order_call(cli, "order_prepay", args->order_no, &body, &answer, err));
    const struct jsonx *payment = jsonx_get(answer, "data");
    int code = order_print(cli, payment, err);
    if (code == 0)
        cli_summary(cli, "payment %s of %s: the guest pays by the code",
                    jsonx_text(jsonx_get(payment, "payment_no")),
                    jsonx_text(jsonx_get(payment, "amount")));
    jsonx_free(answer);
    return code;
}

static int pay(struct cli *cli, const void *bound, struct error *err)
{
    const struct change_args *args = bound;
    return args->code ? prepay(cli, args, err)
                      : change(cli, args, "order_pay", message_text("paid"), err);
}

static int accept_order(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "order_accept", message_text("accepted"), err);
}

static int ready(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "order_ready", message_text("is ready"), err);
}

static int fulfill(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "order_fulfill", message_text("fulfilled"), err);
}

static int cancel(struct cli *cli, const void *bound, struct error *err)
{
    const struct change_args *args = bound;
    TRY(cli_confirm(cli, err, "cancel order %s and give its stock back?", args->order_no));
    return change(cli, args, "order_cancel", message_text("cancelled"), err);
}

/* ---- refund ----------------------------------------------------------------------------- */

static int check_amount(const char *amount, struct error *err)
{
    struct decimal value;
    if (amount == NULL || (decimal_parse(amount, strlen(amount), &value) && value.coefficient > 0))
        return 0;
    error_set(err, ERR_USAGE, "--amount '%s' is not an amount of money", amount);
    return error_hint(err, "for example 12.50; without --amount all that is left is refunded");
}

static int print_refund(struct cli *cli, const struct change_args *args, const struct jsonx *refund,
                        struct error *err)
{
    const char *status = jsonx_text(jsonx_get(refund, "status"));
    if (status == NULL)
        return error_set(err, ERR_REMOTE, "the platform's answer does not say how the refund is");
    TRY(order_print(cli, refund, err));
    cli_summary(cli, "refund %s of %s for order %s: %s", jsonx_text(jsonx_get(refund, "refund_no")),
                jsonx_text(jsonx_get(refund, "amount")), args->order_no, status);
    if (strcmp(status, "failed") == 0)
        return error_set(err, ERR_FAILED, "the refund failed: %s",
                         jsonx_text(jsonx_get(refund, "failure")));
    return 0;
}

static int refund(struct cli *cli, const void *bound, struct error *err)
{
    const struct change_args *args = bound;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    TRY(check_amount(args->amount, err));
    strbuf_init(&body, 1 << 16);
    write_body(args, &body);
    if (cli->dry_run)
        return order_dry(cli, &body);
    TRY(cli_confirm(cli, err, "refund %s of order %s?",
                    args->amount != NULL ? args->amount : message_text("all that is left"),
                    args->order_no));
    TRY(order_call(cli, "order_refund", args->order_no, &body, &answer, err));
    int code = print_refund(cli, args, jsonx_get(answer, "data"), err);
    jsonx_free(answer);
    return code;
}

/* ---- declarations ----------------------------------------------------------------------- */

#define ARGS(set, label, table)                                                                    \
    static const struct field_set set = {                                                          \
        .name = label, .struct_size = sizeof(struct change_args), .fields = table}

static const struct field pay_fields[] = {
    ORDER_NO_FIELD(CHANGE(order_no)),
    {"payment-method", FIELD_STRING, CHANGE(method), "how it is paid; default: as ordered",
     .arg = "METHOD"},
    {"code", FIELD_BOOL, CHANGE(code), "print a code that the guest pays by, instead"},
    {0}};
ARGS(pay_set, "orders pay", pay_fields);
static const struct field step_fields[] = {ORDER_NO_FIELD(CHANGE(order_no)), {0}};
ARGS(step_set, "order", step_fields);
static const struct field cancel_fields[] = {ORDER_NO_FIELD(CHANGE(order_no)), REASON_FIELD, {0}};
ARGS(cancel_set, "orders cancel", cancel_fields);
static const struct field refund_fields[] = {
    ORDER_NO_FIELD(CHANGE(order_no)),
    {"amount", FIELD_STRING, CHANGE(amount), "how much; default: all that is left",
     .arg = "AMOUNT"},
    REASON_FIELD,
    {"refund-no", FIELD_STRING, CHANGE(refund_no),
     "your own number of this refund: sent again it is the same refund", .arg = "NO"},
    {"payment", FIELD_STRING, CHANGE(payment_no),
     "the payment to refund, a surplus one too; default: the one that paid the order",
     .arg = "PAYMENT"},
    {"restock", FIELD_BOOL, CHANGE(restock),
     "give the stock of an accepted or fulfilled order back, too"},
    {0}};
ARGS(refund_set, "orders refund", refund_fields);

const struct command command_orders_pay = {
    .name = "pay",
    .summary = "take the payment of an order",
    .description =
        "wechat and alipay are taken by the platform's payment channel, where it has one; any "
        "other "
        "method is recorded: somebody has the money already. When the channel does not answer, the "
        "command fails with status 5 and the payment goes on by itself: `diner orders show ORDER "
        "--saga` tells how far it is.",
    .args = &pay_set,
    .examples =
        (const struct command_example[]){
            {"diner orders pay S001-20261121-0000042 --dry-run", "what would be sent"},
            {"diner orders pay S001-20261121-0000042 --payment-method wechat --code --dry-run",
             "a code to pay by"},
            {0}},
    .run = pay,
    .flags = CLI_OUTPUT | CLI_DRY_RUN};
const struct command command_orders_accept = {
    .name = "accept",
    .summary = "accept a paid order: the kitchen begins",
    .args = &step_set,
    .examples =
        (const struct command_example[]){
            {"diner orders accept S001-20261121-0000042 --dry-run", "what would be sent"}, {0}},
    .run = accept_order,
    .flags = CLI_OUTPUT | CLI_DRY_RUN};
const struct command command_orders_ready = {
    .name = "ready",
    .summary = "tell that an accepted order is ready to be handed over",
    .args = &step_set,
    .examples =
        (const struct command_example[]){
            {"diner orders ready S001-20261121-0000042 --dry-run", "what would be sent"}, {0}},
    .run = ready,
    .flags = CLI_OUTPUT | CLI_DRY_RUN};
const struct command command_orders_fulfill = {
    .name = "fulfill",
    .summary = "tell that an accepted order was handed over",
    .args = &step_set,
    .examples =
        (const struct command_example[]){
            {"diner orders fulfill S001-20261121-0000042 --dry-run", "what would be sent"}, {0}},
    .run = fulfill,
    .flags = CLI_OUTPUT | CLI_DRY_RUN};
const struct command command_orders_cancel = {
    .name = "cancel",
    .summary = "cancel an order; its stock comes back once, what was paid is refunded",
    .args = &cancel_set,
    .examples =
        (const struct command_example[]){
            {"diner orders cancel S001-20261121-0000042 --reason 'guest left' --dry-run",
             "what would be cancelled"},
            {0}},
    .run = cancel,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS};
const struct command command_orders_refund = {
    .name = "refund",
    .summary = "refund an order, in part or all that is left",
    .description =
        "What is refunded at once, or only accepted by the payment channel, the status tells: "
        "`diner orders show ORDER --payments` follows it. A payment has at most 50 refunds.\n\n"
        "All that is left of an order that is not accepted yet: the order is cancelled and its "
        "stock comes back. Of an accepted or fulfilled order the stock stays as it is, unless "
        "--restock is given.",
    .args = &refund_set,
    .examples =
        (const struct command_example[]){
            {"diner orders refund S001-20261121-0000042 --amount 12.50 --reason 'cold soup' "
             "--dry-run",
             "a part"},
            {"diner orders refund S001-20261121-0000042 --reason 'wrong dish' --refund-no R-7 "
             "--dry-run",
             "all that is left, under a number of yours"},
            {0}},
    .run = refund,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS};
/* The same of who looks at payments. */
const struct command command_payments_refund = {
    .name = "refund",
    .summary = "refund the payment of an order, in part or all that is left",
    .description = "The same as `diner orders refund`.",
    .args = &refund_set,
    .examples =
        (const struct command_example[]){
            {"diner payments refund S001-20261121-0000042 --amount 12.50 --reason 'cold soup' "
             "--dry-run",
             "a part"},
            {0}},
    .run = refund,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS};
