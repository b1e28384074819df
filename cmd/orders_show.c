/* diner orders show|create, and how an order is printed. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/orders.h"
#include "core/decimal.h"
#include "core/message.h"
#include "platform/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 32

static const struct table_column item_columns[] = {
    {"line_no", TABLE_INT}, {"product", TABLE_TEXT},     {"product_name", TABLE_TEXT},
    {"price", TABLE_MONEY}, {"quantity", TABLE_DECIMAL}, {"amount", TABLE_MONEY},
    {NULL, TABLE_TEXT}};

static const struct table_column discount_columns[] = {
    {"line_no", TABLE_INT}, {"campaign", TABLE_TEXT}, {"campaign_name", TABLE_TEXT},
    {"coupon", TABLE_TEXT}, {"amount", TABLE_MONEY},  {"returned", TABLE_BOOL},
    {NULL, TABLE_TEXT}};

/* ---- calling and printing --------------------------------------------------------------- */

int order_print(struct cli *cli, const struct jsonx *order, struct error *err)
{
    TRY(listing_print_fields(cli, order, err));
    const struct jsonx *items = jsonx_get(order, "items");
    if (items == NULL || cli->output != CLI_OUTPUT_TABLE)
        return 0;
    fputc('\n', cli->out);
    TRY(listing_print_rows(cli, items, item_columns, "no lines", err));
    const struct jsonx *discounts = jsonx_get(order, "discounts");
    if (jsonx_count(discounts) == 0)
        return 0;
    fputc('\n', cli->out);
    return listing_print_rows(cli, discounts, discount_columns, "", err);
}

int order_call(struct cli *cli, const char *resource, const char *order_no,
               const struct strbuf *body, struct jsonx **ret, struct error *err)
{
    struct client *client;
    const struct connector_param params[] = {{"order_no", order_no}};
    TRY(client_open(cli->config, builtin_connectors, &client, err));
    int code = client_call(client, resource, params, order_no != NULL ? 1 : 0, body, ret, err);
    client_close(client);
    return code;
}

/* *ret_age_ms: how old it is, -1 when it is not. */
static int order_get(struct cli *cli, const char *order_no, struct jsonx **ret, int64_t *ret_age_ms,
                     struct error *err)
{
    struct client *client;
    const struct connector_param params[] = {{"order_no", order_no}};
    TRY(client_open(cli->config, builtin_connectors, &client, err));
    client_may_degrade(client, cli->config);
    int code = client_get(client, "order", params, 1, ret, err);
    if (!client_is_degraded(client, ret_age_ms))
        *ret_age_ms = -1;
    client_close(client);
    return code;
}

int order_dry(struct cli *cli, const struct strbuf *body)
{
    fprintf(cli->out, "%s\n", body->data);
    cli_summary(cli, "dry run: nothing was sent");
    return 0;
}

int order_send(struct cli *cli, const char *resource, const char *order_no,
               const struct strbuf *body, const char *done, struct error *err)
{
    struct jsonx *document = NULL;
    if (cli->dry_run)
        return order_dry(cli, body);
    TRY(order_call(cli, resource, order_no, body, &document, err));
    const struct jsonx *order = jsonx_get(document, "data");
    int code = order_print(cli, order, err);
    const char *off = jsonx_text(jsonx_get(order, "discount_amount"));
    bool is_off = off != NULL && strcmp(off, "0.00") != 0;
    if (code == 0)
        cli_summary(cli, "order %s %s: %s, %s%s%s", jsonx_text(jsonx_get(order, "order_no")), done,
                    jsonx_text(jsonx_get(order, "status")),
                    jsonx_text(jsonx_get(order, "payment_status")), is_off ? ", less " : "",
                    is_off ? off : "");
    jsonx_free(document);
    return code;
}

/* ---- show ------------------------------------------------------------------------------- */

struct show_args {
    const char *order_no;
    bool history, payments, saga;
};
#define SHOW(member) offsetof(struct show_args, member)
static const struct field show_fields[] = {
    ORDER_NO_FIELD(SHOW(order_no)),
    {"history", FIELD_BOOL, SHOW(history), "with every change of its state"},
    {"payments", FIELD_BOOL, SHOW(payments), "with its payments and refunds"},
    {"saga", FIELD_BOOL, SHOW(saga),
     "with the steps that go through a payment channel, and their undoing"},
    {0}};
static const struct field_set show_set = {
    .name = "orders show", .struct_size = sizeof(struct show_args), .fields = show_fields};

static const struct table_column history_columns[] = {{"at", TABLE_TIME},
                                                      {"from_status", TABLE_TEXT},
                                                      {"status", TABLE_TEXT},
                                                      {"payment_status", TABLE_TEXT},
                                                      {"fulfilment_status", TABLE_TEXT},
                                                      {"reason", TABLE_TEXT},
                                                      {"user", TABLE_TEXT},
                                                      {NULL, TABLE_TEXT}};
