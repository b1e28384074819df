/* Orders and a payment channel that fails in every way there is: sagas, closing, refunds,
 * callbacks. */
#include "app_fixture.h"

#include "domain/channel_local.h"
#include "domain/checkout.h"
#include "domain/order.h"
#include "domain/order_timeout.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/settle.h"

static struct domain_context ctx;
static struct error err;
static struct db_conn *channel_conn;
static struct channel_local *local;
static const struct channel *channel;
static struct saga_desk desk;

static int take(void *self, struct db_conn **ret, struct error *e)
{
    (void)e;
    (void)self;
    *ret = channel_conn;
    return ERR_OK;
}

static void give(void *self, struct db_conn *conn)
{
    (void)self;
    db_rollback(conn);
}

#define CALL_LIMIT_MS 300

static int start(void **state)
{
    if (app_fixture_start(state) != 0)
        return -1;
    channel_conn = pg_fixture_open();
    local = channel_local_new(&(struct channel_local_options){
        .take = take, .give = give, .secret = "tell nobody", .timeout_ms = CALL_LIMIT_MS});
    channel = channel_local_port(local);
    return 0;
}

static int stop(void **state)
{
    channel_local_free(local);
    db_close(channel_conn);
    return app_fixture_stop(state);
}

static int set_up(void **state)
{
    (void)state;
    app_reset();
    app_run(
        "truncate channel_local.refunds, channel_local.payments, channel_local.calls, "
        "channel_local.callbacks, app.channel_events; update channel_local.script set rules = ''");
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new()};
    desk = (struct saga_desk){.ctx = &ctx, .channel = channel};
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_rollback(app_conn);
    arena_free(ctx.arena);
    return 0;
}

static void script(const char *rules)
{
    app_run(arena_printf(ctx.arena, "update channel_local.script set rules = '%s'", rules));
}

/* ---- what tests do ------------------------------------------------------------------------ */

static const char *order(void)
{
    const char *order_no = NULL, *document;
    const struct order_line line = {"P1", "10"};
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .lines = &line, .line_count = 1};
    assert_db_ok(order_create(&ctx, &request, &order_no, &document, &err));
    return order_no;
}

/* The saga of paying, begun and committed; not run. */
static int64_t begin_pay(const char *order_no, bool is_new)
{
    const struct checkout_payment payment = {.order_no = order_no, .is_new = is_new};
    const char *document;
    int64_t saga;
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(checkout_pay(&ctx, channel, &payment, &saga, &document, &err));
    assert_db_ok(db_commit(app_conn, &err));
    assert_int_not_equal(saga, 0);
    return saga;
}

static enum saga_end run(int64_t saga, int64_t epoch)
{
    enum saga_end end = SAGA_LATER;
    const char *failure;
    assert_db_ok(saga_run(&desk, saga, epoch, &end, &failure, &err));
    return end;
}

static enum saga_end pay(const char *order_no)
{
    return run(begin_pay(order_no, false), 1);
}

static enum saga_end cancel(const char *order_no)
{
    const char *document;
    int64_t saga;
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(
        checkout_cancel(&ctx, channel, order_no, "guest left", NULL, &saga, &document, &err));
    assert_db_ok(db_commit(app_conn, &err));
    return saga != 0 ? run(saga, 1) : SAGA_DONE;
}

static const char *prepay(const char *order_no)
{
    const struct checkout_payment wanted = {.order_no = order_no};
    struct payment payment;
    struct channel_reply reply;
    assert_db_ok(checkout_prepay(&ctx, channel, &wanted, &payment, &err));
    assert_db_ok(channel->prepay(channel->self, payment.payment_no, payment.amount, ctx.arena,
                                 &reply, &err));
    assert_db_ok(payment_end(&ctx, payment.payment_no, "sent", NULL, reply.code_url, &err));
    return payment.payment_no;
}

/* Time passes: whatever waits is due, and nobody holds it. */
static void settle(struct settle_counts *counts)
{
    app_run("update app.sagas set next_at = now(), lease_until = now() - interval '1 s';"
            "update app.refunds set next_at = now() where next_at is not null;"
            "update app.payments set next_at = now() where next_at is not null");
    assert_db_ok(settle_due(&desk, counts, &err));
}

