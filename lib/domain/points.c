/* lib/domain/points.c - the points of members. */
#include "domain/points.h"
#include "core/clock.h"
#include "core/signals.h"
#include "domain/order_internal.h"
#include "domain/points_rules.h"
#include "domain/tier.h"
#include "domain/wallet.h"
#include "gen/embed.h"
#include <inttypes.h>

static int refuse_unknown(struct domain_context *ctx, const char *member_no, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_member),
                         domain_detail(ctx, "member_no", member_no), "there is no member '%s'",
                         member_no);
}

/* NULL where the rules have none. */
static const char *interval(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static const struct points_rules *rules(const struct domain_context *ctx)
{
    static const struct points_rules none = {.per_yuan = "0",
                                             .timezone = "Asia/Shanghai",
                                             .allows_debt = true,
                                             .names = "{}",
                                             .starts = "{}",
                                             .rates = "{}"};
    return ctx->points != NULL ? ctx->points : &none;
}

/* ---- reading ------------------------------------------------------------------------------ */

int points_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
               struct error *err)
{
    int status = listing_one(ctx, sql_points_get, DB_PARAMS(member_no), ret_document, err);
    return status == ERR_NOT_FOUND ? refuse_unknown(ctx, member_no, err) : status;
}

bool points_kind_is_known(const char *kind)
{
    static const char *const known[] = {"earn",     "spend",  "refund",
                                        "clawback", "expire", "transfer"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(kind, known[i]) == 0)
            return true;
    return false;
}

static const struct listing_sort points_log_sorts[] = {
    {"id", {NULL, NULL}},
    {"created_at", {"l.created_at", "timestamptz"}},
    {"points", {"l.amount", "bigint"}},
    {0}};
const struct listing_spec points_log_listing = {.sql = sql_points_log_list,
                                                .count = sql_points_log_count,
                                                .ncount = 2,
                                                .sorts = points_log_sorts,
                                                .ties = {{"l.id", "bigint"}},
                                                .order = "id"};

int points_log_list(struct domain_context *ctx, const char *member_no, const char *kind,
                    const struct listing_from *from, struct listing *out, struct error *err)
{
    const char *ignored;
    TRY(points_get(ctx, member_no, &ignored, err));
    return listing_run(ctx, &points_log_listing, DB_PARAMS(member_no, kind), from, out, err);
}

/* ---- by hand ------------------------------------------------------------------------------ */

struct change {
    const struct points_change *wanted;
    const char *kind, *member_id, *origin_id;
    int64_t points;     /* signed */
    const char *log_id; /* once it is made */
};

static int refuse_reused(struct domain_context *ctx, const char *ref, struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(ref_reused),
                         domain_detail(ctx, "ref", ref), "'%s' is the reference of another entry",
                         ref);
}

/* c->log_id stays NULL: there is none under that reference. */
static int find_entry(struct domain_context *ctx, struct change *c, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_points_log_find,
                 DB_PARAMS(c->kind, c->wanted->ref, c->member_id,
                           c->points != 0 ? domain_int(ctx, c->points) : NULL, c->origin_id),
                 &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    if (!db_result_bool(row, 0, 1))
        return refuse_reused(ctx, c->wanted->ref, err);
    c->log_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

/* The account is locked first, so that of two that say the same the second finds the first. */
static int open_account(struct domain_context *ctx, struct change *c, int64_t *ret_balance,
                        struct error *err)
{
    TRY(db_query_int(ctx->conn, sql_points_open, DB_PARAMS(c->member_id), ret_balance, err));
    return find_entry(ctx, c, err);
}

static int make_entry(struct domain_context *ctx, struct change *c, const char *sql,
                      const char *const *params, size_t nparams, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    int status = db_query(ctx->conn, sql, params, nparams, &row, err);
    if (status != ERR_OK && strcmp(err->sqlstate, "23505") == 0)
        return refuse_reused(ctx, c->wanted->ref, err); /* just now, for another member */
    TRY(status);
    if (db_result_text(row, 0, 0) == NULL)
        return refuse_reused(ctx, c->wanted->ref, err);
    c->log_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

static int give_entry(struct domain_context *ctx, const struct change *c, const char **ret_document,
                      struct error *err)
{
    return listing_one(ctx, sql_points_log_get, DB_PARAMS(c->log_id), ret_document, err);
}

static int check_end(struct domain_context *ctx, const char *expires_on, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    if (expires_on == NULL)
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_points_ends_later, DB_PARAMS(expires_on, rules(ctx)->timezone),
                 &row, err));
    if (db_result_bool(row, 0, 0))
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(out_of_range),
                         domain_detail(ctx, "expires_on", expires_on),
                         "points that are over on %s are over already", expires_on);
}

