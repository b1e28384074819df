/* diner orders list|show|create|pay|cancel|sync. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "cmd/listing.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "platform/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- list ------------------------------------------------------------------------------- */

static const char *const order_states[] = {"all",       "pending",   "paid", "accepted",
                                           "fulfilled", "cancelled", NULL};

struct list_args {
    const char *store, *since, *until;
    int status;
    int64_t limit;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"store", FIELD_STRING, LIST(store), "only of this store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .complete = "store"},
    {"status", FIELD_CHOICE, LIST(status), "only with this status", .arg = "STATUS", .def = "all",
     .choices = order_states},
    {"since", FIELD_STRING, LIST(since),
     "changed at or after: today, yesterday, 'N days ago' (business days), a date or a time",
     .arg = "WHEN"},
    {"until", FIELD_STRING, LIST(until), "changed before, likewise", .arg = "WHEN"},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "50", .min = 1, .max = 1000000},
    {0}};
static const struct field_set list_set = {
    .name = "orders list", .struct_size = sizeof(struct list_args), .fields = list_fields};

/* A business day's start, or a time as given, as RFC 3339. */
static int resolve_when(struct cli *cli, const char *text, const char **ret, struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    struct bizday bizday = {.cutoff_s = s->business_day_s};
    struct datetime t;
    int64_t start_us, end_us;
    int32_t days;
    char *out = arena_alloc(cli->arena, DATETIME_ISO_MAX);
    *ret = NULL;
    if (text == NULL)
        return 0;
    TRY(zone_load(s->timezone, &bizday.zone, err));
    if (datetime_parse_iso(text, strlen(text), &t) && t.has_time) {
        datetime_print(t.has_zone ? t.us : zone_local_to_utc(bizday.zone, t.us), NULL, out);
    } else {
        if (bizday_parse(&bizday, text, clock_wall_us(), &days, err) != 0) {
            err->code = ERR_USAGE;
            return err->code;
        }
        bizday_range(&bizday, days, &start_us, &end_us);
        datetime_print(start_us, NULL, out);
    }
    *ret = out;
    return 0;
}

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
    TRY(resolve_when(cli, args->since, &since, err));
    TRY(resolve_when(cli, args->until, &until, err));
    const struct connector_param params[] = {
        {"store", args->store},
        {"status", args->status > 0 ? order_states[args->status] : NULL},
        {"updated_since", since},
        {"updated_until", until}};
    return listing_print(cli, "orders", params, 4, args->limit, list_columns, "no orders", err);
}

/* ---- one order -------------------------------------------------------------------------- */

static const struct table_column item_columns[] = {
    {"line_no", TABLE_INT}, {"product", TABLE_TEXT},     {"product_name", TABLE_TEXT},
    {"price", TABLE_MONEY}, {"quantity", TABLE_DECIMAL}, {"amount", TABLE_MONEY},
    {NULL, TABLE_TEXT}};

static const char *text_of(struct cli *cli, const struct jsonx *node)
{
    int64_t number;
    if (jsonx_text(node) != NULL)
        return jsonx_text(node);
    if (jsonx_integer(node, &number))
        return arena_printf(cli->arena, "%" PRId64, number);
    return NULL;
}

static int print_items(struct cli *cli, const struct jsonx *items, struct error *err)
{
    struct table *t = table_new(cli, item_columns);
    for (size_t i = 0; i < jsonx_count(items); i++) {
        const char *row[6];
        for (size_t k = 0; k < 6; k++)
            row[k] = text_of(cli, jsonx_get(jsonx_at(items, i), item_columns[k].key));
        table_row(t, row);
    }
    return table_end(t, "no lines", err);
}

static int print_order(struct cli *cli, const struct jsonx *order, struct error *err)
{
    static const struct table_column columns[] = {
        {"field", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    if (cli->output == CLI_OUTPUT_JSON || cli->output == CLI_OUTPUT_JSONL) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, 4 << 20);
        jsonx_dump(order, &text);
        fprintf(cli->out, "%s\n", text.data);
        return 0;
    }
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < jsonx_count(order); i++) {
        const char *value = text_of(cli, jsonx_value(order, i));
        if (value != NULL)
            table_row(t, (const char *[]){jsonx_key(order, i), value});
    }
    TRY(table_end(t, "", err));
    const struct jsonx *items = jsonx_get(order, "items");
    if (items == NULL || cli->output != CLI_OUTPUT_TABLE)
        return 0;
    fputc('\n', cli->out);
    return print_items(cli, items, err);
}

static const char *const order_channels[] = {"dine_in", "takeout", "delivery", NULL};

struct order_args {
    const char *order_no, *store, *method, *member, *table, *reason;
    struct field_strings items;
    int channel;
    int64_t guests;
};
#define ORDER(member) offsetof(struct order_args, member)
#define ORDER_NO                                                                                   \
    {                                                                                              \
        "order", FIELD_STRING, ORDER(order_no), "order number",                                    \
            .arg = "ORDER", .flags = FIELD_POSITIONAL | FIELD_REQUIRED                             \
    }

/* Calls a resource about one order and prints the order that comes back. */
static int call_and_print(struct cli *cli, const char *resource, const char *order_no,
                          const struct strbuf *body, const char *done, struct error *err)
{
    struct client *client;
    struct jsonx *document = NULL;
    const struct connector_param params[] = {{"order_no", order_no}};
    TRY(client_open(cli->config, builtin_connectors, NULL, &client, err));
    int code =
        client_call(client, resource, params, order_no != NULL ? 1 : 0, body, &document, err);
    client_close(client);
    TRY(code);
    const struct jsonx *order = jsonx_get(document, "data");
    code = print_order(cli, order, err);
    if (code == 0 && done != NULL)
        cli_summary(cli, "order %s %s: %s, %s", jsonx_text(jsonx_get(order, "order_no")), done,
                    jsonx_text(jsonx_get(order, "status")),
                    jsonx_text(jsonx_get(order, "payment_status")));
    jsonx_free(document);
    return code;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct order_args *args = bound;
    return call_and_print(cli, "order", args->order_no, NULL, NULL, err);
}

