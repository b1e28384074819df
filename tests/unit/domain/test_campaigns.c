/* Campaigns and coupons with orders: taken with them, given back once, never overspent. */
#include "app_fixture.h"

#include "domain/campaign.h"
#include "domain/coupon.h"
#include "domain/member_merge.h"
#include "domain/order.h"
#include "domain/refund.h"

#include <pthread.h>

#define MEMBER "M00000001"
#define OTHER  "M00000002"

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    app_run(
        "insert into app.members (name, level) values ('段正淳', 'gold'), ('木婉清', 'normal')");
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

static int make(const char *members)
{
    const char *document, *json = arena_printf(ctx.arena, "{\"name\":\"n\",%s}", members);
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, campaign_create(&ctx, (struct span){json, strlen(json)}, &document, &err),
               &err);
}

static int issue(const char *campaign, const char *code, const char *member, int64_t uses)
{
    const char *document;
    const struct coupon_request request = {
        .campaign = campaign, .code = code, .member = member, .count = 1, .uses = uses};
    assert_db_ok(db_begin(ctx.conn, &err));
    return end(&ctx, coupon_issue(&ctx, &request, &document, &err), &err);
}

static struct order_request request_of(const char *member, const char *const *coupon)
{
    static const struct order_line line = {"P1", "3"};
    return (struct order_request){.store = "S001",
                                  .channel = "dine_in",
                                  .member = member,
                                  .coupons = coupon,
                                  .coupon_count = coupon != NULL && *coupon != NULL,
                                  .lines = &line,
                                  .line_count = 1};
}

/* An order of 30.00, in a transaction. */
static int order_in(struct domain_context *c, const char *member, const char *coupon,
                    const char **ret_no, const char **ret_document, struct error *e)
{
    const struct order_request request = request_of(member, &coupon);
    TRY(db_begin(c->conn, e));
    return end(c, order_create(c, &request, ret_no, ret_document, e), e);
}

static const char *document; /* of the last order */

static const char *create(const char *member, const char *coupon)
{
    const char *order_no = NULL;
    assert_db_ok(order_in(&ctx, member, coupon, &order_no, &document, &err));
    return order_no;
}

static int cancel(struct domain_context *c, const char *order_no, struct error *e)
{
    const char *ignored;
    TRY(db_begin(c->conn, e));
    return end(c, order_cancel(c, order_no, "changed", &ignored, e), e);
}

static void pay(const char *order_no)
{
    const char *ignored;
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, order_pay(&ctx, order_no, "cash", NULL, &ignored, &err), &err));
}

static void refund(const char *order_no, const char *amount)
{
    const char *no, *ignored;
    const struct refund_request request = {
        .order_no = order_no, .amount = amount, .reason = "cold"};
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, refund_create(&ctx, &request, &no, &ignored, &err), &err));
}

static void assert_refused(int code, enum error_code expected, const char *refusal)
{
    assert_int_equal(code, expected);
    assert_string_equal(ctx.refusal, refusal);
    error_clear(&err);
}

static void assert_has(const char *text, const char *key, const char *value)
{
    const char *wanted = arena_printf(ctx.arena, "\"%s\" : \"%s\"", key, value);
    if (strstr(text, wanted) == NULL)
        fail_msg("wanted %s: %s", wanted, text);
}

static int64_t spent_fen(const char *campaign)
{
    return app_number(arena_printf(
        ctx.arena, "select (spent * 100)::bigint from app.campaigns where code = '%s'", campaign));
}

static int64_t uses(const char *coupon)
{
    return app_number(
        arena_printf(ctx.arena, "select uses from app.coupons where code = '%s'", coupon));
}

/* Budgets and coupons that are not what the orders have of them, orders whose discount is not that
 * of their lines, lines below zero. */
