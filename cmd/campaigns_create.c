/* diner campaigns create: from a file, or from options. */
#include "cli/table.h"
#include "cmd/campaigns.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/orders.h"
#include "domain/pricing.h"
#include "format/jpull.h"
#include "format/ynode.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {"none", "percent", "amount", "threshold", NULL};

struct create_args {
    const char *file;
    const char *code, *name, *percent, *amount, *min_amount, *max_discount, *starts_on, *ends_on;
    const char *group, *budget;
    struct field_strings tiers, products, categories, weekdays, dayparts, stores, channels, levels;
    int64_t priority, per_member;
    int kind;
    bool each, coupon;
};
#define CREATE(member) offsetof(struct create_args, member)
#define MONEY(name, member, help)                                                                  \
    {                                                                                              \
        name, FIELD_STRING, CREATE(member), help, .arg = "AMOUNT"                                  \
    }
#define LIST(name, member, arg_, help)                                                             \
    {                                                                                              \
        name, FIELD_STRINGS, CREATE(member), help, .arg = arg_, .flags = FIELD_REPEAT              \
    }
static const struct field create_fields[] = {
    {"file", FIELD_STRING, CREATE(file), "a file of YAML or JSON, instead of options",
     .arg = "FILE", .flags = FIELD_POSITIONAL, .complete = "file"},
    {"code", FIELD_STRING, CREATE(code), "its code: 1 to 32 of A-Z, a-z, 0-9, _ and -",
     .arg = "CODE"},
    {"name", FIELD_STRING, CREATE(name), "its name, as guests see it", .arg = "TEXT"},
    {"kind", FIELD_CHOICE, CREATE(kind), "what it is", .def = "none", .choices = kinds},
    {"percent", FIELD_STRING, CREATE(percent), "kind percent: so much off", .arg = "PERCENT"},
    MONEY("amount", amount, "kind amount: so much off"),
    LIST("tier", tiers, "FROM=OFF", "kind threshold: from so much, so much off"),
    {"each", FIELD_BOOL, CREATE(each),
     "amount: off every unit; threshold: for every full FROM of its one tier"},
    MONEY("min-amount", min_amount, "only when its lines come to that much"),
    MONEY("max-discount", max_discount, "at most that much off an order"),
    LIST("product", products, "SKU", "only off this product"),
    LIST("category", categories, "NAME", "only off products of this category"),
    {"starts-on", FIELD_STRING, CREATE(starts_on), "first business day", .arg = "DATE"},
    {"ends-on", FIELD_STRING, CREATE(ends_on), "last business day", .arg = "DATE"},
    LIST("weekday", weekdays, "DAY", "only on this day: mon, tue, wed, thu, fri, sat, sun"),
    LIST("daypart", dayparts, "HH:MM-HH:MM", "only at this local time of the store"),
    LIST("store", stores, "CODE", "only in this store"),
    LIST("channel", channels, "CHANNEL", "only for this channel: dine_in, takeout, delivery"),
    LIST("level", levels, "LEVEL", "only for members of this level"),
    {"per-member", FIELD_INT, CREATE(per_member), "for at most so many orders of one member",
     .arg = "N", .min = 0, .max = 1000000},
    {"coupon", FIELD_BOOL, CREATE(coupon), "only with a coupon (see `diner campaigns issue`)"},
    {"group", FIELD_STRING, CREATE(group), "only one of the campaigns of a group is applied",
     .arg = "NAME"},
    {"priority", FIELD_INT, CREATE(priority), "the higher the earlier it is applied",
     .min = -1000000, .max = 1000000},
    MONEY("budget", budget, "it gives that much in all"),
    {0}};
static const struct field_set create_set = {
    .name = "campaigns create", .struct_size = sizeof(struct create_args), .fields = create_fields};

/* ---- from options ----------------------------------------------------------------------- */

static void put_text(struct jwriter *w, const char *key, const char *value)
{
    if (value != NULL)
        jwriter_kstring(w, key, value);
}

static void put_list(struct jwriter *w, const char *key, const struct field_strings *list)
{
    if (list->count == 0)
        return;
    jwriter_key(w, key);
    jwriter_array(w);
    for (size_t i = 0; i < list->count; i++)
        jwriter_string(w, list->items[i]);
    jwriter_end(w);
}

