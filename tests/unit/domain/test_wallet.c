/* The wallets of members: a ledger that orders are paid from, and refunds go back to. */
#include "app_fixture.h"

#include "domain/order.h"
#include "domain/refund.h"
#include "domain/wallet.h"

#include <pthread.h>

#define MEMBER "M00000001"
#define OTHER  "M00000002"

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    app_run("insert into app.members (name) values ('段正淳'), ('木婉清')");
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

/* In a transaction of its own, as the server has it. */
static int end(struct domain_context *c, int status, struct error *e)
{
    if (status == ERR_OK)
        return db_commit(c->conn, e);
    db_rollback(c->conn);
    return status;
}

static int top_up(const char *member_no, const char *amount, const char *ref)
{
    const char *document;
    const struct wallet_topup topup = {.member_no = member_no, .amount = amount, .ref = ref};
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, wallet_top_up(&ctx, &topup, &document, &err), &err);
}

static int order_of(struct domain_context *c, const char *member, const char **ret_no,
                    struct error *e)
{
    const char *document;
    static const struct order_line line = {"P1", "3"};
    const struct order_request request = {.store = "S001",
                                          .channel = "dine_in",
                                          .payment_method = "wallet",
                                          .member = member,
                                          .lines = &line,
                                          .line_count = 1};
    return order_create(c, &request, ret_no, &document, e);
}

/* An order of 30.00. */
static const char *create(const char *member)
{
    const char *order_no = NULL;
    assert_db_ok(order_of(&ctx, member, &order_no, &err));
    return order_no;
}

static int pay(const char *order_no)
{
    const char *document;
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, order_pay(&ctx, order_no, NULL, NULL, &document, &err), &err);
}

static int refund(const char *order_no, const char *amount, const char *refund_no)
{
    const char *ignored, *document;
    const struct refund_request request = {
        .order_no = order_no, .amount = amount, .reason = "cold", .refund_no = refund_no};
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, refund_create(&ctx, &request, &ignored, &document, &err), &err);
}

static void assert_refused(int code, enum error_code expected, const char *refusal)
{
    assert_int_equal(code, expected);
    assert_string_equal(ctx.refusal, refusal);
    error_clear(&err);
}

static void assert_balance(const char *balance)
{
    const char *document;
    assert_db_ok(wallet_get(&ctx, MEMBER, &document, &err));
    if (strstr(document, arena_printf(ctx.arena, "\"balance\" : \"%s\"", balance)) == NULL)
        fail_msg("wanted %s: %s", balance, document);
}

static void assert_paid(const char *order_no, const char *payment_status)
{
    const char *document;
    assert_db_ok(order_get(&ctx, order_no, &document, &err));
    const char *wanted = arena_printf(ctx.arena, "\"payment_status\" : \"%s\"", payment_status);
    if (strstr(document, wanted) == NULL)
        fail_msg("wanted %s: %s", payment_status, document);
}

/* Balances that are not the sum of their ledger, entries that do not follow from the one before. */
static int64_t defects(void)
{
    return app_number("select count(*) from app.wallets w where balance <> (select "
                      "coalesce(sum(amount), 0) from app.wallet_log l where l.member_id = "
                      "w.member_id)") +
           app_number("select count(*) from (select amount, balance_after, coalesce(lag("
                      "balance_after) over (partition by member_id order by id), 0) as before "
                      "from app.wallet_log) l where before + amount <> balance_after");
}

static void test_topups_count_once(void **state)
{
    (void)state;
    const char *document;
    assert_balance("0.00");
    assert_db_ok(top_up(MEMBER, "100.50", "T-1"));
    assert_db_ok(top_up(MEMBER, "100.5", "T-1"));
    assert_balance("100.50");
    assert_refused(top_up(MEMBER, "100.51", "T-1"), ERR_CONFLICT, "ref_reused");
    assert_refused(top_up(OTHER, "100.50", "T-1"), ERR_CONFLICT, "ref_reused");
    assert_refused(top_up("M9", "1", "T-2"), ERR_NOT_FOUND, "unknown_member");
    assert_db_ok(top_up(MEMBER, "0.01", "T-2"));
    assert_balance("100.51");
    app_run("update app.members set status = 'closed' where id = 2");
    assert_refused(top_up(OTHER, "1", "T-3"), ERR_DATA, "closed_member");
    assert_refused(wallet_get(&ctx, "M9", &document, &err), ERR_NOT_FOUND, "unknown_member");
    assert_int_equal(app_number("select count(*) from app.wallet_log"), 2);
    assert_int_equal(defects(), 0);
}

