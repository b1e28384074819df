/* lib/domain/user.c - who may use the platform. */
#include "domain/user.h"
#include "domain/password.h"
#include "gen/embed.h"

#define USERNAME_BYTES_MAX 64

int user_find(struct domain_context *ctx, const char *username, struct user *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_user_find, DB_PARAMS(username), &row, err));
    if (db_result_rows(row) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no user '%s'", username);
    *ret = (struct user){
        .id = db_result_int(row, 0, 0),
        .username = arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
        .password_hash = arena_strdup(ctx->arena, db_result_text(row, 0, 2)),
        .role = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
        .store = arena_strdup(ctx->arena, db_result_text(row, 0, 4)),
    };
    return ERR_OK;
}

/* ---- roles -------------------------------------------------------------------------------- */

static const struct role {
    const char *name;
    bool needs_store, takes_store;
    const char *const *permissions;
} roles[] = {
    {"admin", false, false,
     (const char *const[]){"orders:read", "orders:write", "stock:read", "stock:write",
                           "members:read", "members:write", "members:reveal", "wallets:topup",
                           "users:read", "users:write", NULL}},
    {"integration", false, false,
     (const char *const[]){"orders:read", "orders:write", "stock:read", "stock:write",
                           "members:read", "members:write", "members:reveal", "wallets:topup",
                           NULL}},
    {"store", true, true,
     (const char *const[]){"orders:read", "orders:write", "stock:read", "stock:write",
                           "members:read", "members:write", NULL}},
    {"readonly", false, true,
     (const char *const[]){"orders:read", "stock:read", "members:read", NULL}},
};

static const struct role *find_role(const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    return NULL;
}

bool user_role_is_known(const char *role)
{
    return find_role(role) != NULL;
}

const char *const *user_permissions(const char *role)
{
    static const char *const none[] = {NULL};
    const struct role *found = find_role(role);
    return found != NULL ? found->permissions : none;
}

static int check_role(const char *username, const char *role, const char *store, struct error *err)
{
    const struct role *r = find_role(role);
    if (r == NULL) {
        error_set(err, ERR_DATA, "user '%s': unknown role '%s'", username, role);
        return error_hint(err, "one of admin, integration, store, readonly");
    }
    if (r->needs_store && store == NULL)
        return error_set(err, ERR_DATA, "user '%s': the role store needs a store", username);
    if (!r->takes_store && store != NULL)
        return error_set(err, ERR_DATA, "user '%s': the role %s is for the whole chain", username,
                         role);
    return ERR_OK;
}

static int check_username(const char *username, struct error *err)
{
    if (username[0] == '\0' || strlen(username) > USERNAME_BYTES_MAX)
        return error_set(err, ERR_DATA, "a user name has 1 to %d bytes", USERNAME_BYTES_MAX);
    return ERR_OK;
}

int user_upsert(struct db_conn *conn, const char *username, const char *password, const char *role,
                const char *store, struct error *err)
{
    char hash[PASSWORD_HASH_MAX];
    int64_t stores = 1;
    TRY(check_username(username, err));
    TRY(check_role(username, role, store, err));
    if (store != NULL) /* a store that is not there must not become the whole chain */
        TRY(db_query_int(conn, "SELECT count(*) FROM app.stores WHERE code = $1", DB_PARAMS(store),
                         &stores, err));
    if (stores == 0)
        return error_set(err, ERR_DATA, "user '%s': there is no store '%s'", username, store);
    TRY(password_hash(password, hash, err));
    return db_execute(conn, sql_user_upsert, DB_PARAMS(username, hash, role, store), NULL, err);
}

/* ---- through the API ---------------------------------------------------------------------- */

static const struct listing_sort user_sorts[] = {{"id", {NULL, NULL}},
                                                 {"username", {"u.username", "text"}},
                                                 {"created_at", {"u.created_at", "timestamptz"}},
                                                 {"updated_at", {"u.updated_at", "timestamptz"}},
                                                 {0}};
const struct listing_spec user_listing = {.sql = sql_user_list,
                                          .count = sql_user_total,
                                          .ncount = 1,
                                          .sorts = user_sorts,
                                          .ties = {{"u.id", "bigint"}},
                                          .order = "id"};

int user_list(struct domain_context *ctx, const char *role, const struct listing_from *from,
              struct listing *out, struct error *err)
{
    return listing_run(ctx, &user_listing, DB_PARAMS(role), from, out, err);
}

static int refuse_unknown(struct domain_context *ctx, const char *id, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_user),
                         domain_detail(ctx, "id", id), "there is no user '%s'", id);
}

/* Ids of another form are nobody's. */
static bool is_id(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 18 && strspn(text, "0123456789") == n;
}

int user_get(struct domain_context *ctx, const char *id, const char **ret_document,
             struct error *err)
{
    if (!is_id(id))
        return refuse_unknown(ctx, id, err);
    int status = listing_one(ctx, sql_user_get, DB_PARAMS(id), ret_document, err);
    return status == ERR_NOT_FOUND ? refuse_unknown(ctx, id, err) : status;
}

/* A check's message as a refusal. */
static int refuse_invalid(struct domain_context *ctx, const struct error *why, struct error *err)
{
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(invalid_user), NULL, "%s", why->message);
}

static int check_store(struct domain_context *ctx, const char *store, struct error *err)
{
    const char *ignored;
    if (store == NULL)
        return ERR_OK;
    int status = listing_one(ctx, sql_outlet_get, DB_PARAMS(store), &ignored, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_store),
                             domain_detail(ctx, "store", store), "there is no store '%s'", store);
    return status;
}

int user_create(struct domain_context *ctx, const struct user_request *r, const char **ret_document,
                struct error *err)
{
    struct error why = ERROR_INIT;
    char hash[PASSWORD_HASH_MAX];
    AUTO_RESULT struct db_result *made = NULL;
    if (check_username(r->username, &why) != ERR_OK ||
        check_role(r->username, r->role, r->store, &why) != ERR_OK)
        return refuse_invalid(ctx, &why, err);
    TRY(check_store(ctx, r->store, err));
    TRY(password_hash(r->password, hash, err));
    TRY(db_query(ctx->conn, sql_user_insert,
                 DB_PARAMS(r->username, hash, r->role, r->store, r->display_name), &made, err));
    if (db_result_rows(made) == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(username_taken),
                             domain_detail(ctx, "username", r->username),
                             "the user name '%s' is taken", r->username);
    return user_get(ctx, db_result_text(made, 0, 0), ret_document, err);
}

int user_change(struct domain_context *ctx, const char *id, int64_t version,
                const struct user_request *r, const char **ret_document, struct error *err)
{
    struct error why = ERROR_INIT;
    char hash[PASSWORD_HASH_MAX];
    int64_t changed = 0;
    TRY(user_get(ctx, id, ret_document, err));
    if (r->role == NULL && r->store != NULL)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(invalid_user), NULL,
                             "a store is given together with its role");
    if (r->role != NULL && check_role(id, r->role, r->store, &why) != ERR_OK)
        return refuse_invalid(ctx, &why, err);
    TRY(check_store(ctx, r->store, err));
    if (r->password != NULL)
        TRY(password_hash(r->password, hash, err));
    TRY(db_execute(ctx->conn, sql_user_change,
                   DB_PARAMS(id, domain_int(ctx, version), r->password != NULL ? hash : NULL,
                             r->role, r->store, r->display_name, r->active),
                   &changed, err));
    TRY(user_get(ctx, id, ret_document, err));
    return changed == 1 ? ERR_OK : domain_refuse_version(ctx, *ret_document, err);
}
