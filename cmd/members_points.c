/* diner members points show|log|earn|spend|refund|expire, members tiers list|show|evaluate. */
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/job.h"
#include "cmd/listing.h"
#include "cmd/members.h"
#include "core/message.h"
#include "domain/points.h"
#include "domain/tier.h"
#include "platform/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int get_one(struct cli *cli, const char *resource, const char *member_no, struct jsonx **ret,
                   struct error *err)
{
    struct client *client;
    const struct connector_param params[] = {{"member_no", member_no}};
    TRY(client_open(cli->config, builtin_connectors, &client, err));
    int code = client_get(client, resource, params, 1, ret, err);
    client_close(client);
    return code;
}

struct member_args {
    const char *member_no;
};
static const struct field member_fields[] = {
    MEMBER_NO_FIELD("member", offsetof(struct member_args, member_no)), {0}};
static const struct field_set member_set = {
    .name = "members", .struct_size = sizeof(struct member_args), .fields = member_fields};

/* The document as JSON, or the rows that are in it. */
static int print_document(struct cli *cli, const struct jsonx *document, const char *rows,
                          const struct table_column *columns, const char *empty, struct error *err)
{
    if (cli->output == CLI_OUTPUT_JSON || cli->output == CLI_OUTPUT_JSONL)
        return listing_print_fields(cli, document, err);
    return listing_print_rows(cli, jsonx_get(document, rows), columns, empty, err);
}

/* ---- points show ------------------------------------------------------------------------ */

static const struct table_column lot_columns[] = {
    {"points", TABLE_INT}, {"expires_at", TABLE_TIME}, {NULL, TABLE_TEXT}};

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct member_args *args = bound;
    struct jsonx *points = NULL;
    TRY(get_one(cli, "member_points", args->member_no, &points, err));
    int code = print_document(cli, points, "lots", lot_columns, "no points", err);
    if (code == 0)
        cli_summary(cli, "member %s, %s: %s points", args->member_no,
                    listing_text(cli, jsonx_get(points, "level")),
                    listing_text(cli, jsonx_get(points, "balance")));
    jsonx_free(points);
    return code;
}

/* ---- points log ------------------------------------------------------------------------- */

static const char *const kinds[] = {"all",      "earn",   "spend",    "refund",
                                    "clawback", "expire", "transfer", NULL};

struct log_args {
    const char *member_no;
    int kind;
    int64_t limit;
};
#define LOG(member) offsetof(struct log_args, member)
static const struct field log_fields[] = {
    MEMBER_NO_FIELD("member", LOG(member_no)),
    {"kind", FIELD_CHOICE, LOG(kind), "only entries of this kind", .arg = "KIND", .def = "all",
     .choices = kinds},
    {"limit", FIELD_INT, LOG(limit), "how many", .def = "50", .min = 1, .max = 1000000},
    {0}};
static const struct field_set log_set = {
    .name = "members points log", .struct_size = sizeof(struct log_args), .fields = log_fields};

static const struct table_column log_columns[] = {{"id", TABLE_INT},
                                                  {"created_at", TABLE_TIME},
                                                  {"kind", TABLE_TEXT},
                                                  {"points", TABLE_INT},
                                                  {"balance_after", TABLE_INT},
                                                  {"ref", TABLE_TEXT},
                                                  {"order_no", TABLE_TEXT},
                                                  {"of_ref", TABLE_TEXT},
                                                  {"forgone", TABLE_INT, .is_quiet = true},
                                                  {"expires_at", TABLE_TIME},
                                                  {"note", TABLE_TEXT},
                                                  {NULL, TABLE_TEXT}};

static int show_log(struct cli *cli, const void *bound, struct error *err)
{
    const struct log_args *args = bound;
    const struct connector_param params[] = {{"member_no", args->member_no},
                                             {"kind", args->kind > 0 ? kinds[args->kind] : NULL},
                                             {"sort", "-id"}};
    return listing_print(cli, "member_points_log", params, 3, args->limit, log_columns,
                         "nothing was earned or spent", err);
}

/* ---- points earn, spend, refund --------------------------------------------------------- */

struct change_args {
    const char *member_no, *ref, *note, *expires_on, *of_ref;
    int64_t points;
};
#define CHANGE(member) offsetof(struct change_args, member)
#define POINTS_FIELD                                                                               \
    {                                                                                              \
        "points", FIELD_INT, CHANGE(points), "how many",                                           \
            .arg = "POINTS", .min = 1, .max = POINTS_MAX,                                          \
            .flags = FIELD_POSITIONAL | FIELD_REQUIRED                                             \
    }
