/* diner payments reconcile: bills against our books, one channel and day after the other. */
#include "cmd/payments_reconcile.h"
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/payments.h"
#include "cmd/payments_bill.h"
#include "core/datetime.h"
#include "core/message.h"
#include "core/sha256.h"
#include "core/signals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- one day of one channel ------------------------------------------------------------- */

/* The files of a day: whatever is only in a bill of another type would be missed on its side. */
static int check_day(const struct bill_file *files, size_t n, struct error *err)
{
    bool has_payments = false, has_refunds = false;
    if (files[0].path == NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        has_payments |= files[i].has_payments;
        has_refunds |= files[i].has_refunds;
    }
    if (has_payments && has_refunds)
        return 0;
    error_set(err, ERR_DATA, "'%s' has no %s, and no other bill of that day was given",
              files[0].path, has_payments ? message_text("refunds") : message_text("payments"));
    return error_hint(err, "give the bill of type %s of that day as well",
                      has_payments  ? message_text("REFUND, or that of type ALL,")
                      : has_refunds ? message_text("SUCCESS, or that of type ALL,")
                                    : "ALL");
}

static int check_bill(struct reconcile_work *w, const struct bill_file *f,
                      const struct bill_info *info, struct error *err)
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

static int add_file(struct reconcile_work *w, struct reconcile *r, const struct bill_file *f,
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

static int fill(struct reconcile_work *w, struct reconcile *r, const struct bill_file *files,
                size_t n, char ret_hash[65], struct error *err)
{
    char(*hashes)[65] = arena_array(w->cli->arena, n + 1, sizeof *hashes);
    for (size_t i = 0; i < n; i++)
        TRY(add_file(w, r, &files[i], hashes[i], err));
    return hash_of(hashes, n, ret_hash, err);
}

static int compare(struct reconcile_work *w, const struct bill_file *files, size_t n,
                   struct reconcile_counts *ret, struct error *err)
{
    const struct settings *s = config_settings(w->cli->config);
    enum bill_channel channel = files[0].channel;
    const struct reconcile_rules rules = {
        .channel = bill_channels[channel],
        .with_recorded = s->reconcile_recorded,
        .fee_ppm = channel == BILL_WECHAT ? s->reconcile_wechat_fee : s->reconcile_alipay_fee,
        .fee_tolerance_e5 = w->tolerance_e5};
    struct reconcile *r = NULL;
    char hash[65];
    TRY(reconcile_begin(w->ctx, &rules, &r, err));
    if (fill(w, r, files, files[0].path != NULL ? n : 0, hash, err) != 0) {
        reconcile_abort(r);
        return err->code;
    }
    return reconcile_end(r, files[0].day, hash, ret, err);
}

/* A dry run is one transaction, so that what it says at the end has all its days. */
static int begin_day(struct reconcile_work *w, struct error *err)
{
    if (!db_in_transaction(w->ctx->conn))
        TRY(db_begin(w->ctx->conn, err));
    return db_execute(w->ctx->conn, "savepoint diner_day", DB_NO_PARAMS, NULL, err);
}

static void undo_day(struct reconcile_work *w)
{
    struct error ignored = ERROR_INIT;
    if (!w->cli->dry_run || db_execute(w->ctx->conn, "rollback to savepoint diner_day",
                                       DB_NO_PARAMS, NULL, &ignored) != 0)
        db_rollback(w->ctx->conn);
}

static int reconcile_day(struct reconcile_work *w, const struct bill_file *files, size_t n,
                         struct error *err)
{
    struct reconcile_counts c = {0};
    char date[11];
    TRY(check_day(files, n, err));
    TRY(begin_day(w, err));
    if (compare(w, files, n, &c, err) != 0) {
        undo_day(w);
        return err->code;
    }
    if (!w->cli->dry_run)
        TRY(db_commit(w->ctx->conn, err));
    w->done_count++;
    date_print(files[0].day, date);
    cli_summary(w->cli,
                "%s %s: %" PRId64 " rows of the bill, %" PRId64 " of ours; %" PRId64
                " match, %" PRId64 " differ",
                bill_channels[files[0].channel], date, c.channel_rows, c.local_rows, c.matched,
                c.difference_count);
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static int reconcile_days(struct reconcile_work *w, struct error *err)
{
    for (size_t i = 0, n; i < w->file_count; i += n) {
        const struct bill_file *f = &w->files[i];
        for (n = 1; i + n < w->file_count && f[n].channel == f->channel && f[n].day == f->day;)
            n++;
        if (reconcile_day(w, f, n, err) != 0)
            TRY(reconcile_set_aside(w, err));
    }
    if (w->done_count == 0)
        *err = w->failed;
    return (int)err->code;
}

static int still_open(int64_t count, struct error *err)
{
    struct error open = ERROR_INIT;
    error_set(&open, ERR_CHECK, "%" PRId64 " differences are open", count);
    error_hint(&open, "mend them and reconcile again, or note what was done: 'diner payments "
                      "differences handle'");
    return error_fold(err, &open);
}

/* The days reconciled, and what of earlier days is not settled. */
static int report(struct reconcile_work *w, struct error *err)
{
    char from[11], to[11];
    int64_t open = 0, pending = 0;
    struct difference_filter filter = {
        .from = from, .to = to, .with_unsettled = true, .pool_days = w->args->pool_days};
    if (w->files[0].channel == w->files[w->file_count - 1].channel)
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
                open, pending, w->cli->dry_run ? message_text("; dry run: nothing was kept") : "");
    *err = w->failed;
    return open > 0 ? still_open(open, err) : (int)err->code;
}

static int run_all(struct reconcile_work *w, struct error *err)
{
    TRY(reconcile_work_read(w, err));
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
    struct reconcile_work w = {.cli = cli, .args = bound};
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
        "Nothing of ours is changed. A bill that is missing or refused does not keep those of "
        "other "
        "days and channels from being reconciled: it is told at the end, with its exit status. "
        "Works on the platform's database (connection 'platform', else 'warehouse').\n\n"
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
