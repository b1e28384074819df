/* lib/domain/order_timeout.c - unpaid orders. */
#include "domain/order_timeout.h"
#include "core/signals.h"
#include "domain/order_internal.h"
#include "gen/embed.h"

#define BATCH_DEFAULT 1000

struct timeout {
    struct saga_desk *desk;
    const struct order_timeout_options *options;
    struct order_timeout_counts *counts;
};

static int64_t room(const struct timeout *t, int64_t wanted)
{
    int64_t left = t->options->limit - t->counts->cancelled - t->counts->paid - t->counts->waiting;
    if (t->options->limit == 0)
        return wanted;
    return left < wanted ? (left > 0 ? left : 0) : wanted;
}

static int check_signal(struct error *err)
{
    if (signals_pending() == 0)
        return ERR_OK;
    return error_set(err, ERR_CANCELLED, "stopped by a signal: what is cancelled stands");
}

/* The next batch is under way on that connection; not when enough is done. */
static int start_batch(struct timeout *t, struct db_conn *conn, bool *ret_is_started,
                       struct error *err)
{
    struct domain_context *ctx = t->desk->ctx;
    int64_t limit = room(t, t->options->batch > 0 ? t->options->batch : BATCH_DEFAULT);
    *ret_is_started = false;
    TRY(check_signal(err));
    if (limit == 0 || saga_desk_is_over(t->desk))
        return ERR_OK;
    TRY(db_start(conn, sql_timeout_batch,
                 DB_PARAMS(domain_int(ctx, t->options->older_than_ms), domain_int(ctx, limit),
                           ORDER_TIMEOUT_REASON),
                 err));
    *ret_is_started = true;
    return ERR_OK;
}

static int end_batch(struct timeout *t, struct db_conn *conn, int64_t *ret_cancelled,
                     struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret_cancelled = 0;
    TRY(db_finish(conn, &row, err));
    *ret_cancelled = db_result_int(row, 0, 0);
    t->counts->cancelled += *ret_cancelled;
    return ERR_OK;
}

/* One batch after the other on each connection, until there is none or one failed. */
static int cancel_unsent(struct timeout *t, struct error *err)
{
    struct db_conn *const conns[] = {t->desk->ctx->conn, t->options->second};
    size_t count = t->options->second != NULL && t->options->limit == 0 ? 2 : 1;
    bool is_started[2] = {false, false};
    int code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = start_batch(t, conns[i], &is_started[i], err);
    for (size_t i = 0; is_started[0] || is_started[1]; i = (i + 1) % count) {
        struct error later = ERROR_INIT;
        int64_t cancelled;
        if (!is_started[i])
            continue;
        is_started[i] = false;
        int status = end_batch(t, conns[i], &cancelled, code == ERR_OK ? err : &later);
        code = code == ERR_OK ? status : code;
        if (code == ERR_OK && cancelled > 0)
            code = start_batch(t, conns[i], &is_started[i], err);
    }
    return code;
}

/* In a transaction: the next order to close is claimed. *ret_saga 0: there is none. */
static int claim(struct timeout *t, int64_t *ret_saga, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct domain_context *ctx = t->desk->ctx;
    struct locked_order order = LOCKED_ORDER_INIT;
    *ret_saga = 0;
    TRY(db_query(ctx->conn, sql_timeout_sent, DB_PARAMS(domain_int(ctx, t->options->older_than_ms)),
                 &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    TRY(order_lock(ctx, arena_strdup(ctx->arena, db_result_text(row, 0, 0)), &order, err));
    return saga_begin_closing(ctx, &order, ORDER_TIMEOUT_REASON, true, NULL, ret_saga, err);
}

static int cancel_next(struct timeout *t, bool *ret_is_end, struct error *err)
{
    struct domain_context *ctx = t->desk->ctx;
    int64_t saga;
    enum saga_end end;
    const char *failure;
    TRY(check_signal(err));
    TRY(db_begin(ctx->conn, err));
    int status = claim(t, &saga, err);
    if (status != ERR_OK) {
        db_rollback(ctx->conn);
        return status;
    }
    TRY(db_commit(ctx->conn, err));
    *ret_is_end = saga == 0;
    if (saga == 0)
        return ERR_OK;
    TRY(saga_run(t->desk, saga, 1, &end, &failure, err));
    t->counts->cancelled += end == SAGA_DONE;
    t->counts->paid += end == SAGA_UNDONE;
    t->counts->waiting += end == SAGA_LATER;
    return ERR_OK;
}

int order_timeout_run(struct saga_desk *desk, const struct order_timeout_options *options,
                      struct order_timeout_counts *ret, struct error *err)
{
    struct timeout t = {desk, options, ret};
    bool is_end = false;
    *ret = (struct order_timeout_counts){0};
    TRY(cancel_unsent(&t, err));
    int status = ERR_OK;
    struct arena *callers = domain_scratch_begin(desk->ctx);
    while (status == ERR_OK && !is_end && room(&t, 1) > 0 && !saga_desk_is_over(desk)) {
        status = cancel_next(&t, &is_end, err);
        domain_scratch_clear(desk->ctx);
    }
    domain_scratch_end(desk->ctx, callers);
    return status;
}

int order_timeout_count(struct domain_context *ctx, int64_t older_than_ms, int64_t *ret_all,
                        int64_t *ret_sent, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_timeout_count, DB_PARAMS(domain_int(ctx, older_than_ms)), &row,
                 err));
    *ret_all = db_result_int(row, 0, 0);
    *ret_sent = db_result_int(row, 0, 1);
    return ERR_OK;
}
