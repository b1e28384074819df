/* lib/domain/checkout.h - the ways to pay and to cancel an order, by who holds the money. */
#ifndef DINER_DOMAIN_CHECKOUT_H
#define DINER_DOMAIN_CHECKOUT_H

#include "domain/saga.h"

struct checkout_payment {
    const char *order_no;
    const char *method; /* NULL: as ordered */
    const char *amount; /* NULL: not compared, else refused as amount_mismatch */
    bool is_new;        /* the order was made in this transaction, and falls with the payment */
    const struct saga_request *request;
};
/* In a transaction. *ret_saga 0: it is paid, *ret_document is the order; else that saga has to be
 * run after the commit. Refused as order_state, amount_mismatch, order_busy,
 * no_member, insufficient_balance. */
int checkout_pay(struct domain_context *ctx, const struct channel *channel,
                 const struct checkout_payment *payment, int64_t *ret_saga,
                 const char **ret_document, struct error *err);

/* In a transaction: a payment that the customer makes by a code, to be asked for after the commit
 * (channel prepay), and then payment_end "sent" with what was answered. */
struct payment;
int checkout_prepay(struct domain_context *ctx, const struct channel *channel,
                    const struct checkout_payment *payment, struct payment *ret, struct error *err);

/* In a transaction. *ret_saga 0: it is cancelled. A channel that may still take a payment in, or
 * has one to give back, is asked by that saga. */
int checkout_cancel(struct domain_context *ctx, const struct channel *channel, const char *order_no,
                    const char *reason, const struct saga_request *request, int64_t *ret_saga,
                    const char **ret_document, struct error *err);

#endif
