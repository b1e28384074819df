/* diner stock transfer list|show|send|receive|cancel. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/stock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct table_column line_columns[] = {{"product", TABLE_TEXT},
                                                   {"product_name", TABLE_TEXT},
                                                   {"unit", TABLE_TEXT},
                                                   {"sent", TABLE_DECIMAL},
                                                   {"received", TABLE_DECIMAL},
                                                   {"in_transit", TABLE_DECIMAL},
                                                   {"returned", TABLE_DECIMAL, .is_quiet = true},
                                                   {"lost", TABLE_DECIMAL, .is_quiet = true},
                                                   {NULL, TABLE_TEXT}};

static int print_transfer(struct cli *cli, const struct jsonx *answer, struct error *err)
{
    const struct jsonx *t = jsonx_get(answer, "data");
    if (cli->output == CLI_OUTPUT_JSON || cli->output == CLI_OUTPUT_JSONL) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, 4 << 20);
        jsonx_dump(t, &text);
        fprintf(cli->out, "%s\n", text.data);
        return 0;
    }
    return listing_print_rows(cli, jsonx_get(t, "lines"), line_columns, "no lines", err);
}

/* Calls, prints the transfer, says what it is now. */
static int call(struct cli *cli, const char *resource, const char *id, const struct strbuf *body,
                struct error *err)
{
    struct jsonx *answer = NULL;
    const struct connector_param params[] = {{"id", id}};
    TRY(listing_call(cli, resource, params, id != NULL ? 1 : 0, body, &answer, err));
    int code = print_transfer(cli, answer, err);
    const struct jsonx *t = jsonx_get(answer, "data");
    if (code == 0)
        cli_summary(cli, "transfer %s from %s to %s: %s", listing_text(cli, jsonx_get(t, "id")),
                    listing_text(cli, jsonx_get(t, "from_store")),
                    listing_text(cli, jsonx_get(t, "to_store")),
                    listing_text(cli, jsonx_get(t, "status")));
    jsonx_free(answer);
    return code;
}

/* Under --dry-run the body is printed and nothing sent. */
static int send_body(struct cli *cli, const char *resource, const char *id,
                     const struct strbuf *body, struct error *err)
{
    if (!cli->dry_run)
        return call(cli, resource, id, body, err);
    fprintf(cli->out, "%s\n", body->data);
    cli_summary(cli, "dry run: nothing was sent");
    return 0;
}

static int write_items(struct jwriter *w, const struct field_strings *items, struct error *err)
{
    jwriter_key(w, "items");
    jwriter_array(w);
    for (size_t i = 0; i < items->count; i++)
        TRY(stock_item_write(w, items->items[i], err));
    jwriter_end(w);
    return 0;
}

/* ---- list ------------------------------------------------------------------------------- */

static const char *const states[] = {"any", "in_transit", "received", "cancelled", NULL};

static const char *const sorts[] = {"id", "-id", "created_at", "-created_at", NULL};

struct list_args {
    const char *store;
    int status, sort;
    int64_t limit;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"store", FIELD_STRING, LIST(store), "only of this store, at either end", .short_name = 's',
     .arg = "CODE", .env = "DINER_STORE", .complete = "store"},
    {"status", FIELD_CHOICE, LIST(status), "only with this status", .arg = "STATUS", .def = "any",
     .choices = states},
    {"sort", FIELD_CHOICE, LIST(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "id", .choices = sorts},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "1000", .min = 1, .max = 1000000},
    {0}};
static const struct field_set list_set = {
    .name = "stock transfer list", .struct_size = sizeof(struct list_args), .fields = list_fields};
static const struct table_column list_columns[] = {
    {"id", TABLE_INT},         {"from_store", TABLE_TEXT}, {"to_store", TABLE_TEXT},
    {"status", TABLE_TEXT},    {"note", TABLE_TEXT},       {"created_at", TABLE_TIME},
    {"closed_at", TABLE_TIME}, {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    const struct connector_param params[] = {
        {"store", args->store},
        {"status", args->status > 0 ? states[args->status] : NULL},
        {"sort", args->sort > 0 ? sorts[args->sort] : NULL}};
    return listing_print(cli, "stock_transfers", params, 3, args->limit, list_columns,
                         "no transfers", err);
}

/* ---- one transfer ----------------------------------------------------------------------- */

struct id_args {
    int64_t id;
};
static const struct field id_fields[] = {
    {"transfer", FIELD_INT, offsetof(struct id_args, id), "number of the transfer",
     .arg = "TRANSFER", .min = 1, .max = INT64_MAX, .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {0}};
static const struct field_set show_set = {
    .name = "stock transfer show", .struct_size = sizeof(struct id_args), .fields = id_fields};
static const struct field_set cancel_set = {
    .name = "stock transfer cancel", .struct_size = sizeof(struct id_args), .fields = id_fields};

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct id_args *args = bound;
    return call(cli, "stock_transfer", arena_printf(cli->arena, "%" PRId64, args->id), NULL, err);
}

static int cancel(struct cli *cli, const void *bound, struct error *err)
{
    const struct id_args *args = bound;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, STOCK_BODY_MAX);
    strbuf_adds(&body, "{}");
    return send_body(cli, "stock_transfer_cancel", arena_printf(cli->arena, "%" PRId64, args->id),
                     &body, err);
}

