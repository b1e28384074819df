/* diner campaigns: the group, list, show, end and issue. */
#include "cmd/campaigns.h"
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/orders.h"
#include "core/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CAMPAIGN_FIELD(at)                                                                         \
    {                                                                                              \
        "campaign", FIELD_STRING, at, "code of the campaign",                                      \
            .arg = "CAMPAIGN", .flags = FIELD_POSITIONAL | FIELD_REQUIRED                          \
    }

/* ---- printing --------------------------------------------------------------------------- */

bool campaign_print_json(struct cli *cli, const struct jsonx *document)
{
    AUTO_STRBUF struct strbuf text = {0};
    if (cli->output != CLI_OUTPUT_JSON && cli->output != CLI_OUTPUT_JSONL)
        return false;
    strbuf_init(&text, 16 << 20);
    jsonx_dump(document, &text);
    fprintf(cli->out, "%s\n", text.data);
    return true;
}

/* A list in one line: words, and tiers as FROM=OFF; NULL when it is empty or no list. */
static const char *list_text(struct cli *cli, const struct jsonx *list)
{
    const char *text = NULL;
    if (jsonx_kind_of(list) != JSONX_ARRAY)
        return NULL;
    for (size_t i = 0; i < jsonx_count(list); i++) {
        const struct jsonx *item = jsonx_at(list, i);
        const char *word = jsonx_text(item);
        if (word == NULL)
            word = arena_printf(cli->arena, "%s=%s", jsonx_text(jsonx_get(item, "from")),
                                jsonx_text(jsonx_get(item, "off")));
        text = text == NULL ? word : arena_printf(cli->arena, "%s, %s", text, word);
    }
    return text;
}

int campaign_print(struct cli *cli, const struct jsonx *campaign, struct error *err)
{
    static const struct table_column columns[] = {
        {"field", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    if (campaign_print_json(cli, campaign))
        return 0;
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < jsonx_count(campaign); i++) {
        const struct jsonx *node = jsonx_value(campaign, i);
        const char *value = list_text(cli, node);
        if (value == NULL)
            value = listing_text(cli, node);
        if (value != NULL)
            table_row(t, (const char *[]){jsonx_key(campaign, i), value});
    }
    return table_end(t, "", err);
}

/* ---- list ------------------------------------------------------------------------------- */

static const char *const states[] = {"all", "scheduled", "active", "ended", NULL};
static const char *const sorts[] = {"code",       "-code",       "priority",
                                    "-priority",  "created_at",  "-created_at",
                                    "updated_at", "-updated_at", NULL};

struct list_args {
    const char *store;
    int status, sort;
    int64_t limit;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"store", FIELD_STRING, LIST(store), "only those that apply in this store", .short_name = 's',
     .arg = "CODE", .env = "DINER_STORE", .complete = "store"},
    {"status", FIELD_CHOICE, LIST(status), "only with this status", .arg = "STATUS", .def = "all",
     .choices = states},
    {"sort", FIELD_CHOICE, LIST(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "code", .choices = sorts},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "1000", .min = 1, .max = 1000000},
    {0}};
static const struct field_set list_set = {
    .name = "campaigns list", .struct_size = sizeof(struct list_args), .fields = list_fields};
