/* lib/platform/server/api_auth.c - log in, and go on. */
#include "core/clock.h"
#include "core/sha256.h"
#include "domain/password.h"
#include "domain/user.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

#define STAMP_CHARS 16

/* Of the password as it is: its hash has a new salt each time it is set. */
static const char *password_stamp(struct request *r, const struct user *user)
{
    char hex[65];
    struct sha256 *sha = sha256_new();
    sha256_add(sha, user->password_hash, strlen(user->password_hash));
    sha256_finish(sha, hex);
    return arena_strndup(r->arena, hex, STAMP_CHARS);
}

static void write_token(struct request *r, struct jwriter *w, const char *key,
                        const struct user *user, const char *use, int64_t life_ms)
{
    AUTO_STRBUF struct strbuf token = {0};
    int64_t now_s = clock_wall_us() / 1000000;
    const struct token_claims claims = {
        .subject = user->username,
        .user_id = user->id,
        .role = user->role,
        .store = user->store,
        .use = use,
        .stamp = strcmp(use, "refresh") == 0 ? password_stamp(r, user) : NULL,
        .issued_s = now_s,
        .expires_s = now_s + (life_ms + 999) / 1000,
    };
    strbuf_init(&token, 2 * TOKEN_BYTES_MAX);
    token_issue(r->server->jwt_secret, &claims, &token);
    jwriter_kstring(w, key, token.data);
}

static int respond_tokens(struct request *r, const struct user *user)
{
    AUTO_STRBUF struct strbuf data = {0};
    struct jwriter w;
    const struct server_limits *l = server_limits(r->server);
    strbuf_init(&data, 8 * TOKEN_BYTES_MAX);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    write_token(r, &w, "access_token", user, "access", l->access_token_ms);
    write_token(r, &w, "refresh_token", user, "refresh", l->refresh_token_ms);
    jwriter_kint(&w, "expires_in", (l->access_token_ms + 999) / 1000);
    jwriter_kstring(&w, "token_type", "Bearer");
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){data.data, data.len});
}

static int refuse_login(struct request *r)
{
    respond_refusal(r, 401, API_ERROR(bad_credentials), "User name or password is wrong");
    return ERR_OK;
}

/* The connection goes back before the password is checked: that takes its time on purpose. */
static int find_user(struct request *r, const char *username, struct user *ret, struct error *err)
{
    TRY(request_take_connection(r, err));
    int status = user_find(&r->ctx, username, ret, err);
    request_give_connection(r);
    return status;
}

static int post_login(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *username, *password;
    struct user user = {0};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "username password", &m, err));
    TRY(members_text(r, &m, "username", true, 64, &username, err));
    TRY(members_text(r, &m, "password", true, 1024, &password, err));
    int status = find_user(r, username, &user, err);
    if (status != ERR_OK && status != ERR_NOT_FOUND)
        return status;
    error_clear(err);
    bool is_right = password_verify(password, user.password_hash); /* in the same time for nobody */
    if (!is_right || user.password_hash == NULL)
        return refuse_login(r);
    return respond_tokens(r, &user);
}

/* Role and store are looked up again: a refresh token outlives their change by a day. It does not
 * outlive the password: who sets a new one shuts out whoever knew the old one. */
static int post_refresh(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *token;
    struct token_claims claims;
    struct user user;
    struct error why = ERROR_INIT;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "refresh_token", &m, err));
    TRY(members_text(r, &m, "refresh_token", true, TOKEN_BYTES_MAX, &token, err));
    if (token_verify(r->server->jwt_secret, token, "refresh", clock_wall_us() / 1000000, r->arena,
                     &claims, &why) != ERR_OK)
        return refuse_login(r);
    int status = find_user(r, claims.subject, &user, err);
    if (status == ERR_NOT_FOUND)
        return refuse_login(r);
    TRY(status);
    if (claims.stamp == NULL || strcmp(claims.stamp, password_stamp(r, &user)) != 0)
        return refuse_login(r);
    return respond_tokens(r, &user);
}

const struct route routes_auth[] = {
    {"POST", "/api/v1/auth/login", ROUTE_PUBLIC | ROUTE_NO_DB, NULL, post_login},
    {"POST", "/api/v1/auth/refresh", ROUTE_PUBLIC | ROUTE_NO_DB, NULL, post_refresh},
    {0},
};
