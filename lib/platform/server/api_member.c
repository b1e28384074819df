/* lib/platform/server/api_member.c - /members: the guests that the chain knows. */
#include "domain/member.h"
#include "domain/member_export.h"
#include "domain/member_merge.h"
#include "domain/member_sync.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

/* Not any till. what: "does not merge members". */
static int require_desk(struct request *r, const char *what, struct error *err)
{
    if (strcmp(r->user.role, "admin") == 0 || strcmp(r->user.role, "integration") == 0)
        return ERR_OK;
    return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL, "the role %s %s",
                         r->user.role, what);
}

/* Personal data in full is for those who move it to a CRM, not for a till. */
static int read_reveal(struct request *r, bool *ret, struct error *err)
{
    const char *text = request_query(r, "reveal");
    *ret = false;
    if (text == NULL || strcmp(text, "false") == 0)
        return ERR_OK;
    if (strcmp(text, "true") != 0)
        return request_refuse(r, err, "reveal", "'reveal' is true or false");
    TRY(require_desk(r, "sees names and phones in part only", err));
    *ret = true;
    return ERR_OK;
}

/* Both or none. */
static int members_identity(struct request *r, const struct members *m, bool is_required,
                            const char **ret_appid, const char **ret_openid, struct error *err)
{
    TRY(members_text(r, m, "appid", is_required, 64, ret_appid, err));
    TRY(members_text(r, m, "openid", is_required, 128, ret_openid, err));
    if ((*ret_appid == NULL) != (*ret_openid == NULL))
        return request_refuse(r, err, "openid", "'openid' goes with 'appid'");
    if (*ret_appid != NULL && ((*ret_appid)[0] == '\0' || (*ret_openid)[0] == '\0'))
        return request_refuse(r, err, "openid", "'appid' and 'openid' must not be empty");
    return ERR_OK;
}

static int read_status(struct request *r, const char **ret, struct error *err)
{
    *ret = request_query(r, "status");
    if (*ret == NULL || strcmp(*ret, "active") == 0 || strcmp(*ret, "closed") == 0 ||
        strcmp(*ret, "merged") == 0 || strcmp(*ret, "erased") == 0)
        return ERR_OK;
    return request_refuse(r, err, "status", "'status' is active, closed, merged or erased");
}