static void assert_order(const char *order_no, const char *status, const char *payment_status)
{
    assert_int_equal(
        app_number(arena_printf(ctx.arena,
                                "select count(*) from app.orders where order_no = '%s' and status "
                                "= '%s' and payment_status = '%s'",
                                order_no, status, payment_status)),
        1);
}

static int64_t stock(void)
{
    return app_number("select qty from app.stock where store_id = 1 and product_id = 1");
}

/* What must be whatever happened. */
static void assert_books(void)
{
    assert_int_equal(app_ledger_defects(), 0);
    assert_int_equal(
        app_number("select count(*) from app.payments p full join "
                   "channel_local.payments c using (payment_no) where (coalesce("
                   "p.status, '') = 'succeeded') <> (coalesce(c.status, '') = 'paid')"),
        0);
    assert_int_equal(
        app_number("select count(*) from (select r.amount, r.status = 'succeeded' as ok, "
                   "coalesce(c.status = 'succeeded', false) as there from app.refunds r left join "
                   "channel_local.refunds c using (refund_no)) x where ok <> there"),
        0);
}

/* ---- paying ------------------------------------------------------------------------------- */

static void test_pay(void **state)
{
    (void)state;
    const char *order_no = order(), *document;
    assert_int_equal(pay(order_no), SAGA_DONE);
    assert_order(order_no, "paid", "paid");
    assert_db_ok(saga_list(&ctx, order_no, &document, &err));
    assert_non_null(strstr(document, "take_payment"));
    assert_books();
}

static void test_answer_is_lost(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    script("charge#1=lost");
    assert_int_equal(pay(order_no), SAGA_LATER);
    assert_order(order_no, "pending", "unpaid");
    settle(&counts);
    assert_int_equal(counts.sagas_done, 1);
    assert_order(order_no, "paid", "paid");
    assert_int_equal(app_number("select count(*) from channel_local.payments"), 1);
    assert_books();
}

/* Nobody waits for ever: past the limit nobody knows, and the channel may well have done it. */
static void test_channel_is_too_slow(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    script("charge#1=slow:20s");
    int64_t started_ms = clock_monotonic_ms();
    assert_int_equal(pay(order_no), SAGA_LATER);
    assert_in_range(clock_monotonic_ms() - started_ms, CALL_LIMIT_MS - 1, 5000);
    assert_order(order_no, "pending", "unpaid");
    settle(&counts);
    assert_int_equal(counts.sagas_done, 1);
    assert_order(order_no, "paid", "paid");
    assert_int_equal(app_number("select count(*) from channel_local.payments"), 1);
    order_no = order();
    script("charge=slow:20ms");
    assert_int_equal(pay(order_no), SAGA_DONE);
    assert_books();
}

static void test_refused_payment_leaves_the_order(void **state)
{
    (void)state;
    const char *order_no = order();
    script("charge=refuse");
    assert_int_equal(pay(order_no), SAGA_UNDONE);
    assert_order(order_no, "pending", "unpaid");
    script("");
    assert_int_equal(pay(order_no), SAGA_DONE); /* by another payment */
    assert_order(order_no, "paid", "paid");
    assert_int_equal(app_number("select count(*) from app.payments where status = 'failed'"), 1);
    assert_books();
}

static void test_checkout_falls_as_a_whole(void **state)
{
    (void)state;
    const char *order_no = order();
    script("charge=refuse");
    assert_int_equal(run(begin_pay(order_no, true), 1), SAGA_UNDONE);
    assert_order(order_no, "cancelled", "unpaid");
    assert_int_equal(stock(), 1000);
    assert_int_equal(app_number("select count(*) from app.saga_steps where status = 'undone'"), 2);
    assert_books();
}

static void test_dead_runner_is_replaced(void **state)
{
    (void)state;
    struct settle_counts counts;
    enum saga_end end;
    const char *order_no = order(), *failure;
    int64_t saga = begin_pay(order_no, false);
    assert_db_ok(settle_due(&desk, &counts, &err)); /* somebody holds it */
    assert_int_equal(counts.sagas_done, 0);
    settle(&counts);
    assert_int_equal(counts.sagas_done, 1);
    assert_order(order_no, "paid", "paid");
    /* The first wakes up: it may not record anything. */
    assert_int_equal(saga_run(&desk, saga, 1, &end, &failure, &err), ERR_UNAVAILABLE);
    assert_books();
}

