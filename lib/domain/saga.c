/* lib/domain/saga.c - beginning and running sagas. */
#include "domain/saga.h"
#include "core/clock.h"
#include "core/signals.h"
#include "domain/order_internal.h"
#include "domain/payment.h"
#include "domain/saga_internal.h"
#include "format/jsonx.h"
#include "gen/embed.h"

/* ---- beginning ---------------------------------------------------------------------------- */

bool saga_desk_is_over(const struct saga_desk *desk)
{
    return signals_pending() != 0 ||
           (desk->stop_at_ms != 0 && clock_monotonic_ms() >= desk->stop_at_ms);
}

static int check_open(struct domain_context *ctx, const struct locked_order *order,
                      const char *kind, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_saga_open, DB_PARAMS(order->id, kind), &rows, err));
    if (db_result_rows(rows) == 0)
        return ERR_OK;
    const char *found = db_result_text(rows, 0, 1);
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(order_busy),
                         domain_detail(ctx, "under_way", found), "order '%s' is %s",
                         order->order_no,
                         strcmp(found, "closing") == 0 ? "being closed" : "being paid");
}

int saga_check_idle(struct domain_context *ctx, const struct locked_order *order, struct error *err)
{
    return check_open(ctx, order, NULL, err);
}

int saga_check_closing(struct domain_context *ctx, const struct locked_order *order,
                       struct error *err)
{
    return check_open(ctx, order, "closing", err);
}

static void write_step(struct jwriter *w, int step_no, const char *name, const char *undo,
                       const char *ref, const char *status)
{
    jwriter_object(w);
    jwriter_kint(w, "step_no", step_no);
    jwriter_kstring(w, "name", name);
    jwriter_kstring(w, "undo", undo);
    jwriter_kstring(w, "ref", ref);
    jwriter_kstring(w, "status", status);
    jwriter_end(w);
}

struct new_saga {
    const char *kind, *payment_id, *reason;
    bool only_unpaid;
    const struct saga_request *request;
    const char *steps;
};

static int insert_saga(struct domain_context *ctx, const struct locked_order *order,
                       const struct new_saga *saga, int64_t *ret_id, struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    const struct saga_request none = {0}, *r = saga->request != NULL ? saga->request : &none;
    TRY(db_query(ctx->conn, sql_saga_insert,
                 DB_PARAMS(saga->kind, order->id, saga->payment_id, saga->reason,
                           saga->only_unpaid ? "true" : "false", r->key, r->hash, order_user(ctx),
                           saga->steps),
                 &made, err));
    *ret_id = db_result_int(made, 0, 0);
    return ERR_OK;
}

int saga_begin_payment(struct domain_context *ctx, const struct locked_order *order,
                       const struct payment *payment, bool is_checkout,
                       const struct saga_request *request, int64_t *ret_id, struct error *err)
{
    AUTO_STRBUF struct strbuf steps = {0};
    struct jwriter w;
    int n = 0;
    TRY(saga_check_idle(ctx, order, err));
    strbuf_init(&steps, 1 << 16);
    jwriter_init(&w, &steps);
    jwriter_array(&w);
    if (is_checkout) {
        write_step(&w, ++n, "reduce_stock", "restore_stock", order->order_no, "done");
        write_step(&w, ++n, "create_order", "cancel_order", order->order_no, "done");
    }
    write_step(&w, ++n, "take_payment", "refund_payment", payment->payment_no, "waiting");
    write_step(&w, ++n, "confirm_order", NULL, payment->payment_no, "waiting");
    jwriter_end(&w);
    const struct new_saga saga = {.kind = is_checkout ? "checkout" : "payment",
                                  .payment_id = payment->id,
                                  .request = request,
                                  .steps = steps.data};
    return insert_saga(ctx, order, &saga, ret_id, err);
}

int saga_begin_closing(struct domain_context *ctx, const struct locked_order *order,
                       const char *reason, bool only_unpaid, const struct saga_request *request,
                       int64_t *ret_id, struct error *err)
{
    AUTO_STRBUF struct strbuf steps = {0};
    struct jwriter w;
    const char *const *open;
    size_t count;
    TRY(payment_open(ctx, order, &open, &count, err));
    strbuf_init(&steps, 1 << 20);
    jwriter_init(&w, &steps);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++)
        write_step(&w, (int)i + 1, "close_payment", NULL, open[i], "waiting");
    write_step(&w, (int)count + 1, "cancel_order", NULL, order->order_no, "waiting");
    jwriter_end(&w);
    const struct new_saga saga = {.kind = "closing",
                                  .reason = reason,
                                  .only_unpaid = only_unpaid,
                                  .request = request,
                                  .steps = steps.data};
    return insert_saga(ctx, order, &saga, ret_id, err);
}

