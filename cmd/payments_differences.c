/* diner payments differences list|handle, and how differences are printed. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/ids.h"
#include "cmd/payments.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/message.h"

#include <inttypes.h>
#include <string.h>

const char *const difference_channels[] = {"all", "wechat", "alipay", NULL};

int bill_day_parse(struct cli *cli, const char *text, const char **ret, int32_t *ret_days,
                   struct error *err)
{
    struct bizday day = {0};
    char *out = arena_alloc(cli->arena, 11);
    *ret = NULL;
    if (text == NULL)
        return 0;
    TRY(zone_load("Asia/Shanghai", &day.zone, err));
    if (bizday_parse(&day, text, clock_wall_us(), ret_days, err) != 0) {
        err->code = ERR_USAGE;
        return err->code;
    }
    date_print(*ret_days, out);
    *ret = out;
    return 0;
}

/* ---- printing --------------------------------------------------------------------------- */

/* A table has the first of them; who wants all takes another form. */
static const struct table_column columns[] = {{"id", TABLE_INT},
                                              {"date", TABLE_TEXT},
                                              {"channel", TABLE_TEXT},
                                              {"kind", TABLE_TEXT},
                                              {"number", TABLE_TEXT},
                                              {"class", TABLE_TEXT},
                                              {"label", TABLE_TEXT},
                                              {"state", TABLE_TEXT},
                                              {"channel_amount", TABLE_MONEY},
                                              {"local_amount", TABLE_MONEY},
                                              {"difference", TABLE_MONEY},
                                              {"order_no", TABLE_TEXT, .is_quiet = true},
                                              {"other_date", TABLE_TEXT, .is_quiet = true},
                                              {"age_days", TABLE_INT},
                                              {"action", TABLE_TEXT},
                                              {"note", TABLE_TEXT, .is_quiet = true},
                                              {"handled_at", TABLE_TIME},
                                              {"store", TABLE_TEXT},
                                              {"channel_no", TABLE_TEXT},
                                              {"channel_state", TABLE_TEXT},
                                              {"local_status", TABLE_TEXT},
                                              {"channel_at", TABLE_TIME},
                                              {"local_at", TABLE_TIME},
                                              {"channel_fee", TABLE_DECIMAL},
                                              {"local_fee", TABLE_DECIMAL},
                                              {"position", TABLE_TEXT},
                                              {0}};
#define TABLE_COLUMNS 16

struct printing {
    struct table *table;
    char age_days[24];
};

static int print_difference(void *self, const struct difference *d, struct error *err)
{
    struct printing *p = self;
    (void)err;
    snprintf(p->age_days, sizeof p->age_days, "%" PRId64, d->age_days);
    table_row(p->table, (const char *[]){d->id,
                                         d->bill_date,
                                         d->channel,
                                         d->kind,
                                         d->number,
                                         d->class,
                                         difference_label(d),
                                         d->state,
                                         d->channel_amount,
                                         d->local_amount,
                                         d->amount_diff,
                                         d->order_no,
                                         d->other_date,
                                         p->age_days,
                                         d->action,
                                         d->note,
                                         d->handled_at,
                                         d->store,
                                         d->channel_no,
                                         d->channel_state,
                                         d->local_status,
                                         d->channel_at,
                                         d->local_at,
                                         d->channel_fee,
                                         d->local_fee,
                                         d->position});
    return 0;
}

/* What was printed before it failed is rendered all the same. */
static int end_table(struct table *t, const char *empty, int code, struct error *err)
{
    struct error ignored = ERROR_INIT;
    int printed = table_end(t, empty, code == 0 ? err : &ignored);
    return code != 0 ? code : printed;
}

int differences_print(struct cli *cli, struct domain_context *ctx,
                      const struct difference_filter *filter, struct error *err)
{
    struct table_column shown[sizeof columns / sizeof *columns];
    memcpy(shown, columns, sizeof columns);
    if (cli->output == CLI_OUTPUT_TABLE)
        shown[TABLE_COLUMNS] = (struct table_column){0};
    struct printing p = {.table = table_new(cli, shown)};
    int code = difference_each(ctx, filter, print_difference, &p, err);
    return end_table(p.table, "no differences", code, err);
}

static const struct table_column total_columns[] = {{"date", TABLE_TEXT},
                                                    {"channel", TABLE_TEXT},
                                                    {"kind", TABLE_TEXT},
                                                    {"class", TABLE_TEXT},
                                                    {"label", TABLE_TEXT},
                                                    {"channel_rows", TABLE_INT},
                                                    {"channel_amount", TABLE_MONEY},
                                                    {"local_rows", TABLE_INT},
                                                    {"local_amount", TABLE_MONEY},
                                                    {"channel_fee", TABLE_DECIMAL},
                                                    {0}};

static int print_total(void *self, const struct reconcile_total *t, struct error *err)
{
    char channel_rows[24], local_rows[24];
    const struct difference of = {.class = t->class, .kind = t->kind};
    (void)err;
    snprintf(channel_rows, sizeof channel_rows, "%" PRId64, t->channel_rows);
    snprintf(local_rows, sizeof local_rows, "%" PRId64, t->local_rows);
    table_row(self, (const char *[]){t->bill_date, t->channel, t->kind, t->class,
                                     difference_label(&of), channel_rows, t->channel_amount,
                                     local_rows, t->local_amount, t->fee});
    return 0;
}

int reconcile_totals_print(struct cli *cli, struct domain_context *ctx,
                           const struct difference_filter *filter, struct error *err)
{
    struct table *t = table_new(cli, total_columns);
    int code = reconcile_total_each(ctx, filter, false, print_total, t, err);
    return end_table(t, "nothing was reconciled", code, err);
}

