/* The points of members: lots and their ends, what orders earn and refunds take back, tiers. */
#include "app_fixture.h"

#include "domain/order.h"
#include "domain/payment.h"
#include "domain/points.h"
#include "domain/points_rules.h"
#include "domain/refund.h"
#include "domain/tier.h"

#include <inttypes.h>
#include <pthread.h>

#define MEMBER "M00000001"
#define OTHER  "M00000002"

static struct domain_context ctx;
static struct points_rules rules;
static struct settings settings;
static struct error err;

static const char *tier_names[] = {"normal", "silver", "gold"};
static const char *tier_specs[] = {"0", "60 1.5", "1000 2"};

static void set_rules(int debt, size_t tiers)
{
    settings = (struct settings){.timezone = "Asia/Shanghai",
                                 .points_per_yuan = "1",
                                 .points_expire_months = 12,
                                 .points_refund_grace_ms = INT64_C(30) * 86400000,
                                 .points_tier_months = 12,
                                 .points_debt = debt,
                                 .points_tiers = {tier_names, tier_specs, tiers}};
    assert_db_ok(points_rules_read(&settings, &rules, &err));
}

static int set_up(void **state)
{
    (void)state;
    app_reset();
    app_run("insert into app.members (name) values ('段正淳'), ('木婉清')");
    set_rules(POINTS_DEBT_ALLOW, 0);
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new(), .points = &rules};
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

static int change(int (*how)(struct domain_context *, const struct points_change *, const char **,
                             struct error *),
                  struct points_change wanted)
{
    const char *document;
    if (wanted.member_no == NULL)
        wanted.member_no = MEMBER;
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, how(&ctx, &wanted, &document, &err), &err);
}
#define EARN(...)   change(points_earn, (struct points_change){__VA_ARGS__})
#define SPEND(...)  change(points_spend, (struct points_change){__VA_ARGS__})
#define REFUND(...) change(points_refund, (struct points_change){__VA_ARGS__})

static void assert_refused(int code, enum error_code expected, const char *refusal)
{
    assert_int_equal(code, expected);
    assert_string_equal(ctx.refusal, refusal);
    error_clear(&err);
}

static void assert_shows(const char *text)
{
    const char *document;
    assert_db_ok(points_get(&ctx, MEMBER, &document, &err));
    if (strstr(document, text) == NULL)
        fail_msg("wanted %s: %s", text, document);
}

static void assert_balance(int64_t balance)
{
    assert_shows(arena_printf(ctx.arena, "\"balance\" : %" PRId64 ",", balance));
}

static void days_pass(int days)
{
    app_run(arena_printf(ctx.arena,
                         "update app.points_lots set expires_at = expires_at - interval '%d days'",
                         days));
}

static int64_t remains(const char *ref)
{
    return app_number(arena_printf(ctx.arena,
                                   "select l.remain from app.points_lots l join app.points_log g "
                                   "on g.id = l.log_id where g.ref = '%s'",
                                   ref));
}

/* Balances that are not the sum of their ledger or what the lots hold, entries that do not follow
 * from the one before, lots (but those that are over: what is returned late is not in them) that
 * are not what was put in, used and returned. */
static int64_t defects(void)
{
    return app_number("select count(*) from app.points p where balance <> (select "
                      "coalesce(sum(amount), 0) from app.points_log l where l.member_id = "
                      "p.member_id) or greatest(balance, 0) <> (select coalesce(sum(remain), 0) "
                      "from app.points_lots l where l.member_id = p.member_id)") +
           app_number("select count(*) from (select amount, balance_after, coalesce(lag("
                      "balance_after) over (partition by member_id order by id), 0) as before "
                      "from app.points_log) l where before + amount <> balance_after") +
           app_number("select count(*) from app.points_lots l where remain <> amount - (select "
                      "coalesce(sum(used - returned), 0) from app.points_uses u where u.lot_id = "
                      "l.id) and (l.expires_at > clock_timestamp()) is not false");
}

/* ---- lots --------------------------------------------------------------------------------- */

static void test_what_was_spent_does_not_expire_again(void **state)
{
    (void)state;
    struct points_expired expired = {0};
    bool is_more;
    app_run("set timezone to 'Asia/Shanghai'");
    const char *in_1 = "2099-01-02", *in_3 = "2099-01-04";
    assert_db_ok(EARN(.ref = "A", .points = 10, .expires_on = in_1));
    assert_db_ok(EARN(.ref = "B", .points = 20, .expires_on = in_3));
    assert_balance(30);
    assert_db_ok(SPEND(.ref = "S-1", .points = 30));
    assert_balance(0);
    for (int i = 0; i < 3; i++) {
        days_pass(365 * 40);
        assert_balance(0);
        assert_db_ok(points_expire(&ctx, 100, 0, &expired, &is_more, &err));
        assert_balance(0);
        assert_refused(SPEND(.ref = "S-2", .points = 30), ERR_CONFLICT, "insufficient_points");
    }
    assert_string_equal(ctx.details, "{\"balance\":0,\"wanted\":30}");
    assert_int_equal(expired.lots, 0);
    assert_int_equal(defects(), 0);
    app_run("set timezone to default");
}

