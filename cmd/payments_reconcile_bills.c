/* diner payments reconcile: which bills, and of which channel and day each is. */
#include "cmd/payments.h"
#include "cmd/payments_bill.h"
#include "cmd/payments_reconcile.h"
#include "core/datetime.h"
#include "core/decimal.h"

#include <stdlib.h>
#include <string.h>

/* ---- what was given --------------------------------------------------------------------- */

#define DAYS_MAX 366

static int read_days(struct reconcile_work *w, struct error *err)
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

static int check_args(struct reconcile_work *w, struct error *err)
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

static int read_tolerance(struct reconcile_work *w, struct error *err)
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
static int day_of(struct reconcile_work *w, struct bill *b, struct bill_file *f, struct error *err)
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

static int take_info(struct reconcile_work *w, struct bill *b, struct bill_file *f,
                     struct error *err)
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

static int look_at(struct reconcile_work *w, struct bill_file *f, struct error *err)
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

static void name_fetched(struct reconcile_work *w, enum bill_channel channel)
{
    struct bill_order o = {.layout = BILL_TRADE, .type = "ALL"};
    for (o.day = w->first_day; o.day <= w->last_day; o.day++)
        w->files[w->file_count++] =
            (struct bill_file){.path = w->args->no_bill ? NULL : bill_path(w->cli, channel, &o),
                               .channel = channel,
                               .day = o.day,
                               .is_fetched = true};
}

/* The files that were named; or those that were fetched, of one channel, or of all that bills are
 * fetched from. */
static int name_files(struct reconcile_work *w, struct error *err)
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

int reconcile_set_aside(struct reconcile_work *w, struct error *err)
{
    if (err->code == ERR_CANCELLED || error_is_retryable(err))
        return (int)err->code;
    error_fold(&w->failed, err);
    error_clear(err);
    return 0;
}

/* Of one that was named nobody knows which day would go without it. */
static int look_at_or_drop(struct reconcile_work *w, struct bill_file *f, bool *ret_is_good,
                           struct error *err)
{
    *ret_is_good = f->path == NULL || look_at(w, f, err) == 0;
    if (*ret_is_good || !f->is_fetched)
        return (int)err->code;
    if (err->code == ERR_NOT_FOUND)
        error_hint(err, "fetch it: 'diner payments bill fetch'; or, when the channel has none of "
                        "that day: --no-bill");
    return reconcile_set_aside(w, err);
}

static int look_at_all(struct reconcile_work *w, struct error *err)
{
    size_t good = 0;
    bool is_good;
    TRY(name_files(w, err));
    for (size_t i = 0; i < w->file_count; i++) {
        TRY(look_at_or_drop(w, &w->files[i], &is_good, err));
        if (is_good)
            w->files[good++] = w->files[i];
    }
    w->file_count = good;
    if (good == 0) {
        *err = w->failed;
        return (int)err->code;
    }
    qsort(w->files, w->file_count, sizeof *w->files, by_day);
    w->first_day = w->last_day = w->files[0].day;
    for (size_t i = 1; i < w->file_count; i++) {
        w->first_day = w->files[i].day < w->first_day ? w->files[i].day : w->first_day;
        w->last_day = w->files[i].day > w->last_day ? w->files[i].day : w->last_day;
    }
    return 0;
}

int reconcile_work_read(struct reconcile_work *w, struct error *err)
{
    TRY(check_args(w, err));
    TRY(read_tolerance(w, err));
    return look_at_all(w, err);
}
