/* lib/domain/tier.c - the levels of members. */
#include "domain/tier.h"
#include "core/clock.h"
#include "core/signals.h"
#include "domain/listing.h"
#include "domain/points_rules.h"
#include "gen/embed.h"
#include <string.h>

#define BATCH 10000

static bool has_tiers(const struct domain_context *ctx)
{
    return ctx->points != NULL && ctx->points->tiers > 0;
}

int tier_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
             struct error *err)
{
    bool has = has_tiers(ctx);
    int status = listing_one(ctx, sql_tier_get,
                             DB_PARAMS(member_no, has ? ctx->points->names : "{}",
                                       has ? ctx->points->starts : "{}",
                                       has ? ctx->points->window : "12 months"),
                             ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_member),
                             domain_detail(ctx, "member_no", member_no), "there is no member '%s'",
                             member_no);
    return status;
}

int tier_list(struct domain_context *ctx, const char **ret_document, struct error *err)
{
    bool has = has_tiers(ctx);
    return listing_one(ctx, sql_tier_list,
                       DB_PARAMS(has ? ctx->points->names : "{}", has ? ctx->points->starts : "{}",
                                 has ? ctx->points->rates : "{}"),
                       ret_document, err);
}

/* Adds to ret (or NULL) what was done. */
static int settle(struct domain_context *ctx, const char *member_id, bool may_fall,
                  struct tier_counts *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const struct points_rules *r = ctx->points;
    TRY(db_query(ctx->conn, sql_tier_settle,
                 DB_PARAMS(member_id, r->names, r->starts, r->window, may_fall ? "true" : "false"),
                 &row, err));
    if (ret != NULL && db_result_rows(row) == 1) {
        bool rose = db_result_bool(row, 0, 0);
        ret->raised += rose;
        ret->lowered += !rose;
    }
    return ERR_OK;
}

int tier_rise(struct domain_context *ctx, const char *member_id, struct error *err)
{
    return has_tiers(ctx) ? settle(ctx, member_id, false, NULL, err) : ERR_OK;
}

/* ---- evaluation --------------------------------------------------------------------------- */

static int find_wrong(struct domain_context *ctx, const char *after, struct db_result **ret,
                      struct error *err)
{
    const struct points_rules *r = ctx->points;
    return db_query(ctx->conn, sql_tier_wrong,
                    DB_PARAMS(r->names, r->starts, r->window, after, domain_int(ctx, BATCH)), ret,
                    err);
}

/* Its points are locked, so that nothing is earned between the look and the change. */
static int settle_locked(struct domain_context *ctx, const char *member_id,
                         struct tier_counts *counts, struct error *err)
{
    int64_t balance;
    TRY(db_query_int(ctx->conn, sql_points_open, DB_PARAMS(member_id), &balance, err));
    return settle(ctx, member_id, true, counts, err);
}

static int settle_one(struct domain_context *ctx, const char *member_id, struct tier_counts *counts,
                      struct error *err)
{
    if (signals_pending() != 0)
        return error_set(err, ERR_CANCELLED, "stopped by a signal: what is evaluated stands");
    TRY(db_begin(ctx->conn, err));
    int status = settle_locked(ctx, member_id, counts, err);
    if (status == ERR_OK)
        return db_commit(ctx->conn, err);
    db_rollback(ctx->conn);
    return status;
}

/* *ret_after: the last of the batch; NULL: there is no more. */
static int settle_batch(struct domain_context *ctx, int64_t stop_at_ms, const char **ret_after,
                        struct tier_counts *counts, bool *ret_more, struct error *err)
{
    AUTO_RESULT struct db_result *wrong = NULL;
    TRY(find_wrong(ctx, *ret_after, &wrong, err));
    size_t n = db_result_rows(wrong);
    for (size_t i = 0; i < n && !*ret_more; i++) {
        TRY(settle_one(ctx, db_result_text(wrong, i, 0), counts, err));
        *ret_more = stop_at_ms > 0 && clock_monotonic_ms() >= stop_at_ms;
    }
    *ret_after = n == BATCH ? arena_strdup(ctx->arena, db_result_text(wrong, n - 1, 0)) : NULL;
    return ERR_OK;
}

int tier_evaluate(struct domain_context *ctx, int64_t stop_at_ms, struct tier_counts *ret,
                  bool *ret_more, struct error *err)
{
    const char *after = has_tiers(ctx) ? "0" : NULL;
    *ret = (struct tier_counts){0};
    *ret_more = false;
    while (after != NULL && !*ret_more)
        TRY(settle_batch(ctx, stop_at_ms, &after, ret, ret_more, err));
    return ERR_OK;
}

int tier_evaluate_count(struct domain_context *ctx, struct tier_counts *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret = (struct tier_counts){0};
    if (!has_tiers(ctx))
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_tier_count,
                 DB_PARAMS(ctx->points->names, ctx->points->starts, ctx->points->window), &row,
                 err));
    ret->raised = db_result_int(row, 0, 0);
    ret->lowered = db_result_int(row, 0, 1);
    return ERR_OK;
}