static void test_first_over_first_spent(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "late", .points = 50));
    assert_db_ok(EARN(.ref = "first", .points = 10, .expires_on = "2098-01-02"));
    assert_db_ok(EARN(.ref = "second", .points = 20, .expires_on = "2098-01-04"));
    app_run("update app.points_lots set expires_at = expires_at + interval '80 years' "
            "where amount = 50");
    assert_shows("\"next_expiry\" : {\"points\" : 10, \"expires_at\" : "
                 "\"2098-01-01T16:00:00.000000Z\"}"); /* midnight in Shanghai */
    assert_db_ok(SPEND(.ref = "S", .points = 25));
    assert_int_equal(remains("first"), 0);
    assert_int_equal(remains("second"), 5);
    assert_int_equal(remains("late"), 50);
    assert_balance(55);
    app_run("update app.points_lots set expires_at = '2000-01-01Z' where remain = 5");
    assert_balance(50); /* before anything took it out */
    assert_refused(SPEND(.ref = "S-2", .points = 51), ERR_CONFLICT, "insufficient_points");
    assert_db_ok(SPEND(.ref = "S-3", .points = 50));
    assert_int_equal(app_number("select amount from app.points_log where kind = 'expire'"), -5);
    assert_int_equal(defects(), 0);
}

static void test_lots_hold_until_a_midnight_in_shanghai(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "A", .points = 7));
    assert_int_equal(app_number("select count(*) from app.points_lots where expires_at = "
                                "((clock_timestamp() at time zone 'Asia/Shanghai')::date + "
                                "interval '12 months 1 day') at time zone 'Asia/Shanghai'"),
                     1);
    /* From the very instant on. */
    app_run("update app.points_lots set expires_at = clock_timestamp() + interval '1 hour'");
    assert_balance(7);
    app_run("update app.points_lots set expires_at = clock_timestamp()");
    assert_balance(0);
    rules.expiry[0] = '\0';
    assert_db_ok(EARN(.ref = "B", .points = 3));
    assert_shows("\"lots\" : [{\"points\" : 3, \"expires_at\" : null}], \"next_expiry\" : null");
    assert_int_equal(defects(), 0);
}

static void test_references_count_once(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "A", .points = 100));
    assert_db_ok(EARN(.ref = "A", .points = 100));
    assert_refused(EARN(.ref = "A", .points = 99), ERR_CONFLICT, "ref_reused");
    assert_refused(EARN(.member_no = OTHER, .ref = "A", .points = 100), ERR_CONFLICT, "ref_reused");
    assert_db_ok(SPEND(.ref = "A", .points = 30)); /* another kind */
    assert_db_ok(SPEND(.ref = "A", .points = 30));
    assert_db_ok(EARN(.member_no = OTHER, .ref = "B", .points = 100));
    assert_refused(SPEND(.member_no = OTHER, .ref = "A", .points = 30), ERR_CONFLICT, "ref_reused");
    assert_balance(70);
    assert_refused(EARN(.member_no = "M9", .ref = "C", .points = 1), ERR_NOT_FOUND,
                   "unknown_member");
    app_run("update app.members set status = 'closed' where id = 2");
    assert_refused(SPEND(.member_no = OTHER, .ref = "D", .points = 1), ERR_DATA, "closed_member");
    assert_int_not_equal(db_script(app_conn, "update app.points_log set amount = 6", &err), ERR_OK);
    assert_int_not_equal(db_script(app_conn, "delete from app.points_log", &err), ERR_OK);
    error_clear(&err);
    assert_int_equal(defects(), 0);
}

