/* lib/domain/member.h - the guests that the chain knows: their core record.
 *
 * A phone, a unionid and an openid of an app belong to one member at most; a member may have
 * several openids. Names, phones and those ids are given in part unless `reveal` asks for them in
 * full; who may ask is the caller's matter. A member that was merged into another keeps its number,
 * which leads to the other. */
#ifndef DINER_DOMAIN_MEMBER_H
#define DINER_DOMAIN_MEMBER_H

#include "domain/listing.h"

struct member_filter {
    const char *phone;  /* exactly; NULL: all */
    const char *status; /* NULL: all */
    const char *updated_since, *updated_until;
    bool reveal;
};
extern const struct listing_spec member_listing;
int member_list(struct domain_context *ctx, const struct member_filter *filter,
                const struct listing_from *from, struct listing *out, struct error *err);
/* The member, or the one that it was merged into, which says so (redirected_from). Refused as
 * unknown_member. */
int member_get(struct domain_context *ctx, const char *member_no, bool reveal,
               const char **ret_document, struct error *err);

/* What somebody is known by; NULL members are not known. openid goes with appid. */
struct member_keys {
    const char *unionid, *phone, *appid, *openid;
};
/* By the first of unionid, phone, openid that a member has: {"matched_by", "member", "others"}, the
 * last being who else has one of them. Refused as unknown_member. */
int member_find(struct domain_context *ctx, const struct member_keys *keys, bool reveal,
                const char **ret_document, struct error *err);

struct member_request { /* in a change NULL members stay as they are */
    const char *name, *phone, *level;
    const char *unionid, *store; /* not in a change */
    const char *status;          /* active, closed; not in a new one */
    const char *appid, *openid;  /* both or none; not in a change */
};
/* Refused as invalid_member, member_exists (phone or unionid belong to another), unknown_store. */
int member_create(struct domain_context *ctx, const struct member_request *request,
                  const char **ret_document, struct error *err);
/* Refused as unknown_member, version_conflict, invalid_member, member_exists, member_merged,
 * erased_member. */
int member_change(struct domain_context *ctx, const char *member_no, int64_t version,
                  const struct member_request *request, const char **ret_document,
                  struct error *err);
/* The same, without a look at store, level and form: for those who have looked. *ret_no in the
 * arena. Refused as member_exists. */
int member_enter(struct domain_context *ctx, const struct member_request *request,
                 const char **ret_no, struct error *err);
/* One more openid; the same again is nothing. Refused as unknown_member, invalid_member,
 * member_exists, member_merged, erased_member. */
int member_identify(struct domain_context *ctx, const char *member_no, const char *appid,
                    const char *openid, const char **ret_document, struct error *err);
/* Refused unless it is active or closed: member_merged with {"merged_into"}, erased_member. */
int member_refuse_gone(struct domain_context *ctx, const char *member_no, const char *status,
                       const char *merged_into, struct error *err);

#endif
