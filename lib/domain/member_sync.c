/* lib/domain/member_sync.c - members as another system, a CRM, has them. */
#include "domain/member_sync.h"
#include "domain/member_erase.h"
#include "domain/member_key.h"
#include "gen/embed.h"

struct target {
    const char *id, *member_no, *status; /* id NULL: there is none */
};

static int find_target(struct domain_context *ctx, const struct member_item *item,
                       struct target *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *phone = member_phone_plain(ctx, item->keys.phone);
    const char *hash = member_hash(ctx, "phone", phone);
    TRY(db_query(ctx->conn, sql_sync_find,
                 DB_PARAMS(item->ref, item->keys.unionid, hash, hash != NULL ? NULL : phone,
                           item->keys.appid, item->keys.openid),
                 &row, err));
    *ret = (struct target){NULL, NULL, NULL};
    if (db_result_rows(row) > 0)
        *ret = (struct target){arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
                               arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
                               arena_strdup(ctx->arena, db_result_text(row, 0, 2))};
    return ERR_OK;
}

/* A phone, unionid or openid that would be taken over and is another's. */
static int is_taken(struct domain_context *ctx, const struct member_item *item, const char *id,
                    bool *ret, struct error *err)
{
    int64_t taken = 0;
    const struct member_keys *k = &item->keys;
    TRY(db_query_int(
        ctx->conn, sql_sync_taken,
        DB_PARAMS(id, member_phone_plain(ctx, k->phone), k->unionid, k->appid, k->openid), &taken,
        err));
    *ret = taken > 0;
    return ERR_OK;
}

/* *ret_is_changed: whether there was anything to change, under that version. */
static int take_over(struct domain_context *ctx, const struct member_item *item, const char *id,
                     bool *ret_is_changed, struct error *err)
{
    int64_t changed = 0, identified = 0;
    const struct member_keys *k = &item->keys;
    const char *phone = member_phone_plain(ctx, k->phone);
    TRY(db_execute(ctx->conn, sql_sync_change,
                   DB_PARAMS(id, item->name, phone, member_hash(ctx, "phone", phone), k->unionid),
                   &changed, err));
    if (k->openid != NULL)
        TRY(db_execute(ctx->conn, sql_sync_identify, DB_PARAMS(id, k->appid, k->openid),
                       &identified, err));
    if (identified > 0)
        TRY(db_execute(ctx->conn, sql_member_touch, DB_PARAMS(id), NULL, err));
    *ret_is_changed = changed + identified > 0;
    return ERR_OK;
}

static int change(struct domain_context *ctx, struct member_item *item, const struct target *target,
                  struct error *err)
{
    int64_t is_current = 1;
    bool taken = false, is_changed = false;
    item->member_no = target->member_no;
    if (item->version > 0)
        TRY(db_query_int(ctx->conn, sql_sync_version,
                         DB_PARAMS(target->id, domain_int(ctx, item->version)), &is_current, err));
    TRY(is_taken(ctx, item, target->id, &taken, err));
    if (is_current == 0 || taken) {
        item->error = taken ? API_ERROR(member_exists) : API_ERROR(version_conflict);
        return ERR_OK;
    }
    TRY(take_over(ctx, item, target->id, &is_changed, err));
    item->result = is_changed ? "changed" : "unchanged";
    return ERR_OK;
}

static int create(struct domain_context *ctx, struct member_item *item, struct error *err)
{
    bool is_erased = false, taken = false;
    const struct member_request request = {.name = item->name,
                                           .phone = item->keys.phone,
                                           .unionid = item->keys.unionid,
                                           .appid = item->keys.appid,
                                           .openid = item->keys.openid};
    TRY(member_tombstone_find(ctx, &item->keys, &is_erased, err));
    TRY(is_taken(ctx, item, "0", &taken, err));
    if (is_erased)
        item->result = "erased";
    else if (item->name == NULL || taken)
        item->error = taken ? API_ERROR(member_exists) : API_ERROR(invalid_member);
    if (is_erased || item->error != NULL)
        return ERR_OK;
    TRY(member_enter(ctx, &request, &item->member_no, err));
    item->result = "created";
    return ERR_OK;
}

static int sync_one(struct domain_context *ctx, struct member_item *item, struct error *err)
{
    struct target target;
    if (item->keys.phone != NULL && !member_phone_is(item->keys.phone))
        item->keys.phone = NULL; /* what a CRM has there may be any text, and tells nobody */
    if (item->name != NULL && item->name[0] == '\0')
        item->name = NULL;
    TRY(find_target(ctx, item, &target, err));
    if (target.id == NULL)
        return create(ctx, item, err);
    if (strcmp(target.status, "merged") != 0 && strcmp(target.status, "erased") != 0)
        return change(ctx, item, &target, err);
    item->member_no = target.member_no;
    item->result = target.status;
    return ERR_OK;
}

int member_sync(struct domain_context *ctx, struct member_item *items, size_t count,
                struct error *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(sync_one(ctx, &items[i], err));
    return ERR_OK;
}