static int put_tiers(struct jwriter *w, const struct field_strings *tiers, struct error *err)
{
    if (tiers->count == 0)
        return 0;
    jwriter_key(w, "tiers");
    jwriter_array(w);
    for (size_t i = 0; i < tiers->count; i++) {
        const char *text = tiers->items[i], *eq = strchr(text, '=');
        if (eq == NULL)
            return error_set(err, ERR_USAGE, "--tier '%s': expected FROM=OFF, as 100=20", text);
        jwriter_object(w);
        jwriter_key(w, "from");
        jwriter_span(w, (struct span){text, (size_t)(eq - text)});
        jwriter_kstring(w, "off", eq + 1);
        jwriter_end(w);
    }
    jwriter_end(w);
    return 0;
}

static int write_options(const struct create_args *a, struct strbuf *body, struct error *err)
{
    struct jwriter w;
    jwriter_init(&w, body);
    jwriter_object(&w);
    put_text(&w, "code", a->code);
    put_text(&w, "name", a->name);
    put_text(&w, "kind", a->kind > 0 ? kinds[a->kind] : NULL);
    put_text(&w, "percent", a->percent);
    put_text(&w, "amount", a->amount);
    TRY(put_tiers(&w, &a->tiers, err));
    jwriter_kbool(&w, "each", a->each);
    put_text(&w, "min_amount", a->min_amount);
    put_text(&w, "max_discount", a->max_discount);
    put_list(&w, "products", &a->products);
    put_list(&w, "categories", &a->categories);
    put_text(&w, "starts_on", a->starts_on);
    put_text(&w, "ends_on", a->ends_on);
    put_list(&w, "weekdays", &a->weekdays);
    put_list(&w, "dayparts", &a->dayparts);
    put_list(&w, "stores", &a->stores);
    put_list(&w, "channels", &a->channels);
    put_list(&w, "levels", &a->levels);
    if (a->per_member > 0)
        jwriter_kint(&w, "per_member", a->per_member);
    jwriter_kbool(&w, "coupon", a->coupon);
    put_text(&w, "group", a->group);
    jwriter_kint(&w, "priority", a->priority);
    put_text(&w, "budget", a->budget);
    jwriter_end(&w);
    return 0;
}

/* ---- from a file ------------------------------------------------------------------------ */

/* YAML has no types here: what a plain word is follows from whether it can be that in JSON. Numbers
 * are taken as text by everything but the priority. */
static void put_scalar(struct jwriter *w, const char *key, const struct ynode *node)
{
    struct error ignored = ERROR_INIT;
    const struct span text = {node->text, strlen(node->text)};
    bool is_word =
        node->is_plain && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
    bool is_number = node->is_plain && key != NULL && strcmp(key, "priority") == 0 &&
                     strspn(node->text, "-0123456789") == text.len &&
                     jpull_check(text, true, &ignored) == ERR_OK;
    if (node->is_null)
        jwriter_null(w);
    else if (is_word || is_number)
        jwriter_raw(w, text);
    else
        jwriter_string(w, node->text);
}

static void put_node(struct jwriter *w, const char *key, const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR) {
        put_scalar(w, key, node);
        return;
    }
    node->kind == YNODE_MAP ? jwriter_object(w) : jwriter_array(w);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YNODE_MAP)
            jwriter_key(w, node->keys[i]->text);
        put_node(w, node->kind == YNODE_MAP ? node->keys[i]->text : NULL, node->items[i]);
    }
    jwriter_end(w);
}

static int refuse_mixed(struct cli *cli, const char *file, struct error *err)
{
    for (const struct field *f = create_fields; f->name != NULL; f++) {
        if ((f->flags & FIELD_POSITIONAL) != 0 || !cli_option_given(cli, f->name))
            continue;
        error_set(err, ERR_USAGE, "'%s' and --%s: a file or options, not both", file, f->name);
        return error_hint(err, "write it into the file");
    }
    return 0;
}