static void test_a_refund_goes_back_to_its_lots(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "A", .points = 10, .expires_on = "2098-01-02"));
    assert_db_ok(EARN(.ref = "B", .points = 20, .expires_on = "2098-01-04"));
    assert_db_ok(SPEND(.ref = "S", .points = 25));
    assert_db_ok(REFUND(.ref = "R-1", .of_ref = "S", .points = 16));
    assert_db_ok(REFUND(.ref = "R-1", .of_ref = "S", .points = 16));
    assert_int_equal(remains("A"), 1); /* what holds longest comes back first */
    assert_int_equal(remains("B"), 20);
    assert_refused(REFUND(.ref = "R-2", .of_ref = "S", .points = 10), ERR_DATA,
                   "refund_exceeds_spending");
    assert_string_equal(ctx.details, "{\"left\":9}");
    assert_refused(REFUND(.ref = "R-2", .of_ref = "T"), ERR_DATA, "unknown_spending");
    assert_refused(REFUND(.member_no = OTHER, .ref = "R-2", .of_ref = "S"), ERR_DATA,
                   "unknown_spending");
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S"));
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S"));
    assert_int_equal(remains("A"), 10);
    assert_balance(30);
    assert_refused(REFUND(.ref = "R-3", .of_ref = "S"), ERR_DATA, "refund_exceeds_spending");
    assert_int_equal(defects(), 0);
}

static void test_what_comes_back_too_late(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "A", .points = 10, .expires_on = "2098-01-02"));
    assert_db_ok(EARN(.ref = "B", .points = 20, .expires_on = "2098-01-04"));
    assert_db_ok(SPEND(.ref = "S", .points = 30));
    app_run("update app.points_lots set expires_at = '2000-01-01Z' where amount = 10");
    assert_db_ok(REFUND(.ref = "R-1", .of_ref = "S", .points = 24)); /* 20 to B, 4 of A */
    assert_balance(24);
    assert_int_equal(app_number("select count(*) from app.points_lots where amount = 4 and "
                                "expires_at = ((clock_timestamp() at time zone 'Asia/Shanghai')"
                                "::date + interval '31 days') at time zone 'Asia/Shanghai'"),
                     1);
    rules.grace[0] = '\0';
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S"));
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S"));
    assert_balance(24);
    assert_int_equal(app_number("select forgone from app.points_log where ref = 'R-2'"), 6);
    assert_int_equal(app_number("select sum(used - returned) from app.points_uses u join "
                                "app.points_log g on g.id = u.log_id where g.kind = 'spend'"),
                     0);
    assert_int_equal(app_number("select count(*) from app.points p where balance <> (select "
                                "sum(remain) from app.points_lots)"),
                     0);
}

static void test_expiry_is_safe_to_run_twice(void **state)
{
    (void)state;
    struct points_expired expired = {0};
    bool is_more;
    for (int i = 0; i < 5; i++) {
        app_run(arena_printf(ctx.arena, "insert into app.members (name) values ('客%d')", i));
        const char *member_no = arena_printf(ctx.arena, "M%08d", i + 3);
        for (int lot = 1; lot <= 3; lot++)
            assert_db_ok(EARN(.member_no = member_no, .points = lot,
                              .ref = arena_printf(ctx.arena, "%d-%d", i, lot)));
    }
    app_run("update app.points_lots set expires_at = '2000-01-01Z' where amount < 3");
    assert_db_ok(points_expire_count(&ctx, &expired, &err));
    assert_int_equal(expired.members * 10000 + expired.lots * 100 + expired.points, 51015);
    assert_db_ok(points_expire(&ctx, 2, 1, &expired, &is_more, &err)); /* its time was over */
    assert_true(is_more);
    assert_int_equal(expired.members, 0);
    assert_db_ok(points_expire(&ctx, 2, 0, &expired, &is_more, &err));
    assert_false(is_more);
    assert_int_equal(expired.members * 10000 + expired.lots * 100 + expired.points, 51015);
    assert_db_ok(points_expire(&ctx, 100, 0, &expired, &is_more, &err));
    assert_int_equal(expired.lots, 0);
    assert_int_equal(app_number("select sum(balance) from app.points"), 15);
    assert_int_equal(defects(), 0);
}

static void test_expiry_waits_for_nobody(void **state)
{
    (void)state;
    struct points_expired expired = {0};
    bool is_more;
    struct db_conn *other = pg_fixture_open();
    assert_db_ok(EARN(.ref = "A", .points = 1));
    assert_db_ok(EARN(.member_no = OTHER, .ref = "B", .points = 2));
    app_run("update app.points_lots set expires_at = '2000-01-01Z'");
    assert_db_ok(db_begin(other, &err));
    assert_db_ok(db_script(other, "select from app.points where member_id = 1 for update", &err));
    assert_db_ok(points_expire(&ctx, 100, 0, &expired, &is_more, &err));
    assert_int_equal(expired.points, 2);
    db_rollback(other);
    db_close(other);
    assert_db_ok(points_expire(&ctx, 100, 0, &expired, &is_more, &err));
    assert_int_equal(expired.points, 1);
    assert_int_equal(defects(), 0);
}

/* ---- orders ------------------------------------------------------------------------------- */

