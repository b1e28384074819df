/* The axes of an order: what moves each, payments and refunds, and what is refused. */
#include "app_fixture.h"

#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new()};
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

/* An order of 100.00 in the state asked for. */
static const char *order_in(const char *status)
{
    static const char *const steps[] = {"pending", "paid", "accepted", "fulfilled"};
    const char *order_no = NULL, *document;
    const struct order_line line = {"P1", "10"};
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .lines = &line, .line_count = 1};
    assert_db_ok(order_create(&ctx, &request, &order_no, &document, &err));
    for (size_t i = 0; strcmp(steps[i], status) != 0; i++)
        assert_db_ok(i == 0   ? order_pay(&ctx, order_no, "cash", NULL, &document, &err)
                     : i == 1 ? order_accept(&ctx, order_no, &document, &err)
                              : order_fulfill(&ctx, order_no, &document, &err));
    return order_no;
}

static int refund(const char *order_no, const char *amount, const char *refund_no)
{
    const char *ignored, *document;
    const struct refund_request request = {
        .order_no = order_no, .amount = amount, .reason = "cold", .refund_no = refund_no};
    return refund_create(&ctx, &request, &ignored, &document, &err);
}

static void assert_order(const char *order_no, const char *status, const char *payment_status,
                         const char *refund_amount)
{
    const char *document;
    assert_db_ok(order_get(&ctx, order_no, &document, &err));
    assert_non_null(strstr(document, arena_printf(ctx.arena, "\"status\" : \"%s\"", status)));
    assert_non_null(
        strstr(document, arena_printf(ctx.arena, "\"payment_status\" : \"%s\"", payment_status)));
    assert_non_null(
        strstr(document, arena_printf(ctx.arena, "\"refund_amount\" : \"%s\"", refund_amount)));
}

static int64_t stock(void)
{
    return app_number("select qty from app.stock where store_id = 1 and product_id = 1");
}

static void assert_refused(int code, enum error_code expected, const char *refusal)
{
    assert_int_equal(code, expected);
    assert_string_equal(ctx.refusal, refusal);
    error_clear(&err);
}

static void test_parts_up_to_what_was_paid(void **state)
{
    (void)state;
    const char *order_no = order_in("accepted");
    assert_db_ok(refund(order_no, "30.00", NULL));
    assert_order(order_no, "accepted", "partially_refunded", "30.00");
    assert_refused(refund(order_no, "70.01", NULL), ERR_DATA, "refund_exceeds_payment");
    assert_string_equal(ctx.details, "{\"refundable\":\"70.00\"}");
    assert_db_ok(refund(order_no, NULL, NULL));
    assert_order(order_no, "accepted", "refunded", "100.00");
    assert_refused(refund(order_no, "0.01", NULL), ERR_CONFLICT, "not_refundable");
    assert_int_equal(stock(), 990); /* eaten */
    assert_int_equal(app_number("select count(*) from app.refunds"), 2);
}

static void test_one_number_is_one_refund(void **state)
{
    (void)state;
    const char *order_no = order_in("fulfilled");
    assert_db_ok(refund(order_no, "30", "R-1"));
    assert_db_ok(refund(order_no, "30.00", "R-1"));
    assert_db_ok(refund(order_no, NULL, "R-1"));
    assert_order(order_no, "fulfilled", "partially_refunded", "30.00");
    assert_refused(refund(order_no, "31", "R-1"), ERR_CONFLICT, "refund_no_reused");
    assert_refused(refund(order_in("fulfilled"), "30", "R-1"), ERR_CONFLICT, "refund_no_reused");
}

static const char *number(const char *order_no, const char *end)
{
    return arena_printf(ctx.arena, "%s%s", order_no, end);
}