static int get_members(struct request *r, struct error *err)
{
    struct list_request l;
    struct member_filter filter = {.phone = request_query(r, "phone")};
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(read_reveal(r, &filter.reveal, err));
    TRY(read_status(r, &filter.status, err));
    TRY(request_query_time(r, "updated_since", &filter.updated_since, err));
    TRY(request_query_time(r, "updated_until", &filter.updated_until, err));
    TRY(list_begin(r, &member_listing, &l, err));
    TRY(member_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int get_member(struct request *r, struct error *err)
{
    const char *document;
    bool reveal;
    TRY(read_reveal(r, &reveal, err));
    TRY(member_get(&r->ctx, r->captures[0], reveal, &document, err));
    return respond_data(r, 200, span_of(document));
}

/* By what somebody shows; in a body, so that it stands in no log of addresses. */
static int post_find(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct member_keys keys = {0};
    bool reveal;
    const char *document;
    TRY(read_reveal(r, &reveal, err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "unionid phone appid openid", &m, err));
    TRY(members_text(r, &m, "unionid", false, 64, &keys.unionid, err));
    TRY(members_text(r, &m, "phone", false, 21, &keys.phone, err));
    TRY(members_identity(r, &m, false, &keys.appid, &keys.openid, err));
    if (keys.unionid == NULL && keys.phone == NULL && keys.openid == NULL)
        return request_refuse(r, err, "phone", "one of 'unionid', 'phone' and 'openid' is needed");
    TRY(member_find(&r->ctx, &keys, reveal, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_identity(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *appid, *openid, *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "appid openid", &m, err));
    TRY(members_identity(r, &m, true, &appid, &openid, err));
    TRY(member_identify(&r->ctx, r->captures[0], appid, openid, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int get_export(struct request *r, struct error *err)
{
    const char *document;
    TRY(require_desk(r, "does not export members", err));
    TRY(member_export(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int read_other(struct request *r, const char **ret, struct error *err)
{
    struct span body;
    struct members m;
    TRY(require_desk(r, "does not merge members", err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "other", &m, err));
    return members_text(r, &m, "other", true, 64, ret, err);
}

static int post_merge(struct request *r, struct error *err)
{
    const char *other, *document;
    TRY(read_other(r, &other, err));
    TRY(member_merge(&r->ctx, r->captures[0], other, &document, err));
    return respond_data(r, 200, span_of(document));
}

/* The merge itself, taken back. */
static int post_merge_preview(struct request *r, struct error *err)
{
    const char *other, *document;
    TRY(read_other(r, &other, err));
    TRY(db_begin(r->ctx.conn, err));
    TRY(member_merge(&r->ctx, r->captures[0], other, &document, err));
    db_rollback(r->ctx.conn);
    return respond_data(r, 200, span_of(document));
}

static int post_unmerge(struct request *r, struct error *err)
{
    const char *document;
    TRY(require_desk(r, "does not merge members", err));
    TRY(request_body_nothing(r, err));
    TRY(member_unmerge(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int read_item(struct request *r, struct span raw, size_t index, void *self,
                     struct error *err)
{
    struct members m;
    struct member_item *item = (struct member_item *)self + index;
    TRY(members_read(r, raw, "ref version name unionid phone appid openid", &m, err));
    *item = (struct member_item){0};
    TRY(members_text(r, &m, "ref", true, 64, &item->ref, err));
    TRY(members_int(r, &m, "version", 1, INT32_MAX, &item->version, err));
    TRY(members_text(r, &m, "name", false, 128, &item->name, err));
    TRY(members_text(r, &m, "unionid", false, 64, &item->keys.unionid, err));
    TRY(members_text(r, &m, "phone", false, 64, &item->keys.phone, err));
    return members_identity(r, &m, false, &item->keys.appid, &item->keys.openid, err);
}

static int respond_items(struct request *r, const struct member_item *items, size_t count)
{
    AUTO_STRBUF struct strbuf data = {0};
    struct jwriter w;
    strbuf_init(&data, 0);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    jwriter_key(&w, "results");
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        jwriter_object(&w);
        jwriter_kstring(&w, "ref", items[i].ref);
        jwriter_kbool(&w, "ok", items[i].error == NULL);
        jwriter_kstring(&w, "member_no", items[i].member_no);
        jwriter_kstring(&w, "result", items[i].result);
        jwriter_kstring(&w, "error", items[i].error);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){data.data, data.len});
}

static int post_sync(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    size_t count = 0;
    struct member_item *items = arena_array(r->arena, MEMBER_SYNC_MAX, sizeof *items);
    TRY(require_desk(r, "does not sync members", err));
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "items", &m, err));
    TRY(members_list(r, &m, "items", MEMBER_SYNC_MAX, read_item, items, &count, err));
    TRY(member_sync(&r->ctx, items, count, err));
    return respond_items(r, items, count);
}

static int post_member(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct member_request member = {0};
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "name phone unionid appid openid level store", &m, err));
    TRY(members_text(r, &m, "name", true, 128, &member.name, err));
    TRY(members_text(r, &m, "phone", false, 21, &member.phone, err));
    TRY(members_text(r, &m, "unionid", false, 64, &member.unionid, err));
    TRY(members_identity(r, &m, false, &member.appid, &member.openid, err));
    TRY(members_text(r, &m, "level", false, 32, &member.level, err));
    TRY(members_text(r, &m, "store", false, 32, &member.store, err));
    TRY(member_create(&r->ctx, &member, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int patch_member(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct member_request member = {0};
    int64_t version;
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "version name phone level status", &m, err));
    TRY(members_version(r, &m, &version, err));
    TRY(members_text(r, &m, "name", false, 128, &member.name, err));
    TRY(members_text(r, &m, "phone", false, 21, &member.phone, err));
    TRY(members_text(r, &m, "level", false, 32, &member.level, err));
    TRY(members_text(r, &m, "status", false, 16, &member.status, err));
    TRY(member_change(&r->ctx, r->captures[0], version, &member, &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_member[] = {
    {"GET", "/api/v1/members", 0, "phone status updated_since updated_until reveal " LIST_QUERY,
     get_members},
    {"POST", "/api/v1/members", ROUTE_WRITE, NULL, post_member},
    {"POST", "/api/v1/members/sync", ROUTE_WRITE, NULL, post_sync},
    {"POST", "/api/v1/members/find", 0, "reveal", post_find},
    {"POST", "/api/v1/members/{member_no}/identities", ROUTE_WRITE, NULL, post_identity},
    {"GET", "/api/v1/members/{member_no}/export", 0, NULL, get_export},
    {"POST", "/api/v1/members/{member_no}/merge", ROUTE_WRITE, NULL, post_merge},
    {"POST", "/api/v1/members/{member_no}/merge/preview", 0, NULL, post_merge_preview},
    {"POST", "/api/v1/members/{member_no}/unmerge", ROUTE_WRITE, NULL, post_unmerge},
    {"GET", "/api/v1/members/{member_no}", 0, "reveal", get_member},
    {"PATCH", "/api/v1/members/{member_no}", ROUTE_WRITE, NULL, patch_member},
    {0},
};