static int order_of(struct domain_context *c, const char *member, const char *method,
                    const char **ret_no, struct error *e)
{
    const char *document;
    static const struct order_line line = {"P1", "3"};
    const struct order_request request = {.store = "S001",
                                          .channel = "dine_in",
                                          .payment_method = method,
                                          .member = member,
                                          .lines = &line,
                                          .line_count = 1};
    return order_create(c, &request, ret_no, &document, e);
}

/* An order of 30.00, paid at the till. */
static const char *dine(const char *member)
{
    const char *order_no = NULL, *document;
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(order_of(&ctx, member, "cash", &order_no, &err));
    assert_db_ok(order_pay(&ctx, order_no, NULL, NULL, &document, &err));
    assert_db_ok(db_commit(ctx.conn, &err));
    return order_no;
}

static void give_back(const char *order_no, const char *amount, const char *refund_no)
{
    const char *ignored, *document;
    const struct refund_request request = {
        .order_no = order_no, .amount = amount, .reason = "cold", .refund_no = refund_no};
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, refund_create(&ctx, &request, &ignored, &document, &err), &err));
}

static void test_orders_earn_what_they_cost(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = dine(MEMBER);
    assert_balance(30);
    assert_int_equal(order_pay(&ctx, order_no, NULL, NULL, &document, &err), ERR_CONFLICT);
    error_clear(&err);
    db_rollback(app_conn);
    snprintf(rules.per_yuan, sizeof rules.per_yuan, "0.19");
    dine(MEMBER); /* 5.7, whole points only */
    dine(NULL);
    assert_balance(35);
    app_run("update app.products set price = 0");
    dine(MEMBER);
    app_run("update app.products set price = 10");
    assert_db_ok(order_of(&ctx, MEMBER, "cash", &order_no, &err));
    app_run("update app.members set status = 'closed' where id = 1");
    assert_db_ok(order_pay(&ctx, order_no, NULL, NULL, &document, &err));
    app_run("update app.members set status = 'active' where id = 1");
    ctx.points = NULL;
    dine(MEMBER);
    assert_balance(35);
    assert_int_equal(defects(), 0);
}

static void test_a_payment_told_twice_earns_once(void **state)
{
    (void)state;
    const char *order_no = NULL;
    assert_db_ok(order_of(&ctx, MEMBER, "wechat", &order_no, &err));
    app_run("insert into app.payments (order_id, payment_no, method, channel, amount, status) "
            "select id, 'PAY-1', 'wechat', 'local', total_amount, 'sent' from app.orders");
    for (int i = 0; i < 3; i++) {
        assert_db_ok(db_begin(ctx.conn, &err));
        assert_db_ok(end(&ctx, payment_succeed(&ctx, "PAY-1", "T1", "30.00", &err), &err));
    }
    assert_balance(30);
    assert_int_equal(app_number("select count(*) from app.points_log"), 1);
    assert_int_equal(defects(), 0);
}

static void settle(const char *refund_no, enum refund_outcome outcome)
{
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, refund_settle(&ctx, refund_no, outcome, NULL, &err), &err));
}

/* Of a channel that only accepts at first, and of money that the order did not need. */
static void test_points_go_when_the_money_is_back(void **state)
{
    (void)state;
    const char *order_no = NULL;
    assert_db_ok(order_of(&ctx, MEMBER, "wechat", &order_no, &err));
    app_run("insert into app.payments (order_id, payment_no, method, channel, amount, status) "
            "select id, n, 'wechat', 'local', total_amount, 'sent' from app.orders, "
            "(values ('PAY-1'), ('PAY-2')) p (n)");
    for (int i = 1; i <= 2; i++)
        assert_db_ok(payment_succeed(&ctx, arena_printf(ctx.arena, "PAY-%d", i), "T", NULL, &err));
    settle("PAY-2-R1", REFUND_SUCCEEDED); /* paid twice */
    assert_db_ok(points_take_back(&ctx, "PAY-2-R1", &err));
    assert_balance(30);
    give_back(order_no, "10", "R-1");
    assert_balance(30);
    settle("R-1", REFUND_ACCEPTED);
    assert_balance(30);
    settle("R-1", REFUND_FAILED);
    assert_balance(30);
    give_back(order_no, "15", "R-2");
    for (int i = 0; i < 2; i++)
        settle("R-2", REFUND_SUCCEEDED);
    assert_balance(15);
    assert_int_equal(defects(), 0);
}

