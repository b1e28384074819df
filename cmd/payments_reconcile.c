/* diner payments reconcile: bills against our books, one channel and day after the other. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/payments.h"
#include "cmd/payments_bill.h"
#include "core/datetime.h"
#include "core/decimal.h"
#include "core/sha256.h"
#include "core/signals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reconcile_args {
    struct field_strings files;
    const char *date, *from, *to, *html, *sha256;
    int channel;
    bool no_bill, totals;
    int64_t pool_days;
};

/* A file, and whose it is. */
struct bill_file {
    const char *path;
    enum bill_channel channel;
    int32_t day;
    bool has_payments, has_refunds; /* neither: flows */
    bool is_fetched;                /* where `bill fetch` puts that of this day */
};

/* What one command is about. */
struct work {
    struct cli *cli;
    const struct reconcile_args *args;
    struct domain_context *ctx;
    struct bill_file *files;
    size_t file_count;
    bool has_channel, has_day; /* said on the command line */
    enum bill_channel channel;
    int32_t first_day, last_day; /* of all that is reconciled */
    int64_t tolerance_e5;
};

/* ---- what was given --------------------------------------------------------------------- */

#define DAYS_MAX 366

static int read_days(struct work *w, struct error *err)
{
    const struct reconcile_args *a = w->args;
    const char *ignored;
    if (a->date != NULL && (a->from != NULL || a->to != NULL))
        return error_set(err, ERR_USAGE, "--date is one day, --from and --to are several");
    TRY(bill_day_parse(w->cli, a->date != NULL ? a->date : a->from, &ignored, &w->first_day, err));
    w->last_day = w->first_day;
    TRY(bill_day_parse(w->cli, a->to, &ignored, &w->last_day, err));
    w->has_day = a->date != NULL;
    if (a->to != NULL &&
        (a->from == NULL || w->last_day < w->first_day || w->last_day - w->first_day >= DAYS_MAX))
        return error_set(err, ERR_USAGE,
                         "--from and --to are the first and the last day, at most "
                         "a year");
    return 0;
}

static int check_args(struct work *w, struct error *err)
{
    const struct reconcile_args *a = w->args;
    w->has_channel = a->channel > 0;
    w->channel = a->channel == 2 ? BILL_ALIPAY : BILL_WECHAT;
    TRY(read_days(w, err));
    if (a->files.count > 0 && (a->no_bill || a->from != NULL || a->to != NULL))
        return error_set(err, ERR_USAGE, "%s goes without files",
                         a->no_bill ? "--no-bill" : "--from");
    if (a->sha256 != NULL && a->files.count != 1)
        return error_set(err, ERR_USAGE, "--sha256 is the hash of one file");
    if (a->no_bill && !w->has_channel)
        return error_set(err, ERR_USAGE, "--no-bill is of one --channel");
    if (a->files.count > 0 || a->date != NULL || a->from != NULL)
        return 0;
    error_set(err, ERR_USAGE, "which bill?");
    return error_hint(err, "name its file, or --date yesterday where 'payments bill fetch' has put "
                           "it");
}

static int read_tolerance(struct work *w, struct error *err)
{
    const char *text = config_settings(w->cli->config)->reconcile_fee_tolerance;
    struct decimal value, e5;
    if (decimal_parse(text, strlen(text), &value) && decimal_rescale(&value, 5, &e5) &&
        e5.coefficient >= 0 && e5.coefficient < 1000000000) {
        w->tolerance_e5 = (int64_t)e5.coefficient;
        return 0;
    }
    error_set(err, ERR_CONFIG, "reconcile.fee_tolerance '%s' is no amount of yuan", text);
    return error_hint(err, "at most 5 decimals, for example 0.005");
}

/* ---- whose bill it is ------------------------------------------------------------------- */

