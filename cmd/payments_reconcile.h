/* cmd/payments_reconcile.h - one `diner payments reconcile`: which bills it is about
 * (payments_reconcile_bills.c), and comparing them (payments_reconcile.c). */
#ifndef DINER_CMD_PAYMENTS_RECONCILE_H
#define DINER_CMD_PAYMENTS_RECONCILE_H

#include "cli/command.h"
#include "domain/context.h"
#include "format/bill.h"

struct reconcile_args {
    struct field_strings files;
    const char *date, *from, *to, *html, *sha256;
    int channel;
    bool no_bill, totals;
    int64_t pool_days;
};

/* A file, and whose it is. */
struct bill_file {
    const char *path; /* NULL: the channel has none of that day */
    enum bill_channel channel;
    int32_t day;
    bool has_payments, has_refunds; /* neither: flows */
    bool is_fetched;                /* where `bill fetch` puts that of this day */
};

/* What one command is about. */
struct reconcile_work {
    struct cli *cli;
    const struct reconcile_args *args;
    struct domain_context *ctx;
    struct bill_file *files;
    size_t file_count;
    bool has_channel, has_day; /* said on the command line */
    enum bill_channel channel;
    int32_t first_day, last_day; /* of all that is reconciled */
    int64_t tolerance_e5;
    size_t done_count;
    struct error failed; /* of bills that leave the others in peace */
};

/* Reads what was asked for and fills files: one channel and day after the other, at least one. */
int reconcile_work_read(struct reconcile_work *w, struct error *err);
/* A bill that fails leaves those of other days and channels in peace: it goes to w->failed, and
 * this is 0. What would fail for all of them stays an error: being stopped, a database that is
 * away. */
int reconcile_set_aside(struct reconcile_work *w, struct error *err);

#endif
