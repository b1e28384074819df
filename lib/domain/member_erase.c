/* lib/domain/member_erase.c - a person's data is erased; money stays. */
#include "domain/member_erase.h"
#include "core/clock.h"
#include "domain/member.h"
#include "domain/member_export.h"
#include "domain/member_key.h"
#include "domain/wallet.h"
#include "gen/embed.h"
#include <inttypes.h>

/* ---- what is not at its end --------------------------------------------------------------- */

static int lock_person(struct domain_context *ctx, const char *member_no, const char *ids,
                       struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_erase_lock, DB_PARAMS(ids), &rows, err));
    for (size_t i = 0; i < db_result_rows(rows); i++)
        if (db_result_bool(rows, i, 1))
            return member_refuse_gone(ctx, member_no, "erased", NULL, err);
    return ERR_OK;
}

static int refuse_open(const char *member_no, const struct db_result *row, int64_t unsent,
                       struct error *err)
{
    const char *order = db_result_text(row, 0, 4);
    error_set(err, ERR_CONFLICT,
              "member '%s' still has %s in the wallet, %" PRId64 " open orders%s%s, %" PRId64
              " open refunds, %" PRId64 " open payments, %" PRId64
              " writes that were not sent to other systems",
              member_no, db_result_text(row, 0, 0), db_result_int(row, 0, 1),
              order != NULL ? ", such as " : "", order != NULL ? order : "",
              db_result_int(row, 0, 2), db_result_int(row, 0, 3), unsent);
    return error_hint(err, "pay the balance out and say so with --pay-out, end the orders "
                           "(orders fulfill, cancel), let 'diner orders settle' and 'diner members "
                           "sync' finish");
}

static int count_unsent(struct db_conn *warehouse, const struct member_traces *traces,
                        int64_t *ret_count, struct error *err)
{
    AUTO_RESULT struct db_result *there = NULL;
    TRY(db_query(warehouse, sql_erase_there, DB_NO_PARAMS, &there, err));
    if (!db_result_bool(there, 0, 1))
        return ERR_OK;
    return db_query_int(warehouse, sql_erase_unsent, DB_PARAMS(traces->telling.data), ret_count,
                        err);
}

static int check_ended(struct domain_context *ctx, struct db_conn *warehouse, const char *member_no,
                       const struct member_traces *traces, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    int64_t unsent = 0;
    TRY(db_query(ctx->conn, sql_erase_open, DB_PARAMS(traces->ids), &row, err));
    TRY(count_unsent(warehouse, traces, &unsent, err));
    if (strcmp(db_result_text(row, 0, 0), "0.00") == 0 && db_result_int(row, 0, 1) == 0 &&
        db_result_int(row, 0, 2) == 0 && db_result_int(row, 0, 3) == 0 && unsent == 0)
        return ERR_OK;
    return refuse_open(member_no, row, unsent, err);
}

int member_erase_pay_out(struct domain_context *ctx, const char *member_no, const char *ref,
                         struct error *err)
{
    AUTO_RESULT struct db_result *wallets = NULL;
    const char *ids;
    int64_t ignored;
    TRY(member_person(ctx, member_no, &ids, &ignored, err));
    TRY(db_query(ctx->conn, sql_erase_wallets, DB_PARAMS(ids), &wallets, err));
    for (size_t i = 0; i < db_result_rows(wallets); i++)
        TRY(wallet_pay_out(ctx, db_result_text(wallets, i, 0), ref, err));
    return ERR_OK;
}

/* ---- what tells the person ---------------------------------------------------------------- */

/* By what they are known again. */
static int keep_tombstone(struct domain_context *ctx, const struct member_traces *traces,
                          const char *kind, const char *value, struct error *err)
{
    const char *of = strcmp(kind, "identity") == 0 ? "openid" : kind;
    if (strcmp(of, "phone") == 0)
        value = member_phone_plain(ctx, value);
    else if (strcmp(kind, "unionid") != 0 && strcmp(kind, "identity") != 0)
        return ERR_OK;
    return db_execute(ctx->conn, sql_erase_tombstone,
                      DB_PARAMS(member_hash(ctx, of, value), of, traces->ids), NULL, err);
}

static int take_traces(struct domain_context *ctx, const struct db_result *rows,
                       struct member_traces *traces, struct error *err)
{
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        const char *kind = db_result_text(rows, i, 0), *value = db_result_text(rows, i, 1);
        member_traces_add(traces, kind, value);
        TRY(keep_tombstone(ctx, traces, kind, value, err));
    }
    return ERR_OK;
}