/* Else whoever may refund an order of his takes the numbers that the orders of others need. */
static void test_numbers_of_ours_are_reserved(void **state)
{
    (void)state;
    const char *mine = order_in("paid"), *other = order_in("accepted");
    assert_refused(refund(other, "1", number(mine, "-P1-R1")), ERR_DATA, "reserved_refund_no");
    assert_refused(refund(other, "1", number(other, "-P1-R2")), ERR_DATA, "reserved_refund_no");
    assert_refused(refund(other, "1", "x-P10-R07"), ERR_DATA, "reserved_refund_no");
    assert_db_ok(refund(mine, "30", NULL));
    assert_db_ok(refund(mine, "30", number(mine, "-P1-R1"))); /* once more */
    assert_refused(refund(mine, "31", number(mine, "-P1-R1")), ERR_CONFLICT, "refund_no_reused");
    assert_refused(refund(other, "30", number(mine, "-P1-R1")), ERR_DATA, "reserved_refund_no");
    assert_order(mine, "paid", "partially_refunded", "30.00");
    static const char *const free_ones[] = {"P1-R1", "-P1-R", "-P-R1", "x-P1-R1a", "x-P1R1", "R1"};
    for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
        assert_db_ok(refund(other, "1", free_ones[i]));
}

/* Taken before such numbers were reserved. */
static void test_a_number_that_is_taken_stops_nothing(void **state)
{
    (void)state;
    const char *mine = order_in("paid"), *other = order_in("accepted"), *document;
    assert_db_ok(refund(other, "1", "a"));
    assert_db_ok(refund(other, "1", "b"));
    app_run(arena_printf(ctx.arena,
                         "update app.refunds set refund_no = '%s' || case refund_no when 'a' then "
                         "'-P1-R1' else '-P1-R2' end",
                         mine));
    assert_db_ok(refund(mine, "30", NULL));
    assert_db_ok(order_cancel(&ctx, mine, "sold out", &document, &err));
    assert_order(mine, "cancelled", "refunded", "100.00");
    assert_int_equal(app_number("select count(*) from app.refunds where amount in (30, 70) and "
                                "refund_no like '%-P1-R3' or refund_no like '%-P1-R4'"),
                     2);
    assert_refused(refund(other, "1", number(mine, "-P1-R4")), ERR_DATA, "reserved_refund_no");
}

static void test_at_most_fifty(void **state)
{
    (void)state;
    const char *order_no = order_in("accepted");
    for (int i = 0; i < REFUNDS_MAX; i++)
        assert_db_ok(refund(order_no, "1", NULL));
    assert_refused(refund(order_no, "1", NULL), ERR_CONFLICT, "refund_limit");
    assert_order(order_no, "accepted", "partially_refunded", "50.00");
}

static void test_unpaid_has_nothing_to_refund(void **state)
{
    (void)state;
    assert_refused(refund(order_in("pending"), NULL, NULL), ERR_CONFLICT, "not_refundable");
    assert_string_equal(ctx.details, "{\"payment_status\":\"unpaid\",\"allowed\":[\"paid\"]}");
    assert_refused(refund("no-such", NULL, NULL), ERR_NOT_FOUND, "unknown_order");
}

/* All of a paid order, even in parts: it is cancelled, and its stock comes back once. */
static void test_whole_refund_of_paid_cancels(void **state)
{
    (void)state;
    const char *order_no = order_in("paid"), *document;
    assert_db_ok(refund(order_no, "40", NULL));
    assert_order(order_no, "paid", "partially_refunded", "40.00");
    assert_int_equal(stock(), 990);
    assert_db_ok(refund(order_no, "60", NULL));
    assert_order(order_no, "cancelled", "refunded", "100.00");
    assert_int_equal(stock(), 1000);
    assert_int_equal(order_cancel(&ctx, order_no, "again", &document, &err), ERR_CONFLICT);
    assert_int_equal(stock(), 1000);
    assert_int_equal(app_ledger_defects(), 0);
    assert_int_equal(app_number("select sum(amount) from app.refunds"), 100);
}

static void test_cancel_refunds_the_rest(void **state)
{
    (void)state;
    const char *order_no = order_in("paid"), *document;
    assert_db_ok(refund(order_no, "40", NULL));
    assert_db_ok(order_cancel(&ctx, order_no, "sold out", &document, &err));
    assert_order(order_no, "cancelled", "refunded", "100.00");
    assert_int_equal(app_number("select sum(amount) from app.refunds"), 100);
}

