/* Orders and stock: what is taken, what is given back, what is refused. */
#include "app_fixture.h"

#include "domain/idempotency.h"
#include "domain/order.h"
#include "domain/password.h"
#include "domain/stock.h"
#include <pthread.h>

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

static int create_in(struct domain_context *c, const struct order_line *lines, size_t count,
                     const char **ret_no, struct error *e)
{
    const char *document;
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .guests = 2, .lines = lines, .line_count = count};
    TRY(db_begin(c->conn, e));
    int status = order_create(c, &request, ret_no, &document, e);
    if (status == ERR_OK)
        return db_commit(c->conn, e);
    db_rollback(c->conn);
    return status;
}

static const char *create(const char *product, const char *quantity)
{
    const char *order_no = NULL;
    const struct order_line line = {product, quantity};
    assert_db_ok(create_in(&ctx, &line, 1, &order_no, &err));
    return order_no;
}

static void test_create_snapshots(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = create("P1", "3");
    app_run("update app.products set name = 'renamed', price = 99 where sku = 'P1'");
    assert_db_ok(order_get(&ctx, order_no, &document, &err));
    assert_non_null(strstr(document, "\"product_name\" : \"菜1\""));
    assert_non_null(strstr(document, "\"total_amount\" : \"30.00\""));
    assert_non_null(strstr(document, "\"status\" : \"pending\""));
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     997);
    assert_int_equal(app_number("select count(*) from app.outbox where type = 'order.created'"), 1);
    assert_int_equal(app_number("select count(*) from app.order_status_history"), 1);
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_short_order_takes_nothing(void **state)
{
    (void)state;
    const char *order_no;
    const struct order_line lines[] = {{"P1", "900"}, {"P2", "1001"}, {"P1", "90"}};
    assert_int_equal(create_in(&ctx, lines, 3, &order_no, &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "insufficient_stock");
    assert_non_null(strstr(ctx.details, "\"P2\""));
    assert_null(strstr(ctx.details, "\"P1\"")); /* 990 of 1000: that was there */
    assert_int_equal(app_number("select count(*) from app.orders"), 0);
    assert_int_equal(app_number("select count(*) from app.stock_log"), 0);
    assert_int_equal(app_number("select sum(qty) from app.stock where store_id = 1"), 9000);
}

static void test_same_product_twice_is_one_need(void **state)
{
    (void)state;
    const char *order_no;
    const struct order_line fits[] = {{"P1", "500"}, {"P1", "500"}};
    const struct order_line over[] = {{"P2", "600"}, {"P2", "600"}};
    assert_db_ok(create_in(&ctx, fits, 2, &order_no, &err));
    assert_int_equal(create_in(&ctx, over, 2, &order_no, &err), ERR_CONFLICT);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"), 0);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=2"),
                     1000);
}

static void test_policy_allow_goes_below_zero(void **state)
{
    (void)state;
    app_run("update app.stock set policy = 'allow' where store_id = 1 and product_id = 3");
    create("P3", "1200");
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=3"),
                     -200);
}

static void test_cancel_restores_once(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = create("P1", "7");
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(order_pay(&ctx, order_no, "alipay", "70.00", &document, &err));
    assert_db_ok(order_cancel(&ctx, order_no, "guest left", &document, &err));
    assert_db_ok(db_commit(app_conn, &err));
    assert_non_null(strstr(document, "\"refund_amount\" : \"70.00\""));
    assert_non_null(strstr(document, "\"payment_status\" : \"refunded\""));
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     1000);
    assert_int_equal(order_cancel(&ctx, order_no, "again", &document, &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "order_state");
    assert_non_null(strstr(ctx.details, "\"allowed\":[]"));
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     1000);
    assert_int_equal(app_number("select count(*) from app.stock_log where change_type='restore'"),
                     1);
    assert_int_equal(app_ledger_defects(), 0);
}

/* Even where the state would let it through, the ledger key does not. */
static void test_ledger_key_stops_second_restore(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = create("P1", "7");
    assert_db_ok(order_cancel(&ctx, order_no, "first", &document, &err));
    app_run("update app.orders set status = 'pending', cancelled_at = null");
    assert_db_ok(order_cancel(&ctx, order_no, "second", &document, &err));
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     1000);
}

