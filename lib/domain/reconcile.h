/* lib/domain/reconcile.h - the books of a payment channel against ours, day by day.
 *
 * A day is that of Asia/Shanghai, as channels have it. The channel's side is its bill; ours are the
 * payments that came in on the day and the refunds it accepted on it. Both are put side by side by
 * kind and number, in order as bytes, by the database. What the bill has and our day has not is
 * looked for once on all days. Amounts agree to the fen; fees, where a rate is known, up to a
 * tolerance. What is ours alone waits for the bills of the next days before it counts as missing.
 * Nothing of ours is changed: a bill's word on a refund is that of when the bill was made.
 *
 * The result of a bill takes the place of its earlier result; another bill of the same day takes
 * the place of that bill. What a person has dealt with stays as it is. */
#ifndef DINER_DOMAIN_RECONCILE_H
#define DINER_DOMAIN_RECONCILE_H

#include "domain/context.h"
#include "format/bill.h"

struct reconcile_rules {
    const char *channel;      /* "wechat": also the method of our payments */
    bool with_recorded;       /* with payments that were only recorded (channel "none") */
    int64_t fee_ppm;          /* of what is settled, in millionths; 0: fees are not compared */
    int64_t fee_tolerance_e5; /* 1e-5 yuan */
};
struct reconcile_counts {
    int64_t channel_rows, local_rows;
    int64_t matched;          /* rows of the bill */
    int64_t difference_count; /* other classes, what was dealt with among them */
};

/* One comparison in the transaction of the caller, begun with _begin and freed by _end and _abort,
 * which is NULL-safe; after it the connection is the caller's again. One at a time in a channel:
 * ERR_RUNNING. */
struct reconcile;
int reconcile_begin(struct domain_context *ctx, const struct reconcile_rules *rules,
                    struct reconcile **ret, struct error *err);
/* A row of the bill's file of that name, which lives until the end; files one after the other. With
 * flows (WeChat's fund bill) what each payment comes to in them is compared as well. */
int reconcile_add(struct reconcile *r, const char *file, const struct bill_row *row,
                  struct error *err);
/* day: civil days; hash: lower-case hex, which the comparison goes by. */
int reconcile_end(struct reconcile *r, int32_t day, const char *hash, struct reconcile_counts *ret,
                  struct error *err);
void reconcile_abort(struct reconcile *r);

/* ---- what came of it ---------------------------------------------------------------------- */

struct difference_filter {
    const char *channel, *state; /* NULL: all; states: open, pending, closed, handled */
    const char *from, *to;       /* dates of bills, both included; NULL: any */
    bool is_unsettled;           /* only what is open or pending */
    bool with_unsettled;         /* and what is so of earlier days */
    int64_t pool_days;           /* so many later bills may still have what is ours alone */
};

/* Texts are borrowed until the callback returns; NULL: there is none. */
struct difference {
    const char *id, *bill_date, *channel, *kind, *number, *class, *state;
    const char *channel_amount, *local_amount, *amount_diff; /* yuan; channel less ours */
    const char *channel_fee, *local_fee;                     /* yuan */
    const char *order_no, *store, *channel_no, *channel_state, *local_status;
    const char *channel_at, *local_at, *other_date, *position, *handled_at, *note;
    const char *action; /* a word for what to do, which difference_advice explains; NULL: nothing */
    int64_t age_days;   /* how many days later the last bill is */
};
int difference_each(struct domain_context *ctx, const struct difference_filter *filter,
                    int (*row)(void *self, const struct difference *d, struct error *err),
                    void *self, struct error *err);
/* How many stand open. */
int difference_open(struct domain_context *ctx, const struct difference_filter *filter,
                    int64_t *ret_open, int64_t *ret_pending, struct error *err);

struct reconcile_total {
    const char *bill_date; /* NULL: of all days together */
    const char *channel, *kind;
    const char *class; /* NULL: of all classes together */
    int64_t channel_rows, local_rows;
    const char *channel_amount, *local_amount, *amount_diff, *fee; /* yuan */
};
/* Day by day; or, as a summary, all days together with the sums of the classes. Of the filter only
 * channel and days count. */
int reconcile_total_each(struct domain_context *ctx, const struct difference_filter *filter,
                         bool is_summary,
                         int (*row)(void *self, const struct reconcile_total *t, struct error *err),
                         void *self, struct error *err);

/* A person has dealt with it. ERR_NOT_FOUND, ERR_CONFLICT when somebody has already. */
int difference_handle(struct domain_context *ctx, const char *id, const char *note,
                      struct error *err);

/* In Chinese: what it is called (only class, kind, state and amount_diff are read; the last two may
 * be NULL), and what an action means (NULL: ""). */
const char *difference_label(const struct difference *d);
const char *difference_advice(const char *action);

#endif