static void test_restock_when_asked(void **state)
{
    (void)state;
    const char *order_no = order_in("accepted"), *no, *document;
    struct refund_request request = {
        .order_no = order_no, .amount = "99", .reason = "spilt", .restock = true};
    assert_refused(refund_create(&ctx, &request, &no, &document, &err), ERR_DATA,
                   "restock_needs_full_refund");
    request.amount = NULL;
    assert_db_ok(refund_create(&ctx, &request, &no, &document, &err));
    assert_order(order_no, "accepted", "refunded", "100.00");
    assert_int_equal(stock(), 1000);
}

/* A channel that only accepts: the payment is refunding until it says more. */
static const char *refund_by_channel(const char *order_no, const char *amount)
{
    const char *refund_no, *document;
    const struct refund_request request = {
        .order_no = order_no, .amount = amount, .reason = "cold"};
    app_run("update app.payments set channel = 'local'");
    assert_db_ok(refund_create(&ctx, &request, &refund_no, &document, &err));
    return refund_no;
}

static void test_accepted_is_not_done(void **state)
{
    (void)state;
    const char *order_no = order_in("accepted");
    const char *refund_no = refund_by_channel(order_no, "30");
    assert_order(order_no, "accepted", "refunding", "0.00");
    assert_refused(refund(order_no, "80", NULL), ERR_DATA, "refund_exceeds_payment");
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_ACCEPTED, NULL, &err));
    assert_order(order_no, "accepted", "refunding", "0.00");
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_SUCCEEDED, NULL, &err));
    assert_order(order_no, "accepted", "partially_refunded", "30.00");
    /* late, repeated, out of order */
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_SUCCEEDED, NULL, &err));
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_ACCEPTED, NULL, &err));
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_FAILED, "late", &err));
    assert_order(order_no, "accepted", "partially_refunded", "30.00");
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.refunded'"),
                     1);
    assert_refused(refund_settle(&ctx, "none", REFUND_FAILED, NULL, &err), ERR_NOT_FOUND,
                   "unknown_refund");
}

static void test_failed_refund_counts_for_nothing(void **state)
{
    (void)state;
    const char *order_no = order_in("paid");
    const char *refund_no = refund_by_channel(order_no, NULL);
    assert_order(order_no, "cancelled", "refunding", "0.00");
    assert_int_equal(stock(), 1000);
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_FAILED, "account closed", &err));
    assert_order(order_no, "cancelled", "paid", "0.00");
    refund_no = refund_by_channel(order_no, NULL);
    assert_db_ok(refund_settle(&ctx, refund_no, REFUND_SUCCEEDED, NULL, &err));
    assert_order(order_no, "cancelled", "refunded", "100.00");
    assert_int_equal(stock(), 1000);
}

static void test_free_order(void **state)
{
    (void)state;
    const char *document;
    app_run("update app.products set price = 0");
    const char *order_no = order_in("paid");
    assert_db_ok(order_cancel(&ctx, order_no, "changed", &document, &err));
    assert_order(order_no, "cancelled", "refunded", "0.00");
}

static void test_history_tells_all_axes(void **state)
{
    (void)state;
    const char *order_no = order_in("accepted"), *document;
    assert_db_ok(order_ready(&ctx, order_no, &document, &err));
    assert_refused(order_ready(&ctx, order_no, &document, &err), ERR_CONFLICT, "order_state");
    assert_db_ok(order_fulfill(&ctx, order_no, &document, &err));
    assert_db_ok(refund(order_no, NULL, NULL));
    assert_db_ok(order_history(&ctx, order_no, &document, &err));
    assert_int_equal(
        app_number("select count(*) from app.order_status_history where (from_status, to_status, "
                   "payment_status, fulfilment_status) in (('accepted', 'accepted', 'paid', "
                   "'ready'), ('accepted', 'fulfilled', 'paid', 'fulfilled'), ('fulfilled', "
                   "'fulfilled', 'refunded', 'fulfilled'))"),
        3);
    assert_db_ok(payment_list(&ctx, order_no, &document, &err));
    assert_non_null(strstr(document, "-P1-R1"));
    ctx.only_store = "S002";
    assert_refused(payment_list(&ctx, order_no, &document, &err), ERR_NOT_FOUND, "unknown_order");
    assert_refused(order_history(&ctx, order_no, &document, &err), ERR_NOT_FOUND, "unknown_order");
}

