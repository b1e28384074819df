/* lib/domain/member_export.h - all that is kept about one person, as one document: for those who
 * ask what is known of them (PIPL, article 45). */
#ifndef DINER_DOMAIN_MEMBER_EXPORT_H
#define DINER_DOMAIN_MEMBER_EXPORT_H

#include "domain/context.h"

#define MEMBER_EXPORT_RECORDS_MAX 20000 /* orders and ledger entries */

/* In full, with everybody who was merged into them. Refused as unknown_member, export_too_large. */
int member_export(struct domain_context *ctx, const char *member_no, const char **ret_document,
                  struct error *err);

/* The ids of all members that are this person, as an array, in the arena; and how many orders and
 * ledger entries they have. Refused as unknown_member. */
int member_person(struct domain_context *ctx, const char *member_no, const char **ret_ids,
                  int64_t *ret_records, struct error *err);

#endif
