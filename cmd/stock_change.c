/* diner stock adjust|set. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/stock.h"
#include "core/decimal.h"
#include "core/message.h"

#include <stdio.h>
#include <string.h>

/* ---- adjust ----------------------------------------------------------------------------- */

static const char *const adjust_reasons[] = {"adjust",  "count",           "waste",
                                             "receipt", "supplier_return", NULL};

struct adjust_args {
    const char *store, *product, *delta, *unit, *code, *note;
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
    {"unit", FIELD_STRING, ADJUST(unit), "unit of the quantity; default: the product's own",
     .arg = "UNIT"},
    {"reason", FIELD_CHOICE, ADJUST(reason), "why, in the stock log", .def = "adjust",
     .choices = adjust_reasons},
    {"code", FIELD_STRING, ADJUST(code),
     "reason code: of waste expired, spoiled, broken, overproduced, returned_dish, staff_meal, "
     "tasting, other; of adjust entry_error, found, lost, other; of receipt purchase, gift; of "
     "supplier_return quality, surplus",
     .arg = "CODE"},
    {"note", FIELD_STRING, ADJUST(note), "a note in the stock log", .arg = "TEXT"},
    {0}};
static const struct field_set adjust_set = {
    .name = "stock adjust", .struct_size = sizeof(struct adjust_args), .fields = adjust_fields};
static const struct table_column adjust_columns[] = {
    {"store", TABLE_TEXT},     {"product", TABLE_TEXT},  {"before", TABLE_DECIMAL},
    {"change", TABLE_DECIMAL}, {"after", TABLE_DECIMAL}, {NULL, TABLE_TEXT}};

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
    jwriter_kstring(&w, "unit", args->unit);
    jwriter_kstring(&w, "reason", adjust_reasons[args->reason]);
    jwriter_kstring(&w, "reason_code", args->code);
    jwriter_kstring(&w, "note", args->note);
    jwriter_end(&w);
    jwriter_end(&w);
    jwriter_end(&w);
}

static int check_adjustment(const struct adjust_args *args, struct error *err)
{
    struct decimal delta;
    if (!decimal_parse(args->delta, strlen(args->delta), &delta) || decimal_is_zero(&delta))
        return error_set(err, ERR_USAGE, "--by '%s' is not a quantity other than zero",
                         args->delta);
    return 0;
}

/* What the platform's names of a refusal mean for the one who typed the command. */
static int refuse(const struct adjust_args *args, const char *name, const char *qty,
                  struct error *err)
{
    error_set(err, ERR_CONFLICT, "stock of '%s' in '%s' was not adjusted: %s", args->product,
              args->store, name != NULL ? name : message_text("refused"));
    if (name == NULL)
        return err->code;
    if (strcmp(name, "insufficient_stock") == 0)
        return error_hint(err, "there is %s: 'diner stock count' sets what is really there",
                          qty != NULL ? qty : message_text("nothing"));
    if (strcmp(name, "wrong_sign") == 0)
        return error_hint(err, "%s %s: write --by %s", adjust_reasons[args->reason],
                          args->delta[0] == '-' ? message_text("adds") : message_text("takes away"),
                          args->delta[0] == '-' ? message_text("5, not -5")
                                                : message_text("-5, not 5"));
    if (strcmp(name, "unknown_unit") == 0)
        return error_hint(err, "PUT /products/%s/units/UNIT tells the platform a unit",
                          args->product);
    if (strcmp(name, "unknown_reason_code") == 0)
        return error_hint(err, "'diner help stock adjust' lists the codes of each reason");
    return err->code;
}

/* before = after - change, exactly. */
static const char *before_of(struct cli *cli, const char *after, const char *change)
{
    struct decimal a, c, before;
    char text[DECIMAL_TEXT_MAX];
    if (after == NULL || change == NULL || !decimal_parse(after, strlen(after), &a) ||
        !decimal_parse(change, strlen(change), &c) || !decimal_subtract(&a, &c, &before))
        return NULL;
    decimal_print(&before, text);
    return arena_strdup(cli->arena, text);
}

static int report(struct cli *cli, const struct adjust_args *args, const struct jsonx *answer,
                  struct error *err)
{
    const struct jsonx *result = jsonx_pointer(answer, "/data/results/0");
    const char *qty = jsonx_text(jsonx_get(result, "qty"));
    const char *change = jsonx_text(jsonx_get(result, "change"));
    if (!jsonx_is_true(jsonx_get(result, "ok")))
        return refuse(args, jsonx_text(jsonx_get(result, "error")), qty, err);
    if (cli->dry_run || cli->output != CLI_OUTPUT_TABLE) {
        struct table *t = table_new(cli, adjust_columns);
        table_row(t, (const char *[]){args->store, args->product, before_of(cli, qty, change),
                                      change, qty});
        TRY(table_end(t, "", err));
    }
    if (cli->dry_run)
        cli_summary(cli, "dry run: nothing was changed");
    else
        cli_summary(cli, "stock of %s in %s is now %s", args->product, args->store,
                    qty != NULL ? qty : "?");
    return 0;
}

