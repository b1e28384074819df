/* lib/domain/wallet.c - the wallets of members. */
#include "domain/wallet.h"
#include "core/decimal.h"
#include "domain/order_internal.h"
#include "gen/embed.h"

static int refuse_unknown(struct domain_context *ctx, enum error_code code, const char *member_no,
                          struct error *err)
{
    return domain_refuse(ctx, err, code, API_ERROR(unknown_member),
                         domain_detail(ctx, "member_no", member_no), "there is no member '%s'",
                         member_no);
}

int wallet_member(struct domain_context *ctx, const char *member_no, enum error_code code,
                  const char **ret_id, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_wallet_member, DB_PARAMS(member_no), &row, err));
    if (db_result_rows(row) == 0)
        return refuse_unknown(ctx, code, member_no, err);
    if (strcmp(db_result_text(row, 0, 1), "active") != 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(closed_member),
                             domain_detail(ctx, "member_no", member_no), "member '%s' is closed",
                             member_no);
    *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

int wallet_get(struct domain_context *ctx, const char *member_no, const char **ret_document,
               struct error *err)
{
    int status = listing_one(ctx, sql_wallet_get, DB_PARAMS(member_no), ret_document, err);
    return status == ERR_NOT_FOUND ? refuse_unknown(ctx, ERR_NOT_FOUND, member_no, err) : status;
}

bool wallet_kind_is_known(const char *kind)
{
    return strcmp(kind, "topup") == 0 || strcmp(kind, "payment") == 0 ||
           strcmp(kind, "refund") == 0 || strcmp(kind, "adjust") == 0 ||
           strcmp(kind, "transfer") == 0;
}

static const struct listing_sort wallet_log_sorts[] = {
    {"id", {NULL, NULL}},
    {"created_at", {"l.created_at", "timestamptz"}},
    {"amount", {"l.amount", "numeric"}},
    {0}};
const struct listing_spec wallet_log_listing = {.sql = sql_wallet_log_list,
                                                .count = sql_wallet_log_count,
                                                .ncount = 2,
                                                .sorts = wallet_log_sorts,
                                                .ties = {{"l.id", "bigint"}},
                                                .order = "id"};

int wallet_log_list(struct domain_context *ctx, const char *member_no, const char *kind,
                    const struct listing_from *from, struct listing *out, struct error *err)
{
    const char *ignored;
    TRY(wallet_get(ctx, member_no, &ignored, err));
    return listing_run(ctx, &wallet_log_listing, DB_PARAMS(member_no, kind), from, out, err);
}

/* ---- moving ------------------------------------------------------------------------------- */

struct movement {
    const char *member_id, *kind, *amount, *ref; /* amount: signed */
    const char *order_id, *note;                 /* or NULL */
};

/* *ret_id NULL: there is not that much. */
static int move(struct domain_context *ctx, const struct movement *m, const char **ret_id,
                struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(
        ctx->conn, sql_wallet_move,
        DB_PARAMS(m->member_id, m->kind, m->amount, m->ref, m->order_id, m->note, order_user(ctx)),
        &row, err));
    *ret_id = db_result_rows(row) == 1 ? arena_strdup(ctx->arena, db_result_text(row, 0, 0)) : NULL;
    return ERR_OK;
}

/* *ret_balance NULL: it was never used. */
static int lock_wallet(struct domain_context *ctx, const char *member_id, const char **ret_balance,
                       struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_wallet_lock, DB_PARAMS(member_id), &row, err));
    *ret_balance =
        db_result_rows(row) == 1 ? arena_strdup(ctx->arena, db_result_text(row, 0, 0)) : NULL;
    return ERR_OK;
}

static int refuse_reused(struct domain_context *ctx, const char *ref, struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(ref_reused),
                         domain_detail(ctx, "ref", ref), "'%s' is another top-up", ref);
}

