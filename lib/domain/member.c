/* lib/domain/member.c - the guests that the chain knows. */
#include "domain/member.h"
#include "domain/member_erase.h"
#include "domain/member_key.h"
#include "domain/outlet.h"
#include "gen/embed.h"

static const char *flag(bool on)
{
    return on ? "true" : "false";
}

static const struct listing_sort member_sorts[] = {{"updated_at", {"m.updated_at", "timestamptz"}},
                                                   {"created_at", {"m.created_at", "timestamptz"}},
                                                   {"joined_at", {"m.joined_at", "timestamptz"}},
                                                   {"member_no", {"m.member_no", "text"}},
                                                   {0}};
const struct listing_spec member_listing = {.sql = sql_member_list,
                                            .count = sql_member_total,
                                            .ncount = 5,
                                            .sorts = member_sorts,
                                            .ties = {{"m.id", "bigint"}},
                                            .order = "updated_at"};

int member_list(struct domain_context *ctx, const struct member_filter *f,
                const struct listing_from *from, struct listing *out, struct error *err)
{
    const char *phone = member_phone_plain(ctx, f->phone);
    const char *hash = member_hash(ctx, "phone", phone);
    return listing_run(ctx, &member_listing,
                       DB_PARAMS(hash, hash != NULL ? NULL : phone, f->status, f->updated_since,
                                 f->updated_until, flag(f->reveal)),
                       from, out, err);
}

static int refuse_unknown(struct domain_context *ctx, const char *member_no, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_member),
                         domain_detail(ctx, "member_no", member_no), "there is no member '%s'",
                         member_no);
}

int member_get(struct domain_context *ctx, const char *member_no, bool reveal,
               const char **ret_document, struct error *err)
{
    int status =
        listing_one(ctx, sql_member_get, DB_PARAMS(member_no, flag(reveal)), ret_document, err);
    return status == ERR_NOT_FOUND ? refuse_unknown(ctx, member_no, err) : status;
}

int member_find(struct domain_context *ctx, const struct member_keys *keys, bool reveal,
                const char **ret_document, struct error *err)
{
    const char *phone = member_phone_plain(ctx, keys->phone);
    const char *hash = member_hash(ctx, "phone", phone);
    int status = listing_one(ctx, sql_member_find,
                             DB_PARAMS(keys->unionid, hash, hash != NULL ? NULL : phone,
                                       keys->appid, keys->openid, flag(reveal)),
                             ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_member), NULL,
                             "nobody is known by that");
    return status;
}

int member_refuse_gone(struct domain_context *ctx, const char *member_no, const char *status,
                       const char *merged_into, struct error *err)
{
    if (strcmp(status, "merged") == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(member_merged),
                             domain_detail(ctx, "merged_into", merged_into),
                             "member '%s' was merged into '%s'", member_no, merged_into);
    if (strcmp(status, "erased") == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(erased_member),
                             domain_detail(ctx, "member_no", member_no),
                             "the data of member '%s' was erased", member_no);
    return ERR_OK;
}

static int refuse_invalid(struct domain_context *ctx, const char *what, struct error *err)
{
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(invalid_member), NULL, "%s", what);
}

static bool is_level(const char *text)
{
    size_t n = strlen(text);
    return n >= 1 && n <= 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int check(struct domain_context *ctx, const struct member_request *r, struct error *err)
{
    if (r->name != NULL && r->name[0] == '\0')
        return refuse_invalid(ctx, "a member has a name", err);
    if (r->phone != NULL && !member_phone_is(r->phone))
        return refuse_invalid(ctx, "a phone has 5 to 20 digits, with or without + before them",
                              err);
    if (r->level != NULL && !is_level(r->level))
        return refuse_invalid(ctx, "a level has 1 to 32 of a-z, 0-9 and _", err);
    if (r->status != NULL && strcmp(r->status, "active") != 0 && strcmp(r->status, "closed") != 0)
        return refuse_invalid(ctx, "a member's status is active or closed", err);
    return ERR_OK;
}

static int refuse_taken(struct domain_context *ctx, struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(member_exists), NULL,
                         "another member has this phone, unionid or openid");
}

