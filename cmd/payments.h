/* cmd/payments.h - what the commands about payments share (payments.c, payments_reconcile.c,
 * payments_differences.c, payments_html.c). */
#ifndef DINER_CMD_PAYMENTS_H
#define DINER_CMD_PAYMENTS_H

#include "cli/command.h"
#include "domain/reconcile.h"

extern const struct command command_payments_reconcile, command_payments_differences;

extern const char *const difference_channels[]; /* "all", then those that have bills */
#define POOL_DAYS_FIELD(at)                                                                        \
    {                                                                                              \
        "pool-days", FIELD_INT, at,                                                                \
            "for the bills of so many later days what is ours alone waits, before it counts as "   \
            "missing",                                                                             \
            .config = "reconcile.pool_days", .min = 0, .max = 90                                   \
    }

/* A civil day of Asia/Shanghai: a date, today, yesterday, 'N days ago'; NULL stays NULL, else
 * YYYY-MM-DD in the arena, and its number. */
int bill_day_parse(struct cli *cli, const char *text, const char **ret, int32_t *ret_days,
                   struct error *err);

/* Differences, or the sums of classes, as rows of output. */
int differences_print(struct cli *cli, struct domain_context *ctx,
                      const struct difference_filter *filter, struct error *err);
int reconcile_totals_print(struct cli *cli, struct domain_context *ctx,
                           const struct difference_filter *filter, struct error *err);
/* One page for who keeps the books, whole or not at all. */
int reconcile_html_write(struct domain_context *ctx, const struct difference_filter *filter,
                         const char *path, struct error *err);

#endif
