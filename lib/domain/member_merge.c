/* lib/domain/member_merge.c - two members that are one person, and taking that back. */
#include "domain/member_merge.h"
#include "domain/member.h"
#include "domain/member_key.h"
#include "domain/order_internal.h"
#include "domain/points.h"
#include "domain/tier.h"
#include "domain/wallet.h"
#include "gen/embed.h"

struct party {
    const char *id, *member_no, *status, *merged_into; /* the last may be NULL */
};
#define PARTY_INIT                                                                                 \
    {                                                                                              \
        "", "", "", NULL                                                                           \
    }

/* code: that of an unknown member, who is looked for in the address or in the request. */
static int refuse_unknown(struct domain_context *ctx, enum error_code code, const char *member_no,
                          struct error *err)
{
    return domain_refuse(ctx, err, code, API_ERROR(unknown_member),
                         domain_detail(ctx, "member_no", member_no), "there is no member '%s'",
                         member_no);
}

static bool take_party(struct domain_context *ctx, const struct db_result *rows,
                       const char *member_no, struct party *ret)
{
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        if (strcmp(db_result_text(rows, i, 1), member_no) != 0)
            continue;
        *ret = (struct party){.id = arena_strdup(ctx->arena, db_result_text(rows, i, 0)),
                              .member_no = member_no,
                              .status = arena_strdup(ctx->arena, db_result_text(rows, i, 2)),
                              .merged_into = arena_strdup(ctx->arena, db_result_text(rows, i, 3))};
        return true;
    }
    return false;
}

static int lock_both(struct domain_context *ctx, const char *survivor_no, const char *other_no,
                     struct party *ret_survivor, struct party *ret_other, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_merge_lock, DB_PARAMS(survivor_no, other_no), &rows, err));
    if (!take_party(ctx, rows, survivor_no, ret_survivor))
        return refuse_unknown(ctx, ERR_NOT_FOUND, survivor_no, err);
    if (!take_party(ctx, rows, other_no, ret_other))
        return refuse_unknown(ctx, ERR_DATA, other_no, err);
    return ERR_OK;
}

static int refuse_gone(struct domain_context *ctx, const struct party *p, struct error *err)
{
    return member_refuse_gone(ctx, p->member_no, p->status, p->merged_into, err);
}

/* One text of one row, in the arena; NULL for null and for no row. */
static int one_text(struct domain_context *ctx, const char *sql, const char *const *params,
                    size_t nparams, const char **ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &row, err));
    *ret = db_result_rows(row) > 0 ? arena_strdup(ctx->arena, db_result_text(row, 0, 0)) : NULL;
    return ERR_OK;
}

/* A phone that moves has the hash that it had. */
static int set_record(struct domain_context *ctx, const char *sql, const char *merge,
                      const char *phone, struct error *err)
{
    return db_execute(ctx->conn, sql, DB_PARAMS(merge, member_hash(ctx, "phone", phone)), NULL,
                      err);
}

/* ---- merging ------------------------------------------------------------------------------ */

static int check_parties(struct domain_context *ctx, const struct party *survivor,
                         const struct party *other, struct error *err)
{
    TRY(refuse_gone(ctx, survivor, err));
    TRY(refuse_gone(ctx, other, err));
    if (strcmp(survivor->status, "active") != 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(closed_member),
                             domain_detail(ctx, "member_no", survivor->member_no),
                             "member '%s' is closed, and cannot be the one that stays",
                             survivor->member_no);
    return ERR_OK;
}

static int move_belongings(struct domain_context *ctx, const char *merge,
                           const struct party *survivor, const struct party *other,
                           struct error *err)
{
    const char *ref = arena_printf(ctx->arena, "merge:%s", merge);
    const char *note = arena_printf(ctx->arena, "%s is %s", other->member_no, survivor->member_no);
    const struct wallet_transfer money = {
        .from = other->id, .to = survivor->id, .ref = ref, .note = note};
    const struct points_transfer all = {
        .from = other->id, .to = survivor->id, .ref = ref, .note = note};
    const char *orders, *amount, *coupons;
    int64_t points = 0;
    TRY(one_text(ctx, sql_merge_orders, DB_PARAMS(other->id, survivor->id, NULL), &orders, err));
    TRY(wallet_transfer(ctx, &money, &amount, err));
    TRY(points_transfer(ctx, &all, &points, err));
    TRY(one_text(ctx, sql_merge_coupons, DB_PARAMS(other->id, survivor->id, NULL), &coupons, err));
    return db_execute(ctx->conn, sql_merge_moved,
                      DB_PARAMS(merge, orders, amount, domain_int(ctx, points), coupons), NULL,
                      err);
}

int member_merge(struct domain_context *ctx, const char *survivor_no, const char *other_no,
                 const char **ret_document, struct error *err)
{
    struct party survivor = PARTY_INIT, other = PARTY_INIT;
    const char *merge, *phone;
    if (strcmp(survivor_no, other_no) == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(same_member), NULL, "'%s' is one member",
                             other_no);
    TRY(lock_both(ctx, survivor_no, other_no, &survivor, &other, err));
    TRY(check_parties(ctx, &survivor, &other, err));
    TRY(one_text(ctx, sql_merge_insert, DB_PARAMS(survivor.id, other.id, order_user(ctx)), &merge,
                 err));
    TRY(move_belongings(ctx, merge, &survivor, &other, err));
    TRY(one_text(ctx, sql_merge_phone, DB_PARAMS(merge), &phone, err));
    TRY(db_execute(ctx->conn, sql_merge_other, DB_PARAMS(merge), NULL, err));
    TRY(set_record(ctx, sql_merge_survivor, merge, phone, err));
    TRY(tier_rise(ctx, survivor.id, err));
    return listing_one(ctx, sql_merge_get, DB_PARAMS(merge), ret_document, err);
}

