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

static int check_role(const char *username, const char *role, const char *store, struct error *err)
{
    bool is_store = strcmp(role, "store") == 0;
    if (!is_store && strcmp(role, "admin") != 0 && strcmp(role, "integration") != 0) {
        error_set(err, ERR_DATA, "user '%s': unknown role '%s'", username, role);
        return error_hint(err, "one of admin, integration, store");
    }
    if (is_store != (store != NULL))
        return error_set(err, ERR_DATA, "user '%s': a store goes with the role store, only",
                         username);
    return ERR_OK;
}

int user_upsert(struct db_conn *conn, const char *username, const char *password, const char *role,
                const char *store, struct error *err)
{
    char hash[PASSWORD_HASH_MAX];
    if (username[0] == '\0' || strlen(username) > USERNAME_BYTES_MAX)
        return error_set(err, ERR_DATA, "a user name has 1 to %d bytes", USERNAME_BYTES_MAX);
    TRY(check_role(username, role, store, err));
    TRY(password_hash(password, hash, err));
    int status =
        db_execute(conn, sql_user_upsert, DB_PARAMS(username, hash, role, store), NULL, err);
    if (status != ERR_OK && strcmp(err->sqlstate, "23514") == 0)
        return error_set(err, ERR_DATA, "user '%s': there is no store '%s'", username,
                         store != NULL ? store : "");
    return status;
}