static int adjust(struct cli *cli, const void *bound, struct error *err)
{
    const struct adjust_args *args = bound;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    TRY(check_adjustment(args, err));
    strbuf_init(&body, STOCK_BODY_MAX);
    write_adjustment(args, &body);
    TRY(listing_call(cli, cli->dry_run ? "stock_adjust_preview" : "stock_adjust", NULL, 0, &body,
                     &answer, err));
    int code = report(cli, args, answer, err);
    jsonx_free(answer);
    return code;
}

/* ---- set -------------------------------------------------------------------------------- */

static const char *const policies[] = {"keep", "forbid", "allow", "flag", NULL};

struct set_args {
    const char *store, *product, *par, *min, *pack;
    int policy;
};
#define SET(member) offsetof(struct set_args, member)
static const struct field set_fields[] = {
    {"store", FIELD_STRING, SET(store), "store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .flags = FIELD_REQUIRED, .complete = "store"},
    {"product", FIELD_STRING, SET(product), "product", .arg = "SKU",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"par", FIELD_STRING, SET(par), "what there should be after an order came in, or 'none'",
     .arg = "QUANTITY"},
    {"min", FIELD_STRING, SET(min),
     "order when there is no more than this, or 'none': as soon as there is less than par",
     .arg = "QUANTITY"},
    {"pack", FIELD_STRING, SET(pack), "order in whole ones of this unit, or 'none'", .arg = "UNIT"},
    {"policy", FIELD_CHOICE, SET(policy),
     "below zero: forbid; allow (sold before the receipt is keyed in); flag (and mark it)",
     .arg = "POLICY", .def = "keep", .choices = policies},
    {0}};
static const struct field_set set_set = {
    .name = "stock set", .struct_size = sizeof(struct set_args), .fields = set_fields};
static const struct table_column set_columns[] = {
    {"store", TABLE_TEXT},     {"product", TABLE_TEXT},    {"policy", TABLE_TEXT},
    {"qty", TABLE_DECIMAL},    {"par_qty", TABLE_DECIMAL}, {"min_qty", TABLE_DECIMAL},
    {"pack_unit", TABLE_TEXT}, {NULL, TABLE_TEXT}};

/* Absent stays out; 'none' is null; a level must be a number. */
static int write_level(struct jwriter *w, const char *option, const char *name, const char *text,
                       bool is_number, struct error *err)
{
    struct decimal d;
    if (text == NULL)
        return 0;
    bool is_none = strcmp(text, "none") == 0;
    if (is_number && !is_none && (!decimal_parse(text, strlen(text), &d) || d.coefficient < 0))
        return error_set(err, ERR_USAGE, "--%s '%s' is not a quantity, nor 'none'", option, text);
    jwriter_kstring(w, name, is_none ? NULL : text);
    return 0;
}

static int write_settings(const struct set_args *args, struct strbuf *body, struct error *err)
{
    struct jwriter w;
    if (args->par == NULL && args->min == NULL && args->pack == NULL && args->policy == 0)
        return error_set(err, ERR_USAGE, "nothing to set: give --par, --min, --pack or --policy");
    jwriter_init(&w, body);
    jwriter_object(&w);
    if (args->policy > 0)
        jwriter_kstring(&w, "policy", policies[args->policy]);
    TRY(write_level(&w, "par", "par_qty", args->par, true, err));
    TRY(write_level(&w, "min", "min_qty", args->min, true, err));
    TRY(write_level(&w, "pack", "pack_unit", args->pack, false, err));
    jwriter_end(&w);
    return 0;
}

static int set(struct cli *cli, const void *bound, struct error *err)
{
    const struct set_args *args = bound;
    const struct connector_param params[] = {{"store", args->store}, {"product", args->product}};
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, STOCK_BODY_MAX);
    TRY(write_settings(args, &body, err));
    /* Under --dry-run: as it is now, and what would be sent. */
    TRY(listing_call(cli, cli->dry_run ? "stock_of" : "stock_set", params, 2,
                     cli->dry_run ? NULL : &body, &answer, err));
    int code = listing_print_one(cli, jsonx_get(answer, "data"), set_columns, err);
    jsonx_free(answer);
    if (code == 0 && cli->dry_run)
        cli_summary(cli, "dry run: would be set to %s; nothing was changed", body.data);
    else if (code == 0)
        cli_summary(cli, "levels of %s in %s are set", args->product, args->store);
    return code;
}

/* ---- the commands ----------------------------------------------------------------------- */

const struct command command_stock_adjust = {
    .name = "adjust",
    .summary = "adjust the stock of one product in one store",
    .description = "Adds a signed quantity and writes it into the ledger with its reason. Goods "
                   "that came are a receipt, goods that were thrown away waste. With --dry-run the "
                   "platform works it out and undoes it: before, change and after are printed.",
    .args = &adjust_set,
    .run = adjust,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock adjust P1001 --store S001 --by -1.5 --reason waste --code expired --dry-run",
         "look first"},
        {"diner stock adjust P1002 --store S001 --by 10 --reason receipt --note PO-7",
         "goods came"},
        {0}}};
const struct command command_stock_set = {
    .name = "set",
    .summary = "set the levels of a product in a store, and whether it may go below zero",
    .args = &set_set,
    .run = set,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock set P1001 --store S001 --par 200 --min 50", "order up to 200 at 50"},
        {"diner stock set P1001 --store S001 --policy flag --dry-run", "look first"},
        {0}}};