static int64_t defects(void)
{
    return app_number("select count(*) from app.campaigns c where budget is not null and spent <> "
                      "(select coalesce(sum(amount), 0) from app.order_discounts d "
                      "where d.campaign_id = c.id and returned_at is null)") +
           app_number("select count(*) from app.coupons u where uses <> (select "
                      "count(distinct order_id) from app.order_discounts d "
                      "where d.coupon_id = u.id and returned_at is null)") +
           app_number("select count(*) from app.orders o where status <> 'cancelled' and "
                      "discount_amount <> (select coalesce(sum(amount), 0) from "
                      "app.order_discounts d where d.order_id = o.id and returned_at is null)") +
           app_number("select count(*) from app.order_discounts d join app.orders o on "
                      "o.id = d.order_id where o.status = 'cancelled' and returned_at is null") +
           app_number("select count(*) from app.order_items i where amount < (select sum(amount) "
                      "from app.order_discounts d where d.order_id = i.order_id "
                      "and d.line_no = i.line_no and returned_at is null)");
}

#define OFF7 "\"code\":\"OFF7\",\"kind\":\"amount\",\"amount\":7"

/* ---- making ------------------------------------------------------------------------------- */

static void test_made_once_and_ended_once(void **state)
{
    const char *ended;
    (void)state;
    assert_db_ok(make(OFF7));
    assert_refused(make(OFF7), ERR_CONFLICT, "campaign_exists");
    assert_refused(make(OFF7 ",\"stores\":[\"S009\"]"), ERR_DATA, "unknown_store");
    assert_refused(make(OFF7 ",\"products\":[\"P77\"]"), ERR_DATA, "unknown_product");
    assert_refused(make("\"kind\":\"amount\""), ERR_USAGE, "bad_parameter");
    assert_non_null(strstr(ctx.details, "{\"field\":\"code\",\"message\":\"is missing\"}"));
    assert_non_null(strstr(ctx.details, "{\"field\":\"amount\","));
    assert_db_ok(campaign_end(&ctx, "OFF7", "2100-01-01T00:00:00Z", &ended, &err));
    assert_has(ended, "status", "active");
    assert_db_ok(campaign_end(&ctx, "OFF7", NULL, &ended, &err));
    assert_has(ended, "status", "ended");
    assert_refused(campaign_end(&ctx, "OFF7", NULL, &ended, &err), ERR_CONFLICT, "campaign_ended");
    assert_refused(campaign_end(&ctx, "NONE", NULL, &ended, &err), ERR_NOT_FOUND,
                   "unknown_campaign");
    create(NULL, NULL);
    assert_has(document, "discount_amount", "0.00");
}

static void test_a_store_sees_its_own(void **state)
{
    const char *found;
    (void)state;
    assert_db_ok(make(OFF7 ",\"stores\":[\"S001\"],\"budget\":100"));
    create(NULL, NULL);
    ctx.only_store = "S002";
    assert_refused(campaign_get(&ctx, "OFF7", &found, &err), ERR_NOT_FOUND, "unknown_campaign");
    ctx.only_store = "S001";
    assert_db_ok(campaign_get(&ctx, "OFF7", &found, &err));
    assert_has(found, "net_amount", "23.00");
    assert_has(found, "budget_left", "93.00");
}

/* ---- with orders -------------------------------------------------------------------------- */

static void test_taken_with_the_order(void **state)
{
    (void)state;
    assert_db_ok(make(OFF7 ",\"budget\":20"));
    create(NULL, NULL);
    assert_has(document, "gross_amount", "30.00");
    assert_has(document, "discount_amount", "7.00");
    assert_has(document, "total_amount", "23.00");
    assert_has(document, "campaign", "OFF7");
    assert_int_equal(spent_fen("OFF7"), 700);
    create(NULL, NULL);
    create(NULL, NULL); /* 6.00 are left, which is not enough */
    assert_has(document, "discount_amount", "0.00");
    assert_int_equal(spent_fen("OFF7"), 1400);
    assert_int_equal(defects(), 0);
}