int points_earn(struct domain_context *ctx, const struct points_change *wanted,
                const char **ret_document, struct error *err)
{
    struct change c = {.wanted = wanted, .kind = "earn", .points = wanted->points};
    int64_t balance;
    TRY(wallet_member(ctx, wanted->member_no, ERR_NOT_FOUND, &c.member_id, err));
    TRY(open_account(ctx, &c, &balance, err));
    if (c.log_id == NULL) {
        TRY(check_end(ctx, wanted->expires_on, err));
        TRY(make_entry(ctx, &c, sql_points_earn,
                       DB_PARAMS(c.member_id, wanted->ref, domain_int(ctx, c.points),
                                 wanted->order_id, wanted->note, order_user(ctx),
                                 rules(ctx)->timezone, interval(rules(ctx)->expiry),
                                 wanted->expires_on),
                       err));
        TRY(tier_rise(ctx, c.member_id, err));
    }
    return give_entry(ctx, &c, ret_document, err);
}

static int refuse_short(struct domain_context *ctx, int64_t balance, int64_t wanted,
                        struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(insufficient_points),
                         arena_printf(ctx->arena,
                                      "{\"balance\":%" PRId64 ",\"wanted\":%" PRId64 "}", balance,
                                      wanted),
                         "there are %" PRId64 " points, not %" PRId64, balance, wanted);
}

int points_spend(struct domain_context *ctx, const struct points_change *wanted,
                 const char **ret_document, struct error *err)
{
    struct change c = {.wanted = wanted, .kind = "spend", .points = -wanted->points};
    int64_t balance;
    TRY(wallet_member(ctx, wanted->member_no, ERR_NOT_FOUND, &c.member_id, err));
    TRY(open_account(ctx, &c, &balance, err));
    if (c.log_id == NULL && balance < wanted->points)
        return refuse_short(ctx, balance, wanted->points, err);
    if (c.log_id == NULL)
        TRY(make_entry(ctx, &c, sql_points_spend,
                       DB_PARAMS(c.member_id, wanted->ref, domain_int(ctx, c.points),
                                 wanted->order_id, wanted->note, order_user(ctx)),
                       err));
    return give_entry(ctx, &c, ret_document, err);
}

/* The spending, its account, and how much of it has not come back. */
static int find_spending(struct domain_context *ctx, struct change *c, int64_t *ret_left,
                         struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *ref = c->wanted->of_ref;
    TRY(db_query(ctx->conn, sql_points_spending, DB_PARAMS(c->wanted->member_no, ref), &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_spending),
                             domain_detail(ctx, "of_ref", ref),
                             "the member spent nothing under '%s'", ref);
    c->origin_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    c->member_id = arena_strdup(ctx->arena, db_result_text(row, 0, 1));
    *ret_left = db_result_int(row, 0, 2);
    return ERR_OK;
}

static int check_refund(struct domain_context *ctx, struct change *c, int64_t left,
                        struct error *err)
{
    if (c->points == 0)
        c->points = left;
    if (left > 0 && c->points <= left)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(refund_exceeds_spending),
                         arena_printf(ctx->arena, "{\"left\":%" PRId64 "}", left),
                         "%" PRId64 " points of '%s' can still come back", left, c->wanted->of_ref);
}