static void test_customer_confirms_later(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    script("charge=pending");
    assert_int_equal(pay(order_no), SAGA_LATER);
    settle(&counts);
    assert_order(order_no, "pending", "unpaid");
    app_run("select channel_local.pay(payment_no) from channel_local.payments");
    settle(&counts);
    assert_order(order_no, "paid", "paid");
    assert_books();
}

/* A closing that nobody has run yet. */
static void begin_closing(const char *order_no, const char *reason)
{
    const char *document;
    int64_t saga;
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(checkout_cancel(&ctx, channel, order_no, reason, NULL, &saga, &document, &err));
    assert_db_ok(db_commit(app_conn, &err));
    assert_int_not_equal(saga, 0);
}

/* Each gives stock back: what the context notes of the first is gone when the second adds to it. */
static void test_many_closings_in_one_go(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *reason = "guest left";
    for (int i = 0; i < 40; i++) {
        const char *order_no = order();
        (void)prepay(order_no);
        begin_closing(order_no, reason);
        reason = arena_printf(ctx.arena, "%s, and again", reason);
    }
    settle(&counts);
    assert_int_equal(counts.sagas_done, 40);
    assert_null(ctx.touched);
    assert_int_equal(stock(), 1000);
    assert_books();
}

/* ---- closing ------------------------------------------------------------------------------ */

static void age_orders(void)
{
    app_run("update app.orders set created_at = now() - interval '1 hour'");
}

static struct order_timeout_counts time_out(void)
{
    const struct order_timeout_options options = {.older_than_ms = 1800000, .batch = 2};
    struct order_timeout_counts counts;
    assert_db_ok(order_timeout_run(&desk, &options, &counts, &err));
    assert_null(ctx.touched);
    return counts;
}

/* Each order once, whichever connection takes it; one that fails stops both, what is done stands.
 */
static void test_timeout_two_batches_at_a_time(void **state)
{
    (void)state;
    struct db_conn *second = pg_fixture_open(), *other = pg_fixture_open();
    const struct order_timeout_options options = {
        .older_than_ms = 1800000, .batch = 2, .second = second};
    struct order_timeout_counts counts;
    for (int i = 0; i < 9; i++)
        order();
    age_orders();
    assert_db_ok(order_timeout_run(&desk, &options, &counts, &err));
    assert_int_equal(counts.cancelled, 9);
    assert_int_equal(stock(), 1000);
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.cancelled'"),
                     9);
    assert_books();

    order();
    age_orders();
    assert_db_ok(db_script(other, "begin; lock table app.outbox in exclusive mode", &err));
    app_run("set lock_timeout = 200");
    assert_db_ok(db_script(second, "set lock_timeout = 200", &err));
    assert_int_not_equal(order_timeout_run(&desk, &options, &counts, &err), ERR_OK);
    assert_int_equal(counts.cancelled, 0);
    error_clear(&err);
    app_run("reset lock_timeout");
    db_close(other);
    assert_int_equal(time_out().cancelled, 1);
    db_close(second);
}

static void test_timeout_in_batches(void **state)
{
    (void)state;
    const char *young;
    for (int i = 0; i < 5; i++)
        order();
    age_orders();
    young = order();
    assert_int_equal(time_out().cancelled, 5);
    assert_int_equal(time_out().cancelled, 0);
    assert_order(young, "pending", "unpaid");
    assert_int_equal(stock(), 990);
    assert_int_equal(app_number("select count(*) from app.orders where cancel_reason = 'Payment "
                                "timeout' and cancelled_at is not null"),
                     5);
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.cancelled'"),
                     5);
    assert_int_equal(app_number("select count(*) from app.stock_log a where stock_after <> 1000 + "
                                "(select sum(quantity) from app.stock_log b where b.product_id = "
                                "a.product_id and b.store_id = a.store_id and b.id <= a.id)"),
                     0);
    assert_books();
}

static void test_timeout_closes_the_channel_first(void **state)
{
    (void)state;
    const char *order_no = order(), *payment_no = prepay(order_no);
    age_orders();
    assert_int_equal(time_out().cancelled, 1);
    assert_order(order_no, "cancelled", "unpaid");
    assert_int_equal(app_number("select count(*) from channel_local.payments where status = "
                                "'closed'"),
                     1);
    assert_non_null(payment_no);
    assert_books();
}

