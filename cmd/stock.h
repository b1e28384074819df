/* cmd/stock.h - what the commands about stock share. */
#ifndef DINER_CMD_STOCK_H
#define DINER_CMD_STOCK_H

#include "cli/command.h"
#include "format/jsonx.h"

extern const struct command command_stock_adjust, command_stock_set, command_stock_count,
    command_stock_sync, command_stock_transfer;

/* PRODUCT=QUANTITY[UNIT], "P1001=1.5箱", as a member of a list of items; ERR_USAGE when it is not.
 */
int stock_item_write(struct jwriter *w, const char *text, struct error *err);
#define STOCK_BODY_MAX ((size_t)1 << 20)

#endif