static int read_file(struct cli *cli, const char *file, struct ynode **ret, struct strbuf *body,
                     struct error *err)
{
    struct jwriter w;
    TRY(refuse_mixed(cli, file, err));
    TRY(ynode_parse_file(file, cli->arena, ret, err));
    jwriter_init(&w, body);
    put_node(&w, NULL, *ret);
    return 0;
}

/* ---- checking --------------------------------------------------------------------------- */

/* "min_amount" is --min-amount, "products" --product. */
static const char *option_of(struct cli *cli, const char *field)
{
    static const struct {
        const char *field, *option;
    } lists[] = {{"tiers", "tier"},       {"products", "product"}, {"categories", "category"},
                 {"weekdays", "weekday"}, {"dayparts", "daypart"}, {"stores", "store"},
                 {"channels", "channel"}, {"levels", "level"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(lists[i].field, field) == 0)
            field = lists[i].option;
    char *option = arena_printf(cli->arena, "--%s", field);
    for (char *p = option; *p != '\0'; p++)
        *p = *p == '_' ? '-' : *p;
    return option;
}

/* All that is wrong, each with its place or its option. file NULL: from options. */
static int check(struct cli *cli, const struct ynode *file, const struct strbuf *body,
                 struct error *err)
{
    struct pricing_terms terms;
    struct pricing_problems problems;
    AUTO_STRBUF struct strbuf text = {0};
    pricing_terms_read((struct span){body->data, body->len}, cli->arena, &terms, &problems);
    if (problems.count == 0)
        return 0;
    strbuf_init(&text, 0);
    for (size_t i = 0; i < problems.count; i++) {
        const char *field = problems.items[i].field, *message = problems.items[i].message;
        const struct ynode *at = file != NULL ? ynode_key(file, field) : NULL;
        strbuf_adds(&text, i > 0 ? "; " : "");
        if (at == NULL)
            at = file;
        if (at != NULL)
            strbuf_addf(&text, "%s:%d:%d: '%s' %s", at->file, at->line, at->column, field, message);
        else
            strbuf_addf(&text, "%s %s", option_of(cli, field), message);
    }
    error_set(err, file != NULL ? ERR_SPEC : ERR_USAGE, "%s", text.data);
    return error_hint(err, "docs/campaigns.md has every field, with examples");
}

/* ---- sending ---------------------------------------------------------------------------- */

static int create(struct cli *cli, const void *bound, struct error *err)
{
    const struct create_args *args = bound;
    struct ynode *file = NULL;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, CAMPAIGN_BODY_MAX);
    TRY(args->file != NULL ? read_file(cli, args->file, &file, &body, err)
                           : write_options(args, &body, err));
    TRY(check(cli, file, &body, err));
    if (cli->dry_run)
        return order_dry(cli, &body);
    TRY(listing_call(cli, "campaign_create", NULL, 0, &body, &answer, err));
    const struct jsonx *campaign = jsonx_get(answer, "data");
    int code = campaign_print(cli, campaign, err);
    if (code == 0)
        cli_summary(cli, "campaign %s created: %s", jsonx_text(jsonx_get(campaign, "code")),
                    jsonx_text(jsonx_get(campaign, "status")));
    jsonx_free(answer);
    return code;
}

const struct command command_campaigns_create = {
    .name = "create",
    .summary = "create a campaign, from a file or from options",
    .description =
        "A percentage or an amount off all, off products or off categories; or an amount off from "
        "a sum on, in tiers or for every full sum. By days, times of the day, stores, "
        "channels and member levels; for everybody or for who shows a coupon; with a budget that "
        "is never overspent.\n\n"
        "Its terms cannot be changed afterwards: end it and create another.",
    .args = &create_set,
    .run = create,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner campaigns create --code LUNCH20 --name 'Lunch: 20 off 100' --kind threshold --tier "
         "100=20 "
         "--daypart 11:00-14:00 --weekday mon --weekday tue --budget 5000 --dry-run",
         "20 off from 100 on, Monday and Tuesday at lunch"},
        {"diner campaigns create --code WELCOME --name Welcome --kind percent --percent 10 "
         "--coupon "
         "--max-discount 30 --dry-run",
         "10 % off with a coupon, at most 30"},
        {0}}};
