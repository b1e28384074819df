/* cmd/orders.h - what the commands about orders share (orders.c, orders_show.c, orders_change.c).
 */
#ifndef DINER_CMD_ORDERS_H
#define DINER_CMD_ORDERS_H

#include "cli/command.h"
#include "format/jsonx.h"

extern const struct command command_orders_show, command_orders_create;
extern const struct command command_orders_pay, command_orders_cancel, command_orders_refund,
    command_orders_accept, command_orders_ready, command_orders_fulfill, command_orders_auto_cancel,
    command_orders_settle;
extern const struct command command_payments_refund;

extern const char *const order_channels[]; /* to NULL */

#define ORDER_NO_FIELD(at)                                                                         \
    {                                                                                              \
        "order", FIELD_STRING, at, "order number", .arg = "ORDER",                                 \
                                                   .flags = FIELD_POSITIONAL | FIELD_REQUIRED      \
    }

/* Lines "P1001=2" or "P1001" as the member "items". */
int order_items_write(struct jwriter *w, const struct field_strings *items, struct error *err);
/* Codes as the member "coupons"; none: no member. */
void order_coupons_write(struct jwriter *w, const struct field_strings *coupons);
/* An order as fields and lines, or as JSON. */
int order_print(struct cli *cli, const struct jsonx *order, struct error *err);
/* Sends a body about an order (order_no NULL: a new one), prints the order that comes back, and
 * says what was done. Under --dry-run the body is printed and nothing sent. */
int order_send(struct cli *cli, const char *resource, const char *order_no,
               const struct strbuf *body, const char *done, struct error *err);
/* Prints the body that would be sent. */
int order_dry(struct cli *cli, const struct strbuf *body);
/* One call about an order; *ret is the whole answer, freed with jsonx_free. */
int order_call(struct cli *cli, const char *resource, const char *order_no,
               const struct strbuf *body, struct jsonx **ret, struct error *err);

#endif