/* ---- send, receive ---------------------------------------------------------------------- */

struct send_args {
    const char *from, *to, *note;
    struct field_strings items;
};
#define SEND(member) offsetof(struct send_args, member)
static const struct field send_fields[] = {
    {"from", FIELD_STRING, SEND(from), "the store that sends", .arg = "CODE",
     .flags = FIELD_REQUIRED, .complete = "store"},
    {"to", FIELD_STRING, SEND(to), "the store that gets it", .arg = "CODE", .flags = FIELD_REQUIRED,
     .complete = "store"},
    {"note", FIELD_STRING, SEND(note), "a note in the stock log", .arg = "TEXT"},
    {"item", FIELD_STRINGS, SEND(items), "what goes", .arg = "SKU=QUANTITY[UNIT]",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {0}};
static const struct field_set send_set = {
    .name = "stock transfer send", .struct_size = sizeof(struct send_args), .fields = send_fields};

static int send_goods(struct cli *cli, const void *bound, struct error *err)
{
    const struct send_args *args = bound;
    AUTO_STRBUF struct strbuf body = {0};
    struct jwriter w;
    strbuf_init(&body, STOCK_BODY_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, "from_store", args->from);
    jwriter_kstring(&w, "to_store", args->to);
    if (args->note != NULL)
        jwriter_kstring(&w, "note", args->note);
    TRY(write_items(&w, &args->items, err));
    jwriter_end(&w);
    return send_body(cli, "stock_transfer_send", NULL, &body, err);
}

struct receive_args {
    int64_t id;
    struct field_strings items;
    bool close;
};
#define RECEIVE(member) offsetof(struct receive_args, member)
static const struct field receive_fields[] = {
    {"transfer", FIELD_INT, RECEIVE(id), "number of the transfer", .arg = "TRANSFER", .min = 1,
     .max = INT64_MAX, .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"item", FIELD_STRINGS, RECEIVE(items), "what came; default: all that is on its way",
     .arg = "SKU=QUANTITY[UNIT]", .flags = FIELD_POSITIONAL},
    {"close", FIELD_BOOL, RECEIVE(close), "nothing more will come: the rest is lost"},
    {0}};
static const struct field_set receive_set = {.name = "stock transfer receive",
                                             .struct_size = sizeof(struct receive_args),
                                             .fields = receive_fields};

static int receive_goods(struct cli *cli, const void *bound, struct error *err)
{
    const struct receive_args *args = bound;
    AUTO_STRBUF struct strbuf body = {0};
    struct jwriter w;
    strbuf_init(&body, STOCK_BODY_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kbool(&w, "close", args->close);
    if (args->items.count > 0)
        TRY(write_items(&w, &args->items, err));
    jwriter_end(&w);
    return send_body(cli, "stock_transfer_receive", arena_printf(cli->arena, "%" PRId64, args->id),
                     &body, err);
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list transfers, by number",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner stock transfer list --store S001 --status in_transit", "what is on its way"}, {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show one transfer",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner stock transfer show --help", "help on it"}, {0}}};
static const struct command command_send = {
    .name = "send",
    .summary = "send goods to another store: they leave the stock now",
    .args = &send_set,
    .run = send_goods,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock transfer send P1002=3 --from S001 --to S002 --dry-run", "look first"}, {0}}};
static const struct command command_receive = {
    .name = "receive",
    .summary = "goods have come, all or a part",
    .args = &receive_set,
    .run = receive_goods,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock transfer receive 1 P1002=2 --close --dry-run", "two came, the rest is lost"},
        {0}}};
static const struct command command_cancel = {
    .name = "cancel",
    .summary = "what has not come goes back to the sender",
    .args = &cancel_set,
    .run = cancel,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock transfer cancel 1 --dry-run", "look first"}, {0}}};
static const struct command *const children[] = {&command_list,    &command_show,   &command_send,
                                                 &command_receive, &command_cancel, NULL};
const struct command command_stock_transfer = {
    .name = "transfer", .summary = "goods from one store to another", .children = children};
