/* lib/domain/user.h - who may use the platform.
 *
 * Roles: admin (everything), integration (all stores, a higher quota), store (its own store only),
 * readonly (one store or all; changes nothing). */
#ifndef DINER_DOMAIN_USER_H
#define DINER_DOMAIN_USER_H

#include "domain/listing.h"

struct user {
    int64_t id;
    const char *username, *password_hash;
    const char *role;  /* admin, integration, store, readonly */
    const char *store; /* code; NULL: the whole chain */
};
/* Of those that are active, in the context's arena; ERR_NOT_FOUND. */
int user_find(struct domain_context *ctx, const char *username, struct user *ret,
              struct error *err);
/* Creates the user or changes password, role and store; a user switched off is active again. store
 * is a code, needed for role store, possible for readonly. Blocks for the password hash. ERR_DATA
 * for an unknown role or store. */
int user_upsert(struct db_conn *conn, const char *username, const char *password, const char *role,
                const char *store, struct error *err);

/* role NULL: all. */
extern const struct listing_spec user_listing;
int user_list(struct domain_context *ctx, const char *role, const struct listing_from *from,
              struct listing *out, struct error *err);
/* Refused as unknown_user. */
int user_get(struct domain_context *ctx, const char *id, const char **ret_document,
             struct error *err);

/* What a user is to be. In a change NULL members stay as they are; a role comes with its store. */
struct user_request {
    const char *username; /* not in a change */
    const char *password, *role, *store, *display_name;
    const char *active; /* "true", "false"; not in a new one */
};
/* Blocks for the password hash. Refused as username_taken, invalid_user, unknown_store. */
int user_create(struct domain_context *ctx, const struct user_request *request,
                const char **ret_document, struct error *err);
/* Refused as unknown_user, version_conflict (with the version there is), invalid_user. */
int user_change(struct domain_context *ctx, const char *id, int64_t version,
                const struct user_request *request, const char **ret_document, struct error *err);

bool user_role_is_known(const char *role);
/* What a role may do, for people and programs: NULL-terminated. */
const char *const *user_permissions(const char *role);

#endif
