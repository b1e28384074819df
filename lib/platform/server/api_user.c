/* lib/platform/server/api_user.c - /users and /profile: who may use the platform. */
#include "domain/password.h"
#include "domain/user.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

static int get_users(struct request *r, struct error *err)
{
    struct list_request l;
    AUTO_LISTING struct listing found;
    const char *role = request_query(r, "role");
    listing_init(&found);
    if (role != NULL && !user_role_is_known(role))
        return request_refuse(r, err, "role", "'role' is admin, integration, store or readonly");
    TRY(list_begin(r, &user_listing, &l, err));
    TRY(user_list(&r->ctx, role, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* A user sees itself; others only an admin. What there is is not told to those who may not know. */
static int get_user(struct request *r, struct error *err)
{
    const char *document, *id = r->captures[0];
    if (strcmp(r->user.role, "admin") != 0 && strcmp(id, domain_int(&r->ctx, r->user.user_id)) != 0)
        return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_user), NULL,
                             "only an admin sees other users");
    TRY(user_get(&r->ctx, id, &document, err));
    return respond_data(r, 200, span_of(document));
}

/* The user of the token as it is now, and what it may do. */
static int get_profile(struct request *r, struct error *err)
{
    AUTO_STRBUF struct strbuf data = {0};
    const char *document;
    struct jwriter w;
    TRY(user_get(&r->ctx, domain_int(&r->ctx, r->user.user_id), &document, err));
    strbuf_init(&data, BODY_BYTES_MAX);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    jwriter_kraw(&w, "user", document);
    jwriter_key(&w, "permissions");
    jwriter_array(&w);
    for (const char *const *p = user_permissions(r->user.role); *p != NULL; p++)
        jwriter_string(&w, *p);
    jwriter_end(&w);
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){data.data, data.len});
}

/* In bytes of UTF-8: what bcrypt takes. A longer one is refused rather than cut. */
static int read_password(struct request *r, const struct members *m, bool is_required,
                         const char **ret, struct error *err)
{
    TRY(members_text(r, m, "password", false, BODY_BYTES_MAX, ret, err));
    if (*ret == NULL)
        return is_required ? request_refuse(r, err, "password", "'%s' is missing", "password")
                           : ERR_OK;
    size_t length = strlen(*ret);
    if (length == 0 || length > PASSWORD_BYTES_MAX)
        return request_refuse(r, err, "password",
                              "'password' must have at least 1 and at most %d bytes",
                              PASSWORD_BYTES_MAX);
    return ERR_OK;
}

static int post_user(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct user_request user = {0};
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "username password role store display_name", &m, err));
    TRY(members_text(r, &m, "username", true, 64, &user.username, err));
    TRY(read_password(r, &m, true, &user.password, err));
    TRY(members_text(r, &m, "role", true, 32, &user.role, err));
    TRY(members_text(r, &m, "store", false, 32, &user.store, err));
    TRY(members_text(r, &m, "display_name", false, 128, &user.display_name, err));
    TRY(user_create(&r->ctx, &user, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int patch_user(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct user_request user = {0};
    int64_t version;
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "version password role store display_name active", &m, err));
    TRY(members_version(r, &m, &version, err));
    TRY(read_password(r, &m, false, &user.password, err));
    TRY(members_text(r, &m, "role", false, 32, &user.role, err));
    TRY(members_text(r, &m, "store", false, 32, &user.store, err));
    TRY(members_text(r, &m, "display_name", false, 128, &user.display_name, err));
    bool is_active = true;
    TRY(members_bool(r, &m, "active", &is_active, err));
    struct span given = members_raw(&m, "active");
    if (given.ptr != NULL && *given.ptr != 'n') /* null is as absent */
        user.active = is_active ? "true" : "false";
    TRY(user_change(&r->ctx, r->captures[0], version, &user, &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_user[] = {
    {"GET", "/api/v1/profile", 0, NULL, get_profile},
    {"GET", "/api/v1/users", ROUTE_ADMIN, "role " LIST_QUERY, get_users},
    {"POST", "/api/v1/users", ROUTE_ADMIN | ROUTE_WRITE, NULL, post_user},
    {"GET", "/api/v1/users/{id}", 0, NULL, get_user},
    {"PATCH", "/api/v1/users/{id}", ROUTE_ADMIN | ROUTE_WRITE, NULL, patch_user},
    {0},
};