static void test_refunds_take_their_share_back(void **state)
{
    (void)state;
    snprintf(rules.per_yuan, sizeof rules.per_yuan, "0.35");
    const char *order_no = dine(MEMBER); /* 10 */
    assert_db_ok(EARN(.ref = "A", .points = 5, .expires_on = "2030-01-01"));
    app_run("update app.points_lots set expires_at = expires_at + interval '20 years' "
            "where amount = 10");     /* over last */
    give_back(order_no, "10", "R-1"); /* 3.33 */
    assert_balance(12);
    give_back(order_no, "10", "R-1");
    assert_balance(12);
    give_back(order_no, "10", "R-2"); /* 6.66 in all */
    assert_balance(9);
    give_back(order_no, "10", "R-3"); /* all of it */
    assert_balance(5);
    assert_int_equal(remains("A"), 5); /* what this order put in went first */
    assert_int_equal(defects(), 0);
}

static void test_a_cancelled_order_earned_nothing(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = dine(MEMBER);
    assert_db_ok(order_cancel(&ctx, order_no, "changed", &document, &err));
    assert_balance(0);
    assert_int_equal(defects(), 0);
}

static void test_a_refund_after_the_points_were_spent(void **state)
{
    (void)state;
    const char *order_no = dine(MEMBER);
    assert_db_ok(SPEND(.ref = "S", .points = 28));
    give_back(order_no, NULL, "R-1");
    assert_balance(-28);
    assert_refused(SPEND(.ref = "S-2", .points = 1), ERR_CONFLICT, "insufficient_points");
    assert_db_ok(EARN(.ref = "A", .points = 20)); /* pays of it */
    assert_balance(-8);
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S", .points = 10)); /* 8 pay the rest */
    assert_balance(2);
    assert_int_equal(defects(), 0);
    assert_db_ok(EARN(.ref = "B", .points = 5));
    assert_balance(7);
    assert_db_ok(SPEND(.ref = "S-3", .points = 7));
    assert_int_equal(defects(), 0);
}

static void test_without_debt_what_is_missing_is_forgone(void **state)
{
    (void)state;
    set_rules(POINTS_DEBT_REFUSE, 0);
    const char *order_no = dine(MEMBER);
    assert_db_ok(SPEND(.ref = "S", .points = 28));
    give_back(order_no, "15", "R-1"); /* 15, of which 2 are there */
    assert_balance(0);
    give_back(order_no, "15", "R-2"); /* nothing is, and the money goes back all the same */
    assert_balance(0);
    assert_int_equal(app_number("select forgone from app.points_log where ref = 'R-1'"), 13);
    assert_int_equal(app_number("select forgone from app.points_log where ref = 'R-2'"), 15);
    assert_db_ok(EARN(.ref = "A", .points = 20));
    assert_balance(20);
    assert_int_equal(defects(), 0);
}

/* ---- one person that was two members ------------------------------------------------------ */

static int64_t balance_of(int member)
{
    return app_number(arena_printf(
        ctx.arena, "select coalesce((select balance from app.points where member_id = %d), 0)",
        member));
}

static void assert_balances(int64_t first, int64_t second)
{
    assert_int_equal(balance_of(1), first);
    assert_int_equal(balance_of(2), second);
    assert_int_equal(defects(), 0);
}

static int merges;

static void move(void)
{
    int64_t moved;
    const struct points_transfer t = {
        .from = "2", .to = "1", .ref = arena_printf(ctx.arena, "merge:%d", ++merges)};
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, points_transfer(&ctx, &t, &moved, &err), &err));
}

static void move_back(void)
{
    int64_t moved;
    const struct points_transfer t = {.from = "1",
                                      .to = "2",
                                      .ref = arena_printf(ctx.arena, "unmerge:%d", merges),
                                      .of_ref = arena_printf(ctx.arena, "merge:%d", merges),
                                      .orders = "{2}"};
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, points_transfer_back(&ctx, &t, &moved, &err), &err));
}

static void test_lots_go_over_and_back(void **state)
{
    (void)state;
    assert_db_ok(EARN(.ref = "A", .points = 10, .expires_on = "2098-01-02"));
    assert_db_ok(EARN(.member_no = OTHER, .ref = "B", .points = 20, .expires_on = "2098-01-03"));
    assert_db_ok(SPEND(.member_no = OTHER, .ref = "S-1", .points = 5));
    move();
    assert_balances(25, 0);
    assert_db_ok(SPEND(.ref = "S-2", .points = 18)); /* 10 of A, 8 of B */
    assert_db_ok(REFUND(.ref = "R-1", .of_ref = "S-1"));
    assert_balances(12, 0);
    move_back();
    assert_balances(0, 12);
    assert_int_equal(remains("A"), 0);
    assert_int_equal(remains("B"), 12);
    /* Each gets back what was theirs. */
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S-2"));
    assert_balances(10, 12);
    assert_db_ok(REFUND(.member_no = OTHER, .ref = "R-3", .of_ref = "S-2"));
    assert_balances(10, 20);
}

