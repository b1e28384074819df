/* cmd/payments_bill.h - what the commands of `diner payments bill` share. */
#ifndef DINER_CMD_PAYMENTS_BILL_H
#define DINER_CMD_PAYMENTS_BILL_H

#include "cli/table.h"
#include "net/bill_fetch.h"

/* One answer: a row for programs, a line a member for people. The columns end with key NULL. */
int bill_print_one(struct cli *cli, const struct table_column *columns, const char *const *values,
                   struct error *err);
const char *bill_fen_text(struct arena *arena, int64_t fen); /* "12.30" */
const char *bill_fee_text(struct arena *arena, int64_t e5);  /* "0.16", "0.72006" */
const char *bill_count_text(struct arena *arena, uint64_t n);

/* Where `bill fetch` puts it: the same for the same bill, whenever it is fetched. */
const char *bill_path(struct cli *cli, enum bill_channel channel, const struct bill_order *o);

/* Whether the settings say who we are there. */
bool bill_is_configured(const struct cli *cli, enum bill_channel channel);
/* ERR_CONFIG: nowhere. */
int bill_none_configured(struct error *err);

extern const struct command command_payments_bill_fetch; /* cmd/payments_bill_fetch.c */
extern const struct command command_payments_bill;       /* cmd/payments_bill.c */

#endif