static void test_transitions(void **state)
{
    (void)state;
    const char *document;
    const char *order_no = create("P1", "1");
    assert_int_equal(order_accept(&ctx, order_no, &document, &err), ERR_CONFLICT);
    assert_non_null(strstr(ctx.details, "\"allowed\":[\"paid\",\"cancelled\"]"));
    assert_int_equal(order_pay(&ctx, order_no, NULL, "9.99", &document, &err), ERR_DATA);
    assert_string_equal(ctx.refusal, "amount_mismatch");
    assert_db_ok(order_pay(&ctx, order_no, NULL, "10", &document, &err));
    assert_int_equal(order_pay(&ctx, order_no, NULL, NULL, &document, &err), ERR_CONFLICT);
    assert_db_ok(order_accept(&ctx, order_no, &document, &err));
    assert_int_equal(order_cancel(&ctx, order_no, "late", &document, &err), ERR_CONFLICT);
    assert_db_ok(order_fulfill(&ctx, order_no, &document, &err));
    assert_int_equal(order_fulfill(&ctx, order_no, &document, &err), ERR_CONFLICT);
    assert_int_equal(app_number("select count(*) from app.order_status_history"), 4);
    assert_int_equal(app_number("select count(*) from app.outbox"), 4);
    assert_int_equal(order_pay(&ctx, "no-such", NULL, NULL, &document, &err), ERR_NOT_FOUND);
    ctx.only_store = "S002";
    assert_int_equal(order_get(&ctx, order_no, &document, &err), ERR_NOT_FOUND);
}

static void test_refused_lines(void **state)
{
    (void)state;
    const char *order_no;
    const struct order_line unknown = {"P1'; drop table app.stock; --", "1"};
    const struct order_line inactive = {"P4", "1"};
    const struct order_line elsewhere = {"P5", "1"};
    app_run("update app.products set active = false where sku = 'P4';"
            "delete from app.stock where store_id = 1 and product_id = 5");
    assert_int_equal(create_in(&ctx, &unknown, 1, &order_no, &err), ERR_DATA);
    assert_string_equal(ctx.refusal, "unknown_product");
    assert_int_equal(create_in(&ctx, &inactive, 1, &order_no, &err), ERR_DATA);
    assert_string_equal(ctx.refusal, "inactive_product");
    assert_int_equal(create_in(&ctx, &elsewhere, 1, &order_no, &err), ERR_DATA);
    assert_string_equal(ctx.refusal, "not_sold_here");
}

static void test_business_date_has_a_cutoff(void **state)
{
    (void)state;
    create("P1", "1");
    assert_int_equal(app_number("select (business_date = (created_at at time zone 'Asia/Shanghai' "
                                "- interval '4 hours')::date)::int from app.orders"),
                     1);
    /* The cut-off moved to one minute after now: the sale still belongs to yesterday. */
    app_run("update app.stores set cutoff = (((now() at time zone 'Asia/Shanghai')::time + "
            "interval '1 minute') - time '00:00') where code = 'S001' and "
            "(now() at time zone 'Asia/Shanghai')::time < time '23:58'");
    create("P1", "1");
    assert_int_equal(
        app_number("select count(*) from app.orders o join app.stores s on s.id = o.store_id "
                   "where business_date <> (o.created_at at time zone 'Asia/Shanghai' - "
                   "s.cutoff)::date and o.id = 2"),
        0);
}

/* ---- adjustments -------------------------------------------------------------------------- */

static void test_adjust_each_by_itself(void **state)
{
    (void)state;
    app_run("delete from app.stock where store_id = 2 and product_id = 9");
    struct stock_adjustment items[] = {
        {.store = "S002", .product = "P2", .delta = "-5.5", .reason = "waste", .note = "spilt"},
        {.store = "S001", .product = "P1", .delta = "-1000.000001", .reason = "erp_sync"},
        {.store = "S001", .product = "PX", .delta = "1", .reason = "adjust"},
        {.store = "SX", .product = "P1", .delta = "1", .reason = "adjust"},
        {.store = "S002", .product = "P9", .delta = "12", .reason = "erp_sync"},
        {.store = "S002", .product = "P2", .delta = "-994.5", .reason = "count"},
        {.store = "S002", .product = "P2", .delta = "-0.000001", .reason = "count"},
    };
    assert_db_ok(stock_adjust(&ctx, "batch:1", items, 7, &err));
    assert_null(items[0].error);
    assert_string_equal(items[0].qty, "994.5");
    assert_string_equal(items[1].error, "insufficient_stock");
    assert_string_equal(items[1].qty, "1000");
    assert_string_equal(items[2].error, "unknown_product");
    assert_null(items[2].qty);
    assert_string_equal(items[3].error, "unknown_store");
    assert_null(items[4].error); /* new at that store */
    assert_string_equal(items[4].qty, "12");
    assert_null(items[5].error); /* the second for the same stock sees the first */
    assert_string_equal(items[5].qty, "0");
    assert_string_equal(items[6].error, "insufficient_stock");
    assert_int_equal(app_number("select count(*) from app.stock_log"), 3);
    /* The same batch again is refused as a whole by the ledger key. */
    app_run("update app.stock set qty = 100 where store_id = 2 and product_id = 2");
    assert_int_not_equal(stock_adjust(&ctx, "batch:1", items, 1, &err), ERR_OK);
    assert_string_equal(err.sqlstate, "23505");
}