static int gather_crm(struct domain_context *ctx, struct db_conn *warehouse,
                      struct member_traces *traces, struct error *err)
{
    AUTO_RESULT struct db_result *there = NULL, *rows = NULL;
    TRY(db_query(warehouse, sql_erase_there, DB_NO_PARAMS, &there, err));
    if (!db_result_bool(there, 0, 0))
        return ERR_OK;
    TRY(db_query(warehouse, sql_erase_crm, DB_PARAMS(traces->member_nos.data, traces->telling.data),
                 &rows, err));
    return take_traces(ctx, rows, traces, err);
}

int member_erase_begin(struct domain_context *ctx, struct db_conn *warehouse, const char *member_no,
                       struct member_traces *ret, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    char id[37];
    int64_t ignored;
    TRY(member_key_require(ctx, err));
    clock_random_uuid(id);
    ret->token = arena_printf(ctx->arena, "erased-%s", id);
    TRY(member_person(ctx, member_no, &ret->ids, &ignored, err));
    TRY(lock_person(ctx, member_no, ret->ids, err));
    TRY(db_query(ctx->conn, sql_erase_traces, DB_PARAMS(ret->ids), &rows, err));
    TRY(take_traces(ctx, rows, ret, err));
    TRY(gather_crm(ctx, warehouse, ret, err));
    return check_ended(ctx, warehouse, member_no, ret, err);
}

/* ---- erasing ------------------------------------------------------------------------------ */

/* A statement about the person, and how many rows of which table it changed. */
static int change(struct domain_context *ctx, const char *sql, const char *const *params,
                  size_t nparams, const char *table, member_traces_count *count, void *self,
                  struct error *err)
{
    int64_t rows = 0;
    TRY(db_execute(ctx->conn, sql, params, nparams, &rows, err));
    return rows > 0 ? count(self, table, rows, err) : ERR_OK;
}

static int erase_records(struct domain_context *ctx, const struct member_traces *t,
                         member_traces_count *count, void *self, struct error *err)
{
    TRY(change(ctx, sql_erase_member, DB_PARAMS(t->ids, t->token), "app.members", count, self,
               err));
    TRY(change(ctx, sql_erase_identities, DB_PARAMS(t->ids), "app.member_identities", count, self,
               err));
    TRY(change(ctx, sql_erase_merges, DB_PARAMS(t->ids), "app.member_merges", count, self, err));
    return change(ctx, sql_erase_orders, DB_PARAMS(t->ids, t->token), "app.orders", count, self,
                  err);
}

/* Ids of members are the platform's own: in another database they are nobody's. */
static int erase_elsewhere(struct db_conn *warehouse, const struct member_traces *traces,
                           member_traces_count *count, void *self, struct error *err)
{
    struct member_traces there = *traces;
    there.ids = "{}";
    TRY(db_execute(warehouse, sql_erase_may, DB_NO_PARAMS, NULL, err));
    return member_traces_replace(warehouse, &there, count, self, err);
}

int member_erase(struct domain_context *ctx, struct db_conn *warehouse,
                 const struct member_traces *traces, member_traces_count *count, void *self,
                 struct error *err)
{
    TRY(db_execute(ctx->conn, sql_erase_may, DB_NO_PARAMS, NULL, err));
    TRY(erase_records(ctx, traces, count, self, err));
    TRY(member_traces_forget_crm(warehouse, traces, count, self, err));
    TRY(member_traces_replace(ctx->conn, traces, count, self, err));
    return warehouse == ctx->conn ? ERR_OK : erase_elsewhere(warehouse, traces, count, self, err);
}

/* ---- known again -------------------------------------------------------------------------- */

static const char *hash_identity(struct domain_context *ctx, const struct member_keys *keys)
{
    return keys->openid == NULL
               ? NULL
               : member_hash(ctx, "openid",
                             arena_printf(ctx->arena, "%s:%s", keys->appid, keys->openid));
}

int member_tombstone_lift(struct domain_context *ctx, const struct member_keys *keys,
                          struct error *err)
{
    return db_execute(ctx->conn, sql_tombstone_lift,
                      DB_PARAMS(member_hash(ctx, "unionid", keys->unionid),
                                member_hash(ctx, "phone", member_phone_plain(ctx, keys->phone)),
                                hash_identity(ctx, keys)),
                      NULL, err);
}

int member_tombstone_find(struct domain_context *ctx, const struct member_keys *keys,
                          bool *ret_is_erased, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_tombstone_find,
                 DB_PARAMS(member_hash(ctx, "unionid", keys->unionid),
                           member_hash(ctx, "phone", member_phone_plain(ctx, keys->phone)),
                           hash_identity(ctx, keys)),
                 &row, err));
    *ret_is_erased = db_result_bool(row, 0, 0);
    return ERR_OK;
}