static void test_what_an_order_earns_follows_it(void **state)
{
    (void)state;
    const char *order_no = NULL, *document;
    dine(MEMBER);
    assert_db_ok(order_of(&ctx, OTHER, "cash", &order_no, &err));
    move(); /* of nothing */
    app_run("update app.orders set member_id = 1 where id = 2");
    assert_db_ok(order_pay(&ctx, order_no, NULL, NULL, &document, &err));
    assert_balances(60, 0);
    move_back();
    app_run("update app.orders set member_id = 2 where id = 2");
    assert_balances(30, 30);
    give_back(order_no, NULL, "R-1");
    assert_balances(30, 0);
}

static void test_debts_go_over_and_back(void **state)
{
    (void)state;
    const char *order_no = dine(OTHER);
    assert_db_ok(SPEND(.member_no = OTHER, .ref = "S", .points = 30));
    give_back(order_no, NULL, "R-1");
    assert_db_ok(EARN(.ref = "A", .points = 50));
    assert_balances(50, -30);
    move();
    assert_balances(20, 0);
    move_back();
    assert_balances(50, -30);
    assert_int_equal(remains("A"), 50);
}

static void test_what_was_paid_meanwhile_is_theirs(void **state)
{
    (void)state;
    const char *order_no = dine(OTHER);
    assert_db_ok(SPEND(.member_no = OTHER, .ref = "S", .points = 30));
    give_back(order_no, NULL, "R-1");
    move();
    assert_balances(-30, 0);
    assert_db_ok(EARN(.ref = "A", .points = 40)); /* pays what the other owed */
    assert_balances(10, 0);
    move_back();
    assert_balances(40, -30);
}

static void test_what_came_back_meanwhile_pays(void **state)
{
    (void)state;
    const char *order_no = dine(OTHER);
    assert_db_ok(SPEND(.member_no = OTHER, .ref = "S", .points = 30));
    give_back(order_no, NULL, "R-1");
    assert_db_ok(EARN(.ref = "A", .points = 50));
    move();
    assert_db_ok(REFUND(.ref = "R-2", .of_ref = "S"));
    assert_balances(50, 0);
    move_back(); /* 30 come back, and 30 are owed */
    assert_balances(50, 0);
    assert_int_equal(remains("A"), 50);
}

static void test_a_debtor_is_paid_by_the_other_and_back(void **state)
{
    (void)state;
    const char *order_no = dine(MEMBER);
    assert_db_ok(SPEND(.ref = "S", .points = 30));
    give_back(order_no, NULL, "R-1");
    assert_db_ok(EARN(.member_no = OTHER, .ref = "A", .points = 50));
    move();
    assert_balances(20, 0);
    move_back();
    assert_balances(-30, 50);
    assert_int_equal(remains("A"), 50);
}

/* What is refused is refused. */
static void may_refuse(int code)
{
    if (code != ERR_OK && ctx.refusal == NULL)
        fail_msg("%s", err.message);
    ctx.refusal = NULL;
    error_clear(&err);
}

static void do_anything(int i, int chance, bool *is_merged)
{
    const char *who = chance % 2 == 0 || *is_merged ? MEMBER : OTHER;
    const char *ref = arena_printf(ctx.arena, "%d", i);
    const char *earlier = arena_printf(ctx.arena, "%d", (chance >> 4) % (i + 1));
    int points = 1 + (chance >> 8) % 40;
    switch ((chance >> 1) % 8) {
    case 0: may_refuse(EARN(.member_no = who, .ref = ref, .points = points)); break;
    case 1:
    case 2: may_refuse(SPEND(.member_no = who, .ref = ref, .points = points)); break;
    case 3:
        may_refuse(REFUND(.member_no = who, .ref = ref, .of_ref = earlier, .points = points / 2));
        break;
    case 4: give_back(dine(who), points < 20 ? "9.5" : NULL, NULL); break;
    case 5: may_refuse(SPEND(.member_no = who, .ref = ref, .points = points)); break;
    case 6:
        app_run("update app.points_lots set expires_at = '2000-01-01Z' where id = (select min(id) "
                "from app.points_lots where remain > 0)");
        break;
    default:
        if (*is_merged)
            move_back();
        else
            move();
        *is_merged = !*is_merged;
    }
}