#define REF_FIELD                                                                                  \
    {                                                                                              \
        "ref", FIELD_STRING, CHANGE(ref), "what it is for: sent again under it, it is the same",   \
            .arg = "REF", .flags = FIELD_REQUIRED                                                  \
    }
#define NOTE_FIELD                                                                                 \
    {                                                                                              \
        "note", FIELD_STRING, CHANGE(note), "why, for people", .arg = "TEXT"                       \
    }

static void write_body(const struct change_args *args, struct strbuf *body)
{
    const struct {
        const char *key, *value;
    } members[] = {{"of_ref", args->of_ref},
                   {"ref", args->ref},
                   {"note", args->note},
                   {"expires_on", args->expires_on}};
    struct jwriter w;
    jwriter_init(&w, body);
    jwriter_object(&w);
    if (args->points > 0)
        jwriter_kint(&w, "points", args->points);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].value != NULL)
            jwriter_kstring(&w, members[i].key, members[i].value);
    jwriter_end(&w);
}

static int change(struct cli *cli, const struct change_args *args, const char *resource,
                  struct error *err)
{
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    const struct connector_param params[] = {{"member_no", args->member_no}};
    strbuf_init(&body, 1 << 16);
    write_body(args, &body);
    if (cli->dry_run) {
        fprintf(cli->out, "%s\n", body.data);
        cli_summary(cli, "dry run: nothing was sent");
        return 0;
    }
    TRY(listing_call(cli, resource, params, 1, &body, &answer, err));
    const struct jsonx *entry = jsonx_get(answer, "data");
    int code = listing_print_fields(cli, entry, err);
    if (code == 0)
        cli_summary(cli, "member %s: %s of %s points, %s then", args->member_no,
                    listing_text(cli, jsonx_get(entry, "kind")),
                    listing_text(cli, jsonx_get(entry, "points")),
                    listing_text(cli, jsonx_get(entry, "balance_after")));
    jsonx_free(answer);
    return code;
}

static int earn(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "member_points_earn", err);
}

static int spend(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "member_points_spend", err);
}

static int refund(struct cli *cli, const void *bound, struct error *err)
{
    return change(cli, bound, "member_points_refund", err);
}

#define ARGS(set, label, table)                                                                    \
    static const struct field_set set = {                                                          \
        .name = label, .struct_size = sizeof(struct change_args), .fields = table}

static const struct field earn_fields[] = {
    MEMBER_NO_FIELD("member", CHANGE(member_no)),
    POINTS_FIELD,
    REF_FIELD,
    {"expires-on", FIELD_DATE, CHANGE(expires_on),
     "the day at whose beginning they are over; default: by points.expire_months", .arg = "DATE"},
    NOTE_FIELD,
    {0}};
ARGS(earn_set, "members points earn", earn_fields);
static const struct field spend_fields[] = {
    MEMBER_NO_FIELD("member", CHANGE(member_no)), POINTS_FIELD, REF_FIELD, NOTE_FIELD, {0}};
ARGS(spend_set, "members points spend", spend_fields);
static const struct field refund_fields[] = {
    MEMBER_NO_FIELD("member", CHANGE(member_no)),
    {"spending", FIELD_STRING, CHANGE(of_ref), "the reference under which they were spent",
     .arg = "SPENDING", .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"points", FIELD_INT, CHANGE(points), "how many; default: all that is left of it", .arg = "N",
     .min = 1, .max = POINTS_MAX},
    REF_FIELD,
    NOTE_FIELD,
    {0}};
ARGS(refund_set, "members points refund", refund_fields);

/* ---- points expire ---------------------------------------------------------------------- */

struct expire_args {
    int64_t batch;
    bool api;
};
static const struct field expire_fields[] = {
    {"batch", FIELD_INT, offsetof(struct expire_args, batch), "members in one transaction",
     .def = "1000", .min = 1, .max = 100000},
    JOB_API_FIELD(offsetof(struct expire_args, api)),
    {0}};
static const struct field_set expire_set = {.name = "members points expire",
                                            .struct_size = sizeof(struct expire_args),
                                            .fields = expire_fields};

static const struct table_column expire_columns[] = {
    {"members", TABLE_INT}, {"lots", TABLE_INT}, {"points", TABLE_INT}, {NULL, TABLE_TEXT}};