static void test_timeout_is_told_it_was_paid(void **state)
{
    (void)state;
    const char *order_no = order();
    prepay(order_no);
    age_orders();
    script("close=paid");
    assert_int_equal(time_out().paid, 1);
    assert_order(order_no, "paid", "paid");
    assert_int_equal(stock(), 990);
    assert_books();
}

static void test_silent_channel_keeps_the_claim(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *document;
    const struct checkout_payment cash = {.order_no = order_no, .method = "cash"};
    int64_t saga;
    prepay(order_no);
    age_orders();
    script("close#1=fail");
    assert_int_equal(time_out().waiting, 1);
    assert_order(order_no, "pending", "unpaid");
    assert_int_equal(time_out().waiting, 0); /* claimed: not once more */
    assert_int_equal(checkout_pay(&ctx, channel, &cash, &saga, &document, &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "order_busy");
    settle(&counts);
    assert_order(order_no, "cancelled", "unpaid");
    assert_int_equal(stock(), 1000);
    assert_books();
}

static void test_cancel_of_paid_is_refunded_by_the_channel(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    pay(order_no);
    script("refund=pending");
    assert_int_equal(cancel(order_no), SAGA_DONE);
    assert_order(order_no, "cancelled", "refunding");
    assert_db_ok(settle_refunds_of(&desk, order_no, &err));
    assert_order(order_no, "cancelled", "refunding"); /* accepted is not done */
    for (int i = 0; i < 3; i++)
        settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_int_equal(stock(), 1000);
    assert_books();
}

static void test_cancel_meets_a_payment(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    prepay(order_no);
    script("close=paid");
    assert_int_equal(cancel(order_no), SAGA_DONE);
    assert_order(order_no, "cancelled", "refunding");
    settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_books();
}

/* ---- refunds ------------------------------------------------------------------------------ */

static const char *refund(const char *order_no, const char *amount)
{
    const char *refund_no, *document;
    const struct refund_request request = {
        .order_no = order_no, .reason = "cold", .amount = amount};
    assert_db_ok(refund_create(&ctx, &request, &refund_no, &document, &err));
    return refund_no;
}

static void test_refund_is_repeated_under_its_number(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    pay(order_no);
    refund(order_no, "30");
    script("refund#1=lost,refund#2=fail");
    for (int i = 0; i < 3; i++)
        settle(&counts);
    assert_order(order_no, "paid", "partially_refunded");
    assert_int_equal(app_number("select refunded from channel_local.payments"), 30);
    assert_books();
}

static void test_refund_ends_badly(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    pay(order_no);
    refund(order_no, NULL);
    script("refund=abnormal");
    for (int i = 0; i < 4; i++)
        settle(&counts);
    assert_order(order_no, "cancelled", "paid");
    script("");
    refund(order_no, NULL);
    settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_books();
}

/* It was paid out and the answer was lost: the channel does not refuse it afterwards. */
static void test_done_refund_is_not_refused(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    pay(order_no);
    refund(order_no, NULL);
    script("refund=lost,query_refund=fail");
    settle(&counts);
    assert_order(order_no, "cancelled", "refunding");
    script("refund=refuse,query_refund=fail");
    settle(&counts);
    script("");
    settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_books();
}

/* What was sold comes back with the money, not with the asking for it. */
static void test_refused_refund_gives_no_stock_back(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *refund_no, *document;
    const struct refund_request request = {
        .order_no = order_no, .reason = "spilt", .restock = true};
    pay(order_no);
    assert_db_ok(order_accept(&ctx, order_no, &document, &err));
    script("refund=refuse");
    assert_db_ok(refund_create(&ctx, &request, &refund_no, &document, &err));
    assert_int_equal(stock(), 990);
    settle(&counts);
    assert_order(order_no, "accepted", "paid");
    assert_int_equal(stock(), 990);
    script("");
    assert_db_ok(refund_create(&ctx, &request, &refund_no, &document, &err));
    for (int i = 0; i < 2; i++)
        settle(&counts);
    assert_order(order_no, "accepted", "refunded");
    assert_int_equal(stock(), 1000);
    assert_books();
}

/* The part that is asked for last may be paid out first. */
static void test_stock_comes_back_with_the_last_part(void **state)
{
    (void)state;
    const char *order_no = order(), *rest, *document;
    const struct refund_request request = {
        .order_no = order_no, .reason = "spilt", .restock = true};
    pay(order_no);
    assert_db_ok(order_accept(&ctx, order_no, &document, &err));
    const char *part = refund(order_no, "30");
    assert_db_ok(refund_create(&ctx, &request, &rest, &document, &err));
    assert_db_ok(refund_settle(&ctx, rest, REFUND_SUCCEEDED, NULL, &err));
    assert_int_equal(stock(), 990);
    assert_db_ok(refund_settle(&ctx, part, REFUND_SUCCEEDED, NULL, &err));
    assert_order(order_no, "accepted", "refunded");
    assert_int_equal(stock(), 1000);
    assert_int_equal(app_ledger_defects(), 0);
}

/* ---- callbacks ---------------------------------------------------------------------------- */

static const char *call_back(enum channel_event_kind kind, const char *number, const char *amount)
{
    const char *result;
    const struct channel_event event = {.kind = kind,
                                        .event_id = arena_printf(ctx.arena, "%d%s", kind, number),
                                        .number = number,
                                        .amount = amount,
                                        .transaction_id = "T"};
    assert_db_ok(settle_event(&ctx, channel, &event, SPAN("{}"), &result, &err));
    return result;
}

static void pay_by_customer(const char *payment_no)
{
    app_run(arena_printf(ctx.arena, "select channel_local.pay('%s')", payment_no));
}

static void test_callback_twice(void **state)
{
    (void)state;
    const char *order_no = order(), *payment_no = prepay(order_no);
    pay_by_customer(payment_no);
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, payment_no, "100.00"), "recorded");
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, payment_no, "100.00"), "duplicate");
    assert_order(order_no, "paid", "paid");
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.paid'"), 1);
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, "nobody", "1.00"), "unknown");
    assert_int_equal(app_number("select count(*) from app.channel_events"), 2);
    assert_books();
}

