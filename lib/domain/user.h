/* lib/domain/user.h - who may use the platform. */
#ifndef DINER_DOMAIN_USER_H
#define DINER_DOMAIN_USER_H

#include "domain/context.h"

struct user {
    int64_t id;
    const char *username, *password_hash;
    const char *role;  /* admin, integration, store */
    const char *store; /* code; NULL unless the role is store */
};
/* In the context's arena; ERR_NOT_FOUND. */
int user_find(struct domain_context *ctx, const char *username, struct user *ret,
              struct error *err);
/* Creates the user or changes password, role and store. store is a code and only for role store.
 * Blocks for the password hash. ERR_DATA for an unknown role or store. */
int user_upsert(struct db_conn *conn, const char *username, const char *password, const char *role,
                const char *store, struct error *err);

#endif
