/* Recipes and units: exact factors, what a dish takes, what is refused. */
#include "app_fixture.h"

#include "domain/order.h"
#include "domain/product.h"
#include "domain/recipe.h"
#include "domain/unit.h"
#include <pthread.h>

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    app_run("update app.products set unit = '斤' where sku in ('P1', 'P2');"
            "update app.products set unit = '袋' where sku = 'P3'");
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

#define PUT(sku, makes, ...)                                                                       \
    put(sku, makes, (const struct recipe_line[]){__VA_ARGS__},                                     \
        sizeof((const struct recipe_line[]){__VA_ARGS__}) / sizeof(struct recipe_line))
/* In a transaction of its own. */
static int put(const char *sku, const char *makes, const struct recipe_line *lines, size_t count)
{
    const char *document;
    ctx.refusal = NULL;
    error_clear(&err);
    assert_db_ok(db_begin(app_conn, &err));
    int status = recipe_put(&ctx, sku, makes, -1, lines, count, &document, &err);
    if (status == ERR_OK)
        return db_commit(app_conn, &err);
    db_rollback(app_conn);
    return status;
}

static const char *order(const char *product, const char *quantity)
{
    const char *order_no = NULL, *document;
    const struct order_line line = {product, quantity};
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .lines = &line, .line_count = 1};
    int status = order_create(&ctx, &request, &order_no, &document, &err);
    return status == ERR_OK ? order_no : NULL;
}

static void assert_stock(int product, const char *qty)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "select (qty = %s)::int from app.stock where store_id = 1 and product_id = %d", qty,
             product);
    if (app_number(sql) == 1)
        return;
    snprintf(sql, sizeof sql,
             "select qty * 1000000 from app.stock where store_id = 1 and product_id = %d", product);
    fail_msg("stock of P%d is %lld millionths, not %s", product, (long long)app_number(sql), qty);
}

static void test_units_are_exact(void **state)
{
    (void)state;
    const char *document;
    const struct unit_factor bag = {.per_base = "500"}; /* 1 袋 = 500 g */
    const struct unit_factor box = {.base_quantity = "12"};
    assert_db_ok(unit_put(&ctx, "P3", "g", &bag, &document, &err));
    assert_db_ok(unit_put(&ctx, "P3", "箱", &box, &document, &err));
    assert_non_null(strstr(document, "\"base_quantity\" : \"1/500\""));
    /* 1 两 of a bag of 500 g is a tenth; a box is twelve; of 斤 one 两 is a tenth too. */
    assert_int_equal(
        app_number(
            "select count(*) from (values (3, '两', 1, 10), (3, '箱', 12, 1), (3, '袋', 1, 1),"
            " (3, 'kg', 2, 1), (1, '两', 1, 10), (1, '公斤', 2, 1), (1, '钱', 1, 100)) "
            "w (p, u, n, d), lateral app.unit_factor(p, u) f "
            "where f.num = w.n and f.den = w.d"),
        7);
    assert_int_equal(app_number("select count(*) from app.unit_factor(1, '箱')"), 0);
    /* What follows already cannot be said again otherwise. */
    assert_int_equal(unit_put(&ctx, "P3", "两", &bag, &document, &err), ERR_DATA);
    assert_string_equal(ctx.refusal, "bad_unit");
    assert_int_equal(unit_put(&ctx, "P1", "公斤", &box, &document, &err), ERR_DATA);
    assert_int_equal(unit_put(&ctx, "P1", "斤", &box, &document, &err), ERR_DATA);
}

static void test_rounding_is_half_away_from_zero_once(void **state)
{
    (void)state;
    assert_int_equal(
        app_number(
            "select count(*) from (values (1::numeric, 3::numeric, 0.333333), "
            "(2, 3, 0.666667), (5, 10000000, 0.000001), (49, 100000000, 0), "
            "(-5, 10000000, -0.000001), (-1, 3, -0.333333), (7, 1, 7), "
            "(4999999999999999999999999999999999, 10000000000000000000000000000000000000000, "
            "0)) v (n, d, q) where app.exact_quantity(n, d) = q"),
        8);
}

