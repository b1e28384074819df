/* lib/domain/member_erase.h - a person's data is erased (PIPL, article 47); money stays.
 *
 * What told the person is replaced by a random token wherever it stands: the record, the orders'
 * references, messages, kept answers, rejected rows, landed copies. Amounts, orders and ledgers
 * keep to their member, who tells nobody any more. By keyed hashes the person is known again, so
 * that a copy in another system does not bring them back. Transactions are the caller's: of the
 * platform's database, and of the warehouse's, which may be the same. */
#ifndef DINER_DOMAIN_MEMBER_ERASE_H
#define DINER_DOMAIN_MEMBER_ERASE_H

#include "domain/member_trace.h"

/* Locks the person, with everybody who was merged into them, and gathers what tells them, on the
 * warehouse too (which has a transaction; the platform's connection when it is the same). Refused
 * as unknown_member, erased_member; ERR_CONFLICT, saying what, when money, orders or writes to
 * other systems are not at their end. ERR_CONFIG without a key for the hashes. */
int member_erase_begin(struct domain_context *ctx, struct db_conn *warehouse, const char *member_no,
                       struct member_traces *ret, struct error *err);
/* The balances of the person's wallets were paid out under this reference: an entry of the kind
 * adjust each. Before member_erase_begin. */
int member_erase_pay_out(struct domain_context *ctx, const char *member_no, const char *ref,
                         struct error *err);
int member_erase(struct domain_context *ctx, struct db_conn *warehouse,
                 const struct member_traces *traces, member_traces_count *count, void *self,
                 struct error *err);

/* Who joins by their own will is no longer known as erased. NULL members are not known. */
struct member_keys;
int member_tombstone_lift(struct domain_context *ctx, const struct member_keys *keys,
                          struct error *err);
int member_tombstone_find(struct domain_context *ctx, const struct member_keys *keys,
                          bool *ret_is_erased, struct error *err);

#endif
