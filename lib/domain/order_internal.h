/* lib/domain/order_internal.h - the order under lock, for the files about orders and their money.
 */
#ifndef DINER_DOMAIN_ORDER_INTERNAL_H
#define DINER_DOMAIN_ORDER_INTERNAL_H

#include "domain/order.h"

struct locked_order {
    const char *id, *order_no, *status, *payment_status, *fulfilment_status, *total_amount;
    const char *payment_method;
    const char *member_ref, *member_id; /* or NULL */
};
#define LOCKED_ORDER_INIT                                                                          \
    {                                                                                              \
        "", "", "", "", "", "", "", NULL, NULL                                                     \
    }
/* Texts in the arena. Refused as unknown_order; another store's order is unknown too. */
int order_lock(struct domain_context *ctx, const char *order_no, struct locked_order *ret,
               struct error *err);
/* From the state it is in to that, with its history; refused as order_state. The event is the
 * caller's, when all is done. */
int order_move(struct domain_context *ctx, const struct locked_order *order, const char *to,
               const char *reason, const char *method, struct error *err);
/* Refuses unless order_move would do it. */
int order_check_move(struct domain_context *ctx, const struct locked_order *order, const char *to,
                     struct error *err);
/* amount NULL: not compared; else refused as amount_mismatch when it is not the total. */
int order_check_amount(struct domain_context *ctx, const struct locked_order *order,
                       const char *amount, struct error *err);
/* To paid, by money that somebody has already, or (wallet) from the wallet of its member, refused
 * as no_member, insufficient_balance. method NULL: as ordered. */
int order_pay_locked(struct domain_context *ctx, const struct locked_order *order,
                     const char *method, const char **ret_document, struct error *err);
/* To cancelled: gives the stock back, and asks for what was paid to be refunded. */
int order_cancel_locked(struct domain_context *ctx, const struct locked_order *order,
                        const char *reason, const char **ret_document, struct error *err);
/* The payment axis as the refunds have it. */
int order_settle_money(struct domain_context *ctx, const char *id, const char *reason,
                       struct error *err);
/* The user's id as a parameter; NULL: nobody. */
const char *order_user(struct domain_context *ctx);

#endif