static const struct table_column payment_columns[] = {
    {"payment_no", TABLE_TEXT},     {"method", TABLE_TEXT},
    {"channel", TABLE_TEXT},        {"amount", TABLE_MONEY},
    {"status", TABLE_TEXT},         {"is_surplus", TABLE_BOOL},
    {"transaction_id", TABLE_TEXT}, {"failure", TABLE_TEXT},
    {"paid_at", TABLE_TIME},        {NULL, TABLE_TEXT}};
static const struct table_column refund_columns[] = {
    {"refund_no", TABLE_TEXT}, {"payment_no", TABLE_TEXT}, {"amount", TABLE_MONEY},
    {"status", TABLE_TEXT},    {"reason", TABLE_TEXT},     {"failure", TABLE_TEXT},
    {"final_at", TABLE_TIME},  {NULL, TABLE_TEXT}};

static const struct table_column saga_columns[] = {
    {"id", TABLE_INT},          {"kind", TABLE_TEXT},    {"status", TABLE_TEXT},
    {"reason", TABLE_TEXT},     {"attempts", TABLE_INT}, {"failure", TABLE_TEXT},
    {"created_at", TABLE_TIME}, {NULL, TABLE_TEXT}};
static const struct table_column step_columns[] = {
    {"step", TABLE_INT},     {"name", TABLE_TEXT},        {"undo", TABLE_TEXT},
    {"status", TABLE_TEXT},  {"attempts", TABLE_INT},     {"ref", TABLE_TEXT},
    {"failure", TABLE_TEXT}, {"finished_at", TABLE_TIME}, {"undone_at", TABLE_TIME},
    {NULL, TABLE_TEXT}};

/* What may be shown beside an order: a resource of its own, and members of its answer. */
struct beside {
    const char *resource, *pointer, *name;
    const struct table_column *columns;
    const char *empty;
};
static const struct beside besides[] = {
    {"order_history", "/data", "history", history_columns, MESSAGE("no history")},
    {"order_payments", "/data/payments", "payments", payment_columns, MESSAGE("no payments")},
    {"order_payments", "/data/refunds", "refunds", refund_columns, MESSAGE("no refunds")},
    {"order_sagas", "/data", "sagas", saga_columns, MESSAGE("no sagas")},
};
#define BESIDE_COUNT (sizeof besides / sizeof *besides)

/* As one JSON object: the order's members, then what stands beside it. */
static int print_object(struct cli *cli, const struct jsonx *order, struct jsonx *const *answers,
                        int64_t age_ms)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 16 << 20);
    jsonx_dump(order, &text);
    strbuf_truncate(&text, text.len - 1);
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        if (answers[i] == NULL)
            continue;
        strbuf_addf(&text, ",\"%s\":", besides[i].name);
        jsonx_dump(jsonx_pointer(answers[i], besides[i].pointer), &text);
    }
    if (age_ms >= 0)
        strbuf_addf(&text, ",\"degraded\":true,\"age_s\":%" PRId64, age_ms / 1000);
    fprintf(cli->out, "%s}\n", text.data);
    return 0;
}

/* The steps of each saga, under it. */
static int print_steps(struct cli *cli, const struct jsonx *sagas, struct error *err)
{
    for (size_t i = 0; i < jsonx_count(sagas); i++) {
        fputc('\n', cli->out);
        TRY(listing_print_rows(cli, jsonx_get(jsonx_at(sagas, i), "steps"), step_columns,
                               "no steps", err));
    }
    return 0;
}

static int print_tables(struct cli *cli, const struct jsonx *order, struct jsonx *const *answers,
                        struct error *err)
{
    TRY(order_print(cli, order, err));
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        const struct jsonx *rows = jsonx_pointer(answers[i], besides[i].pointer);
        if (answers[i] == NULL)
            continue;
        fputc('\n', cli->out);
        TRY(listing_print_rows(cli, rows, besides[i].columns, besides[i].empty, err));
        if (besides[i].columns == saga_columns)
            TRY(print_steps(cli, rows, err));
    }
    return 0;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    const bool wanted[BESIDE_COUNT] = {args->history, args->payments, args->payments, args->saga};
    int64_t age_ms = -1;
    struct jsonx *order = NULL, *answers[BESIDE_COUNT] = {NULL};
    int code = order_get(cli, args->order_no, &order, &age_ms, err);
    for (size_t i = 0; i < BESIDE_COUNT && code == 0; i++)
        if (wanted[i])
            code = order_call(cli, besides[i].resource, args->order_no, NULL, &answers[i], err);
    bool is_json = cli->output == CLI_OUTPUT_JSON || cli->output == CLI_OUTPUT_JSONL;
    if (code == 0)
        code = is_json ? print_object(cli, order, answers, age_ms)
                       : print_tables(cli, order, answers, err);
    for (size_t i = 0; i < BESIDE_COUNT; i++)
        jsonx_free(answers[i]);
    jsonx_free(order);
    return code;
}

const struct command command_orders_show = {
    .name = "show",
    .summary = "show one order with its lines",
    .args = &show_set,
    .examples =
        (const struct command_example[]){
            {"diner orders show S001-20261121-0000042", "the order with its lines"},
            {"diner orders show S001-20261121-0000042 --history --payments",
             "who changed it when, and where its money is"},
            {"diner orders show S001-20261121-0000042 --saga",
             "how far it is with the payment channel"},
            {0}},
    .run = show,
    .flags = CLI_OUTPUT};