static int expire_here(struct cli *cli, const struct expire_args *args, int64_t *sums,
                       struct error *err)
{
    struct points_expired e = {0};
    struct desk *desk;
    bool is_more;
    TRY(desk_new(cli, &desk, err));
    int code = cli->dry_run ? points_expire_count(desk_context(desk), &e, err)
                            : points_expire(desk_context(desk), args->batch, 0, &e, &is_more, err);
    desk_free(desk);
    sums[0] = e.members;
    sums[1] = e.lots;
    sums[2] = e.points;
    return code;
}

/* Again while there is more. */
static int ask_all(struct cli *cli, const char *resource, const struct table_column *columns,
                   int64_t *sums, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    bool more = true;
    strbuf_init(&body, 0);
    strbuf_addf(&body, "{\"dry_run\":%s}", cli->dry_run ? "true" : "false");
    while (more)
        TRY(job_ask(cli, resource, &body, columns, sums, &more, err));
    return 0;
}

/* What was done before it failed stands, and is told. */
static int finish(struct cli *cli, const struct table_column *columns, const int64_t *sums,
                  int code, struct error *err)
{
    struct error ignored = ERROR_INIT;
    int printed = job_print(cli, columns, sums, code == 0 ? err : &ignored);
    return code != 0 ? code : printed;
}

static int expire(struct cli *cli, const void *bound, struct error *err)
{
    const struct expire_args *args = bound;
    int64_t sums[JOB_FIGURES_MAX] = {0};
    int code = job_is_through_api(cli, args->api)
                   ? ask_all(cli, "points_expire", expire_columns, sums, err)
                   : expire_here(cli, args, sums, err);
    if (code != 0 && sums[1] == 0)
        return code;
    code = finish(cli, expire_columns, sums, code, err);
    cli_summary(cli, "members points expire: %" PRId64 " points of %" PRId64 " members %s", sums[2],
                sums[0], cli->dry_run ? message_text("are over") : message_text("expired"));
    return code;
}

/* ---- tiers ------------------------------------------------------------------------------ */

static const struct table_column tier_columns[] = {
    {"tier", TABLE_TEXT}, {"from_points", TABLE_INT}, {"rate", TABLE_DECIMAL}, {NULL, TABLE_TEXT}};

static int list_tiers(struct cli *cli, const void *bound, struct error *err)
{
    (void)bound;
    return listing_print(cli, "tiers", NULL, 0, 1000, tier_columns,
                         "no tiers: the setting points.tiers", err);
}

static const struct table_column history_columns[] = {
    {"at", TABLE_TIME}, {"from", TABLE_TEXT}, {"to", TABLE_TEXT}, {NULL, TABLE_TEXT}};

static int show_tier(struct cli *cli, const void *bound, struct error *err)
{
    const struct member_args *args = bound;
    struct jsonx *tier = NULL;
    TRY(get_one(cli, "member_tier", args->member_no, &tier, err));
    const struct jsonx *next = jsonx_get(tier, "next");
    int code =
        print_document(cli, tier, "history", history_columns, "the level never changed", err);
    if (code == 0)
        cli_summary(cli, "member %s: %s by %s points%s", args->member_no,
                    listing_text(cli, jsonx_get(tier, "level")),
                    listing_text(cli, jsonx_get(tier, "earned")),
                    jsonx_kind_of(next) != JSONX_OBJECT
                        ? ""
                        : arena_printf(cli->arena, ", %s more to %s",
                                       listing_text(cli, jsonx_get(next, "missing")),
                                       listing_text(cli, jsonx_get(next, "level"))));
    jsonx_free(tier);
    return code;
}

static const struct table_column evaluate_columns[] = {
    {"raised", TABLE_INT}, {"lowered", TABLE_INT}, {NULL, TABLE_TEXT}};

struct evaluate_args {
    bool api;
};
static const struct field evaluate_fields[] = {JOB_API_FIELD(offsetof(struct evaluate_args, api)),
                                               {0}};
static const struct field_set evaluate_set = {.name = "members tiers evaluate",
                                              .struct_size = sizeof(struct evaluate_args),
                                              .fields = evaluate_fields};

static int evaluate_here(struct cli *cli, int64_t *sums, struct error *err)
{
    struct tier_counts c = {0};
    struct desk *desk;
    bool is_more;
    TRY(desk_new(cli, &desk, err));
    int code = cli->dry_run ? tier_evaluate_count(desk_context(desk), &c, err)
                            : tier_evaluate(desk_context(desk), 0, &c, &is_more, err);
    desk_free(desk);
    sums[0] = c.raised;
    sums[1] = c.lowered;
    return code;
}