static void test_whatever_happens_it_adds_up(void **state)
{
    (void)state;
    unsigned chance = 7;
    bool is_merged = false;
    for (int i = 0; i < 200; i++) {
        chance = chance * 1103515245u + 12345u;
        if (i % 50 == 0)
            set_rules(i % 100 == 0 ? POINTS_DEBT_ALLOW : POINTS_DEBT_REFUSE, 0);
        do_anything(i, (int)(chance >> 8), &is_merged);
        if (defects() != 0)
            fail_msg("after %d: what 0x%x does does not add up", i, chance >> 8);
    }
    assert_true(app_number("select count(distinct kind) from app.points_log") == 6);
}

/* ---- tiers -------------------------------------------------------------------------------- */

static int64_t is_level(const char *level)
{
    return app_number(arena_printf(
        ctx.arena, "select count(*) from app.members where id = 1 and level = '%s'", level));
}

static void test_tiers_rise_at_once_and_fall_by_night(void **state)
{
    (void)state;
    struct tier_counts counts = {0};
    bool is_more;
    set_rules(POINTS_DEBT_ALLOW, 3);
    dine(MEMBER);
    assert_true(is_level("normal"));
    const char *order_no = dine(MEMBER); /* 60 */
    assert_true(is_level("silver"));
    dine(MEMBER);
    assert_balance(105); /* one and a half times as much */
    assert_db_ok(EARN(.ref = "A", .points = 1000));
    assert_true(is_level("gold"));
    assert_db_ok(tier_evaluate_count(&ctx, &counts, &err));
    assert_int_equal(counts.raised + counts.lowered, 0);
    give_back(order_no, NULL, "R");
    app_run("alter table app.points_log disable trigger points_log_stays;"
            "update app.points_log set created_at = now() - interval '13 months' where ref = 'A';"
            "alter table app.points_log enable trigger points_log_stays");
    dine(MEMBER);
    assert_true(is_level("gold")); /* nothing falls by earning: 30 + 45 + 60 */
    assert_db_ok(tier_evaluate_count(&ctx, &counts, &err));
    assert_int_equal(counts.lowered, 1);
    assert_db_ok(tier_evaluate(&ctx, 0, &counts, &is_more, &err));
    assert_int_equal(counts.raised * 10 + counts.lowered, 1);
    assert_true(is_level("silver"));
    assert_db_ok(tier_evaluate(&ctx, 0, &counts, &is_more, &err));
    assert_int_equal(counts.raised + counts.lowered, 0);
    assert_int_equal(app_number("select count(*) from app.tier_history"), 3);
}

static void test_a_level_by_hand_stays(void **state)
{
    (void)state;
    struct tier_counts counts = {0};
    bool is_more;
    set_rules(POINTS_DEBT_ALLOW, 3);
    app_run("update app.members set level = 'staff' where id = 1");
    dine(MEMBER);
    assert_db_ok(EARN(.ref = "A", .points = 2000));
    assert_balance(2030);
    assert_db_ok(tier_evaluate(&ctx, 0, &counts, &is_more, &err));
    assert_true(is_level("staff"));
    app_run("update app.members set level = 'silver' where id = 2"); /* without a point */
    assert_db_ok(tier_evaluate(&ctx, 0, &counts, &is_more, &err));
    assert_int_equal(counts.lowered, 1);
}

static void test_rules_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "x",  "1.5",     "10 0",         "10 -1",         "10 2 3",
        "10x2", "-1", "10 1001", "10 1.0000001", "99999999999999"};
    struct tier_spec spec;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tier_spec_parse(bad[i], &spec));
    assert_true(tier_spec_parse("5000 1.25", &spec));
    assert_int_equal(spec.start, 5000);
    assert_true(tier_spec_parse("7", &spec));
    tier_specs[0] = "1";
    assert_int_equal(points_rules_read(&settings, &rules, &err), ERR_OK); /* none are used */
    settings.points_tiers.count = 3;
    assert_int_equal(points_rules_read(&settings, &rules, &err), ERR_CONFIG);
    assert_string_equal(err.message, "points.tiers: no tier starts at 0 points");
    error_clear(&err);
    tier_specs[0] = "60";
    assert_int_equal(points_rules_read(&settings, &rules, &err), ERR_CONFIG);
    error_clear(&err);
    tier_specs[0] = "0";
    settings.points_per_yuan = "a lot";
    assert_int_equal(points_rules_read(&settings, &rules, &err), ERR_CONFIG);
    error_clear(&err);
}

/* ---- many at once ------------------------------------------------------------------------- */

#define GUESTS  16
#define ATTEMPT 6

struct guest {
    pthread_t thread;
    int number, spent, refused, failed;
    char failure[ERROR_MESSAGE_MAX];
};

static int spend_one(struct domain_context *c, const char *ref, struct error *e)
{
    const char *document;
    const struct points_change wanted = {.member_no = MEMBER, .ref = ref, .points = 7};
    TRY(db_begin(c->conn, e));
    return end(c, points_spend(c, &wanted, &document, e), e);
}