static int act_on(const char *order_no, const char *act)
{
    const char *document;
    switch (act[0]) {
    case 'p': return order_pay(&ctx, order_no, "cash", NULL, &document, &err);
    case 'a': return order_accept(&ctx, order_no, &document, &err);
    case 'r': return order_ready(&ctx, order_no, &document, &err);
    case 'f': return order_fulfill(&ctx, order_no, &document, &err);
    default: return order_cancel(&ctx, order_no, "test", &document, &err);
    }
}

/* Each act in each state: done where the state is among its own, else refused with where the order
 * can go from there, and nothing of it stands. */
static void test_every_act_in_every_state(void **state)
{
    (void)state;
    static const char *const states[] = {"pending", "paid",      "accepted",
                                         "ready",   "fulfilled", "cancelled"};
    static const char *const path[] = {"pay", "accept", "ready", "fulfill"};
    static const char *const allowed[][2] = {
        {"[\"paid\",\"cancelled\"]", "[\"preparing\",\"cancelled\"]"},
        {"[\"accepted\",\"cancelled\"]", "[\"preparing\",\"cancelled\"]"},
        {"[\"fulfilled\"]", NULL}, /* nothing refuses it */
        {"[\"fulfilled\"]", "[\"fulfilled\"]"},
        {"[]", "[]"},
        {"[]", "[]"},
    };
    static const struct {
        const char *act;
        bool is_legal[6];
    } acts[] = {
        {"pay", {true, false, false, false, false, false}},
        {"accept", {false, true, false, false, false, false}},
        {"ready", {false, false, true, false, false, false}},
        {"fulfill", {false, false, true, true, false, false}},
        {"cancel", {true, true, false, false, false, false}},
    };
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 5; k++) {
            const char *order_no = order_in("pending");
            for (size_t step = 0; step < i && i < 5; step++)
                assert_db_ok(act_on(order_no, path[step]));
            if (i == 5)
                assert_db_ok(act_on(order_no, "cancel"));
            int64_t events = app_number("select count(*) from app.outbox");
            int code = act_on(order_no, acts[k].act);
            const char *wanted = allowed[i][strcmp(acts[k].act, "ready") == 0];
            wanted = arena_printf(ctx.arena, "\"allowed\":%s}", wanted != NULL ? wanted : "");
            if (acts[k].is_legal[i] ? code != ERR_OK
                                    : code != ERR_CONFLICT || strcmp(ctx.refusal, "order_state") ||
                                          strstr(ctx.details, wanted) == NULL)
                fail_msg("%s when %s: %d %s %s", acts[k].act, states[i], code, err.message,
                         ctx.details);
            assert_int_equal(app_number("select count(*) from app.outbox") > events, !code);
            error_clear(&err);
        }
    }
    assert_int_equal(app_ledger_defects(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_parts_up_to_what_was_paid),
        T(test_one_number_is_one_refund),
        T(test_numbers_of_ours_are_reserved),
        T(test_a_number_that_is_taken_stops_nothing),
        T(test_at_most_fifty),
        T(test_unpaid_has_nothing_to_refund),
        T(test_whole_refund_of_paid_cancels),
        T(test_cancel_refunds_the_rest),
        T(test_restock_when_asked),
        T(test_accepted_is_not_done),
        T(test_failed_refund_counts_for_nothing),
        T(test_free_order),
        T(test_history_tells_all_axes),
        T(test_every_act_in_every_state),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