static void test_adjust_keeps_to_its_store(void **state)
{
    (void)state;
    struct stock_adjustment items[] = {
        {.store = "S001", .product = "P1", .delta = "1", .reason = "adjust"},
        {.store = "S002", .product = "P1", .delta = "1", .reason = "adjust"},
    };
    ctx.only_store = "S002";
    assert_db_ok(stock_adjust(&ctx, "batch:2", items, 2, &err));
    assert_string_equal(items[0].error, "forbidden_store");
    assert_null(items[0].qty);
    assert_null(items[1].error);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     1000);
}

static void test_moved_leaves_the_sync_out(void **state)
{
    (void)state;
    const char *document;
    struct stock_adjustment items[] = {
        {.store = "S001", .product = "P1", .delta = "50", .reason = "erp_sync"},
        {.store = "S001", .product = "P1", .delta = "-2.25", .reason = "waste"},
    };
    create("P1", "4");
    assert_db_ok(stock_adjust(&ctx, "batch:3", items, 2, &err));
    struct stock_filter filter = {
        .store = "S001", .product = "P1", .moved_since = "2000-01-01T00:00:00Z"};
    assert_db_ok(stock_get(&ctx, &filter, &document, &err));
    assert_non_null(strstr(document, "\"moved_qty\" : \"-6.25\""));
    assert_non_null(strstr(document, "\"qty\" : \"1043.75\""));
    filter.moved_since = "2100-01-01T00:00:00Z";
    assert_db_ok(stock_get(&ctx, &filter, &document, &err));
    assert_non_null(strstr(document, "\"moved_qty\" : \"0\""));
}

/* ---- many at once ------------------------------------------------------------------------- */

#define SELLERS 40

struct seller {
    pthread_t thread;
    const struct order_line *lines;
    size_t line_count;
    int attempts, sold, refused, failed;
    char failure[ERROR_MESSAGE_MAX];
};

static void *sell(void *arg)
{
    struct seller *s = arg;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    if (db_open(&options, &conn, &e) != ERR_OK) {
        s->failed = s->attempts;
        return NULL;
    }
    for (int i = 0; i < s->attempts; i++) {
        const char *order_no;
        struct domain_context c = {.conn = conn, .arena = arena_new()};
        int status = create_in(&c, s->lines, s->line_count, &order_no, &e);
        bool is_short = status == ERR_CONFLICT && c.refusal != NULL &&
                        strcmp(c.refusal, "insufficient_stock") == 0;
        s->sold += status == ERR_OK;
        s->refused += is_short;
        s->failed += status != ERR_OK && !is_short;
        if (status != ERR_OK && !is_short)
            snprintf(s->failure, sizeof s->failure, "%s", e.message);
        arena_free(c.arena);
    }
    db_close(conn);
    return NULL;
}

static void run_sellers(struct seller *sellers, int *sold, int *refused)
{
    *sold = *refused = 0;
    for (size_t i = 0; i < SELLERS; i++)
        assert_int_equal(pthread_create(&sellers[i].thread, NULL, sell, &sellers[i]), 0);
    for (size_t i = 0; i < SELLERS; i++)
        pthread_join(sellers[i].thread, NULL);
    for (size_t i = 0; i < SELLERS; i++) {
        if (sellers[i].failed != 0)
            fail_msg("%d failed: %s", sellers[i].failed, sellers[i].failure);
        *sold += sellers[i].sold;
        *refused += sellers[i].refused;
    }
}

static void test_forty_sellers_sell_what_there_is(void **state)
{
    (void)state;
    static const struct order_line one = {"P1", "1"};
    struct seller sellers[SELLERS] = {0};
    int sold, refused;
    app_run("update app.stock set qty = 500 where store_id = 1 and product_id = 1");
    for (size_t i = 0; i < SELLERS; i++)
        sellers[i] = (struct seller){.lines = &one, .line_count = 1, .attempts = 25};
    run_sellers(sellers, &sold, &refused);
    assert_int_equal(sold, 500);
    assert_int_equal(refused, 500);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"), 0);
    assert_int_equal(app_number("select -sum(quantity) from app.stock_log"), 500);
    assert_int_equal(app_number("select count(*) from app.orders"), 500);
}