/* ---- undoing ------------------------------------------------------------------------------ */

struct merge {
    const char *id, *survivor_no, *orders, *coupons;
    const char *phone; /* or NULL */
};

static int find_merge(struct domain_context *ctx, const char *other_no, struct merge *ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *ignored;
    TRY(member_get(ctx, other_no, false, &ignored, err));
    TRY(db_query(ctx->conn, sql_merge_open, DB_PARAMS(other_no), &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(not_merged),
                             domain_detail(ctx, "member_no", other_no),
                             "member '%s' is merged into nobody", other_no);
    *ret = (struct merge){.id = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
                          .survivor_no = arena_strdup(ctx->arena, db_result_text(row, 0, 1)),
                          .orders = arena_strdup(ctx->arena, db_result_text(row, 0, 2)),
                          .phone = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
                          .coupons = arena_strdup(ctx->arena, db_result_text(row, 0, 4))};
    return ERR_OK;
}

static int refuse_spent(struct domain_context *ctx, const char *due, const char *balance,
                        struct error *err)
{
    return domain_refuse(
        ctx, err, ERR_CONFLICT, API_ERROR(insufficient_balance),
        arena_printf(ctx->arena, "{\"balance\":\"%s\",\"wanted\":\"%s\"}", balance, due),
        "the wallet has %s, and %s of it would go back", balance, due);
}

static int return_wallet(struct domain_context *ctx, const struct merge *merge,
                         const struct party *survivor, const struct party *other, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *moved = NULL;
    TRY(wallet_lock_both(ctx, survivor->id, other->id, err));
    TRY(db_query(ctx->conn, sql_merge_wallet_due, DB_PARAMS(merge->id), &row, err));
    const char *due = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    const char *balance = arena_strdup(ctx->arena, db_result_text(row, 0, 1));
    const struct wallet_transfer back = {
        .from = survivor->id,
        .to = other->id,
        .amount = due,
        .ref = arena_printf(ctx->arena, "unmerge:%s", merge->id),
        .note = arena_printf(ctx->arena, "%s is not %s", other->member_no, survivor->member_no)};
    TRY(wallet_transfer(ctx, &back, &moved, err));
    return moved != NULL ? ERR_OK : refuse_spent(ctx, due, balance != NULL ? balance : "0.00", err);
}

static int return_points(struct domain_context *ctx, const struct merge *merge,
                         const struct party *survivor, const struct party *other, struct error *err)
{
    int64_t ignored;
    const struct points_transfer back = {
        .from = survivor->id,
        .to = other->id,
        .ref = arena_printf(ctx->arena, "unmerge:%s", merge->id),
        .note = arena_printf(ctx->arena, "%s is not %s", other->member_no, survivor->member_no),
        .of_ref = arena_printf(ctx->arena, "merge:%s", merge->id),
        .orders = merge->orders};
    return points_transfer_back(ctx, &back, &ignored, err);
}

static int refuse_taken(struct domain_context *ctx, struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(member_exists), NULL,
                         "the phone or unionid that would go back is another member's");
}

static int return_record(struct domain_context *ctx, const struct merge *merge, struct error *err)
{
    int64_t taken = 0;
    TRY(db_query_int(ctx->conn, sql_unmerge_taken, DB_PARAMS(merge->id), &taken, err));
    if (taken > 0)
        return refuse_taken(ctx, err);
    TRY(db_execute(ctx->conn, sql_unmerge_survivor, DB_PARAMS(merge->id), NULL, err));
    int status = set_record(ctx, sql_unmerge_other, merge->id, merge->phone, err);
    return status != ERR_OK && strcmp(err->sqlstate, "23505") == 0 ? refuse_taken(ctx, err)
                                                                   : status;
}

int member_unmerge(struct domain_context *ctx, const char *other_no, const char **ret_document,
                   struct error *err)
{
    struct merge merge = {"", "", "{}", "{}", NULL};
    struct party survivor = PARTY_INIT, other = PARTY_INIT;
    const char *ignored;
    TRY(find_merge(ctx, other_no, &merge, err));
    TRY(lock_both(ctx, merge.survivor_no, other_no, &survivor, &other, err));
    TRY(find_merge(ctx, other_no, &merge, err)); /* again: somebody may have undone it meanwhile */
    TRY(refuse_gone(ctx, &survivor, err));
    TRY(one_text(ctx, sql_merge_orders, DB_PARAMS(survivor.id, other.id, merge.orders), &ignored,
                 err));
    TRY(return_wallet(ctx, &merge, &survivor, &other, err));
    TRY(return_points(ctx, &merge, &survivor, &other, err));
    TRY(one_text(ctx, sql_merge_coupons, DB_PARAMS(survivor.id, other.id, merge.coupons), &ignored,
                 err));
    TRY(return_record(ctx, &merge, err));
    TRY(db_execute(ctx->conn, sql_unmerge_end, DB_PARAMS(merge.id, order_user(ctx)), NULL, err));
    return listing_one(ctx, sql_merge_get, DB_PARAMS(merge.id), ret_document, err);
}