static void test_payment_of_a_cancelled_order(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *payment_no = prepay(order_no), *document;
    assert_db_ok(order_cancel(&ctx, order_no, "guest left", &document, &err));
    pay_by_customer(payment_no);
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, payment_no, "100.00"), "recorded");
    assert_order(order_no, "cancelled", "refunding"); /* recorded, and not revived */
    settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_int_equal(app_number("select refunded from channel_local.payments"), 100);
    assert_int_equal(stock(), 1000);
    assert_books();
}

static void test_paid_twice_by_different_ways(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *payment_no = prepay(order_no), *document;
    assert_db_ok(order_pay(&ctx, order_no, "cash", NULL, &document, &err));
    pay_by_customer(payment_no);
    call_back(CHANNEL_EVENT_PAID, payment_no, "100.00");
    settle(&counts);
    assert_order(order_no, "paid", "paid"); /* what came on top went back */
    assert_int_equal(app_number("select count(*) from app.payments where is_surplus"), 1);
    assert_int_equal(app_number("select refunded from channel_local.payments"), 100);
    assert_int_equal(app_number("select refund_amount from app.orders"), 0);
}

static void test_another_amount_comes_in(void **state)
{
    (void)state;
    const char *order_no = order(), *payment_no = prepay(order_no);
    call_back(CHANNEL_EVENT_PAID, payment_no, "99.00");
    assert_order(order_no, "pending", "unpaid");
    assert_int_equal(app_number("select amount from app.refunds"), 99);
}

static int64_t failures_told(void)
{
    return app_number("select count(*) from app.outbox where type = 'order.refund_failed'");
}

static int refund_payment(const char *order_no, const char *payment_no, bool restock)
{
    const char *refund_no, *document;
    const struct refund_request request = {
        .order_no = order_no, .reason = "again", .payment_no = payment_no, .restock = restock};
    return refund_create(&ctx, &request, &refund_no, &document, &err);
}

static void assert_refused(int status, enum error_code code, const char *refusal)
{
    assert_int_equal(status, code);
    assert_string_equal(ctx.refusal, refusal);
    error_clear(&err);
}