static void test_a_dish_takes_its_ingredients(void **state)
{
    (void)state;
    const char *document;
    /* P8: 10 斤 of sauce from 7 斤 of P1 (a third lost) and 5 两 of P2. P9: a dish with it. */
    assert_db_ok(PUT("P8", "10", {"P1", "7", NULL, "0.7"}, {"P2", "5", "两", NULL}));
    assert_db_ok(PUT("P9", "1", {"P8", "2", NULL, NULL}, {"P2", "150", "g", NULL}));
    const char *order_no = order("P9", "3");
    assert_non_null(order_no);
    assert_stock(9, "1000"); /* a dish has no stock that a sale takes */
    assert_stock(8, "1000");
    assert_stock(1, "1000 - 3 * 2 * 7 / 0.7 / 10");
    assert_stock(2, "1000 - 3 * (2 * 0.5 / 10 + 0.3)");
    assert_int_equal(app_number("select count(*) from app.stock_log where change_type = 'sale'"),
                     2); /* merged: P2 comes twice in the dish */
    assert_int_equal(app_ledger_defects(), 0);
    /* The recipe changes; cancelling gives back what was taken. */
    assert_db_ok(PUT("P9", "1", {"P5", "1", NULL, NULL}));
    assert_db_ok(order_cancel(&ctx, order_no, "left", &document, &err));
    for (int p = 1; p <= 9; p++)
        assert_stock(p, "1000");
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_thirds_are_merged_before_rounding(void **state)
{
    (void)state;
    /* Three dishes of a third each make one whole, not 0.999999. */
    assert_db_ok(PUT("P7", "3", {"P1", "1", NULL, NULL}));
    assert_db_ok(
        PUT("P8", "1", {"P7", "1", NULL, NULL}, {"P7", "1", NULL, NULL}, {"P7", "1", NULL, NULL}));
    assert_non_null(order("P8", "1"));
    assert_stock(1, "999");
    assert_non_null(order("P7", "1"));
    assert_stock(1, "998.666667");
}

static void test_short_of_an_ingredient(void **state)
{
    (void)state;
    app_run("update app.stock set qty = 5 where store_id = 1 and product_id = 2");
    assert_db_ok(PUT("P9", "1", {"P1", "1", NULL, NULL}, {"P2", "2", NULL, NULL}));
    assert_db_ok(db_begin(app_conn, &err));
    assert_null(order("P9", "3"));
    assert_string_equal(ctx.refusal, "insufficient_stock");
    assert_non_null(strstr(ctx.details, "\"product\" : \"P2\", \"wanted\" : \"6\", "
                                        "\"available\" : \"5\""));
    assert_null(strstr(ctx.details, "\"P1\""));
    db_rollback(app_conn);
    /* An ingredient that the store does not stock. */
    app_run("delete from app.stock where store_id = 1 and product_id = 2");
    assert_null(order("P9", "1"));
    assert_string_equal(ctx.refusal, "not_sold_here");
}

static void test_cycles_and_depth_are_refused(void **state)
{
    (void)state;
    char sql[400];
    assert_int_equal(PUT("P1", "1", {"P1", "1", NULL, NULL}), ERR_DATA);
    assert_string_equal(ctx.refusal, "recipe_cycle");
    assert_db_ok(PUT("P1", "1", {"P2", "1", NULL, NULL}));
    assert_db_ok(PUT("P2", "1", {"P3", "1", NULL, NULL}, {"P4", "1", NULL, NULL}));
    assert_int_equal(PUT("P4", "1", {"P5", "1", NULL, NULL}, {"P1", "1", NULL, NULL}), ERR_DATA);
    assert_string_equal(ctx.refusal, "recipe_cycle");
    assert_string_equal(ctx.details, "{\"product\":\"P1\"}");
    assert_int_equal(app_number("select count(*) from app.recipes"), 2);
    app_run("insert into app.products (sku, name, unit, price) "
            "select 'D' || i, 'd', '份', 1 from generate_series(0, 8) i");
    for (int i = 0; i < RECIPE_DEPTH_MAX; i++) {
        char above[8], below[8];
        snprintf(above, sizeof above, "D%d", i + 1);
        snprintf(below, sizeof below, "D%d", i);
        assert_db_ok(PUT(above, "1", {below, "1", NULL, NULL}));
    }
    assert_int_equal(PUT("P9", "1", {"D8", "1", NULL, NULL}), ERR_DATA);
    assert_string_equal(ctx.refusal, "recipe_too_deep");
    assert_int_equal(PUT("D0", "1", {"P9", "1", NULL, NULL}), ERR_DATA); /* from below, too */
    assert_string_equal(ctx.refusal, "recipe_too_deep");
    snprintf(sql, sizeof sql,
             "select count(*) from app.recipe_needs where product_id = "
             "(select id from app.products where sku = 'D8')");
    assert_int_equal(app_number(sql), 1);
}

static void test_what_a_line_may_not_be(void **state)
{
    (void)state;
    const char *document;
    assert_int_equal(PUT("P1", "1", {"P'; --", "1", NULL, NULL}), ERR_DATA);
    assert_string_equal(ctx.refusal, "unknown_product");
    assert_int_equal(PUT("P9", "1", {"P3", "1", "两", NULL}), ERR_DATA);
    assert_string_equal(ctx.refusal, "unknown_unit");
    assert_int_equal(PUT("P9", "999999999.999999", {"P1", "0.000001", "mg", "0.999999"},
                         {"P2", "1", NULL, NULL}),
                     ERR_OK);
    for (int i = 0; i < 4 && err.code == ERR_OK; i++) { /* fractions that grow with each level */
        char above[8], below[8];
        snprintf(above, sizeof above, "P%d", 8 - i);
        snprintf(below, sizeof below, "P%d", 9 - i);
        PUT(above, "999999998.999999", {below, "0.999997", NULL, "0.999983"});
    }
    assert_string_equal(ctx.refusal, "recipe_too_fine");
    assert_int_equal(recipe_get(&ctx, "P1", &document, &err), ERR_NOT_FOUND);
    assert_string_equal(ctx.refusal, "no_recipe");
    ctx.only_store = "S001";
    assert_int_equal(PUT("P9", "1", {"P1", "1", NULL, NULL}), ERR_AUTH);
    assert_string_equal(ctx.refusal, "forbidden_role");
}

static void test_versions_and_deleting(void **state)
{
    (void)state;
    const char *document;
    const struct recipe_line line = {"P1", "1", NULL, NULL};
    assert_db_ok(recipe_put(&ctx, "P9", "1", 0, &line, 1, &document, &err));
    assert_non_null(strstr(document, "\"version\" : 1"));
    assert_int_equal(recipe_put(&ctx, "P9", "1", 0, &line, 1, &document, &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "version_conflict");
    assert_db_ok(recipe_put(&ctx, "P9", "2", 1, &line, 1, &document, &err));
    assert_non_null(strstr(document, "\"exact\" : \"1/2\""));
    assert_db_ok(PUT("P8", "1", {"P9", "1", NULL, NULL}));
    assert_db_ok(recipe_delete(&ctx, "P9", &err));
    assert_non_null(order("P8", "1")); /* P9 is stocked by itself again */
    assert_stock(9, "999");
    assert_stock(1, "1000");
    assert_int_equal(recipe_delete(&ctx, "P9", &err), ERR_NOT_FOUND);
}

static void test_a_unit_in_use_stays(void **state)
{
    (void)state;
    const char *document;
    struct unit_factor box = {.base_quantity = "12"};
    assert_db_ok(unit_put(&ctx, "P3", "箱", &box, &document, &err));
    assert_db_ok(PUT("P9", "1", {"P3", "1", "箱", NULL}));
    assert_db_ok(db_begin(app_conn, &err));
    assert_int_equal(unit_delete(&ctx, "P3", "箱", &err), ERR_CONFLICT);
    assert_string_equal(ctx.refusal, "unit_in_use");
    db_rollback(app_conn);
    box.base_quantity = "10"; /* and what is made of it follows */
    assert_db_ok(unit_put(&ctx, "P3", "箱", &box, &document, &err));
    assert_non_null(order("P9", "2"));
    assert_stock(3, "980");
}

/* ---- at the same time --------------------------------------------------------------------- */

struct writer {
    pthread_t thread;
    const char *sku, *ingredient;
    int status;
};

static void *write_one(void *arg)
{
    struct writer *w = arg;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    const struct recipe_line line = {w->ingredient, "1", NULL, NULL};
    const char *document;
    w->status = ERR_BUG;
    if (db_open(&options, &conn, &e) != ERR_OK)
        return NULL;
    struct domain_context c = {.conn = conn, .arena = arena_new()};
    if (db_begin(conn, &e) == ERR_OK) {
        w->status = recipe_put(&c, w->sku, "1", -1, &line, 1, &document, &e);
        if (w->status == ERR_OK)
            w->status = db_commit(conn, &e);
    }
    arena_free(c.arena);
    db_close(conn);
    return NULL;
}

/* Three writers, each right alone, that would close a circle: one of them is refused. */
static void test_cycles_across_writers(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct writer w[] = {{.sku = "P1", .ingredient = "P2"},
                             {.sku = "P2", .ingredient = "P3"},
                             {.sku = "P3", .ingredient = "P1"}};
        int refused = 0;
        app_run("delete from app.recipes");
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&w[i].thread, NULL, write_one, &w[i]), 0);
        for (size_t i = 0; i < 3; i++)
            pthread_join(w[i].thread, NULL);
        for (size_t i = 0; i < 3; i++)
            refused += w[i].status == ERR_DATA;
        assert_int_equal(refused, 1);
        assert_int_equal(app_number("select count(*) from app.recipes"), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_units_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rounding_is_half_away_from_zero_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_dish_takes_its_ingredients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thirds_are_merged_before_rounding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_short_of_an_ingredient, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cycles_and_depth_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_line_may_not_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_versions_and_deleting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_unit_in_use_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cycles_across_writers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
