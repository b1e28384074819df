/* lib/domain/tier.h - tiers: the level of a member by what they earned in the last months.
 *
 * A member whose level is none of the tiers (points.tiers) has it by hand and keeps it. Levels rise
 * at once, with what is earned; they fall when tiers are evaluated. Who is changing the member at
 * that moment is not waited for: the next evaluation sets it right. */
#ifndef DINER_DOMAIN_TIER_H
#define DINER_DOMAIN_TIER_H

#include "domain/context.h"

/* The tier, what it is by, what is missing for the next, and every change, newest first. Refused as
 * unknown_member. */
int tier_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
             struct error *err);
/* The tiers as a JSON array, lowest first. */
int tier_list(struct domain_context *ctx, const char **ret_document, struct error *err);

/* The points of the member are locked. */
int tier_rise(struct domain_context *ctx, const char *member_id, struct error *err);

struct tier_counts {
    int64_t raised, lowered;
};
/* All members, each that is wrong in a transaction of its own; none is open. Any number of machines
 * may do it at the same time. Until that instant (0: the end): then *ret_more. On a signal
 * ERR_CANCELLED: what is done stands. */
int tier_evaluate(struct domain_context *ctx, int64_t stop_at_ms, struct tier_counts *ret,
                  bool *ret_more, struct error *err);
int tier_evaluate_count(struct domain_context *ctx, struct tier_counts *ret, struct error *err);

#endif