static void test_an_order_that_fails_takes_nothing(void **state)
{
    const char *ignored;
    const struct order_line line = {"P1", "2000"};
    struct order_request request = request_of(NULL, NULL);
    (void)state;
    assert_db_ok(make(OFF7 ",\"budget\":20"));
    request.lines = &line;
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_refused(end(&ctx, order_create(&ctx, &request, &ignored, &document, &err), &err),
                   ERR_CONFLICT, "insufficient_stock");
    assert_int_equal(spent_fen("OFF7"), 0);
}

static void test_prices_are_those_that_were_reckoned_with(void **state)
{
    const struct campaign_basket basket = {
        .store = "S001",
        .channel = "dine_in",
        .lines = "[{\"line_no\":1,\"product\":\"P1\",\"quantity\":\"1.5\"}]"};
    struct campaign_discount discount;
    (void)state;
    assert_db_ok(make("\"code\":\"A\",\"kind\":\"percent\",\"percent\":100"));
    assert_db_ok(campaign_take(&ctx, &basket, &discount, &err));
    assert_string_equal(discount.amount, "15.00");
    assert_non_null(strstr(discount.lines, "\"price\" : \"10.00\""));
}

static void test_coupons(void **state)
{
    (void)state;
    assert_db_ok(make(OFF7 ",\"coupon\":true"));
    assert_db_ok(make("\"code\":\"ALL\",\"kind\":\"amount\",\"amount\":1"));
    assert_refused(issue("ALL", "A", NULL, 1), ERR_DATA, "no_coupons");
    assert_refused(issue("NONE", "A", NULL, 1), ERR_DATA, "unknown_campaign");
    assert_refused(issue("OFF7", "A", "M9", 1), ERR_DATA, "unknown_member");
    assert_db_ok(issue("OFF7", "OPEN", NULL, 2));
    assert_db_ok(issue("OFF7", "MINE", MEMBER, 1));
    assert_refused(issue("OFF7", "MINE", OTHER, 1), ERR_CONFLICT, "coupon_exists");
    create(NULL, NULL);
    assert_has(document, "discount_amount", "1.00");
    create(NULL, "OPEN");
    assert_has(document, "discount_amount", "8.00");
    create(OTHER, "OPEN");
    const char *no;
    assert_refused(order_in(&ctx, NULL, "OPEN", &no, &document, &err), ERR_CONFLICT, "coupon_used");
    assert_refused(order_in(&ctx, NULL, "MINE", &no, &document, &err), ERR_DATA, "unknown_coupon");
    assert_refused(order_in(&ctx, OTHER, "MINE", &no, &document, &err), ERR_DATA, "unknown_coupon");
    assert_refused(order_in(&ctx, NULL, "NONE", &no, &document, &err), ERR_DATA, "unknown_coupon");
    no = create(MEMBER, "MINE");
    assert_has(document, "coupon", "MINE");
    assert_int_equal(uses("MINE"), 1);
    assert_db_ok(cancel(&ctx, no, &err));
    assert_int_equal(uses("MINE"), 0);
    create(MEMBER, "MINE");
    assert_int_equal(defects(), 0);
}

static void test_a_coupon_goes_with_a_merged_member(void **state)
{
    (void)state;
    const char *ignored;
    assert_db_ok(make(OFF7 ",\"coupon\":true"));
    assert_db_ok(issue("OFF7", "MINE", OTHER, 1));
    assert_db_ok(db_begin(ctx.conn, &err));
    assert_db_ok(end(&ctx, member_merge(&ctx, MEMBER, OTHER, &ignored, &err), &err));
    create(MEMBER, "MINE");
    assert_has(document, "coupon", "MINE");
}