static int evaluate(struct cli *cli, const void *bound, struct error *err)
{
    const struct evaluate_args *args = bound;
    int64_t sums[JOB_FIGURES_MAX] = {0};
    int code = job_is_through_api(cli, args->api)
                   ? ask_all(cli, "tiers_evaluate", evaluate_columns, sums, err)
                   : evaluate_here(cli, sums, err);
    if (code != 0 && sums[0] + sums[1] == 0)
        return code;
    code = finish(cli, evaluate_columns, sums, code, err);
    cli_summary(cli, "members tiers evaluate: %" PRId64 " %s, %" PRId64 " %s", sums[0],
                cli->dry_run ? message_text("would rise") : message_text("rose"), sums[1],
                cli->dry_run ? message_text("would fall") : message_text("fell"));
    return code;
}

/* ---- the groups ------------------------------------------------------------------------- */

static const struct command command_show = {
    .name = "show",
    .summary = "show how many points a member has, and when how many of them are over",
    .args = &member_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner members points show M00000042", "what they hold"}, {0}}};
static const struct command command_log = {
    .name = "log",
    .summary = "show the ledger of a member's points, newest first",
    .args = &log_set,
    .run = show_log,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner members points log M00000042", "what was earned and spent"},
        {"diner members points log M00000042 --kind expire -o csv", "what was lost"},
        {0}}};
static const struct command command_earn = {
    .name = "earn",
    .summary = "give points to a member",
    .description = "For what is not an order: those earn by themselves when they are paid. For the "
                   "roles admin and integration.",
    .args = &earn_set,
    .run = earn,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner members points earn M00000042 100 --ref birthday-2026 --note birthday --dry-run",
         "what would be sent"},
        {0}}};
static const struct command command_spend = {
    .name = "spend",
    .summary = "take points of a member, those first that are over first",
    .description = "All of them or none: less is refused, with what there is. For the roles admin "
                   "and integration.",
    .args = &spend_set,
    .run = spend,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner members points spend M00000042 300 --ref gift-17 --dry-run", "what would be sent"},
        {0}}};
static const struct command command_refund = {
    .name = "refund",
    .summary = "give back what a member spent, into the lots it was from",
    .description =
        "What belongs to lots that are over meanwhile holds for points.refund_grace, or is lost "
        "where that is 0. For the roles admin and integration.",
    .args = &refund_set,
    .run = refund,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner members points refund M00000042 gift-17 --ref return-17 --dry-run",
         "all of that spending"},
        {0}}};
static const struct command command_expire = {
    .name = "expire",
    .summary = "take out what is over",
    .description =
        "Works on the platform's database (connection 'platform', else 'warehouse'), or, when none "
        "is configured and with --api, through the platform's API. Points that "
        "are over count for nothing from their midnight on, whether this has run or not; it writes "
        "them into the ledger. Safe to run as often as wanted, on several machines at once: "
        "members that somebody else is at are left to them, or to the next time.",
    .args = &expire_set,
    .run = expire,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner members points expire --dry-run", "how many are over"},
        {"diner members points expire -o json", "what a schedule runs"},
        {0}}};
static const struct command *const points_children[] = {
    &command_show,   &command_log,    &command_earn, &command_spend,
    &command_refund, &command_expire, NULL};
const struct command command_members_points = {
    .name = "points", .summary = "points of members", .children = points_children};

static const struct command command_tiers_list = {
    .name = "list",
    .summary = "list the tiers, lowest first",
    .run = list_tiers,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner members tiers list", "as configured"}, {0}}};
static const struct command command_tiers_show = {
    .name = "show",
    .summary = "show the tier of a member, and how it changed",
    .args = &member_set,
    .run = show_tier,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner members tiers show M00000042", "and what is missing for the next"}, {0}}};
static const struct command command_tiers_evaluate = {
    .name = "evaluate",
    .summary = "set the tier of each member by what they earned lately",
    .description =
        "Works on the platform's database (connection 'platform', else 'warehouse'), or, when none "
        "is configured and with --api, through the platform's API. Tiers rise at "
        "once, with what is earned; this lowers those of members who earned too little in the last "
        "points.tier_months. A level that is none of points.tiers was given by hand and stays. "
        "Safe to run as often as wanted, on several machines at once.",
    .args = &evaluate_set,
    .run = evaluate,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner members tiers evaluate --dry-run", "how many would rise and fall"},
        {"diner members tiers evaluate -o json", "what a schedule runs"},
        {0}}};
static const struct command *const tiers_children[] = {&command_tiers_list, &command_tiers_show,
                                                       &command_tiers_evaluate, NULL};
const struct command command_members_tiers = {.name = "tiers",
                                              .summary =
                                                  "levels of members by the points they earn",
                                              .children = tiers_children};