static void test_opposite_orders_do_not_deadlock(void **state)
{
    (void)state;
    static const struct order_line forth[] = {{"P1", "1"}, {"P2", "1"}, {"P3", "1"}, {"P4", "1"}};
    static const struct order_line back[] = {{"P4", "1"}, {"P3", "1"}, {"P2", "1"}, {"P1", "1"}};
    struct seller sellers[SELLERS] = {0};
    int sold, refused;
    int64_t deadlocks = app_number("select deadlocks from pg_stat_database where datname = "
                                   "current_database()");
    for (size_t i = 0; i < SELLERS; i++)
        sellers[i] =
            (struct seller){.lines = i % 2 ? forth : back, .line_count = 4, .attempts = 20};
    run_sellers(sellers, &sold, &refused);
    assert_int_equal(sold, SELLERS * 20);
    app_run("select pg_stat_clear_snapshot()");
    assert_int_equal(app_number("select deadlocks from pg_stat_database where datname = "
                                "current_database()"),
                     deadlocks);
    assert_int_equal(app_ledger_defects(), 0);
}

/* ---- listing, users, keys ----------------------------------------------------------------- */

static void test_keyset_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++)
        create("P1", "1");
    struct order_filter filter = {0};
    struct listing_from from = {.limit = 3};
    int64_t seen = 0;
    for (int round = 0; round < 10; round++) {
        AUTO_LISTING struct listing found;
        listing_init(&found);
        assert_db_ok(order_list(&ctx, &filter, &from, &found, &err));
        seen += found.count;
        if (!found.has_more)
            break;
        from.after[0] = found.last[0];
        from.after[1] = found.last[1];
    }
    assert_int_equal(seen, 7);
}

/* Every sort gives each order once, up and down, however many tie: all seven cost the same. */
static void test_sorted(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++)
        create("P1", "1");
    for (const struct listing_sort *s = order_listing.sorts; s->name != NULL; s++)
        for (int down = 0; down < 2; down++) {
            struct listing_from from = {.limit = 2, .wants_total = true};
            int64_t seen = 0;
            assert_true(listing_sort_set(
                &order_listing, arena_printf(ctx.arena, "%s%s", down ? "-" : "", s->name), &from));
            for (int round = 0; round < 4; round++) {
                AUTO_LISTING struct listing found;
                listing_init(&found);
                assert_db_ok(order_list(&ctx, &(struct order_filter){0}, &from, &found, &err));
                assert_int_equal(found.total, 7);
                assert_int_equal(found.has_more, round < 3);
                seen += found.count;
                memcpy(from.after, found.last, sizeof from.after);
            }
            assert_int_equal(seen, 7);
        }
    assert_false(listing_sort_set(&order_listing, "password", &(struct listing_from){0}));
}

static void test_users(void **state)
{
    (void)state;
    struct user user;
    assert_db_ok(user_upsert(app_conn, "ann", "first password", "admin", NULL, &err));
    assert_db_ok(user_upsert(app_conn, "ann", "second", "store", "S001", &err));
    assert_db_ok(user_find(&ctx, "ann", &user, &err));
    assert_string_equal(user.role, "store");
    assert_string_equal(user.store, "S001");
    assert_memory_equal(user.password_hash, "$2b$10$", 7);
    assert_true(password_verify("second", user.password_hash));
    assert_false(password_verify("first password", user.password_hash));
    assert_false(password_verify("second", NULL));
    assert_int_equal(user_upsert(app_conn, "bob", "secret", "store", "SX", &err), ERR_DATA);
    assert_int_equal(user_upsert(app_conn, "bob", "secret", "chef", NULL, &err), ERR_DATA);
    assert_int_equal(user_upsert(app_conn, "bob", "", "admin", NULL, &err), ERR_DATA);
    assert_int_equal(user_find(&ctx, "bob", &user, &err), ERR_NOT_FOUND);
}

static void test_idempotency(void **state)
{
    (void)state;
    struct idempotency_request request = {"k1", "POST", "/x", "hash"};
    struct idempotency_answer answer;
    assert_db_ok(user_upsert(app_conn, "ann", "secret", "admin", NULL, &err));
    ctx.user_id = 1;
    assert_db_ok(idempotency_claim(&ctx, &request, &answer, &err));
    assert_int_equal(answer.status, 0);
    idempotency_save(&ctx, &request, 201, "{}");
    assert_db_ok(idempotency_claim(&ctx, &request, &answer, &err));
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{}");
    request.request_hash = "other";
    assert_int_equal(idempotency_claim(&ctx, &request, &answer, &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "idempotency_key_reused");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_create_snapshots),
        T(test_short_order_takes_nothing),
        T(test_same_product_twice_is_one_need),
        T(test_policy_allow_goes_below_zero),
        T(test_cancel_restores_once),
        T(test_ledger_key_stops_second_restore),
        T(test_transitions),
        T(test_refused_lines),
        T(test_business_date_has_a_cutoff),
        T(test_adjust_each_by_itself),
        T(test_adjust_keeps_to_its_store),
        T(test_moved_leaves_the_sync_out),
        T(test_forty_sellers_sell_what_there_is),
        T(test_opposite_orders_do_not_deadlock),
        T(test_keyset_goes_on),
        T(test_sorted),
        T(test_users),
        T(test_idempotency),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
