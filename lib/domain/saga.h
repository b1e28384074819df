/* lib/domain/saga.h - work that spans this database and a payment channel.
 *
 *     payment   take_payment / refund_payment, confirm_order
 *     checkout  reduce_stock / restore_stock, create_order / cancel_order, then as payment
 *     closing   close_payment of each payment the channel may still take in, cancel_order
 *
 * Each step and what undoes it (after the /) is a row. A step inside commits with its row. A step
 * outside is marked started, the channel is asked without transaction or lock, and what it said is
 * recorded with what follows from it; asked again after a crash, it is asked under the same number.
 * When a step fails, what was done is undone, backwards. Whoever runs a saga holds its lease for a
 * minute; then anybody may go on with it, and the first cannot record anything any more.
 *
 * While a closing runs the order is claimed: it is not paid by other ways. */
#ifndef DINER_DOMAIN_SAGA_H
#define DINER_DOMAIN_SAGA_H

#include "domain/channel.h"
#include "domain/context.h"

/* Where sagas are run: between two steps nothing is held. */
struct saga_desk {
    struct domain_context *ctx;
    const struct channel *channel; /* NULL: none is configured */
    /* Around a call to the channel: the connection may serve others. After resume ctx->conn is one
     * without a transaction again. NULL: it is kept. */
    int (*pause)(void *self, struct error *err);
    int (*resume)(void *self, struct error *err);
    void *self;
    int64_t stop_at_ms; /* of the monotonic clock: work is not begun after it; 0: whenever */
};
/* A signal came, or the time is over: what is not begun is left to the next run. */
bool saga_desk_is_over(const struct saga_desk *desk);

struct saga_request { /* the request a saga is the work of; key NULL: none */
    const char *key, *hash;
    /* Which request that is, besides its body: the saga's kind, and the order it is sent to; NULL
     * for one that makes its order. */
    const char *kind, *order_no;
};
struct locked_order;
struct payment;
/* In the transaction of what else is to stand with it; the order is locked. Held by the caller: run
 * it after the commit. Refused as order_busy while another is under way. */
int saga_begin_payment(struct domain_context *ctx, const struct locked_order *order,
                       const struct payment *payment, bool is_checkout,
                       const struct saga_request *request, int64_t *ret_id, struct error *err);
int saga_begin_closing(struct domain_context *ctx, const struct locked_order *order,
                       const char *reason, bool only_unpaid, const struct saga_request *request,
                       int64_t *ret_id, struct error *err);
/* Refused as order_busy when something is under way for the locked order. */
int saga_check_idle(struct domain_context *ctx, const struct locked_order *order,
                    struct error *err);
/* Likewise when it is being closed; being paid does not stand in the way of closing. */
int saga_check_closing(struct domain_context *ctx, const struct locked_order *order,
                       struct error *err);

enum saga_end {
    SAGA_DONE,
    SAGA_UNDONE, /* it failed, and what was done is undone */
    SAGA_LATER,  /* the channel does not answer, or it takes its time */
};
/* Runs it as far as it goes. epoch 1: the maker's. *ret_failure in the arena, or NULL. No
 * transaction is open, before and after. */
int saga_run(struct saga_desk *desk, int64_t id, int64_t epoch, enum saga_end *ret,
             const char **ret_failure, struct error *err);
/* Takes over the one that is due, or the one with this id (0: any), when nobody holds it. *ret_id
 * 0: there is none. */
int saga_take(struct domain_context *ctx, int64_t wanted, int64_t *ret_id, int64_t *ret_epoch,
              struct error *err);
/* What an earlier sending of this request began. *ret_id 0: nothing. Refused as
 * idempotency_key_reused when that was of another kind, for another order or of another body. */
int saga_find_request(struct domain_context *ctx, const struct saga_request *request,
                      int64_t *ret_id, bool *ret_is_done, const char **ret_order_no,
                      struct error *err);

/* The sagas of an order as JSON. Refused as unknown_order. */
int saga_list(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err);

#endif
