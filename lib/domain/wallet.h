/* lib/domain/wallet.h - the wallets of members: money paid in before it is spent (balance).
 *
 * A wallet is its ledger: entries are only added, each under a reference that counts once for its
 * kind (topup, payment, refund, adjust, transfer), and their sum is the balance, which is never
 * below zero. Orders are paid from it in their own transaction. Lock order: the order, the wallet,
 * its stock.
 */
#ifndef DINER_DOMAIN_WALLET_H
#define DINER_DOMAIN_WALLET_H

#include "domain/listing.h"

/* One that was never used is empty, version 0. Refused as unknown_member. */
int wallet_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
               struct error *err);

/* kind NULL: all. Refused as unknown_member. */
extern const struct listing_spec wallet_log_listing;
int wallet_log_list(struct domain_context *ctx, const char *member_no, const char *kind,
                    const struct listing_from *from, struct listing *out, struct error *err);
bool wallet_kind_is_known(const char *kind);

#define WALLET_REF_BYTES_MAX 128
struct wallet_topup {
    const char *member_no;
    const char *amount; /* positive, at most 2 decimals */
    const char *ref;    /* the number of what was paid: counts once */
    const char *note;   /* or NULL */
};
/* *ret_document: the entry; the same again is the same entry. Refused as unknown_member,
 * closed_member, ref_reused (of another member or amount). */
int wallet_top_up(struct domain_context *ctx, const struct wallet_topup *topup,
                  const char **ret_document, struct error *err);

/* The id of a member, in the arena. code: that of an unknown one, who is looked for in the address
 * or in the request. Refused as unknown_member, closed_member. */
int wallet_member(struct domain_context *ctx, const char *member_no, enum error_code code,
                  const char **ret_id, struct error *err);
/* The id of a member who can order, in the arena. with_wallet: the wallet is locked, before any
 * stock is. Refused as unknown_member, closed_member, for the request and not its address. */
int wallet_customer(struct domain_context *ctx, const char *member_no, bool with_wallet,
                    const char **ret_id, struct error *err);

/* The locked order is paid from the wallet of its member. amount: its total, more than zero.
 * Refused as no_member, insufficient_balance with {"balance", "wanted"}. */
struct locked_order;
int wallet_pay(struct domain_context *ctx, const struct locked_order *order, const char *payment_no,
               struct error *err);
/* Back into it, whatever has become of the member. */
int wallet_refund(struct domain_context *ctx, const struct locked_order *order,
                  const char *refund_no, const char *amount, struct error *err);

/* Both wallets, in the order of the members' ids; those that there are. */
int wallet_lock_both(struct domain_context *ctx, const char *member_id, const char *other_id,
                     struct error *err);
struct wallet_transfer {
    const char *from, *to; /* member ids */
    const char *amount;    /* NULL: all that there is */
    const char *ref;       /* "REF:out" and "REF:in" count once */
    const char *note;
};
/* From one wallet of a person to the other, which there is from then on if there is the first.
 * *ret_amount: what moved; NULL: there is not that much, or it is less than nothing. */
int wallet_transfer(struct domain_context *ctx, const struct wallet_transfer *transfer,
                    const char **ret_amount, struct error *err);
/* All that is in it was paid back outside, under this reference. Refused as ref_reused. */
int wallet_pay_out(struct domain_context *ctx, const char *member_id, const char *ref,
                   struct error *err);

#endif