static void test_the_ledger_stays(void **state)
{
    (void)state;
    assert_db_ok(top_up(MEMBER, "5", "T-1"));
    assert_int_not_equal(db_script(app_conn, "update app.wallet_log set amount = 6", &err), ERR_OK);
    assert_int_not_equal(db_script(app_conn, "delete from app.wallet_log", &err), ERR_OK);
    error_clear(&err);
    assert_int_equal(app_number("select count(*) from app.wallet_log where amount = 5"), 1);
}

static void test_the_ledger_is_read_in_pieces(void **state)
{
    (void)state;
    struct listing_from from = {.limit = 2};
    AUTO_LISTING struct listing found, rest;
    listing_init(&found);
    listing_init(&rest);
    for (int i = 0; i < 3; i++)
        assert_db_ok(top_up(MEMBER, "1", arena_printf(ctx.arena, "T-%d", i)));
    assert_db_ok(top_up(OTHER, "7", "T-other"));
    assert_db_ok(wallet_log_list(&ctx, MEMBER, NULL, &from, &found, &err));
    assert_int_equal(found.count, 2);
    assert_true(found.has_more);
    from.after[0] = found.last[0];
    assert_db_ok(wallet_log_list(&ctx, MEMBER, "topup", &from, &rest, &err));
    assert_int_equal(rest.count, 1);
    assert_false(rest.has_more);
    assert_non_null(strstr(rest.items.data, "T-2"));
    assert_null(strstr(rest.items.data, "T-other"));
}

static void test_paid_from_what_is_there(void **state)
{
    (void)state;
    assert_db_ok(top_up(MEMBER, "59.99", "T-1"));
    const char *first = create(MEMBER), *second = create(MEMBER);
    assert_db_ok(pay(first));
    assert_paid(first, "paid");
    assert_balance("29.99");
    assert_refused(pay(second), ERR_CONFLICT, "insufficient_balance");
    assert_string_equal(ctx.details, "{\"balance\":\"29.99\",\"wanted\":\"30.00\"}");
    assert_paid(second, "unpaid");
    assert_balance("29.99");
    assert_int_equal(app_number("select count(*) from app.payments where channel = 'wallet'"), 1);
    assert_refused(pay(create(OTHER)), ERR_CONFLICT, "insufficient_balance");
    assert_string_equal(ctx.details, "{\"balance\":\"0.00\",\"wanted\":\"30.00\"}");
    assert_refused(pay(create(NULL)), ERR_DATA, "no_member");
    assert_int_equal(defects(), 0);
}

static void test_who_may_order(void **state)
{
    (void)state;
    const char *order_no, *document;
    assert_refused(order_of(&ctx, "M9", &order_no, &err), ERR_DATA, "unknown_member");
    app_run("update app.members set status = 'closed' where id = 2");
    assert_refused(order_of(&ctx, OTHER, &order_no, &err), ERR_DATA, "closed_member");
    assert_int_equal(app_number("select count(*) from app.orders"), 0);
    assert_db_ok(order_get(&ctx, create(MEMBER), &document, &err));
    assert_non_null(strstr(document, "\"member\" : \"" MEMBER "\""));
    assert_db_ok(order_get(&ctx, create(NULL), &document, &err));
    assert_non_null(strstr(document, "\"member\" : null"));
}

static void test_refunds_go_back_at_once(void **state)
{
    (void)state;
    const char *document;
    assert_db_ok(top_up(MEMBER, "30", "T-1"));
    const char *order_no = create(MEMBER);
    assert_db_ok(pay(order_no));
    assert_db_ok(refund(order_no, "10", "R-1"));
    assert_db_ok(refund(order_no, "10", "R-1")); /* the same */
    assert_balance("10.00");
    assert_paid(order_no, "partially_refunded");
    assert_refused(refund(order_no, "20.01", NULL), ERR_DATA, "refund_exceeds_payment");
    app_run(
        "update app.members set status = 'closed' where id = 1"); /* it is theirs all the same */
    assert_db_ok(order_cancel(&ctx, order_no, "sold out", &document, &err));
    assert_paid(order_no, "refunded");
    assert_balance("30.00");
    assert_int_equal(app_number("select count(*) from app.refunds where status = 'succeeded'"), 2);
    assert_int_equal(app_number("select count(*) from app.refunds"), 2);
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.refunded'"),
                     2);
    assert_int_equal(app_number("select count(*) from app.wallet_log where kind = 'refund'"), 2);
    assert_int_equal(defects(), 0);
}

