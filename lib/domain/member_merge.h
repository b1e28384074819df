/* lib/domain/member_merge.h - two members that are one person, and taking that back.
 *
 * The survivor keeps its record, and gets the phone and the unionid that it lacks; the other's
 * number leads to it from then on. Orders and coupons change hands; a ledger does not: what is in
 * the other's wallet and account of points goes over by entries of kind transfer, and the lots of
 * points with it. All of it is written down, so that it can be undone: what was the other's, and
 * what became of it meanwhile, is the other's again. Lock order: the members by id, their orders,
 * their wallets, their points, their coupons. */
#ifndef DINER_DOMAIN_MEMBER_MERGE_H
#define DINER_DOMAIN_MEMBER_MERGE_H

#include "domain/context.h"

/* *ret_document: the merge. Refused as unknown_member, same_member, closed_member (the survivor),
 * member_merged (either; of two that want the same member the second), erased_member. */
int member_merge(struct domain_context *ctx, const char *survivor_no, const char *other_no,
                 const char **ret_document, struct error *err);
/* Refused as unknown_member, not_merged, member_merged (the survivor went on into another: that is
 * undone first), erased_member, insufficient_balance (it was spent), member_exists (a phone or
 * unionid is another's by now). */
int member_unmerge(struct domain_context *ctx, const char *other_no, const char **ret_document,
                   struct error *err);

#endif