static void test_a_coupon_that_gives_nothing_is_refused(void **state)
{
    const char *no;
    (void)state;
    assert_db_ok(make(OFF7 ",\"coupon\":true,\"min_amount\":50"));
    assert_db_ok(issue("OFF7", "C", NULL, 1));
    assert_refused(order_in(&ctx, NULL, "C", &no, &document, &err), ERR_DATA, "coupon_refused");
    assert_string_equal(ctx.details, "{\"coupon\":\"C\",\"reason\":\"minimum\"}");
    assert_int_equal(uses("C"), 0);
    assert_int_equal(app_number("select count(*) from app.orders"), 0);
    app_run("update app.campaigns set ended_at = now()");
    assert_refused(order_in(&ctx, NULL, "C", &no, &document, &err), ERR_DATA, "coupon_refused");
    assert_string_equal(ctx.details, "{\"coupon\":\"C\",\"reason\":\"ended\"}");
}

/* ---- given back --------------------------------------------------------------------------- */

static void set_up_given_back(void)
{
    assert_db_ok(make(OFF7 ",\"budget\":100,\"coupon\":true"));
    assert_db_ok(issue("OFF7", "C", NULL, 1));
}

static void assert_back(bool is_back)
{
    assert_int_equal(spent_fen("OFF7"), is_back ? 0 : 700);
    assert_int_equal(uses("C"), is_back ? 0 : 1);
    assert_int_equal(defects(), 0);
}

static void test_cancelled_twice_is_given_back_once(void **state)
{
    (void)state;
    set_up_given_back();
    const char *no = create(NULL, "C");
    assert_back(false);
    assert_db_ok(cancel(&ctx, no, &err));
    assert_back(true);
    assert_refused(cancel(&ctx, no, &err), ERR_CONFLICT, "order_state");
    /* Even where the state would let it through. */
    app_run("update app.orders set status = 'pending', cancelled_at = null");
    assert_db_ok(cancel(&ctx, no, &err));
    assert_back(true);
}

static void test_timed_out_is_given_back(void **state)
{
    (void)state;
    set_up_given_back();
    create(NULL, "C");
    assert_int_equal(app_number("select app.orders_time_out(now() + interval '1 h', 10, 'late')"),
                     1);
    assert_back(true);
    assert_int_equal(app_number("select app.orders_time_out(now() + interval '1 h', 10, 'late')"),
                     0);
    assert_back(true);
}

static void test_refunded_in_full_is_given_back(void **state)
{
    const char *ignored;
    (void)state;
    set_up_given_back();
    const char *no = create(NULL, "C");
    pay(no);
    assert_db_ok(order_accept(&ctx, no, &ignored, &err));
    refund(no, "3.00"); /* a part gives nothing back */
    assert_int_equal(spent_fen("OFF7"), 700);
    refund(no, NULL);
    assert_int_equal(spent_fen("OFF7"), 0);
    assert_int_equal(uses("C"), 0);
    /* One that nobody has accepted is cancelled by it. */
    no = create(NULL, "C");
    pay(no);
    refund(no, NULL);
    assert_int_equal(spent_fen("OFF7"), 0);
    assert_int_equal(uses("C"), 0);
}

/* Else a coupon would be good for two meals, one of them not refunded. */
static void test_refused_refund_gives_nothing_back(void **state)
{
    (void)state;
    const char *ignored, *again;
    set_up_given_back();
    const char *no = create(NULL, "C");
    pay(no);
    assert_db_ok(order_accept(&ctx, no, &ignored, &err));
    app_run("update app.payments set channel = 'local'");
    refund(no, NULL);
    assert_back(false);
    assert_db_ok(refund_settle(&ctx, arena_printf(ctx.arena, "%s-P1-R1", no), REFUND_FAILED,
                               "account closed", &err));
    assert_back(false);
    assert_refused(order_in(&ctx, NULL, "C", &again, &document, &err), ERR_CONFLICT, "coupon_used");
    refund(no, NULL);
    assert_back(false);
    for (int i = 0; i < 2; i++)
        assert_db_ok(refund_settle(&ctx, arena_printf(ctx.arena, "%s-P1-R2", no), REFUND_SUCCEEDED,
                                   NULL, &err));
    assert_int_equal(spent_fen("OFF7"), 0);
    assert_int_equal(uses("C"), 0);
}

