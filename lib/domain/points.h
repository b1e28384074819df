/* lib/domain/points.h - the points of members (积分): earned by what is paid, spent like money.
 *
 * Points lie in lots that hold until a midnight; those that are over first are spent first. The
 * ledger is only added to, each entry under a reference that counts once for its kind (earn, spend,
 * refund, clawback, expire, transfer), and the sum of the entries is the balance. It is below zero
 * only where points are owed that a refund took back after they were spent (points.debt). What is
 * over counts for nothing from that instant on, whether or not it was taken out yet. Lock order:
 * the order, the wallet, the points of its member, then its stock. Rules: ctx->points. */
#ifndef DINER_DOMAIN_POINTS_H
#define DINER_DOMAIN_POINTS_H

#include "domain/listing.h"

#define POINTS_REF_BYTES_MAX 128
#define POINTS_MAX           INT64_C(1000000000) /* in one entry */

/* The balance, and how much of it is over when. Refused as unknown_member. */
int points_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
               struct error *err);

/* kind NULL: all. Refused as unknown_member. */
extern const struct listing_spec points_log_listing;
int points_log_list(struct domain_context *ctx, const char *member_no, const char *kind,
                    const struct listing_from *from, struct listing *out, struct error *err);
bool points_kind_is_known(const char *kind);

/* By hand, or for another system, or as a part of what an order costs. */
struct points_change {
    const char *member_no, *ref;
    int64_t points;         /* more than zero; of a refund 0: all that is left */
    const char *note;       /* or NULL */
    const char *expires_on; /* earned: YYYY-MM-DD, over at its first instant; NULL: as the rules */
    const char *of_ref;     /* refund: the reference of the spending */
    const char *order_id;   /* or NULL */
};
/* *ret_document: the entry; the same again is the same entry. Refused as unknown_member,
 * closed_member, ref_reused (of another member or number), out_of_range (over already). */
int points_earn(struct domain_context *ctx, const struct points_change *change,
                const char **ret_document, struct error *err);
/* Also refused as insufficient_points with {"balance", "wanted"}. */
int points_spend(struct domain_context *ctx, const struct points_change *change,
                 const char **ret_document, struct error *err);
/* What a spending took goes back into its own lots, whatever has become of the member. Also refused
 * as unknown_spending, refund_exceeds_spending. */
int points_refund(struct domain_context *ctx, const struct points_change *change,
                  const char **ret_document, struct error *err);

/* ---- orders ------------------------------------------------------------------------------- */

struct locked_order;
/* Before any stock is locked: an order that is paid at once earns after its stock is taken. */
int points_hold(struct domain_context *ctx, const char *member_id, struct error *err);
/* Its member earns by what the order, which is paid, cost. Once. */
int points_earn_order(struct domain_context *ctx, const struct locked_order *order,
                      struct error *err);
/* Of what was earned goes the share of what is refunded. Harmless before it is paid out, and
 * again. */
int points_take_back(struct domain_context *ctx, const char *refund_no, struct error *err);

/* ---- one person that was two members ------------------------------------------------------ */

struct points_transfer {
    const char *from, *to; /* member ids */
    const char *ref;       /* "REF:out" and "REF:in" count once */
    const char *note;
    /* back only: */
    const char *of_ref; /* the reference then */
    const char *orders; /* ids of orders that go back with it: {1,2}; what they earned since, too */
};
/* All that one account holds or owes, the lots as they are. Locks both accounts in the order of the
 * ids. *ret: how many points went over. */
int points_transfer(struct domain_context *ctx, const struct points_transfer *transfer,
                    int64_t *ret, struct error *err);
/* What is left of that goes back where it came from, and what was owed. */
int points_transfer_back(struct domain_context *ctx, const struct points_transfer *transfer,
                         int64_t *ret, struct error *err);

/* ---- expiry ------------------------------------------------------------------------------- */

struct points_expired {
    int64_t members, lots, points;
};
/* In transactions of so many members, each left out that somebody else is at; none is open. Until
 * that instant (0: the end): then *ret_more. On a signal ERR_CANCELLED: what has expired stands. */
int points_expire(struct domain_context *ctx, int64_t batch, int64_t stop_at_ms,
                  struct points_expired *ret, bool *ret_more, struct error *err);
int points_expire_count(struct domain_context *ctx, struct points_expired *ret, struct error *err);

#endif