/* ---- list ------------------------------------------------------------------------------- */

static const char *const states[] = {"unsettled", "all",     "open", "pending",
                                     "closed",    "handled", NULL};
enum { STATE_UNSETTLED, STATE_ALL };

struct list_args {
    const char *from, *to, *html;
    int channel, state;
    int64_t pool_days;
    bool totals;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"channel", FIELD_CHOICE, LIST(channel), "only of this channel", .arg = "CHANNEL", .def = "all",
     .choices = difference_channels},
    {"state", FIELD_CHOICE, LIST(state), "only so: unsettled is open and pending", .arg = "STATE",
     .def = "unsettled", .choices = states},
    {"from", FIELD_DATE, LIST(from), "of bills of this day and later", .arg = "DATE"},
    {"to", FIELD_DATE, LIST(to), "of bills up to this day", .arg = "DATE"},
    {"totals", FIELD_BOOL, LIST(totals), "how much fell into each class, instead"},
    {"html", FIELD_STRING, LIST(html), "also write a page for printing", .arg = "FILE",
     .complete = "file"},
    POOL_DAYS_FIELD(LIST(pool_days)),
    {0}};
static const struct field_set list_set = {.name = "payments differences list",
                                          .struct_size = sizeof(struct list_args),
                                          .fields = list_fields};

static int read_filter(struct cli *cli, const struct list_args *args, struct difference_filter *ret,
                       struct error *err)
{
    int32_t ignored;
    *ret = (struct difference_filter){
        .channel = args->channel > 0 ? difference_channels[args->channel] : NULL,
        .state = args->state > STATE_ALL ? states[args->state] : NULL,
        .is_unsettled = args->state == STATE_UNSETTLED,
        .pool_days = args->pool_days};
    TRY(bill_day_parse(cli, args->from, &ret->from, &ignored, err));
    return bill_day_parse(cli, args->to, &ret->to, &ignored, err);
}

static int list_with(struct cli *cli, const struct list_args *args, struct domain_context *ctx,
                     struct error *err)
{
    struct difference_filter filter = {0};
    TRY(read_filter(cli, args, &filter, err));
    if (args->html != NULL)
        TRY(reconcile_html_write(ctx, &filter, args->html, err));
    return args->totals ? reconcile_totals_print(cli, ctx, &filter, err)
                        : differences_print(cli, ctx, &filter, err);
}

static int list(struct cli *cli, const void *bound, struct error *err)
{
    struct desk *desk;
    TRY(desk_new(cli, &desk, err));
    int code = list_with(cli, bound, desk_context(desk), err);
    desk_free(desk);
    return code;
}

/* ---- handle ----------------------------------------------------------------------------- */

struct handle_args {
    struct field_strings ids;
    const char *note;
};
#define HANDLE(member) offsetof(struct handle_args, member)
static const struct field handle_fields[] = {
    {"id", FIELD_STRINGS, HANDLE(ids), "ids of differences", .arg = "ID",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT | FIELD_REQUIRED},
    {"note", FIELD_STRING, HANDLE(note), "what was done about it", .arg = "TEXT",
     .flags = FIELD_REQUIRED},
    {0}};
static const struct field_set handle_set = {.name = "payments differences handle",
                                            .struct_size = sizeof(struct handle_args),
                                            .fields = handle_fields};

/* All of them, or none. */
static int handle_all(struct domain_context *ctx, const struct handle_args *args, bool is_dry,
                      struct error *err)
{
    TRY(db_begin(ctx->conn, err));
    for (size_t i = 0; i < args->ids.count; i++)
        if (difference_handle(ctx, args->ids.items[i], args->note, err) != 0) {
            db_rollback(ctx->conn);
            return err->code;
        }
    if (!is_dry)
        return db_commit(ctx->conn, err);
    db_rollback(ctx->conn);
    return 0;
}

static int handle(struct cli *cli, const void *bound, struct error *err)
{
    const struct handle_args *args = bound;
    struct desk *desk;
    TRY(ids_check(&args->ids, "diner payments differences list", err));
    if (args->note[0] == '\0')
        return error_set(err, ERR_USAGE, "--note must say what was done");
    TRY(desk_new(cli, &desk, err));
    int code = handle_all(desk_context(desk), args, cli->dry_run, err);
    desk_free(desk);
    if (code == 0)
        cli_summary(cli, "%s%zu differences are dealt with",
                    cli->dry_run ? message_text("dry run: ") : "", args->ids.count);
    return code;
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "what bills and our books differ in",
    .description =
        "Open ones want a person; pending ones are ours alone and wait for the bills of the next "
        "days; closed ones were found in the bill of another day; handled ones a person has dealt "
        "with. Works on the platform's database (connection 'platform', else 'warehouse').",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner payments differences list", "what is not settled"},
        {"diner payments differences list --channel wechat --from '30 days ago' --state all -o csv",
         "a month of it"},
        {"diner payments differences list --totals --from '7 days ago'", "how much, by class"},
        {0}}};
static const struct command command_handle = {
    .name = "handle",
    .summary = "note that a difference was dealt with",
    .description =
        "It is not open any more, and no reconciliation touches it: the same difference is not "
        "found again, another of the same payment is.",
    .args = &handle_set,
    .run = handle,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner payments differences handle 17 --note 'refunded at the counter' --dry-run",
         "whether it can be"},
        {0}}};
static const struct command *const children[] = {&command_list, &command_handle, NULL};
const struct command command_payments_differences = {
    .name = "differences",
    .summary = "what bills and our books differ in, and what became of it",
    .children = children};