static void test_priced_anew(void **state)
{
    const char *coupon = "C", *no;
    (void)state;
    set_up_given_back();
    no = create(NULL, NULL);
    assert_has(document, "total_amount", "30.00");
    app_run("update app.products set price = 99"); /* it is as it was ordered */
    assert_db_ok(campaign_apply(&ctx, no, &coupon, 1, &document, &err));
    assert_has(document, "total_amount", "23.00");
    assert_back(false);
    assert_db_ok(campaign_apply(&ctx, no, &coupon, 1, &document, &err)); /* its own coupon */
    assert_has(document, "total_amount", "23.00");
    assert_back(false);
    assert_db_ok(campaign_apply(&ctx, no, NULL, 0, &document, &err));
    assert_has(document, "total_amount", "30.00");
    assert_back(true);
    pay(no);
    assert_refused(campaign_apply(&ctx, no, &coupon, 1, &document, &err), ERR_CONFLICT,
                   "order_state");
}

/* ---- windows ------------------------------------------------------------------------------ */

/* What the campaign says of a basket at S001 (Asia/Shanghai, cut-off 04:00) at that instant. */
static void assert_reason(const char *store, const char *at, const char *reason)
{
    struct order_request request = request_of(NULL, NULL);
    const char *price;
    request.store = store;
    assert_db_ok(order_preview(&ctx, &request, at, &price, &err));
    if (strstr(price, arena_printf(ctx.arena, "\"reason\":\"%s\"", reason)) == NULL)
        fail_msg("%s, wanted %s: %s", at, reason, price);
}

static void test_windows_at_cutoff_and_midnight(void **state)
{
    (void)state;
    assert_db_ok(make(OFF7 ",\"starts_on\":\"2026-12-07\",\"ends_on\":\"2026-12-07\","
                           "\"weekdays\":[\"mon\"]"));
    assert_reason("S001", "2026-12-07T03:59:59+08:00", "not_started");
    assert_reason("S001", "2026-12-07T04:00:00+08:00", "applied");
    assert_reason("S001", "2026-12-07T23:59:59+08:00", "applied");
    assert_reason("S001", "2026-12-08T00:00:00+08:00", "applied"); /* the same business day */
    assert_reason("S001", "2026-12-08T03:59:59+08:00", "applied");
    assert_reason("S001", "2026-12-08T04:00:00+08:00", "ended");
    assert_reason("S002", "2026-12-07T04:00:00-05:00", "applied"); /* in New York, later */
    assert_reason("S002", "2026-12-07T04:00:00+08:00", "not_started");
    app_run("truncate app.campaigns restart identity cascade");
    assert_db_ok(make(OFF7 ",\"dayparts\":[\"22:00-02:00\"],\"weekdays\":[\"mon\"]"));
    assert_reason("S001", "2026-12-07T21:59:59+08:00", "daypart");
    assert_reason("S001", "2026-12-07T22:00:00+08:00", "applied");
    assert_reason("S001", "2026-12-08T00:00:00+08:00", "applied"); /* of Monday's business day */
    assert_reason("S001", "2026-12-08T01:59:59+08:00", "applied");
    assert_reason("S001", "2026-12-08T02:00:00+08:00", "daypart");
    assert_reason("S001", "2026-12-08T22:00:00+08:00", "weekday");
}

static void test_a_preview_takes_nothing(void **state)
{
    struct order_request request = request_of(MEMBER, NULL);
    const char *price;
    (void)state;
    assert_db_ok(make(OFF7 ",\"budget\":100,\"levels\":[\"gold\"]"));
    assert_db_ok(order_preview(&ctx, &request, NULL, &price, &err));
    assert_non_null(strstr(price, "\"total_amount\":\"23.00\""));
    request.member = OTHER;
    assert_db_ok(order_preview(&ctx, &request, NULL, &price, &err));
    assert_non_null(strstr(price, "\"reason\":\"level\""));
    assert_int_equal(spent_fen("OFF7"), 0);
}