static const struct table_column list_columns[] = {
    {"code", TABLE_TEXT},         {"name", TABLE_TEXT},       {"status", TABLE_TEXT},
    {"kind", TABLE_TEXT},         {"coupon", TABLE_BOOL},     {"priority", TABLE_INT},
    {"starts_on", TABLE_TEXT},    {"ends_on", TABLE_TEXT},    {"budget", TABLE_MONEY},
    {"budget_left", TABLE_MONEY}, {"updated_at", TABLE_TIME}, {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    const struct connector_param params[] = {
        {"store", args->store},
        {"status", args->status > 0 ? states[args->status] : NULL},
        {"sort", args->sort > 0 ? sorts[args->sort] : NULL}};
    return listing_print(cli, "campaigns", params, 3, args->limit, list_columns, "no campaigns",
                         err);
}

/* ---- show ------------------------------------------------------------------------------- */

struct show_args {
    const char *campaign;
    bool coupons;
};
#define SHOW(member) offsetof(struct show_args, member)
static const struct field show_fields[] = {
    CAMPAIGN_FIELD(SHOW(campaign)),
    {"coupons", FIELD_BOOL, SHOW(coupons), "its coupons and how often they were used, instead"},
    {0}};
static const struct field_set show_set = {
    .name = "campaigns show", .struct_size = sizeof(struct show_args), .fields = show_fields};

static const struct table_column figure_columns[] = {{"store", TABLE_TEXT},
                                                     {"orders", TABLE_INT},
                                                     {"gross_amount", TABLE_MONEY},
                                                     {"discount_amount", TABLE_MONEY},
                                                     {"net_amount", TABLE_MONEY},
                                                     {"returned_orders", TABLE_INT},
                                                     {"returned_amount", TABLE_MONEY},
                                                     {NULL, TABLE_TEXT}};
static const struct table_column coupon_columns[] = {
    {"code", TABLE_TEXT},    {"campaign", TABLE_TEXT},   {"member", TABLE_TEXT},
    {"uses_max", TABLE_INT}, {"uses", TABLE_INT},        {"expires_on", TABLE_TEXT},
    {"expired", TABLE_BOOL}, {"created_at", TABLE_TIME}, {NULL, TABLE_TEXT}};

static int print_figures(struct cli *cli, const struct jsonx *campaign, struct error *err)
{
    const struct jsonx *figures = jsonx_get(campaign, "figures");
    TRY(campaign_print(cli, campaign, err));
    if (cli->output != CLI_OUTPUT_TABLE)
        return 0;
    fputc('\n', cli->out);
    TRY(listing_print_rows(cli, jsonx_get(figures, "stores"), figure_columns, "no order had it yet",
                           err));
    const char *left = jsonx_text(jsonx_get(campaign, "budget_left"));
    cli_summary(
        cli, "campaign %s: %s orders of %s, %s off them, %s left to pay%s%s",
        jsonx_text(jsonx_get(campaign, "code")), listing_text(cli, jsonx_get(figures, "orders")),
        jsonx_text(jsonx_get(figures, "gross_amount")),
        jsonx_text(jsonx_get(figures, "discount_amount")),
        jsonx_text(jsonx_get(figures, "net_amount")),
        left != NULL ? message_text("; left of the budget: ") : "", left != NULL ? left : "");
    return 0;
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    const struct connector_param params[] = {{"campaign", args->campaign}};
    struct jsonx *answer = NULL;
    if (args->coupons)
        return listing_print(cli, "coupons", params, 1, INT64_MAX, coupon_columns, "no coupons",
                             err);
    TRY(listing_call(cli, "campaign", params, 1, NULL, &answer, err));
    int code = print_figures(cli, jsonx_get(answer, "data"), err);
    jsonx_free(answer);
    return code;
}

/* ---- end -------------------------------------------------------------------------------- */

struct end_args {
    const char *campaign, *at;
};
#define END(member) offsetof(struct end_args, member)
static const struct field end_fields[] = {CAMPAIGN_FIELD(END(campaign)),
                                          {"at", FIELD_STRING, END(at),
                                           "when: a date (as its business day begins) or a time",
                                           .arg = "WHEN"},
                                          {0}};
static const struct field_set end_set = {
    .name = "campaigns end", .struct_size = sizeof(struct end_args), .fields = end_fields};

static int end(struct cli *cli, const void *bound, struct error *err)
{
    const struct end_args *args = bound;
    const struct connector_param params[] = {{"campaign", args->campaign}};
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    struct jwriter w;
    const char *at;
    TRY(listing_when(cli, args->at, &at, err));
    strbuf_init(&body, CAMPAIGN_BODY_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    if (at != NULL)
        jwriter_kstring(&w, "at", at);
    jwriter_end(&w);
    if (cli->dry_run)
        return order_dry(cli, &body);
    TRY(cli_confirm(cli, err, "end campaign %s? It does not begin again", args->campaign));
    TRY(listing_call(cli, "campaign_end", params, 1, &body, &answer, err));
    const struct jsonx *campaign = jsonx_get(answer, "data");
    int code = campaign_print(cli, campaign, err);
    if (code == 0)
        cli_summary(cli, "campaign %s ends at %s", args->campaign,
                    jsonx_text(jsonx_get(campaign, "ended_at")));
    jsonx_free(answer);
    return code;
}

/* ---- issue ------------------------------------------------------------------------------ */

struct issue_args {
    const char *campaign, *code, *member, *expires_on;
    int64_t count, uses;
};
#define ISSUE(member) offsetof(struct issue_args, member)
static const struct field issue_fields[] = {
    CAMPAIGN_FIELD(ISSUE(campaign)),
    {"code", FIELD_STRING, ISSUE(code), "one coupon of this code; default: random codes",
     .arg = "CODE"},
    {"count", FIELD_INT, ISSUE(count), "how many of random codes", .def = "1", .min = 1,
     .max = 1000},
    {"uses", FIELD_INT, ISSUE(uses), "how often each may be used", .def = "1", .min = 1,
     .max = 1000000},
    {"member-no", FIELD_STRING, ISSUE(member), "only this member may use them", .arg = "NO"},
    {"expires-on", FIELD_DATE, ISSUE(expires_on),
     "their last business day, in the store; default: that of the campaign", .arg = "DATE"},
    {0}};
static const struct field_set issue_set = {
    .name = "campaigns issue", .struct_size = sizeof(struct issue_args), .fields = issue_fields};

static void write_issue(const struct issue_args *args, struct strbuf *body)
{
    struct jwriter w;
    jwriter_init(&w, body);
    jwriter_object(&w);
    jwriter_kstring(&w, "campaign", args->campaign);
    if (args->code != NULL)
        jwriter_kstring(&w, "code", args->code);
    if (args->member != NULL)
        jwriter_kstring(&w, "member", args->member);
    if (args->expires_on != NULL)
        jwriter_kstring(&w, "expires_on", args->expires_on);
    jwriter_kint(&w, "count", args->count);
    jwriter_kint(&w, "uses", args->uses);
    jwriter_end(&w);
}

static int print_issued(struct cli *cli, const struct jsonx *issued, struct error *err)
{
    static const struct table_column columns[] = {{"code", TABLE_TEXT},
                                                  {"campaign", TABLE_TEXT},
                                                  {"member", TABLE_TEXT},
                                                  {"uses_max", TABLE_INT},
                                                  {"expires_on", TABLE_TEXT, .is_quiet = true},
                                                  {NULL, TABLE_TEXT}};
    const struct jsonx *codes = jsonx_get(issued, "codes");
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < jsonx_count(codes); i++)
        table_row(t, (const char *[]){jsonx_text(jsonx_at(codes, i)),
                                      jsonx_text(jsonx_get(issued, "campaign")),
                                      jsonx_text(jsonx_get(issued, "member")),
                                      listing_text(cli, jsonx_get(issued, "uses_max")),
                                      jsonx_text(jsonx_get(issued, "expires_on"))});
    return table_end(t, "", err);
}

static int issue(struct cli *cli, const void *bound, struct error *err)
{
    const struct issue_args *args = bound;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, CAMPAIGN_BODY_MAX);
    write_issue(args, &body);
    if (cli->dry_run)
        return order_dry(cli, &body);
    TRY(listing_call(cli, "coupons_issue", NULL, 0, &body, &answer, err));
    int code = print_issued(cli, jsonx_get(answer, "data"), err);
    if (code == 0)
        cli_summary(cli, "campaign %s: %" PRId64 " coupon%s", args->campaign, args->count,
                    args->count == 1 ? "" : "s");
    jsonx_free(answer);
    return code;
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list campaigns, by code or as --sort says",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner campaigns list --status active", "what counts today"},
        {"diner campaigns list --store S001 -o json", "of a store, for a program"},
        {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show one campaign, what it cost and what it brought",
    .description =
        "Its terms, and store by store: the orders it was applied to, what they came to before "
        "and after all discounts, and what it took off them. Orders that were cancelled or "
        "refunded in full are counted apart: their discount is back in the budget.",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner campaigns show --help", "help on it"}, {0}}};
static const struct command command_end = {
    .name = "end",
    .summary = "end a campaign, now or at a time",
    .description = "Orders that have its discount keep it. A campaign that has ended does not "
                   "begin again: create another.",
    .args = &end_set,
    .run = end,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS,
    .examples = (const struct command_example[]){
        {"diner campaigns end LUNCH20 --at 2027-01-01 --dry-run", "what would be sent"}, {0}}};
static const struct command command_issue = {
    .name = "issue",
    .summary = "issue coupons of a campaign",
    .description =
        "For campaigns that were created with --coupon: an order gets their discount only with a "
        "coupon (`diner orders create --coupon CODE`).",
    .args = &issue_set,
    .run = issue,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner campaigns issue WELCOME --count 100 --dry-run", "a hundred codes, each good once"},
        {"diner campaigns issue WELCOME --code HELLO --uses 500 --dry-run", "one for a poster"},
        {"diner campaigns issue WELCOME --member-no M00000042 --dry-run", "for one member"},
        {0}}};
static const struct command *const children[] = {&command_list,
                                                 &command_show,
                                                 &command_campaigns_create,
                                                 &command_campaigns_apply,
                                                 &command_end,
                                                 &command_issue,
                                                 NULL};
const struct command command_campaigns = {
    .name = "campaigns", .summary = "discounts and coupons", .children = children};