/* The day of a bill that does not say is that of its first row. */
static int day_of(struct work *w, struct bill *b, struct bill_file *f, struct error *err)
{
    const struct bill_info *info = bill_info(b);
    struct bill_row row = {0};
    bool is_end = false;
    if (f->is_fetched)
        return 0;
    f->day = w->first_day;
    if (w->has_day)
        return 0;
    if (!info->has_dates)
        TRY(bill_next(b, &row, &is_end, err));
    if (!info->has_dates) {
        error_set(err, ERR_USAGE, "'%s' does not say of which day it is", f->path);
        return error_hint(err, "say it: --date 2026-11-21");
    }
    f->day = info->first_day;
    return 0;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int take_info(struct work *w, struct bill *b, struct bill_file *f, struct error *err)
{
    const struct bill_info *info = bill_info(b);
    bool is_flow = !info->is_empty_day && info->layout == BILL_FLOW;
    if (is_flow && info->channel != BILL_WECHAT) {
        error_set(err, ERR_DATA, "'%s' is a bill of flows (%s), not of trades", f->path,
                  info->variant);
        return error_hint(err, "payments and refunds are in the trade bill");
    }
    bool is_known = w->has_channel || f->is_fetched;
    if (!f->is_fetched)
        f->channel = w->has_channel ? w->channel : info->channel;
    if (is_known && info->channel != f->channel && !info->is_empty_day)
        return error_set(err, ERR_DATA, "'%s' is a bill of %s", f->path,
                         bill_channels[info->channel]);
    bool is_refunds = !info->is_empty_day &&
                      (begins(info->variant, "REFUND") || begins(info->variant, "RECHARGE_REFUND"));
    bool is_payments = !info->is_empty_day && begins(info->variant, "SUCCESS");
    f->has_payments = !is_refunds && !is_flow;
    f->has_refunds = !is_payments && !is_flow;
    return day_of(w, b, f, err);
}

static int look_at(struct work *w, struct bill_file *f, struct error *err)
{
    struct bill *b;
    if (strcmp(f->path, "-") == 0) {
        error_set(err, ERR_USAGE, "a bill is read twice, so not from standard input");
        return error_hint(err, "write it to a file first");
    }
    TRY(bill_open(f->path, &b, err));
    int code = take_info(w, b, f, err);
    bill_close(b);
    return code;
}

static int by_day(const void *one, const void *other)
{
    const struct bill_file *a = one, *b = other;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return strcmp(a->path, b->path);
}

static void name_fetched(struct work *w, enum bill_channel channel)
{
    for (int32_t day = w->first_day; day <= w->last_day; day++)
        w->files[w->file_count++] =
            (struct bill_file){.path = bill_path(w->cli, channel, BILL_TRADE, "ALL", day),
                               .channel = channel,
                               .day = day,
                               .is_fetched = true};
}

/* The files that were named; or those that were fetched, of one channel, or of all that bills are
 * fetched from. */
static int name_files(struct work *w, struct error *err)
{
    const struct field_strings *named = &w->args->files;
    size_t most = named->count > 0 ? named->count : 2 * ((size_t)(w->last_day - w->first_day) + 1);
    w->files = arena_array(w->cli->arena, most, sizeof *w->files);
    for (; w->file_count < named->count; w->file_count++)
        w->files[w->file_count].path = named->items[w->file_count];
    for (int c = BILL_WECHAT; named->count == 0 && c <= BILL_ALIPAY; c++)
        if (w->has_channel ? c == (int)w->channel
                           : bill_is_configured(w->cli, (enum bill_channel)c))
            name_fetched(w, (enum bill_channel)c);
    return w->file_count > 0 ? 0 : bill_none_configured(err);
}

static int look_at_all(struct work *w, struct error *err)
{
    TRY(name_files(w, err));
    for (size_t i = 0; i < w->file_count; i++) {
        const struct bill_file *f = &w->files[i];
        if (look_at(w, &w->files[i], err) == ERR_NOT_FOUND && f->is_fetched)
            return error_hint(err, "fetch it: 'diner payments bill fetch'; or, when the channel "
                                   "has none of that day: --no-bill");
        TRY(err->code);
    }
    qsort(w->files, w->file_count, sizeof *w->files, by_day);
    w->first_day = w->last_day = w->files[0].day;
    for (size_t i = 1; i < w->file_count; i++) {
        w->first_day = w->files[i].day < w->first_day ? w->files[i].day : w->first_day;
        w->last_day = w->files[i].day > w->last_day ? w->files[i].day : w->last_day;
    }
    return 0;
}

/* ---- one day of one channel ------------------------------------------------------------- */

/* The files of a day: whatever is only in a bill of another type would be missed on its side. */
static int check_day(const struct bill_file *files, size_t n, struct error *err)
{
    bool has_payments = false, has_refunds = false;
    if (files == NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        has_payments |= files[i].has_payments;
        has_refunds |= files[i].has_refunds;
    }
    if (has_payments && has_refunds)
        return 0;
    error_set(err, ERR_DATA, "'%s' has no %s, and no other bill of that day was given",
              files[0].path, has_payments ? "refunds" : "payments");
    return error_hint(err, "give the bill of type %s of that day as well",
                      has_payments  ? "REFUND, or that of type ALL,"
                      : has_refunds ? "SUCCESS, or that of type ALL,"
                                    : "ALL");
}

static int check_bill(struct work *w, const struct bill_file *f, const struct bill_info *info,
                      struct error *err)
{
    if (w->args->sha256 != NULL && strcasecmp(w->args->sha256, info->sha256) != 0) {
        error_set(err, ERR_DATA, "'%s' is not the file it should be: its SHA-256 is %s", f->path,
                  info->sha256);
        return error_hint(err, "fetch it again; nothing was compared");
    }
    if ((!w->has_day || f->is_fetched) && info->has_dates &&
        (info->first_day != f->day || info->last_day != f->day)) {
        error_set(err, ERR_DATA, "'%s' has rows of other days", f->path);
        return error_hint(err, "fetch the bills of its days one by one; if all rows belong to one "
                               "day, say which: --date");
    }
    return 0;
}

static int add_rows(struct reconcile *r, struct bill *b, const char *path, struct error *err)
{
    struct bill_row row;
    bool is_end = false;
    while (true) {
        TRY(bill_next(b, &row, &is_end, err));
        if (is_end)
            return 0;
        if ((row.line & 1023) == 0 && signals_pending() != 0)
            return error_set(err, ERR_CANCELLED, "stopped: nothing was kept");
        TRY(reconcile_add(r, path, &row, err));
    }
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int add_file(struct work *w, struct reconcile *r, const struct bill_file *f,
                    char ret_hash[65], struct error *err)
{
    struct bill *b;
    TRY(bill_open(f->path, &b, err));
    int code = add_rows(r, b, name_of(f->path), err);
    if (code == 0)
        code = check_bill(w, f, bill_info(b), err);
    memcpy(ret_hash, bill_info(b)->sha256, 65);
    bill_close(b);
    return code;
}

static int by_text(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* Of one file its hash, of several the hash of theirs, in whatever order they were named. */
static int hash_of(char (*hashes)[65], size_t n, char ret[65], struct error *err)
{
    qsort(hashes, n, sizeof *hashes, by_text);
    for (size_t i = 1; i < n; i++)
        if (strcmp(hashes[i - 1], hashes[i]) == 0)
            return error_set(err, ERR_USAGE, "the same bill was given twice");
    if (n == 1) {
        memcpy(ret, hashes[0], 65);
        return 0;
    }
    struct sha256 *h = sha256_new();
    for (size_t i = 0; i < n; i++)
        sha256_add(h, hashes[i], 64);
    sha256_finish(h, ret);
    return 0;
}

static int fill(struct work *w, struct reconcile *r, const struct bill_file *files, size_t n,
                char ret_hash[65], struct error *err)
{
    char(*hashes)[65] = arena_array(w->cli->arena, n + 1, sizeof *hashes);
    for (size_t i = 0; i < n; i++)
        TRY(add_file(w, r, &files[i], hashes[i], err));
    return hash_of(hashes, n, ret_hash, err);
}

static int compare(struct work *w, enum bill_channel channel, int32_t day,
                   const struct bill_file *files, size_t n, struct reconcile_counts *ret,
                   struct error *err)
{
    const struct settings *s = config_settings(w->cli->config);
    const struct reconcile_rules rules = {
        .channel = bill_channels[channel],
        .with_recorded = s->reconcile_recorded,
        .fee_ppm = channel == BILL_WECHAT ? s->reconcile_wechat_fee : s->reconcile_alipay_fee,
        .fee_tolerance_e5 = w->tolerance_e5};
    struct reconcile *r = NULL;
    char hash[65];
    TRY(reconcile_begin(w->ctx, &rules, &r, err));
    if (fill(w, r, files, n, hash, err) != 0) {
        reconcile_abort(r);
        return err->code;
    }
    return reconcile_end(r, day, hash, ret, err);
}

static int reconcile_day(struct work *w, enum bill_channel channel, int32_t day,
                         const struct bill_file *files, size_t n, struct error *err)
{
    struct reconcile_counts c = {0};
    char date[11];
    TRY(check_day(files, n, err));
    if (!db_in_transaction(w->ctx->conn))
        TRY(db_begin(w->ctx->conn, err));
    if (compare(w, channel, day, files, n, &c, err) != 0) {
        db_rollback(w->ctx->conn);
        return err->code;
    }
    if (!w->cli->dry_run)
        TRY(db_commit(w->ctx->conn, err));
    date_print(day, date);
    cli_summary(w->cli,
                "%s %s: %" PRId64 " rows of the bill, %" PRId64 " of ours; %" PRId64
                " match, %" PRId64 " differ",
                bill_channels[channel], date, c.channel_rows, c.local_rows, c.matched,
                c.difference_count);
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static int reconcile_days(struct work *w, struct error *err)
{
    if (w->args->no_bill) {
        for (int32_t day = w->first_day; day <= w->last_day; day++)
            TRY(reconcile_day(w, w->channel, day, NULL, 0, err));
        return 0;
    }
    for (size_t i = 0, n; i < w->file_count; i += n) {
        const struct bill_file *f = &w->files[i];
        for (n = 1; i + n < w->file_count && f[n].channel == f->channel && f[n].day == f->day;)
            n++;
        TRY(reconcile_day(w, f->channel, f->day, f, n, err));
    }
    return 0;
}

/* The days reconciled, and what of earlier days is not settled. */
static int report(struct work *w, struct error *err)
{
    char from[11], to[11];
    int64_t open = 0, pending = 0;
    struct difference_filter filter = {
        .from = from, .to = to, .with_unsettled = true, .pool_days = w->args->pool_days};
    if (w->file_count == 0) /* --no-bill */
        filter.channel = bill_channels[w->channel];
    else if (w->files[0].channel == w->files[w->file_count - 1].channel)
        filter.channel = bill_channels[w->files[0].channel];
    date_print(w->first_day, from);
    date_print(w->last_day, to);
    if (w->args->html != NULL)
        TRY(reconcile_html_write(w->ctx, &filter, w->args->html, err));
    TRY(w->args->totals ? reconcile_totals_print(w->cli, w->ctx, &filter, err)
                        : differences_print(w->cli, w->ctx, &filter, err));
    filter.from = NULL;
    TRY(difference_open(w->ctx, &filter, &open, &pending, err));
    cli_summary(w->cli, "payments reconcile: %" PRId64 " open, %" PRId64 " wait for later bills%s",
                open, pending, w->cli->dry_run ? "; dry run: nothing was kept" : "");
    if (open == 0)
        return 0;
    error_set(err, ERR_CHECK, "%" PRId64 " differences are open", open);
    return error_hint(err, "mend them and reconcile again, or note what was done: 'diner payments "
                           "differences handle'");
}

static int run_all(struct work *w, struct error *err)
{
    TRY(check_args(w, err));
    TRY(read_tolerance(w, err));
    if (!w->args->no_bill)
        TRY(look_at_all(w, err));
    struct desk *desk;
    TRY(desk_new(w->cli, &desk, err));
    w->ctx = desk_context(desk);
    int code = reconcile_days(w, err);
    if (code == 0)
        code = report(w, err);
    desk_free(desk);
    return code;
}

static int reconcile(struct cli *cli, const void *bound, struct error *err)
{
    struct work w = {.cli = cli, .args = bound};
    return run_all(&w, err);
}

/* ---- declarations ----------------------------------------------------------------------- */

#define AT(member) offsetof(struct reconcile_args, member)
static const struct field fields[] = {
    {"file", FIELD_STRINGS, AT(files),
     "trade bills as the channel gave them; all that are of one day and channel count as one; "
     "default: what `bill fetch` has put into output_dir",
     .arg = "FILE", .flags = FIELD_POSITIONAL | FIELD_REPEAT, .complete = "file"},
    {"channel", FIELD_CHOICE, AT(channel), "whose bill it is, where no file says it",
     .arg = "CHANNEL", .def = "all", .choices = difference_channels},
    {"date", FIELD_DATE, AT(date), "of which day it is, where no file says it", .arg = "DATE"},
    {"no-bill", FIELD_BOOL, AT(no_bill),
     "the channel has no bill of these days: nothing was paid, it says"},
    {"from", FIELD_DATE, AT(from), "the first of several days", .arg = "DATE"},
    {"to", FIELD_DATE, AT(to), "the last of them", .arg = "DATE"},
    {"sha256", FIELD_STRING, AT(sha256), "what the file must be, unpacked", .arg = "HEX"},
    {"totals", FIELD_BOOL, AT(totals), "print how much fell into each class, instead"},
    {"html", FIELD_STRING, AT(html), "also write a page for printing", .arg = "FILE",
     .complete = "file"},
    POOL_DAYS_FIELD(AT(pool_days)),
    {0}};
static const struct field_set set = {
    .name = "payments reconcile", .struct_size = sizeof(struct reconcile_args), .fields = fields};

const struct command command_payments_reconcile = {
    .name = "reconcile",
    .summary = "compare bills of WeChat Pay and Alipay with our books",
    .description =
        "Payments and refunds of the bill's day (Asia/Shanghai) are put side by side; what the "
        "bill has and our day has not is looked for on all days. Classes: matched, other_day "
        "(found on another day), channel_only, local_only, status, amount, fee, duplicate_channel, "
        "duplicate_local; with the fund bill of that day beside the trade bill of "
        "WeChat "
        "also flow: what a payment comes to there, less its fee, is something else. What is ours "
        "alone is pending while the bills of the next days "
        "(--pool-days) may still have it, and closed when one has. A bill that does not add up is "
        "refused, and nothing of it is kept.\n\n"
        "Reconciled again, the result of a bill takes the place of its earlier one, and a "
        "corrected bill the place of the bill; what was dealt with ('differences handle') stays. "
        "Nothing of ours is changed. Works on the platform's database (connection 'platform', "
        "else 'warehouse').\n\n"
        "Exit status 9: differences of the channel are open, of these days or earlier ones.",
    .args = &set,
    .run = reconcile,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner payments reconcile tests/fixtures/bills/wechat_tradebill_ALL_20261121.csv "
         "--dry-run",
         "what differs"},
        {"diner payments reconcile --channel wechat --date yesterday --dry-run",
         "the bill that was fetched"},
        {"diner payments reconcile --no-bill --channel alipay --date 2026-11-20 --dry-run",
         "the channel has no bill of that day"},
        {0}}};