static void test_amounts_that_no_order_can_keep(void **state)
{
    const struct order_line line = {"P1", "999999.999"};
    struct order_request request = request_of(NULL, NULL);
    const char *price;
    (void)state;
    app_run("update app.products set price = 9999999999.99");
    request.lines = &line;
    assert_refused(order_preview(&ctx, &request, NULL, &price, &err), ERR_DATA, "out_of_range");
}

/* ---- many at once ------------------------------------------------------------------------- */

#define GUESTS  16
#define ATTEMPT 4

struct guest {
    pthread_t thread;
    const char *coupon;
    bool changes_mind;
    int made, refused, failed;
    char failure[ERROR_MESSAGE_MAX];
};

/* Priced anew without a coupon, then cancelled. */
static int think_better(struct domain_context *c, const char *no, struct error *e)
{
    const char *ignored;
    TRY(db_begin(c->conn, e));
    TRY(end(c, campaign_apply(c, no, NULL, 0, &ignored, e), e));
    return cancel(c, no, e);
}

static void visit(struct guest *g, struct domain_context *c, bool changes_mind)
{
    struct error e = ERROR_INIT;
    const char *no = NULL, *ignored;
    int status = order_in(c, NULL, g->coupon, &no, &ignored, &e);
    bool is_used =
        status == ERR_CONFLICT && c->refusal != NULL && strcmp(c->refusal, "coupon_used") == 0;
    g->made += status == ERR_OK;
    g->refused += is_used;
    if (status == ERR_OK && changes_mind)
        status = think_better(c, no, &e);
    if (status == ERR_OK || is_used)
        return;
    g->failed++;
    snprintf(g->failure, sizeof g->failure, "%s", e.message);
}

static void *dine(void *arg)
{
    struct guest *g = arg;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn, .lock_timeout_ms = 20000};
    if (db_open(&options, &conn, &e) != ERR_OK) {
        g->failed = 1;
        return NULL;
    }
    for (int i = 0; i < ATTEMPT; i++) {
        struct domain_context c = {.conn = conn, .arena = arena_new()};
        visit(g, &c, g->changes_mind && i % 2 == 1);
        arena_free(c.arena);
    }
    db_close(conn);
    return NULL;
}

/* *ret_refused may be NULL. */
static int all_dine(const char *coupon, bool changes_mind, int *ret_refused)
{
    struct guest guests[GUESTS] = {0};
    int made = 0, refused = 0;
    for (size_t i = 0; i < GUESTS; i++) {
        guests[i].coupon = coupon;
        guests[i].changes_mind = changes_mind;
        assert_int_equal(pthread_create(&guests[i].thread, NULL, dine, &guests[i]), 0);
    }
    for (size_t i = 0; i < GUESTS; i++)
        pthread_join(guests[i].thread, NULL);
    for (size_t i = 0; i < GUESTS; i++) {
        if (guests[i].failed != 0)
            fail_msg("%s", guests[i].failure);
        made += guests[i].made;
        refused += guests[i].refused;
    }
    if (ret_refused != NULL)
        *ret_refused = refused;
    return made;
}

static void test_a_budget_is_used_to_the_last_order_that_fits(void **state)
{
    (void)state;
    assert_db_ok(make(OFF7 ",\"budget\":100"));
    assert_int_equal(all_dine(NULL, false, NULL), GUESTS * ATTEMPT);
    assert_int_equal(spent_fen("OFF7"), 9800);
    assert_int_equal(app_number("select count(*) from app.orders where discount_amount = 7"), 14);
    assert_int_equal(app_number("select count(*) from app.orders where discount_amount = 0"),
                     GUESTS * ATTEMPT - 14);
    assert_int_equal(defects(), 0);
}

static void test_a_coupon_is_used_once(void **state)
{
    int refused;
    (void)state;
    set_up_given_back();
    assert_int_equal(all_dine("C", false, &refused), 1);
    assert_int_equal(refused, GUESTS * ATTEMPT - 1);
    assert_back(false);
}