/* *ret_id NULL: there is none under that reference. */
static int find_topup(struct domain_context *ctx, const struct movement *m, const char **ret_id,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret_id = NULL;
    TRY(db_query(ctx->conn, sql_wallet_log_find,
                 DB_PARAMS(m->kind, m->ref, m->member_id, m->amount), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    if (!db_result_bool(row, 0, 1))
        return refuse_reused(ctx, m->ref, err);
    *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    return ERR_OK;
}

int wallet_top_up(struct domain_context *ctx, const struct wallet_topup *topup,
                  const char **ret_document, struct error *err)
{
    struct movement m = {
        .kind = "topup", .amount = topup->amount, .ref = topup->ref, .note = topup->note};
    const char *id, *ignored;
    TRY(wallet_member(ctx, topup->member_no, ERR_NOT_FOUND, &m.member_id, err));
    TRY(db_execute(ctx->conn, sql_wallet_open, DB_PARAMS(m.member_id), NULL, err));
    /* Locked first, so that of two that say the same the second finds the first. */
    TRY(lock_wallet(ctx, m.member_id, &ignored, err));
    TRY(find_topup(ctx, &m, &id, err));
    if (id == NULL) {
        int status = move(ctx, &m, &id, err);
        if (status != ERR_OK && strcmp(err->sqlstate, "23505") == 0)
            return refuse_reused(ctx, topup->ref, err); /* just now, for another member */
        TRY(status);
    }
    return listing_one(ctx, sql_wallet_log_get, DB_PARAMS(id), ret_document, err);
}

/* ---- one person's wallets ----------------------------------------------------------------- */

int wallet_lock_both(struct domain_context *ctx, const char *member_id, const char *other_id,
                     struct error *err)
{
    return db_execute(ctx->conn, sql_wallet_lock_two, DB_PARAMS(member_id, other_id), NULL, err);
}

int wallet_transfer(struct domain_context *ctx, const struct wallet_transfer *t,
                    const char **ret_amount, struct error *err)
{
    struct movement m = {.kind = "transfer", .note = t->note};
    struct decimal amount;
    const char *id, *balance = NULL;
    TRY(wallet_lock_both(ctx, t->from, t->to, err));
    TRY(lock_wallet(ctx, t->from, &balance, err));
    *ret_amount = t->amount != NULL ? t->amount : balance != NULL ? balance : "0.00";
    if (!decimal_parse(*ret_amount, strlen(*ret_amount), &amount))
        return error_set(err, ERR_BUG, "'%s' is no amount", *ret_amount);
    if (balance != NULL)
        TRY(db_execute(ctx->conn, sql_wallet_open, DB_PARAMS(t->to), NULL, err));
    if (amount.coefficient == 0)
        return ERR_OK;
    m.member_id = t->from;
    m.amount = arena_printf(ctx->arena, "-%s", *ret_amount);
    m.ref = arena_printf(ctx->arena, "%s:out", t->ref);
    id = NULL;
    if (amount.coefficient > 0)
        TRY(move(ctx, &m, &id, err));
    if (id == NULL) {
        *ret_amount = NULL;
        return ERR_OK;
    }
    m.member_id = t->to;
    m.amount = *ret_amount;
    m.ref = arena_printf(ctx->arena, "%s:in", t->ref);
    return move(ctx, &m, &id, err);
}

int wallet_pay_out(struct domain_context *ctx, const char *member_id, const char *ref,
                   struct error *err)
{
    struct movement m = {.member_id = member_id, .kind = "adjust", .ref = ref, .note = "paid out"};
    const char *balance, *id;
    TRY(lock_wallet(ctx, member_id, &balance, err));
    m.amount = arena_printf(ctx->arena, "-%s", balance);
    int status = move(ctx, &m, &id, err);
    if (status != ERR_OK && strcmp(err->sqlstate, "23505") == 0)
        return refuse_reused(ctx, ref, err);
    return status;
}

/* ---- orders ------------------------------------------------------------------------------- */

int wallet_customer(struct domain_context *ctx, const char *member_no, bool with_wallet,
                    const char **ret_id, struct error *err)
{
    const char *ignored;
    TRY(wallet_member(ctx, member_no, ERR_DATA, ret_id, err));
    return with_wallet ? lock_wallet(ctx, *ret_id, &ignored, err) : ERR_OK;
}

static int refuse_short(struct domain_context *ctx, const struct locked_order *order,
                        struct error *err)
{
    const char *balance = NULL;
    TRY(lock_wallet(ctx, order->member_id, &balance, err));
    if (balance == NULL)
        balance = "0.00";
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(insufficient_balance),
                         arena_printf(ctx->arena, "{\"balance\":\"%s\",\"wanted\":\"%s\"}", balance,
                                      order->total_amount),
                         "the wallet has %s, the order costs %s", balance, order->total_amount);
}

int wallet_pay(struct domain_context *ctx, const struct locked_order *order, const char *payment_no,
               struct error *err)
{
    const struct movement m = {.member_id = order->member_id,
                               .kind = "payment",
                               .amount = arena_printf(ctx->arena, "-%s", order->total_amount),
                               .ref = payment_no,
                               .order_id = order->id};
    const char *id;
    if (order->member_id == NULL)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(no_member),
                             domain_detail(ctx, "order_no", order->order_no),
                             "order '%s' is of no member, so there is no wallet to pay it from",
                             order->order_no);
    TRY(move(ctx, &m, &id, err));
    return id != NULL ? ERR_OK : refuse_short(ctx, order, err);
}

int wallet_refund(struct domain_context *ctx, const struct locked_order *order,
                  const char *refund_no, const char *amount, struct error *err)
{
    const struct movement m = {.member_id = order->member_id,
                               .kind = "refund",
                               .amount = amount,
                               .ref = refund_no,
                               .order_id = order->id};
    const char *id;
    TRY(move(ctx, &m, &id, err));
    return id != NULL
               ? ERR_OK
               : error_set(err, ERR_BUG, "the wallet that paid '%s' is gone", order->order_no);
}