static void test_free_meals_cost_the_wallet_nothing(void **state)
{
    (void)state;
    const char *document;
    app_run("update app.products set price = 0");
    const char *order_no = create(MEMBER);
    assert_db_ok(pay(order_no));
    assert_db_ok(order_cancel(&ctx, order_no, "changed", &document, &err));
    assert_paid(order_no, "refunded");
    assert_int_equal(app_number("select count(*) from app.wallet_log"), 0);
}

/* ---- many at once ------------------------------------------------------------------------- */

#define GUESTS  8
#define ATTEMPT 6

struct guest {
    pthread_t thread;
    int paid, cancelled, refused, failed;
    char failure[ERROR_MESSAGE_MAX];
};

/* Ordered and paid in one transaction. */
static int check_out(struct domain_context *c, const char **ret_no, struct error *e)
{
    const char *document;
    TRY(db_begin(c->conn, e));
    int status = order_of(c, MEMBER, ret_no, e);
    if (status == ERR_OK)
        status = order_pay(c, *ret_no, NULL, NULL, &document, e);
    return end(c, status, e);
}

static int cancel(struct domain_context *c, const char *order_no, struct error *e)
{
    const char *document;
    TRY(db_begin(c->conn, e));
    return end(c, order_cancel(c, order_no, "changed", &document, e), e);
}

static void visit(struct guest *g, struct domain_context *c, bool changes_mind)
{
    struct error e = ERROR_INIT;
    const char *order_no = NULL;
    int status = check_out(c, &order_no, &e);
    if (status == ERR_OK && changes_mind) {
        status = cancel(c, order_no, &e);
        g->cancelled += status == ERR_OK;
        g->paid += status == ERR_OK;
    } else if (status == ERR_OK) {
        g->paid++;
    }
    bool is_short = status == ERR_CONFLICT && c->refusal != NULL &&
                    strcmp(c->refusal, "insufficient_balance") == 0;
    g->refused += is_short;
    if (status == ERR_OK || is_short)
        return;
    g->failed++;
    snprintf(g->failure, sizeof g->failure, "%s", e.message);
}

static void dine_often(struct guest *g, int times)
{
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    if (db_open(&options, &conn, &e) != ERR_OK) {
        g->failed = 1;
        return;
    }
    for (int i = 0; i < times; i++) {
        struct domain_context c = {.conn = conn, .arena = arena_new()};
        visit(g, &c, i % 3 == 2);
        arena_free(c.arena);
    }
    db_close(conn);
}

static void *dine(void *arg)
{
    dine_often(arg, ATTEMPT);
    return NULL;
}

static void test_many_at_once_never_overdraw(void **state)
{
    (void)state;
    /* The last one comes alone, for what the last to change their minds gave back. */
    struct guest guests[GUESTS + 1] = {0};
    int paid = 0, cancelled = 0, refused = 0;
    assert_db_ok(top_up(MEMBER, "329.99", "T-1")); /* enough for ten at a time */
    for (size_t i = 0; i < GUESTS; i++)
        assert_int_equal(pthread_create(&guests[i].thread, NULL, dine, &guests[i]), 0);
    for (size_t i = 0; i < GUESTS; i++)
        pthread_join(guests[i].thread, NULL);
    dine_often(&guests[GUESTS], GUESTS * 2);
    for (size_t i = 0; i <= GUESTS; i++) {
        if (guests[i].failed != 0)
            fail_msg("%s", guests[i].failure);
        paid += guests[i].paid;
        cancelled += guests[i].cancelled;
        refused += guests[i].refused;
    }
    assert_int_equal(paid + refused, GUESTS * ATTEMPT + GUESTS * 2);
    assert_int_equal(paid - cancelled, 10);
    assert_balance("29.99");
    assert_int_equal(app_number("select count(*) from app.wallet_log where balance_after < 0"), 0);
    assert_int_equal(app_number("select count(*) from app.wallet_log where kind = 'payment'"),
                     paid);
    assert_int_equal(app_number("select count(*) from app.orders"), paid);
    assert_int_equal(app_number("select qty from app.stock where store_id = 1 and product_id = 1"),
                     1000 - 30);
    assert_int_equal(defects(), 0);
    assert_int_equal(app_ledger_defects(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_topups_count_once),
        T(test_the_ledger_stays),
        T(test_the_ledger_is_read_in_pieces),
        T(test_paid_from_what_is_there),
        T(test_who_may_order),
        T(test_refunds_go_back_at_once),
        T(test_free_meals_cost_the_wallet_nothing),
        T(test_many_at_once_never_overdraw),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