/* ---- running ------------------------------------------------------------------------------ */

/* Seconds until a channel that did not answer is asked again: 10, 20, 40 ... 600. */
static int64_t wait_s(int64_t attempts)
{
    return attempts >= 6 ? 600 : 10 << attempts;
}

static int load_saga(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct domain_context *ctx = desk->ctx;
    TRY(db_query(ctx->conn, sql_saga_hold,
                 DB_PARAMS(domain_int(ctx, saga->id), domain_int(ctx, saga->epoch)), &row, err));
    if (db_result_rows(row) == 0)
        return error_set(err, ERR_UNAVAILABLE, "saga %lld was taken over", (long long)saga->id);
    saga->kind = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    saga->is_going_back = strcmp(db_result_text(row, 0, 1), "compensating") == 0;
    saga->order_no = arena_strdup(ctx->arena, db_result_text(row, 0, 2));
    saga->reason = arena_strdup(ctx->arena, db_result_text(row, 0, 3));
    saga->only_unpaid = db_result_bool(row, 0, 4);
    saga->is_pending = strcmp(db_result_text(row, 0, 5), "pending") == 0;
    ctx->user_id = db_result_int(row, 0, 6);
    saga->attempts = db_result_int(row, 0, 7);
    return ERR_OK;
}

static int next_step(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct domain_context *ctx = desk->ctx;
    saga->step = NULL;
    TRY(db_query(ctx->conn, sql_saga_next,
                 DB_PARAMS(domain_int(ctx, saga->id), saga->is_going_back ? "true" : "false"), &row,
                 err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    saga->step_no = db_result_int(row, 0, 0);
    saga->step = saga_step_find(db_result_text(row, 0, 1));
    saga->ref = arena_strdup(ctx->arena, db_result_text(row, 0, 3));
    saga->amount = arena_strdup(ctx->arena, db_result_text(row, 0, 4));
    if (saga->step == NULL)
        return error_set(err, ERR_BUG, "saga %lld has the unknown step '%s'", (long long)saga->id,
                         db_result_text(row, 0, 1));
    return ERR_OK;
}

static int mark(struct saga_desk *desk, const struct saga *saga, const char *status,
                const char *failure, struct error *err)
{
    struct domain_context *ctx = desk->ctx;
    return db_execute(
        ctx->conn, sql_saga_mark,
        DB_PARAMS(domain_int(ctx, saga->id), domain_int(ctx, saga->step_no), status, failure), NULL,
        err);
}

static int set_state(struct saga_desk *desk, const struct saga *saga, const char *status,
                     const char *failure, const char *later_s, struct error *err)
{
    return db_execute(desk->ctx->conn, sql_saga_state,
                      DB_PARAMS(domain_int(desk->ctx, saga->id), status, failure, later_s), NULL,
                      err);
}

/* In a transaction: what the step made of the reply. */
static int record(struct saga_desk *desk, struct saga *saga, const struct channel_reply *reply,
                  bool *ret_is_later, struct error *err)
{
    enum saga_result result = SAGA_STEP_DONE;
    const char *failure = NULL;
    *ret_is_later = false;
    if (saga->is_going_back) {
        TRY(saga->step->undo(desk, saga, err));
        return mark(desk, saga, "undone", NULL, err);
    }
    TRY(saga->step->record(desk, saga, reply, &result, &failure, err));
    if (result == SAGA_STEP_LATER) {
        *ret_is_later = true;
        return set_state(desk, saga, "running", failure, "5", err);
    }
    if (result == SAGA_STEP_FAILED) {
        TRY(mark(desk, saga, "failed", failure, err));
        return set_state(desk, saga, "compensating", failure, NULL, err);
    }
    return mark(desk, saga, "done", NULL, err);
}

static int in_transaction(struct saga_desk *desk, struct saga *saga,
                          int (*work)(struct saga_desk *, struct saga *, struct error *),
                          struct error *err)
{
    TRY(db_begin(desk->ctx->conn, err));
    int status = load_saga(desk, saga, err);
    if (status == ERR_OK)
        status = work(desk, saga, err);
    if (status == ERR_OK)
        return db_commit(desk->ctx->conn, err);
    db_rollback(desk->ctx->conn);
    return status;
}

/* What is next; a step inside is done in the same transaction, one outside marked as started. */
static int advance(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    TRY(next_step(desk, saga, err));
    saga->must_ask = false;
    if (saga->step == NULL)
        return set_state(desk, saga, saga->is_going_back ? "compensated" : "done", NULL, NULL, err);
    if (saga->is_going_back || saga->step->ask == NULL)
        return record(desk, saga, NULL, &saga->is_later, err);
    saga->must_ask = true;
    TRY(mark(desk, saga, "started", NULL, err));
    return set_state(desk, saga, "running", NULL, NULL, err);
}

static int record_reply(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    return record(desk, saga, &saga->reply, &saga->is_later, err);
}

static int record_silence(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    saga->is_later = true;
    return set_state(desk, saga, "running", saga->silence,
                     domain_int(desk->ctx, wait_s(saga->attempts)), err);
}

/* Outside: nothing is held meanwhile. */
static int ask_channel(struct saga_desk *desk, struct saga *saga, struct error *err)
{
    struct error silence = ERROR_INIT;
    if (desk->channel == NULL)
        return error_set(err, ERR_CONFIG, "no payment channel is configured");
    if (desk->pause != NULL)
        TRY(desk->pause(desk->self, err));
    saga->was_pending = saga->is_pending;
    int status = saga->step->ask(desk, saga, &saga->reply, &silence);
    if (desk->resume != NULL)
        TRY(desk->resume(desk->self, err));
    if (status == ERR_OK)
        return in_transaction(desk, saga, record_reply, err);
    saga->silence = arena_strdup(desk->ctx->arena, silence.message);
    return in_transaction(desk, saga, record_silence, err);
}

static int find_failure(struct saga_desk *desk, const struct saga *saga, const char **ret,
                        struct error *err)
{
    AUTOFREE char *text = NULL;
    TRY(db_query_text(desk->ctx->conn, "SELECT failure FROM app.sagas WHERE id = $1::bigint",
                      DB_PARAMS(domain_int(desk->ctx, saga->id)), &text, err));
    *ret = arena_strdup(desk->ctx->arena, text);
    return ERR_OK;
}

int saga_run(struct saga_desk *desk, int64_t id, int64_t epoch, enum saga_end *ret,
             const char **ret_failure, struct error *err)
{
    struct saga saga = {.id = id, .epoch = epoch};
    int64_t user_id = desk->ctx->user_id;
    int status = ERR_OK;
    do {
        status = in_transaction(desk, &saga, advance, err);
        if (status == ERR_OK && saga.must_ask)
            status = ask_channel(desk, &saga, err);
    } while (status == ERR_OK && !saga.is_later && saga.step != NULL);
    desk->ctx->user_id = user_id;
    TRY(status);
    *ret = saga.is_later ? SAGA_LATER : saga.is_going_back ? SAGA_UNDONE : SAGA_DONE;
    return find_failure(desk, &saga, ret_failure, err);
}

int saga_take(struct domain_context *ctx, int64_t wanted, int64_t *ret_id, int64_t *ret_epoch,
              struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret_id = 0;
    TRY(db_query(ctx->conn, sql_saga_due, DB_PARAMS(wanted != 0 ? domain_int(ctx, wanted) : NULL),
                 &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    *ret_id = db_result_int(row, 0, 0);
    *ret_epoch = db_result_int(row, 0, 1);
    return ERR_OK;
}

/* A saga is of one kind and one order, as an address is: they tell requests of one body apart. */
static bool is_request_of(const struct saga_request *request, const struct db_result *saga)
{
    return strcmp(db_result_text(saga, 0, 1), request->hash) == 0 &&
           strcmp(db_result_text(saga, 0, 4), request->kind) == 0 &&
           (request->order_no == NULL ||
            strcmp(db_result_text(saga, 0, 3), request->order_no) == 0);
}

int saga_find_request(struct domain_context *ctx, const struct saga_request *request,
                      int64_t *ret_id, bool *ret_is_done, const char **ret_order_no,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    *ret_id = 0;
    if (request->key == NULL)
        return ERR_OK;
    TRY(db_query(ctx->conn, sql_saga_request,
                 DB_PARAMS(domain_int(ctx, ctx->user_id), request->key), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    if (!is_request_of(request, row))
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(idempotency_key_reused), NULL,
                             "the idempotency key was used for another request");
    *ret_id = db_result_int(row, 0, 0);
    *ret_is_done = strcmp(db_result_text(row, 0, 2), "done") == 0;
    *ret_order_no = arena_strdup(ctx->arena, db_result_text(row, 0, 3));
    return ERR_OK;
}

int saga_list(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err)
{
    int status =
        listing_one(ctx, sql_saga_list, DB_PARAMS(order_no, ctx->only_store), ret_document, err);
    return status == ERR_NOT_FOUND ? domain_unknown_order(ctx, order_no, err) : status;
}