static void test_surplus_that_cannot_be_refunded(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *payment_no = prepay(order_no), *document;
    assert_db_ok(order_pay(&ctx, order_no, "cash", NULL, &document, &err));
    pay_by_customer(payment_no);
    call_back(CHANNEL_EVENT_PAID, payment_no, "100.00");
    script("refund=abnormal");
    for (int i = 0; i < 4; i++)
        settle(&counts);
    assert_int_equal(failures_told(), 1);
    assert_order(order_no, "paid", "paid");
    assert_refused(refund_payment(order_no, "nobody", false), ERR_NOT_FOUND, "unknown_payment");
    assert_refused(refund_payment(order_no, payment_no, true), ERR_DATA,
                   "restock_needs_full_refund");
    script("");
    assert_db_ok(refund_payment(order_no, payment_no, false));
    settle(&counts);
    assert_int_equal(app_number("select refunded from channel_local.payments"), 100);
    assert_order(order_no, "paid", "paid"); /* which none of this concerns */
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.refunded'"),
                     1);
    assert_refused(refund_payment(order_no, payment_no, false), ERR_CONFLICT, "not_refundable");
    assert_int_equal(stock(), 990);
}

static void test_another_amount_that_cannot_be_refunded(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *payment_no = prepay(order_no);
    pay_by_customer(payment_no);
    call_back(CHANNEL_EVENT_PAID, payment_no, "99.00");
    script("refund=refuse");
    settle(&counts);
    assert_int_equal(failures_told(), 1);
    script("");
    assert_db_ok(refund_payment(order_no, payment_no, false));
    settle(&counts);
    assert_order(order_no, "pending", "unpaid");
    assert_int_equal(app_number("select refunded from channel_local.payments"), 99);
}

static void test_late_payment_whose_number_is_taken(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *payment_no = prepay(order_no), *other = order(), *document;
    assert_db_ok(order_pay(&ctx, other, "cash", NULL, &document, &err));
    refund(other, "1");
    app_run(arena_printf(ctx.arena, "update app.refunds set refund_no = '%s-R1'", payment_no));
    assert_db_ok(order_cancel(&ctx, order_no, "guest left", &document, &err));
    pay_by_customer(payment_no);
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, payment_no, "100.00"), "recorded");
    settle(&counts);
    assert_order(order_no, "cancelled", "refunded");
    assert_int_equal(app_number("select refunded from channel_local.payments"), 100);
}

static void test_amounts_that_are_no_money(void **state)
{
    (void)state;
    static const char *const none[] = {"NaN",      "Infinity", "-Infinity",   "",     "0",
                                       "0.00",     "-1.00",    "100.005",     "1e99", "x",
                                       "1,000.00", " 100.00",  "10000000000", "0x10", "100.00 CNY"};
    const char *order_no = order(), *payment_no = prepay(order_no), *result;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const struct channel_event event = {
            .event_id = "e", .number = payment_no, .amount = none[i]};
        assert_refused(settle_event(&ctx, channel, &event, SPAN("{}"), &result, &err), ERR_USAGE,
                       "bad_parameter");
    }
    assert_order(order_no, "pending", "unpaid");
    assert_int_equal(app_number("select count(*) from app.channel_events"), 0);
    assert_int_equal(db_script(app_conn, "update app.payments set amount = 'NaN'", &err), ERR_DATA);
    error_clear(&err);
    pay_by_customer(payment_no);
    assert_string_equal(call_back(CHANNEL_EVENT_PAID, payment_no, "100.0000"), "recorded");
    assert_order(order_no, "paid", "paid");
}

static void test_refund_callback_before_the_answer(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order();
    pay(order_no);
    const char *refund_no = refund(order_no, "30");
    assert_string_equal(call_back(CHANNEL_EVENT_REFUNDED, refund_no, "30.00"), "recorded");
    assert_string_equal(call_back(CHANNEL_EVENT_REFUND_FAILED, refund_no, "30.00"), "recorded");
    settle(&counts);
    assert_order(order_no, "paid", "partially_refunded");
}

/* A payment that was cash already closes what is still open at the channel. */
static void test_open_code_is_closed_when_paid_otherwise(void **state)
{
    (void)state;
    struct settle_counts counts;
    const char *order_no = order(), *document;
    prepay(order_no);
    assert_db_ok(order_pay(&ctx, order_no, "cash", NULL, &document, &err));
    settle(&counts);
    assert_int_equal(counts.payments_closed, 1);
    assert_int_equal(app_number("select count(*) from channel_local.payments where status = "
                                "'closed'"),
                     1);
}

