/* lib/domain/member_sync.h - members as another system, a CRM, has them.
 *
 * What it knows is taken over member by member: names, phones, and what tells the person and was
 * not known. Level and points are the platform's own. Nobody who was merged or erased comes back.
 */
#ifndef DINER_DOMAIN_MEMBER_SYNC_H
#define DINER_DOMAIN_MEMBER_SYNC_H

#include "domain/member.h"

#define MEMBER_SYNC_MAX 100

struct member_item {
    const char *ref;  /* the member's number, or the other system's for one that is new */
    int64_t version;  /* that the change is based on; 0: not known */
    const char *name; /* NULL: as it is */
    struct member_keys keys;
    const char *member_no; /* who it is; NULL: nobody */
    const char *result;    /* created, changed, unchanged, merged, erased; NULL: refused */
    const char *error;     /* name of the refusal, or NULL */
};
/* Each item gets its result; one that is refused (version_conflict, member_exists, invalid_member)
 * changes nothing and hinders no other. */
int member_sync(struct domain_context *ctx, struct member_item *items, size_t count,
                struct error *err);

#endif