/* "P1001=2" or "P1001" */
static int write_items(struct jwriter *w, const struct field_strings *items, struct error *err)
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

static int dry(struct cli *cli, const struct strbuf *body)
{
    fprintf(cli->out, "%s\n", body->data);
    cli_summary(cli, "dry run: nothing was sent");
    return 0;
}

static int create(struct cli *cli, const void *bound, struct error *err)
{
    const struct order_args *args = bound;
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
    if (args->guests > 0)
        jwriter_kint(&w, "guests", args->guests);
    TRY(write_items(&w, &args->items, err));
    jwriter_end(&w);
    return cli->dry_run ? dry(cli, &body)
                        : call_and_print(cli, "order_create", NULL, &body, "created", err);
}

static int pay(struct cli *cli, const void *bound, struct error *err)
{
    const struct order_args *args = bound;
    struct jwriter w;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 4096);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    write_optional(&w, "payment_method", args->method);
    jwriter_end(&w);
    return cli->dry_run ? dry(cli, &body)
                        : call_and_print(cli, "order_pay", args->order_no, &body, "paid", err);
}

static int cancel(struct cli *cli, const void *bound, struct error *err)
{
    const struct order_args *args = bound;
    struct jwriter w;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 4096);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, "reason", args->reason);
    jwriter_end(&w);
    if (cli->dry_run)
        return dry(cli, &body);
    TRY(cli_confirm(cli, err, "cancel order %s and give its stock back?", args->order_no));
    return call_and_print(cli, "order_cancel", args->order_no, &body, "cancelled", err);
}

static const struct field show_fields[] = {ORDER_NO, {0}};
static const struct field_set show_set = {
    .name = "orders show", .struct_size = sizeof(struct order_args), .fields = show_fields};
static const struct field create_fields[] = {
    {"store", FIELD_STRING, ORDER(store), "store that takes the order", .short_name = 's',
     .arg = "CODE", .env = "DINER_STORE", .flags = FIELD_REQUIRED, .complete = "store"},
    {"item", FIELD_STRINGS, ORDER(items), "a line: product and quantity", .short_name = 'i',
     .arg = "PRODUCT=QUANTITY", .flags = FIELD_REPEAT | FIELD_REQUIRED},
    {"channel", FIELD_CHOICE, ORDER(channel), "how it is eaten", .def = "dine_in",
     .choices = order_channels},
    {"guests", FIELD_INT, ORDER(guests), "how many guests", .min = 0, .max = 1000},
    {"table", FIELD_STRING, ORDER(table), "table", .arg = "NO"},
    {"payment-method", FIELD_STRING, ORDER(method),
     "how it will be paid; the platform's default is wechat", .arg = "METHOD"},
    {"member", FIELD_STRING, ORDER(member), "member reference", .arg = "REF"},
    {0}};
static const struct field_set create_set = {
    .name = "orders create", .struct_size = sizeof(struct order_args), .fields = create_fields};
static const struct field pay_fields[] = {
    ORDER_NO,
    {"payment-method", FIELD_STRING, ORDER(method), "how it was paid", .arg = "METHOD"},
    {0}};
static const struct field_set pay_set = {
    .name = "orders pay", .struct_size = sizeof(struct order_args), .fields = pay_fields};
static const struct field cancel_fields[] = {
    ORDER_NO,
    {"reason", FIELD_STRING, ORDER(reason), "why", .arg = "TEXT", .flags = FIELD_REQUIRED},
    {0}};
static const struct field_set cancel_set = {
    .name = "orders cancel", .struct_size = sizeof(struct order_args), .fields = cancel_fields};

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
    .summary = "list orders, by time of change",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner orders list --store S001 --since yesterday", "since the last closed day began"},
        {"diner orders list --status pending -o json", "for a program"},
        {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show one order with its lines",
    .args = &show_set,
    .examples =
        (const struct command_example[]){
            {"diner orders show S001-20261121-0000042", "the order with its lines"}, {0}},
    .run = show,
    .flags = CLI_OUTPUT};
static const struct command command_create = {
    .name = "create",
    .summary = "create an order; its stock is taken at once",
    .args = &create_set,
    .run = create,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner orders create --store S001 --item P1001=2 --dry-run", "what would be sent"}, {0}}};
static const struct command command_pay = {
    .name = "pay",
    .summary = "record the payment of an order",
    .args = &pay_set,
    .examples =
        (const struct command_example[]){
            {"diner orders pay S001-20261121-0000042 --dry-run", "what would be recorded"}, {0}},
    .run = pay,
    .flags = CLI_OUTPUT | CLI_DRY_RUN};
static const struct command command_cancel = {
    .name = "cancel",
    .summary = "cancel an order; its stock comes back once",
    .args = &cancel_set,
    .examples =
        (const struct command_example[]){
            {"diner orders cancel S001-20261121-0000042 --dry-run", "what would be cancelled"},
            {0}},
    .run = cancel,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS};
static const struct command command_sync = {
    .name = "sync",
    .summary = "bring the platform's orders into ods (the pipeline 'orders')",
    .args = &sync_set,
    .run = sync_orders,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){{"diner orders sync", "what changed"}, {0}}};
static const struct command *const children[] = {&command_list, &command_show,   &command_create,
                                                 &command_pay,  &command_cancel, &command_sync,
                                                 NULL};
const struct command command_orders = {
    .name = "orders", .summary = "orders of the platform", .children = children};