static void test_signature(void **state)
{
    (void)state;
    struct channel_event event;
    char signature[65];
    struct span body = SPAN("{\"event_id\":\"e\",\"kind\":\"refund.failed\",\"number\":\"n\","
                            "\"amount\":\"1\",\"reason\":\"why\"}");
    const char *now = arena_printf(ctx.arena, "%lld", (long long)(clock_wall_us() / 1000000));
    assert_db_ok(channel_local_sign("tell nobody", now, body, signature, &err));
    assert_db_ok(channel->read_event(channel->self, now, signature, body, ctx.arena, &event, &err));
    assert_string_equal(event.reason, "why");
    assert_int_equal(event.kind, CHANNEL_EVENT_REFUND_FAILED);
    body.len--;
    assert_int_equal(
        channel->read_event(channel->self, now, signature, body, ctx.arena, &event, &err),
        ERR_AUTH);
    body.len++;
    assert_int_equal(
        channel->read_event(channel->self, "1", signature, body, ctx.arena, &event, &err),
        ERR_AUTH);
    assert_db_ok(channel_local_sign("tell nobody", "1", body, signature, &err));
    assert_int_equal(
        channel->read_event(channel->self, "1", signature, body, ctx.arena, &event, &err),
        ERR_AUTH); /* too old */
    assert_int_equal(channel->read_event(channel->self, now, NULL, body, ctx.arena, &event, &err),
                     ERR_AUTH);
}

static void test_script(void **state)
{
    (void)state;
    struct channel_script s;
    const char *rules = "close#2@-P1=paid, *=slow:20ms charge=lost refund=abnormal,refund=twice";
    assert_int_equal(channel_script_read(rules, "close", "X-P1", 2, &s, &err), ERR_OK);
    assert_true(s.is_paid && s.slow_ms == 20 && s.callbacks == 1 && !s.is_lost);
    assert_int_equal(channel_script_read(rules, "close", "X-P1", 1, &s, &err), ERR_OK);
    assert_false(s.is_paid);
    assert_int_equal(channel_script_read(rules, "close", "X-P2", 2, &s, &err), ERR_OK);
    assert_false(s.is_paid);
    assert_int_equal(channel_script_read(rules, "refund", "R", 9, &s, &err), ERR_OK);
    assert_true(s.is_abnormal && s.callbacks == 2);
    static const char *const bad[] = {"close",      "close=maybe",   "close#=paid",
                                      "close=slow", "close=slow:1h", "close#-1=paid"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(channel_script_read(bad[i], "query", "", 1, &s, &err), ERR_DATA);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_pay),
        T(test_answer_is_lost),
        T(test_channel_is_too_slow),
        T(test_refused_payment_leaves_the_order),
        T(test_checkout_falls_as_a_whole),
        T(test_dead_runner_is_replaced),
        T(test_customer_confirms_later),
        T(test_many_closings_in_one_go),
        T(test_timeout_two_batches_at_a_time),
        T(test_timeout_in_batches),
        T(test_timeout_closes_the_channel_first),
        T(test_timeout_is_told_it_was_paid),
        T(test_silent_channel_keeps_the_claim),
        T(test_cancel_of_paid_is_refunded_by_the_channel),
        T(test_cancel_meets_a_payment),
        T(test_refund_is_repeated_under_its_number),
        T(test_refund_ends_badly),
        T(test_done_refund_is_not_refused),
        T(test_refused_refund_gives_no_stock_back),
        T(test_stock_comes_back_with_the_last_part),
        T(test_callback_twice),
        T(test_payment_of_a_cancelled_order),
        T(test_paid_twice_by_different_ways),
        T(test_another_amount_comes_in),
        T(test_surplus_that_cannot_be_refunded),
        T(test_another_amount_that_cannot_be_refunded),
        T(test_late_payment_whose_number_is_taken),
        T(test_amounts_that_are_no_money),
        T(test_refund_callback_before_the_answer),
        T(test_open_code_is_closed_when_paid_otherwise),
        T(test_signature),
        T(test_script),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