int points_refund(struct domain_context *ctx, const struct points_change *wanted,
                  const char **ret_document, struct error *err)
{
    struct change c = {.wanted = wanted, .kind = "refund", .points = wanted->points};
    const char *ignored;
    int64_t balance, left = 0;
    TRY(points_get(ctx, wanted->member_no, &ignored, err));
    TRY(find_spending(ctx, &c, &left, err));
    TRY(open_account(ctx, &c, &balance, err));
    if (c.log_id == NULL) {
        TRY(find_spending(ctx, &c, &left, err)); /* under lock */
        TRY(check_refund(ctx, &c, left, err));
        TRY(make_entry(ctx, &c, sql_points_give_back,
                       DB_PARAMS(c.member_id, wanted->ref, domain_int(ctx, c.points), c.origin_id,
                                 wanted->order_id, wanted->note, order_user(ctx),
                                 rules(ctx)->timezone, interval(rules(ctx)->grace)),
                       err));
    }
    return give_entry(ctx, &c, ret_document, err);
}

/* ---- orders ------------------------------------------------------------------------------- */

int points_hold(struct domain_context *ctx, const char *member_id, struct error *err)
{
    int64_t balance;
    if (ctx->points == NULL)
        return ERR_OK;
    return db_query_int(ctx->conn, sql_points_open, DB_PARAMS(member_id), &balance, err);
}

int points_earn_order(struct domain_context *ctx, const struct locked_order *order,
                      struct error *err)
{
    const struct points_rules *r = rules(ctx);
    if (order->member_id == NULL || ctx->points == NULL)
        return ERR_OK;
    TRY(db_execute(ctx->conn, sql_points_earn_order,
                   DB_PARAMS(order->id, r->per_yuan, r->names, r->rates, r->timezone,
                             interval(r->expiry), order_user(ctx)),
                   NULL, err));
    return tier_rise(ctx, order->member_id, err);
}

int points_take_back(struct domain_context *ctx, const char *refund_no, struct error *err)
{
    return db_execute(
        ctx->conn, sql_points_claw_back,
        DB_PARAMS(refund_no, rules(ctx)->allows_debt ? "true" : "false", order_user(ctx)), NULL,
        err);
}

/* ---- one person that was two members ------------------------------------------------------ */

int points_transfer(struct domain_context *ctx, const struct points_transfer *t, int64_t *ret,
                    struct error *err)
{
    return db_query_int(ctx->conn, sql_points_transfer,
                        DB_PARAMS(t->from, t->to, t->ref, t->note, order_user(ctx)), ret, err);
}

int points_transfer_back(struct domain_context *ctx, const struct points_transfer *t, int64_t *ret,
                         struct error *err)
{
    return db_query_int(ctx->conn, sql_points_transfer_back,
                        DB_PARAMS(t->of_ref, t->from, t->to, t->orders != NULL ? t->orders : "{}",
                                  t->ref, t->note, order_user(ctx), rules(ctx)->timezone,
                                  interval(rules(ctx)->expiry)),
                        ret, err);
}

/* ---- expiry ------------------------------------------------------------------------------- */

static int add_counts(struct domain_context *ctx, const char *sql, const char *const *params,
                      size_t nparams, struct points_expired *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &row, err));
    ret->members += db_result_int(row, 0, 0);
    ret->lots += db_result_int(row, 0, 1);
    ret->points += db_result_int(row, 0, 2);
    return ERR_OK;
}

int points_expire(struct domain_context *ctx, int64_t batch, int64_t stop_at_ms,
                  struct points_expired *ret, bool *ret_more, struct error *err)
{
    const char *members = domain_int(ctx, batch);
    int64_t before = -1;
    *ret = (struct points_expired){0};
    *ret_more = false;
    while (ret->members > before) {
        *ret_more = stop_at_ms > 0 && clock_monotonic_ms() >= stop_at_ms;
        if (*ret_more)
            break;
        if (signals_pending() != 0)
            return error_set(err, ERR_CANCELLED, "stopped by a signal: what has expired stands");
        before = ret->members;
        TRY(add_counts(ctx, sql_points_expire, DB_PARAMS(members), ret, err));
    }
    return ERR_OK;
}

int points_expire_count(struct domain_context *ctx, struct points_expired *ret, struct error *err)
{
    *ret = (struct points_expired){0};
    return add_counts(ctx, sql_points_due, DB_NO_PARAMS, ret, err);
}