/* ---- create ----------------------------------------------------------------------------- */

const char *const order_channels[] = {"dine_in", "takeout", "delivery", NULL};

struct create_args {
    const char *store, *method, *member, *member_no, *table;
    int64_t reservation;
    struct field_strings items, coupons;
    int channel;
    int64_t guests;
    bool pay;
};
#define CREATE(member) offsetof(struct create_args, member)
static const struct field create_fields[] = {
    {"store", FIELD_STRING, CREATE(store), "store that takes the order", .short_name = 's',
     .arg = "CODE", .env = "DINER_STORE", .flags = FIELD_REQUIRED, .complete = "store"},
    {"item", FIELD_STRINGS, CREATE(items), "a line: product and quantity", .short_name = 'i',
     .arg = "PRODUCT=QUANTITY", .flags = FIELD_REPEAT | FIELD_REQUIRED},
    {"channel", FIELD_CHOICE, CREATE(channel), "how it is eaten", .def = "dine_in",
     .choices = order_channels},
    {"guests", FIELD_INT, CREATE(guests), "how many guests", .min = 0, .max = 1000},
    {"table", FIELD_STRING, CREATE(table), "table", .arg = "NO"},
    {"payment-method", FIELD_STRING, CREATE(method),
     "how it will be paid; the platform's default is wechat", .arg = "METHOD"},
    {"member", FIELD_STRING, CREATE(member), "member reference", .arg = "REF"},
    {"member-no", FIELD_STRING, CREATE(member_no),
     "member who orders; --payment-method wallet takes their wallet", .arg = "NO"},
    {"reservation", FIELD_INT, CREATE(reservation),
     "a reservation of that store, which ends as sold to the order", .arg = "ID", .max = INT64_MAX},
    {"coupon", FIELD_STRINGS, CREATE(coupons), "a coupon that the guest shows", .arg = "CODE",
     .flags = FIELD_REPEAT},
    {"pay", FIELD_BOOL, CREATE(pay),
     "pay at once; when the payment fails, the order falls with it"},
    {0}};
static const struct field_set create_set = {
    .name = "orders create", .struct_size = sizeof(struct create_args), .fields = create_fields};

int order_items_write(struct jwriter *w, const struct field_strings *items, struct error *err)
{
    jwriter_key(w, "items");
    jwriter_array(w);
    for (size_t i = 0; i < items->count; i++) {
        const char *text = items->items[i], *eq = strchr(text, '=');
        struct decimal quantity;
        size_t n = eq != NULL ? (size_t)(eq - text) : strlen(text);
        const char *number = eq != NULL ? eq + 1 : "1";
        if (n == 0 || !decimal_parse(number, strlen(number), &quantity) ||
            quantity.coefficient <= 0)
            return error_set(err, ERR_USAGE, "--item '%s': expected PRODUCT=QUANTITY", text);
        jwriter_object(w);
        jwriter_key(w, "product");
        jwriter_span(w, (struct span){text, n});
        if (quantity.scale == 0)
            jwriter_kraw(w, "quantity", number);
        else
            jwriter_kstring(w, "quantity", number);
        jwriter_end(w);
    }
    jwriter_end(w);
    return 0;
}

static void write_optional(struct jwriter *w, const char *key, const char *value)
{
    if (value != NULL)
        jwriter_kstring(w, key, value);
}

void order_coupons_write(struct jwriter *w, const struct field_strings *coupons)
{
    if (coupons->count == 0)
        return;
    jwriter_key(w, "coupons");
    jwriter_array(w);
    for (size_t i = 0; i < coupons->count; i++)
        jwriter_string(w, coupons->items[i]);
    jwriter_end(w);
}

static int create(struct cli *cli, const void *bound, struct error *err)
{
    const struct create_args *args = bound;
    struct jwriter w;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 1 << 20);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, "store", args->store);
    jwriter_kstring(&w, "channel", order_channels[args->channel]);
    write_optional(&w, "table_no", args->table);
    write_optional(&w, "payment_method", args->method);
    write_optional(&w, "member_ref", args->member);
    write_optional(&w, "member", args->member_no);
    if (args->guests > 0)
        jwriter_kint(&w, "guests", args->guests);
    if (args->reservation > 0)
        jwriter_kint(&w, "reservation", args->reservation);
    order_coupons_write(&w, &args->coupons);
    TRY(order_items_write(&w, &args->items, err));
    jwriter_end(&w);
    return order_send(cli, args->pay ? "order_checkout" : "order_create", NULL, &body,
                      message_text("created"), err);
}

const struct command command_orders_create = {
    .name = "create",
    .summary = "create an order; its stock is taken at once",
    .args = &create_set,
    .run = create,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner orders create --store S001 --item P1001=2 --dry-run", "what would be sent"},
        {"diner orders create --store S001 --item P1001=2 --payment-method wechat --pay --dry-run",
         "ordered and paid in one"},
        {"diner orders create --store S001 --item P1001=2 --coupon HELLO --dry-run",
         "with a coupon; what campaigns take off is taken off by itself"},
        {0}}};