/* Ordered and paid in one transaction, and cancelled in another: the stock, and the points. */
static int come_and_go(struct domain_context *c, struct error *e)
{
    const char *order_no = NULL, *document;
    TRY(db_begin(c->conn, e));
    int status = order_of(c, MEMBER, "cash", &order_no, e);
    if (status == ERR_OK)
        status = order_pay(c, order_no, NULL, NULL, &document, e);
    TRY(end(c, status, e));
    TRY(db_begin(c->conn, e));
    return end(c, order_cancel(c, order_no, "changed", &document, e), e);
}

static void visit(struct guest *g, struct domain_context *c, int i)
{
    struct error e = ERROR_INIT;
    int status = spend_one(c, arena_printf(c->arena, "%d-%d", g->number, i), &e);
    bool is_short = status == ERR_CONFLICT && c->refusal != NULL &&
                    strcmp(c->refusal, "insufficient_points") == 0;
    g->spent += status == ERR_OK;
    g->refused += is_short;
    if (is_short) {
        error_clear(&e);
        status = ERR_OK;
    }
    if (status == ERR_OK && g->number % 4 == 0)
        status = come_and_go(c, &e);
    if (status == ERR_OK)
        return;
    g->failed++;
    snprintf(g->failure, sizeof g->failure, "%s", e.message);
}

static void *spend(void *arg)
{
    struct guest *g = arg;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    if (db_open(&options, &conn, &e) != ERR_OK) {
        g->failed = 1;
        return NULL;
    }
    for (int i = 0; i < ATTEMPT; i++) {
        struct domain_context c = {.conn = conn, .arena = arena_new(), .points = &rules};
        visit(g, &c, i);
        arena_free(c.arena);
    }
    db_close(conn);
    return NULL;
}

static void test_many_at_once_never_overspend(void **state)
{
    (void)state;
    struct guest guests[GUESTS] = {0};
    int spent = 0, refused = 0;
    for (int i = 0; i < 10; i++) /* 100 points, in lots that no spending fits */
        assert_db_ok(EARN(.ref = arena_printf(ctx.arena, "E%d", i), .points = 10,
                          .expires_on = arena_printf(ctx.arena, "20%d-01-01", 40 + i)));
    for (int i = 0; i < GUESTS; i++) {
        guests[i].number = i;
        assert_int_equal(pthread_create(&guests[i].thread, NULL, spend, &guests[i]), 0);
    }
    for (size_t i = 0; i < GUESTS; i++)
        pthread_join(guests[i].thread, NULL);
    for (size_t i = 0; i < GUESTS; i++) {
        if (guests[i].failed != 0)
            fail_msg("%s", guests[i].failure);
        spent += guests[i].spent;
        refused += guests[i].refused;
    }
    assert_int_equal(spent + refused, GUESTS * ATTEMPT);
    /* What an order earned for a moment may have been spent, and is owed since. */
    assert_true(spent >= 14);
    assert_balance(100 - spent * 7);
    assert_int_equal(app_number("select count(*) from app.points_log where kind = 'spend' and "
                                "balance_after < 0"),
                     0);
    assert_int_equal(app_number("select count(*) from app.points_log where kind = 'spend'"), spent);
    assert_int_equal(defects(), 0);
    assert_int_equal(app_ledger_defects(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_was_spent_does_not_expire_again),
        T(test_first_over_first_spent),
        T(test_lots_hold_until_a_midnight_in_shanghai),
        T(test_references_count_once),
        T(test_a_refund_goes_back_to_its_lots),
        T(test_what_comes_back_too_late),
        T(test_expiry_is_safe_to_run_twice),
        T(test_expiry_waits_for_nobody),
        T(test_orders_earn_what_they_cost),
        T(test_a_payment_told_twice_earns_once),
        T(test_points_go_when_the_money_is_back),
        T(test_refunds_take_their_share_back),
        T(test_a_cancelled_order_earned_nothing),
        T(test_a_refund_after_the_points_were_spent),
        T(test_without_debt_what_is_missing_is_forgone),
        T(test_lots_go_over_and_back),
        T(test_what_an_order_earns_follows_it),
        T(test_debts_go_over_and_back),
        T(test_what_was_paid_meanwhile_is_theirs),
        T(test_what_came_back_meanwhile_pays),
        T(test_whatever_happens_it_adds_up),
        T(test_a_debtor_is_paid_by_the_other_and_back),
        T(test_tiers_rise_at_once_and_fall_by_night),
        T(test_a_level_by_hand_stays),
        T(test_rules_are_checked),
        T(test_many_at_once_never_overspend),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
