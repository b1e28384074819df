/* lib/domain/settle.c - settling. */
#include "domain/settle.h"
#include "core/decimal.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "gen/embed.h"

/* ---- asking, with nothing held ------------------------------------------------------------ */

static int step_outside(struct saga_desk *desk, struct error *err)
{
    return desk->pause != NULL ? desk->pause(desk->self, err) : ERR_OK;
}

static int step_inside(struct saga_desk *desk, struct error *err)
{
    return desk->resume != NULL ? desk->resume(desk->self, err) : ERR_OK;
}

static int end_transaction(struct domain_context *ctx, int status, struct error *err)
{
    if (status == ERR_OK)
        return db_commit(ctx->conn, err);
    db_rollback(ctx->conn);
    return status;
}

/* ---- refunds ------------------------------------------------------------------------------ */

struct due_refund {
    const char *refund_no, *amount, *payment_no;
    bool is_accepted;
};

/* refund_no NULL: whichever is due. *ret_refund->refund_no NULL: none. */
static int take_refund(struct domain_context *ctx, const char *refund_no, struct due_refund *ret,
                       struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret = (struct due_refund){0};
    TRY(db_query(ctx->conn, sql_refund_due, DB_PARAMS(refund_no), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    *ret = (struct due_refund){
        .refund_no = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
        .is_accepted = strcmp(db_result_text(row, 0, 1), "accepted") == 0,
        .amount = arena_strdup(ctx->arena, db_result_text(row, 0, 2)),
        .payment_no = arena_strdup(ctx->arena, db_result_text(row, 0, 3)),
    };
    return ERR_OK;
}

static int record_refund(struct domain_context *ctx, const struct due_refund *refund,
                         const struct channel_reply *reply, struct settle_counts *counts,
                         struct error *err)
{
    enum refund_outcome outcome = REFUND_ACCEPTED;
    if (reply->answer == CHANNEL_DONE)
        outcome = REFUND_SUCCEEDED;
    else if (reply->answer == CHANNEL_REFUSED)
        outcome = REFUND_FAILED;
    else
        counts->waiting++;
    counts->refunds_paid += outcome == REFUND_SUCCEEDED;
    counts->refunds_failed += outcome == REFUND_FAILED;
    TRY(db_begin(ctx->conn, err));
    int status = refund_settle(ctx, refund->refund_no, outcome,
                               outcome == REFUND_FAILED ? reply->reason : NULL, err);
    return end_transaction(ctx, status, err);
}

/* Told under its number whatever was told before: accepted ones are asked about first, and one that
 * the channel has never heard of is told to it again. */
static int ask_refund(const struct channel *c, const struct due_refund *refund, struct arena *arena,
                      struct channel_reply *ret, struct error *err)
{
    if (refund->is_accepted) {
        TRY(c->query_refund(c->self, refund->refund_no, arena, ret, err));
        if (ret->answer != CHANNEL_UNKNOWN)
            return ERR_OK;
    }
    return c->refund(c->self, refund->refund_no, refund->payment_no, refund->amount, arena, ret,
                     err);
}

static int settle_refund(struct saga_desk *desk, const struct due_refund *refund,
                         struct settle_counts *counts, struct error *err)
{
    struct channel_reply reply = {0};
    struct error silence = ERROR_INIT;
    TRY(step_outside(desk, err));
    int status = ask_refund(desk->channel, refund, desk->ctx->arena, &reply, &silence);
    TRY(step_inside(desk, err));
    if (status == ERR_OK)
        return record_refund(desk->ctx, refund, &reply, counts, err);
    counts->waiting++;
    return ERR_OK;
}

int settle_refunds_of(struct saga_desk *desk, const char *order_no, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    struct settle_counts counts = {0};
    if (desk->channel == NULL)
        return ERR_OK;
    TRY(db_query(desk->ctx->conn, sql_refund_open, DB_PARAMS(order_no), &rows, err));
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        struct due_refund refund = {0};
        TRY(take_refund(desk->ctx, db_result_text(rows, i, 0), &refund, err));
        if (refund.refund_no != NULL)
            TRY(settle_refund(desk, &refund, &counts, err));
    }
    return ERR_OK;
}

static int settle_refunds(struct saga_desk *desk, struct settle_counts *counts, struct error *err)
{
    struct due_refund refund = {0};
    for (; !saga_desk_is_over(desk); domain_scratch_clear(desk->ctx)) {
        TRY(take_refund(desk->ctx, NULL, &refund, err));
        if (refund.refund_no == NULL)
            return ERR_OK;
        TRY(settle_refund(desk, &refund, counts, err));
    }
    return ERR_OK;
}

/* ---- payments ----------------------------------------------------------------------------- */

struct due_payment {
    const char *payment_no;
    bool is_created, is_wanted;
};

static int take_payment(struct domain_context *ctx, struct due_payment *ret, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret = (struct due_payment){0};
    TRY(db_query(ctx->conn, sql_payment_due, DB_NO_PARAMS, &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    *ret = (struct due_payment){
        .payment_no = arena_strdup(ctx->arena, db_result_text(row, 0, 0)),
        .is_created = strcmp(db_result_text(row, 0, 1), "created") == 0,
        .is_wanted = db_result_bool(row, 0, 2),
    };
    return ERR_OK;
}

static int record_payment(struct domain_context *ctx, const struct due_payment *payment,
                          const struct channel_reply *reply, struct settle_counts *counts,
                          struct error *err)
{
    bool came_in =
        reply->answer == CHANNEL_PAID || (payment->is_wanted && reply->answer == CHANNEL_DONE);
    if (payment->is_wanted && reply->answer == CHANNEL_ACCEPTED) {
        counts->waiting++;
        return ERR_OK;
    }
    counts->payments_in += came_in;
    counts->payments_closed += !came_in;
    TRY(db_begin(ctx->conn, err));
    int status =
        came_in ? payment_succeed(ctx, payment->payment_no, reply->transaction_id, NULL, err)
        : payment->is_wanted
            ? payment_end(ctx, payment->payment_no, "failed",
                          reply->reason != NULL ? reply->reason : "it never reached the channel",
                          NULL, err)
            : payment_end(ctx, payment->payment_no, "closed", NULL, NULL, err);
    return end_transaction(ctx, status, err);
}

/* One whose order still waits is asked about; any other is closed. */
static int settle_payments(struct saga_desk *desk, struct settle_counts *counts, struct error *err)
{
    const struct channel *c = desk->channel;
    struct due_payment payment = {0};
    for (; !saga_desk_is_over(desk); domain_scratch_clear(desk->ctx)) {
        struct channel_reply reply = {0};
        struct error silence = ERROR_INIT;
        TRY(take_payment(desk->ctx, &payment, err));
        if (payment.payment_no == NULL)
            return ERR_OK;
        TRY(step_outside(desk, err));
        int status =
            payment.is_wanted
                ? c->query(c->self, payment.payment_no, desk->ctx->arena, &reply, &silence)
                : c->close(c->self, payment.payment_no, desk->ctx->arena, &reply, &silence);
        TRY(step_inside(desk, err));
        if (status == ERR_OK)
            TRY(record_payment(desk->ctx, &payment, &reply, counts, err));
        else
            counts->waiting++;
    }
    return ERR_OK;
}

/* ---- sagas -------------------------------------------------------------------------------- */

static int settle_sagas(struct saga_desk *desk, struct settle_counts *counts, struct error *err)
{
    for (; !saga_desk_is_over(desk); domain_scratch_clear(desk->ctx)) {
        int64_t id, epoch;
        enum saga_end end;
        const char *failure;
        TRY(saga_take(desk->ctx, 0, &id, &epoch, err));
        if (id == 0)
            return ERR_OK;
        TRY(saga_run(desk, id, epoch, &end, &failure, err));
        counts->sagas_done += end == SAGA_DONE;
        counts->sagas_undone += end == SAGA_UNDONE;
        counts->waiting += end == SAGA_LATER;
    }
    return ERR_OK;
}

static int settle_all(struct saga_desk *desk, struct settle_counts *counts, struct error *err)
{
    TRY(settle_sagas(desk, counts, err));
    TRY(settle_payments(desk, counts, err));
    return settle_refunds(desk, counts, err);
}

int settle_due(struct saga_desk *desk, struct settle_counts *counts, struct error *err)
{
    *counts = (struct settle_counts){0};
    if (desk->channel == NULL)
        return error_set(err, ERR_CONFIG, "no payment channel is configured");
    struct arena *callers = domain_scratch_begin(desk->ctx);
    int status = settle_all(desk, counts, err);
    domain_scratch_end(desk->ctx, callers);
    return status;
}

/* ---- callbacks ---------------------------------------------------------------------------- */

#define AMOUNT_FEN_LIMIT 1000000000000 /* of numeric(12,2), exclusive */

/* Whatever reads like a number to PostgreSQL is not money yet: NaN does, too. */
static int check_amount(struct domain_context *ctx, const char *text, struct error *err)
{
    struct decimal amount;
    if (decimal_parse(text, strlen(text), &amount) && decimal_rescale(&amount, 2, &amount) &&
        amount.coefficient > 0 && amount.coefficient < AMOUNT_FEN_LIMIT)
        return ERR_OK;
    return domain_refuse(ctx, err, ERR_USAGE, API_ERROR(bad_parameter),
                         domain_detail(ctx, "parameter", "amount"),
                         "'amount' must be more than zero, with at most 10 integer and 2 fraction "
                         "digits");
}

static int apply_event(struct domain_context *ctx, const struct channel_event *event,
                       struct error *err)
{
    if (event->kind == CHANNEL_EVENT_PAID)
        return payment_succeed(ctx, event->number, event->transaction_id, event->amount, err);
    return refund_settle(ctx, event->number,
                         event->kind == CHANNEL_EVENT_REFUNDED ? REFUND_SUCCEEDED : REFUND_FAILED,
                         event->kind == CHANNEL_EVENT_REFUNDED ? NULL
                         : event->reason != NULL               ? event->reason
                                                               : "the channel says it failed",
                         err);
}

static int note_event(struct domain_context *ctx, const struct channel *channel,
                      const struct channel_event *event, struct span body, const char *result,
                      int64_t *ret_added, struct error *err)
{
    static const char *const kinds[] = {"payment.succeeded", "refund.succeeded", "refund.failed"};
    return db_execute(ctx->conn, sql_channel_event,
                      DB_PARAMS(channel->name, event->event_id, kinds[event->kind], event->number,
                                arena_strndup(ctx->arena, body.ptr, body.len), result),
                      ret_added, err);
}

int settle_event(struct domain_context *ctx, const struct channel *channel,
                 const struct channel_event *event, struct span body, const char **ret_result,
                 struct error *err)
{
    int64_t added = 0;
    TRY(check_amount(ctx, event->amount, err));
    TRY(db_begin(ctx->conn, err));
    int status = note_event(ctx, channel, event, body, "recorded", &added, err);
    *ret_result = added == 0 ? "duplicate" : "recorded";
    if (status == ERR_OK && added > 0)
        status = apply_event(ctx, event, err);
    status = end_transaction(ctx, status, err);
    if (status != ERR_NOT_FOUND)
        return status;
    /* Nobody's money is thrown away: it is kept for a person to look at, and for the next time. */
    error_clear(err);
    ctx->refusal = ctx->details = NULL;
    *ret_result = "unknown";
    return note_event(ctx, channel, event, body, "unknown", NULL, err);
}