/* Several budgets, taken and given back by everybody: no deadlock, and the books are right. */
static void test_taken_and_given_back_by_many(void **state)
{
    (void)state;
    assert_db_ok(make("\"code\":\"A\",\"kind\":\"amount\",\"amount\":1,\"budget\":15"));
    assert_db_ok(make("\"code\":\"B\",\"kind\":\"percent\",\"percent\":10,\"budget\":30,"
                      "\"priority\":2,\"group\":\"g\""));
    assert_db_ok(make("\"code\":\"C\",\"kind\":\"amount\",\"amount\":2,\"budget\":1000,"
                      "\"priority\":1,\"group\":\"g\""));
    assert_int_equal(all_dine(NULL, true, NULL), GUESTS * ATTEMPT);
    assert_int_equal(app_number("select count(*) from app.orders where status = 'cancelled'"),
                     GUESTS * ATTEMPT / 2);
    assert_int_equal(defects(), 0);
    assert_int_equal(app_ledger_defects(), 0);
}

/* One coupon and the budget behind it, locked by those who order and by those who cancel. */
static void test_a_coupon_taken_and_given_back_by_many(void **state)
{
    (void)state;
    assert_db_ok(make(OFF7 ",\"budget\":10000,\"coupon\":true"));
    assert_db_ok(issue("OFF7", "C", NULL, 1000));
    assert_int_equal(all_dine("C", true, NULL), GUESTS * ATTEMPT);
    assert_int_equal(uses("C"), GUESTS * ATTEMPT / 2);
    assert_int_equal(defects(), 0);
}

struct canceller {
    pthread_t thread;
    const char *order_no; /* NULL: by the timeout */
    int status;
};

static void *cancel_one(void *arg)
{
    struct canceller *x = arg;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    x->status = db_open(&options, &conn, &e);
    if (x->status != ERR_OK)
        return NULL;
    struct domain_context c = {.conn = conn, .arena = arena_new()};
    x->status =
        x->order_no != NULL
            ? cancel(&c, x->order_no, &e)
            : db_script(conn, "select app.orders_time_out(now() + interval '1 h', 10, 'late')", &e);
    arena_free(c.arena);
    db_close(conn);
    return NULL;
}

static void test_cancelled_and_timed_out_at_once(void **state)
{
    (void)state;
    set_up_given_back();
    for (int round = 0; round < 5; round++) {
        struct canceller all[6] = {0};
        const char *no = create(NULL, "C");
        for (size_t i = 0; i < 6; i++) {
            all[i].order_no = i % 2 == 0 ? no : NULL;
            assert_int_equal(pthread_create(&all[i].thread, NULL, cancel_one, &all[i]), 0);
        }
        for (size_t i = 0; i < 6; i++)
            pthread_join(all[i].thread, NULL);
        assert_back(true);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_made_once_and_ended_once),
        T(test_a_store_sees_its_own),
        T(test_taken_with_the_order),
        T(test_an_order_that_fails_takes_nothing),
        T(test_prices_are_those_that_were_reckoned_with),
        T(test_coupons),
        T(test_a_coupon_goes_with_a_merged_member),
        T(test_a_coupon_that_gives_nothing_is_refused),
        T(test_cancelled_twice_is_given_back_once),
        T(test_timed_out_is_given_back),
        T(test_refunded_in_full_is_given_back),
        T(test_refused_refund_gives_nothing_back),
        T(test_priced_anew),
        T(test_windows_at_cutoff_and_midnight),
        T(test_a_preview_takes_nothing),
        T(test_amounts_that_no_order_can_keep),
        T(test_a_budget_is_used_to_the_last_order_that_fits),
        T(test_a_coupon_is_used_once),
        T(test_taken_and_given_back_by_many),
        T(test_a_coupon_taken_and_given_back_by_many),
        T(test_cancelled_and_timed_out_at_once),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