static int add_identity(struct domain_context *ctx, const char *member_id, const char *appid,
                        const char *openid, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    TRY(db_query(ctx->conn, sql_member_identity_insert, DB_PARAMS(member_id, appid, openid), &made,
                 err));
    return db_result_rows(made) == 1 ? ERR_OK : refuse_taken(ctx, err);
}

int member_enter(struct domain_context *ctx, const struct member_request *r, const char **ret_no,
                 struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    const char *phone = member_phone_plain(ctx, r->phone);
    TRY(db_query(
        ctx->conn, sql_member_insert,
        DB_PARAMS(r->name, phone, member_hash(ctx, "phone", phone), r->unionid, r->level, r->store),
        &made, err));
    if (db_result_rows(made) == 0)
        return refuse_taken(ctx, err);
    if (r->openid != NULL)
        TRY(add_identity(ctx, db_result_text(made, 0, 1), r->appid, r->openid, err));
    *ret_no = arena_strdup(ctx->arena, db_result_text(made, 0, 0));
    return ERR_OK;
}

int member_create(struct domain_context *ctx, const struct member_request *r,
                  const char **ret_document, struct error *err)
{
    const char *ignored, *member_no = NULL;
    TRY(check(ctx, r, err));
    if (r->store != NULL) {
        int status = outlet_get(ctx, r->store, &ignored, err);
        if (status == ERR_NOT_FOUND)
            return domain_refuse(ctx, err, ERR_DATA, ctx->refusal, ctx->details,
                                 "there is no store '%s'", r->store);
        TRY(status);
    }
    TRY(member_tombstone_lift(ctx, &(struct member_keys){r->unionid, r->phone, r->appid, r->openid},
                              err));
    TRY(member_enter(ctx, r, &member_no, err));
    return member_get(ctx, member_no, false, ret_document, err);
}

/* Of the number itself, not of what it leads to. *ret_id NULL: not wanted. */
static int require_here(struct domain_context *ctx, const char *member_no, const char **ret_id,
                        struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_member_state, DB_PARAMS(member_no), &row, err));
    if (db_result_rows(row) == 0)
        return refuse_unknown(ctx, member_no, err);
    TRY(member_refuse_gone(ctx, member_no, db_result_text(row, 0, 1), db_result_text(row, 0, 2),
                           err));
    if (ret_id != NULL)
        *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

int member_change(struct domain_context *ctx, const char *member_no, int64_t version,
                  const struct member_request *r, const char **ret_document, struct error *err)
{
    int64_t changed = 0, taken = 0;
    const char *phone = member_phone_plain(ctx, r->phone);
    TRY(check(ctx, r, err));
    TRY(require_here(ctx, member_no, NULL, err));
    /* The server's own log would show what it refuses. */
    TRY(db_query_int(ctx->conn, sql_member_taken, DB_PARAMS(member_no, phone), &taken, err));
    if (taken > 0)
        return refuse_taken(ctx, err);
    int status = db_execute(ctx->conn, sql_member_change,
                            DB_PARAMS(member_no, domain_int(ctx, version), r->name, phone,
                                      member_hash(ctx, "phone", phone), r->level, r->status),
                            &changed, err);
    if (status != ERR_OK && strcmp(err->sqlstate, "23505") == 0)
        return refuse_taken(ctx, err);
    TRY(status);
    TRY(member_get(ctx, member_no, false, ret_document, err));
    return changed == 1 ? ERR_OK : domain_refuse_version(ctx, *ret_document, err);
}

int member_identify(struct domain_context *ctx, const char *member_no, const char *appid,
                    const char *openid, const char **ret_document, struct error *err)
{
    const char *id = NULL;
    TRY(require_here(ctx, member_no, &id, err));
    TRY(add_identity(ctx, id, appid, openid, err));
    TRY(db_execute(ctx->conn, sql_member_touch, DB_PARAMS(id), NULL, err));
    return member_get(ctx, member_no, false, ret_document, err);
}
