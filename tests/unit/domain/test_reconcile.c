/* A bill against our books: what is kept of a comparison that ends, and of one that does not. */
#include "app_fixture.h"

#include "core/datetime.h"
#include "domain/order.h"
#include "domain/reconcile.h"

static struct domain_context ctx;
static struct error err;
static const struct reconcile_rules rules = {.channel = "wechat", .fee_ppm = 6000};

static int set_up(void **state)
{
    (void)state;
    const char *number, *document;
    static const struct order_line line = {"P1", "3"};
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .lines = &line, .line_count = 1};
    app_reset();
    app_run("truncate app.reconciliations, app.reconciliation_totals, app.differences "
            "restart identity");
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new()};
    error_clear(&err);
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(order_create(&ctx, &request, &number, &document, &err));
    assert_db_ok(db_commit(app_conn, &err));
    app_run("insert into app.payments (order_id, payment_no, method, channel, amount, status, "
            "is_surplus, paid_at) select o.id, n, 'wechat', 'wx', 10, 'succeeded', true, "
            "'2026-11-21 12:00+08' from app.orders o, unnest('{A,B}'::text[]) n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_rollback(app_conn);
    arena_free(ctx.arena);
    return 0;
}

static struct bill_row row(const char *number, int64_t fen, int64_t fee_e5)
{
    return (struct bill_row){.line = 2,
                             .amount_fen = fen,
                             .settled_fen = fen,
                             .fee_e5 = fee_e5,
                             .time_us = 1795233600000000,
                             .state_text = SPAN("SUCCESS"),
                             .merchant_no = span_of(number),
                             .channel_no = SPAN("T1")};
}

static struct reconcile *begin(void)
{
    struct reconcile *r = NULL;
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(reconcile_begin(&ctx, &rules, &r, &err));
    return r;
}

static void add(struct reconcile *r, const char *number, int64_t fen, int64_t fee_e5)
{
    const struct bill_row one = row(number, fen, fee_e5);
    assert_db_ok(reconcile_add(r, "bill.csv", &one, &err));
}

static struct reconcile_counts finish(struct reconcile *r, const char *hash)
{
    struct reconcile_counts counts = {0};
    assert_db_ok(reconcile_end(r, civil_to_days(2026, 11, 21), hash, &counts, &err));
    assert_db_ok(db_commit(app_conn, &err));
    return counts;
}

static void test_ended_is_kept(void **state)
{
    (void)state;
    struct reconcile *r = begin();
    add(r, "A", 1000, 6000);
    add(r, "C", 500, 3000);
    const struct reconcile_counts counts = finish(r, "aa");
    assert_int_equal(counts.channel_rows, 2);
    assert_int_equal(counts.local_rows, 2);
    assert_int_equal(counts.matched, 1);
    assert_int_equal(counts.difference_count, 2);
    assert_int_equal(app_number("select count(*) from app.differences where number = 'C' and "
                                "class = 'channel_only' and position = 'bill.csv:2'"),
                     1);
    assert_int_equal(app_number("select count(*) from app.differences where number = 'B' and "
                                "class = 'local_only' and nth = 0"),
                     1);
}

/* The connection is the caller's again, and nothing is there. */
static void test_aborted_leaves_nothing(void **state)
{
    (void)state;
    struct reconcile *r = begin();
    add(r, "A", 1000, 6000);
    reconcile_abort(r);
    db_rollback(app_conn);
    assert_int_equal(app_number("select count(*) from app.reconciliations"), 0);
    r = begin();
    add(r, "A", 1000, 6000);
    finish(r, "aa");
    reconcile_abort(NULL);
}

/* They are compared with the payments, and are none themselves. */
static void test_flows_are_no_trades(void **state)
{
    (void)state;
    struct reconcile *r = begin();
    struct bill_row flow = row("A", 1000, 0);
    flow.kind = BILL_INCOME;
    flow.trade_type = SPAN("交易");
    add(r, "A", 1000, 6000);
    assert_db_ok(reconcile_add(r, "flow.csv", &flow, &err));
    flow.kind = BILL_EXPENSE;
    flow.amount_fen = 6;
    flow.trade_type = SPAN("扣除交易手续费");
    assert_db_ok(reconcile_add(r, "flow.csv", &flow, &err));
    flow.trade_type = SPAN("提现");
    assert_db_ok(reconcile_add(r, "flow.csv", &flow, &err));
    const struct reconcile_counts counts = finish(r, "aa");
    assert_int_equal(counts.channel_rows, 1);
    assert_int_equal(counts.matched, 1);
    assert_int_equal(app_number("select count(*) from app.differences where class = 'flow'"), 0);
}

/* A fen in a million yuan, and a fee off by one more than the tolerance. */
static void test_amounts_are_exact(void **state)
{
    (void)state;
    app_run("update app.payments set amount = 9999999999.99 where payment_no = 'A'");
    struct reconcile *r = begin();
    add(r, "A", INT64_C(999999999998), 0);
    add(r, "B", 1000, 6001);
    finish(r, "aa");
    assert_int_equal(app_number("select channel_fen - local_fen from app.differences where "
                                "number = 'A' and class = 'amount'"),
                     -1);
    assert_int_equal(
        app_number("select count(*) from app.differences where number = 'B' and class = 'fee'"), 1);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    struct db_conn *other = pg_fixture_open();
    struct domain_context second = {.conn = other, .arena = ctx.arena};
    struct reconcile *r = begin(), *none = NULL;
    const struct reconcile_rules of_alipay = {.channel = "alipay"};
    assert_db_ok(db_begin(other, &err));
    assert_int_equal(reconcile_begin(&second, &rules, &none, &err), ERR_RUNNING);
    error_clear(&err);
    assert_db_ok(reconcile_begin(&second, &of_alipay, &none, &err));
    reconcile_abort(none);
    reconcile_abort(r);
    db_close(other);
}

static void test_handled_once(void **state)
{
    (void)state;
    struct reconcile *r = begin();
    finish(r, "aa");
    assert_db_ok(difference_handle(&ctx, "1", "booked", &err));
    assert_int_equal(difference_handle(&ctx, "1", "again", &err), ERR_CONFLICT);
    error_clear(&err);
    assert_int_equal(difference_handle(&ctx, "99", "x", &err), ERR_NOT_FOUND);
    int64_t open = 0, pending = 0;
    const struct difference_filter all = {.pool_days = 3};
    error_clear(&err);
    assert_db_ok(difference_open(&ctx, &all, &open, &pending, &err));
    assert_int_equal(open, 0);
    assert_int_equal(pending, 1);
}

static void test_labels(void **state)
{
    (void)state;
    const struct {
        struct difference d;
        const char *label;
    } cases[] = {
        {{.kind = "payment", .class = "channel_only"}, "长款"},
        {{.kind = "payment", .class = "local_only", .state = "open"}, "短款"},
        {{.kind = "payment", .class = "local_only", .state = "pending"}, "待对账"},
        {{.kind = "refund", .class = "local_only", .state = "closed"}, "跨日已对"},
        {{.kind = "payment", .class = "status"}, "掉单"},
        {{.kind = "refund", .class = "amount", .amount_diff = "-1.00"}, "金额不符（短款）"},
        {{.kind = "payment", .class = "amount", .amount_diff = "1.00"}, "金额不符（长款）"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(difference_label(&cases[i].d), cases[i].label);
    assert_string_equal(difference_advice(NULL), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ended_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aborted_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flows_are_no_trades, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_amounts_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_handled_once, set_up, tear_down),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests_name("reconcile", tests, app_fixture_start, app_fixture_stop);
}
